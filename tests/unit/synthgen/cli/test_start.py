import re
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audits.gate.shipped import load_policy
from audits.ledger.budgets import counting_reservations
from audits.ledger.chain import ledger_id
from audits.verify.trust import load_trust
from synthgen.cli.start import TEMPLATES, examples, start
from synthgen.config import Config
from synthgen.core.errors import StorageError
from synthgen.core.seeds import SeedTree
from synthgen.load import load
from synthgen.pipeline.institution import ledger_of
from synthgen.pipeline.workspace import Workspace
from synthgen.release.keys import load_key, passphrase_for

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_trial_has_notes_and_a_valid_workspace(tmp_path):
    folder = tmp_path / "deep" / "trial"
    said = start(folder, "clinic", patients=9, now=NOW)
    config = Config.load(folder / "clinic.yaml")
    found = load(config.source, config.resolve(config.source.path), SeedTree(1))
    assert f"{found.n_rows} fictional notes of 9 patients" in said
    assert len({record.group for record in found.corpus.records}) == 9
    assert f"next: synthgen release {folder / 'clinic.yaml'}" in said
    Workspace(config.resolve(config.workspace))  # raises an error if other users can access the folder


@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_the_configuration_explains_each_parameter(tmp_path, template):
    start(tmp_path / "trial", template, patients=9 if "clinic" in template else None, now=NOW)
    example = examples() / TEMPLATES[template]
    lines = (tmp_path / "trial" / example.name).read_text(encoding="utf-8").splitlines()
    named = [i for i, line in enumerate(lines) if re.match(r" *[a-z_]+:", line)]
    assert all(lines[i - 1].lstrip().startswith("# ") for i in named)
    assert Config.load(tmp_path / "trial" / example.name).digest() == Config.load(example).digest()
    assert lines[0] == example.read_text(encoding="utf-8").splitlines()[0]


def test_the_key_opens_with_the_passphrase_file_next_to_it(tmp_path, monkeypatch):
    monkeypatch.delenv("SYNTHGEN_KEY_PASSPHRASE", raising=False)
    start(tmp_path / "trial", "newsgroup", now=NOW)
    config = Config.load(tmp_path / "trial" / "newsgroups.yaml")
    path = config.resolve(config.release.key)
    key = load_key(path, passphrase_for(path))
    root = load_trust(tmp_path / "trial" / "trust.json")
    assert root.roles["releaser"].keyids == (key.keyid,)
    assert root.policies == {p: (load_policy(p).digest(),) for p in ("research", "hospital-external")}
    assert root.expires == "2028-11-19T00:00:00Z"


@pytest.mark.parametrize("template", ["newsgroup", "clinic-dp"])
def test_the_trust_root_names_the_ledger_of_the_configuration(tmp_path, template):
    folder = tmp_path / "trial"
    said = start(folder, template, patients=9 if template == "clinic-dp" else None, now=NOW)
    config = Config.load(folder / Path(TEMPLATES[template]).name)
    place, high_water_mark = ledger_of(config)
    assert load_trust(folder / "trust.json").ledgers == (ledger_id(place),)
    assert f"ledger, listed in the trust root: {place}" in said
    assert ("the secret is public" in said) == (config.secret == "public")
    commands = ["plan", "release", *["approve"] * 3] if template == "clinic-dp" else ["release"]
    assert [line.split()[2] for line in said.splitlines() if line.startswith("next: ")] == commands
    assert mode(place) == 0o700
    assert counting_reservations(place, high_water_mark) == ()


def test_keys_are_private_and_differ_between_trials(tmp_path):
    start(tmp_path / "trial", "newsgroup", now=NOW)
    keys = tmp_path / "trial" / "keys"
    assert mode(keys) == mode(tmp_path / "trial" / "ws") == 0o700
    modes = {"releaser.pem": 0o600, "releaser.passphrase": 0o600, "releaser.pub.json": 0o644}
    assert {p.name: mode(p) for p in keys.iterdir()} == modes
    start(tmp_path / "other", "newsgroup", now=NOW)
    one, other = (tmp_path / name / "keys" / "releaser.passphrase" for name in ("trial", "other"))
    assert one.read_bytes() != other.read_bytes()


def test_a_folder_that_is_not_empty_is_left_unchanged(tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(StorageError, match="exists and is not an empty folder; nothing was written"):
        start(tmp_path, "clinic", patients=9, now=NOW)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(StorageError, match="is not an empty folder"):
        start(tmp_path / "mine.txt", "clinic", patients=9, now=NOW)
    with pytest.raises(StorageError, match="cannot be created"):
        start(tmp_path / "mine.txt" / "trial", "clinic", patients=9, now=NOW)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_is_shipped_and_valid(template):
    assert Config.load(examples() / TEMPLATES[template]).version == 1
