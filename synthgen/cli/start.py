"""Implement `synthgen init`: create a folder with everything that a trial release needs."""

import secrets
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from audits.gate.shipped import load_policy
from audits.ledger.chain import ledger_id
from synthgen.cli.schemas import commented_configuration
from synthgen.config import Config
from synthgen.core.errors import InternalError, StorageError
from synthgen.pipeline.institution import ledger_of
from synthgen.pipeline.secret import PUBLIC
from synthgen.release.keys import new_key, public_path, write_new
from synthgen.release.trust import new_trust

SEED = 20261120  # seed of the example notes
TEMPLATES = {  # name of a template -> configuration file in the folder `examples()`
    "clinic": "clinic/clinic.yaml",
    "clinic-dp": "clinic/clinic-dp.yaml",
    "clinic-fhir": "clinic/clinic-fhir.yaml",
    "newsgroup": "newsgroups.yaml",
}
EXPORTS = {"clinic-fhir": "fhir"}  # template -> format of its export; the other clinic templates have a JSONL table
PATIENTS_OF = {"clinic": 700, "clinic-dp": 5000, "clinic-fhir": 700}  # template -> number of fictional patients
# role -> name of the person in the key
PERSONS = {"releaser": "trial user", "privacy_officer": "trial officer", "data_owner": "trial owner"}


def cluster_template(kind: str) -> str:
    """Return a template for running a configuration on a cluster; `kind` is "slurm" or "kubernetes"."""
    name = {"slurm": "slurm.sh", "kubernetes": "kubernetes.yaml"}[kind]
    return (examples() / "cluster" / name).read_text(encoding="utf-8")


def start(folder: Path, template: str, *, patients: int | None = None, now: datetime | None = None) -> str:
    """Create a folder for a trial, and return text that lists the created files and the next commands.

    The folder has a configuration, keys (valid from `now` on), a ledger, a workspace and a trust root (accepted keys,
    policies and ledgers). For clinic templates, it also has notes of `patients` fictional patients (None: the number
    in `PATIENTS_OF`). The keys are for trials only, because each passphrase is stored beside its key.
    """
    now = datetime.now(UTC) if now is None else now
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StorageError(
            f"{folder}: exists and is not an empty folder; nothing was written", hint="Choose a new folder."
        )
    try:
        (folder / "keys").mkdir(mode=0o700, parents=True)
        (folder / "ws").mkdir(mode=0o700)
    except OSError as error:
        raise StorageError(f"{folder}: cannot be created ({error.strerror})") from error
    name = Path(TEMPLATES[template]).name
    configuration = commented_configuration((examples() / TEMPLATES[template]).read_text(encoding="utf-8"))
    write_new(folder / name, configuration.encode(), 0o644)
    passphrase, is_dp = secrets.token_urlsafe(24), template == "clinic-dp"
    keys = {role: folder / "keys" / f"{role}.pem" for role in (PERSONS if is_dp else ("releaser",))}
    for role, key in keys.items():
        write_new(key.with_suffix(".passphrase"), f"{passphrase}\n".encode(), 0o600)
        new_key(key, passphrase.encode(), person=PERSONS[role], org="trial", now=now)
    config = Config.load(folder / name)
    ledger, _ = ledger_of(config)
    accepted = ("research", "hospital-external", *(("strict-dp",) if is_dp else ()))
    new_trust(
        folder / "trust.json",
        roles={role: [public_path(key)] for role, key in keys.items()},
        policies={policy: [load_policy(policy).digest()] for policy in accepted},
        expires=now + timedelta(days=730),
        ledgers=[ledger_id(ledger)],
    )
    created = [
        f"configuration: {folder / name}",
        f"trust root: {folder / 'trust.json'}",
        f"trial keys: {folder / 'keys'}",
        f"ledger, listed in the trust root: {ledger}",
    ]
    patients = PATIENTS_OF.get(template) if patients is None else patients
    if template in PATIENTS_OF and patients is not None:
        created.insert(0, _write_notes(folder, patients, EXPORTS.get(template)))
    return "\n".join([*created, *_next_steps(folder / name, config, keys)])


def _next_steps(path: Path, config: Config, keys: Mapping[str, Path]) -> list[str]:
    trial = "for trials only: the passphrases are stored next to the keys, and the ledger belongs to this folder"
    if config.secret == PUBLIC:
        trial += f"; the secret is public, so change {path.name} as its comments state before you use real records"
    signing = {f"--role {role}": key for role, key in keys.items() if role != "releaser"}
    if signing:
        signing["--close"] = keys["releaser"]
    command, trust = "next: synthgen approve BUNDLE", path.with_name("trust.json")
    approvals = [f"{command} {how} --key {key} --trust {trust}" for how, key in signing.items()]
    plan = [f"next: synthgen plan {path}"] if approvals else []
    return [trial, *plan, f"next: synthgen release {path}", *approvals]


def _write_notes(folder: Path, patients: int, export: str | None) -> str:
    """Write the example notes, as a JSONL table or in the format `export`; return a line about them."""
    script, path = examples() / "clinic" / "make_notes.py", folder / "notes.jsonl"
    target = ["--out", str(path)] if export is None else ["--exports", str(folder / "exports"), "--formats", export]
    command = [sys.executable, str(script), *target, "--patients", str(patients), "--seed", str(SEED)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments
    if result.returncode != 0:
        raise InternalError("the example notes could not be generated", problems=result.stderr.splitlines()[-1:])
    if export is not None:
        return f"fictional export of {patients} patients: {folder / 'exports' / export}"
    return f"{len(path.read_bytes().splitlines())} fictional notes of {patients} patients: {path}"


def examples() -> Path:
    """Return the folder of the shipped examples: in the installed package, or in the root of a checkout."""
    packaged = Path(__file__).parents[1] / "examples"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "examples"
