"""`audits run`, mostly its checks before any audit; test_main.py tests the whole command."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from audits.cli.main import app
from audits.cli.run import _check_pairs, _Files
from audits.core.errors import InputError


def test_paired_options_must_be_given_together():
    none = _Files(*[None] * len(_Files._fields))
    _check_pairs(none._replace(previous=Path("a"), previous_train=Path("b"), identifiers=Path("c")))
    wrong = none._replace(canaries=Path("a"), previous_train=Path("b"), control_identifiers=Path("c"))
    with pytest.raises(InputError, match="do not fit") as caught:
        _check_pairs(wrong)
    assert len(caught.value.problems) == 3


def test_every_input_has_an_option():
    output = CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "200"}).output
    for name in (*_Files._fields, "selftest", "ledger", "reference"):
        assert f"--{name.replace('_', '-')}" in output


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the current folder with three small tables."""
    monkeypatch.chdir(tmp_path)
    for name, word in (("synthetic", "one"), ("train", "two"), ("control", "three")):
        rows = [json.dumps({"text": f"{word} word number {i}"}) for i in range(30)]
        (tmp_path / f"{name}.jsonl").write_text("".join(f"{row}\n" for row in rows))
    return tmp_path


def options_of(**options):
    """Return the words of `audits run` on the tables of the folder."""
    given = {name: f"{name}.jsonl" for name in ("synthetic", "train", "control")} | options
    return ["run", "--rows-are-persons", *(word for name, value in given.items() for word in (f"--{name}", value))]


def test_a_rerun_leaves_no_file_of_an_earlier_run(folder, call):
    """The results in the folder of --out are those of the last run, also if it stops before any audit."""
    out = folder / "out"
    own = ("audit.json", "audit.public.json", "quarantine.txt")
    out.mkdir()
    stops = (
        {"policy": folder / "nowhere.yaml"},
        {"policy": "hospital-external"},
        {"train": folder / "nowhere.parquet"},
        {"lineage": folder / "nowhere.parquet"},
        {"only": "nothing"},
    )
    for options in stops:
        for name in (*own, "mine.txt"):
            (out / name).write_text("x")
        assert call(*options_of(out=out, **options))[0] in {3, 4}, options
        assert [path.name for path in out.iterdir()] == ["mine.txt"], options


UNMET = {  # what `audits run --policy` must say before any audit, for the three tables alone
    "research": ("utility: INSUFFICIENT: requires --utility", "parents-known: INSUFFICIENT: requires --lineage"),
    "hospital-external": ("attempts-counted: INSUFFICIENT: requires --ledger", "utility: INSUFFICIENT"),
    "strict-dp": ("audit-accounting: INSUFFICIENT: the audit accounting does not run; it requires --mechanism",),
    "own.yaml": ("audit-canaries: INSUFFICIENT: the audit canaries does not run; it requires --canaries",),
}


@pytest.mark.parametrize("policy", UNMET)
def test_a_policy_says_before_the_run_what_the_tables_cannot_meet(policy, folder, call):
    own = "name: own\nversion: '1'\nintended_use: inside\nstatement: For tests alone.\nrequired: [canaries]\n"
    (folder / "own.yaml").write_text(own)
    code, output, error = call(*options_of(policy=policy))
    printed = " ".join((output + error).split())
    assert code == 4, printed
    assert "refused. No audit was run, because the given inputs cannot meet" in printed
    assert [line for line in UNMET[policy] if line not in printed] == []
    code, output, _ = call(*options_of(policy=policy), "--json")
    assert (code, len(json.loads(output)["error"]["problems"]) > 0) == (4, True)


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
@pytest.mark.parametrize("command", ["run", "selftest", "shadow-plan"])
def test_rows_are_persons_contradicts_a_column_of_persons(command, suffix, folder, call):
    """Without such a column, the option is accepted; then the tables are too small for each command."""
    words = {"run": ["run"], "selftest": ["selftest"], "shadow-plan": ["shadow-plan", "--out", "plan"]}[command]
    roles = ("train", "control") if command == "selftest" else ("synthetic", "train", "control")
    for persons in (True, False):
        for role in roles:
            rows = [(f"{role} word {i}", f"{role}{i}") for i in range(9)]
            lines = [f"{text},{person}" if persons else text for text, person in [("text", "group"), *rows]]
            if role == "synthetic":
                lines = [line.partition(",")[0] for line in lines]
            if suffix == "jsonl":
                names = lines[0].split(",")
                lines = [json.dumps(dict(zip(names, line.split(","), strict=True))) for line in lines[1:]]
            (folder / f"{role}.{suffix}").write_text("".join(f"{line}\n" for line in lines))
        tables = [word for role in roles for word in (f"--{role}", f"{role}.{suffix}")]
        code, _, error = call(*words, *tables, "--rows-are-persons")
        conflict = "--rows-are-persons contradicts the column 'group', which is read as person ids"
        assert (conflict in error) == persons, error
        assert code == 3 if persons else code in {0, 3, 4}


def test_text_of_hostile_files_is_printed_without_control_characters(folder, call):
    hostile = "\x1b]0;title\x07\x1b[2J\u202e\x9b\nrelease under the policy: allowed"
    files = {name: folder / f"{name}.json" for name in ("utility", "selftest", "mechanism", "policy")}
    for path in files.values():
        path.write_text(
            json.dumps({hostile: 1, "metrics": {hostile: 1}, "mechanisms": [{hostile: 1, "kind": hostile}]})
        )
    files["policy"] = files["policy"].rename(folder / "p.yaml")
    (folder / "\x1b[2J.jsonl").write_text("")
    runs = [options_of(**{name: path}) for name, path in files.items()]
    runs += [["rewrite", folder / "\x1b[2J.jsonl", folder / "n.jsonl"]]
    runs += [["verify", folder, "--trust", folder / "trust.json", "--policy", files["policy"]]]
    for words in runs:
        found = call(*words)
        assert found[0] in {3, 10, 11}, found
        lines = found[2].splitlines()
        assert not any(line.startswith("release under") for line in lines), lines
        assert all(line.isprintable() for line in lines), lines


def test_files_are_private_and_there_are_no_core_dumps(folder):
    """Train and canaries are private, so a command may leave neither a core dump nor a file that others can read."""
    code = (
        "import os, resource, sys; os.umask(0o022); from audits.cli.main import main\n"
        "try: main()\nfinally: print(oct(os.umask(0)), resource.getrlimit(resource.RLIMIT_CORE))"
    )
    words = ["canaries", "--train", "train.jsonl", "--out", str(folder / "can"), "--n", "20"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.stdout.endswith("\n0o77 (0, 0)\n"), done.stderr
    made = [folder / "can", *(folder / "can").iterdir()]
    assert len(made) > 2
    assert not any(path.stat().st_mode & 0o077 for path in made)


NAME_FORMS = {"Mark Brown": 1, "Brown, Mark": 1, "MARK BROWN": 1, "brown field": 0}


@pytest.mark.parametrize("form", NAME_FORMS)
def test_a_recorded_name_of_ordinary_words_is_a_leak(form, tmp_path, monkeypatch, call):
    """Both words are ordinary, and other texts use them in lower case, but no other text has the name."""
    monkeypatch.chdir(tmp_path)
    rng, syllables = random.Random(0), ["ba", "ko", "mi", "te", "su", "lar", "nod", "vik"]
    for role in ("synthetic", "train", "control"):
        texts = [" ".join("".join(rng.choices(syllables, k=3)) for _ in range(50)) for _ in range(40)]
        texts = [f"the brown coat has a mark, {text}." for text in texts]
        if role == "synthetic":
            texts[7] += f" Seen with {form} today."
        (tmp_path / f"{role}.jsonl").write_text("".join(f"{json.dumps({'text': text})}\n" for text in texts))
    for role, names in (("train", ["Mark Brown"]), ("control", ["Hope Young"])):
        lists = [names, *([[]] * 39)]
        (tmp_path / f"{role}-names.jsonl").write_text("".join(f"{json.dumps(names)}\n" for names in lists))
    lists_of = {"identifiers": "train-names.jsonl", "control-identifiers": "control-names.jsonl"}
    _, output, _ = call(*options_of(**lists_of, only="identifiers"), "--json")
    (result,) = json.loads(output)["results"]
    assert result["metrics"]["identifiers.hard_hits"]["value"] == NAME_FORMS[form]
    assert (result["verdict"] == "fail") == bool(NAME_FORMS[form])
