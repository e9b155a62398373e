"""`audits run`: attack a synthetic table; human text on stderr, data on stdout."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from audits.cli.console import Columns, Confidence, Control, Reference, RowsArePersons, Seed, Synthetic, Train, listed
from audits.cli.console import say as _say
from audits.core.errors import InputError
from audits.core.files import write_whole

if TYPE_CHECKING:
    from audits.core.report import AuditReport
    from audits.core.types import AuditInputs
    from audits.gate.outcome import Decision
    from audits.gate.policy import Policy
    from audits.selftest.bound import BoundSelfTest

REFUSED = 4

Attempts = Annotated[
    Path | None, typer.Option(help="the institution's ledger, a private folder: later attempts must be surer")
]
Findings = Annotated[
    Path | None, typer.Option(help="private list of the rows that give a person away, by keyed pseudonym")
]
FindingsKey = Annotated[Path | None, typer.Option(help="32 bytes that make the pseudonyms; made if it is not there")]
Identifiers = Annotated[
    Path | None,
    typer.Option(help="what stood in each train row before it was replaced (.jsonl, .parquet: a list for each row)"),
]
ControlIdentifiers = Annotated[Path | None, typer.Option(help="the same of control; says what returns by chance")]
Lineage = Annotated[Path | None, typer.Option(help="what each synthetic row was made from: train rows, weights")]
StreamsAreSecret = Annotated[
    bool,
    typer.Option("--streams-are-secret", help="say that nobody can guess the seed; a policy for outside asks for it"),
]
SelfTestFile = Annotated[
    Path | None, typer.Option("--selftest", help="selftest.json of `audits selftest --out` on these persons")
]
Mirror = Annotated[
    Path | None, typer.Option(help="what the same generator, set as before, writes with control as its train")
]
Vectors = Annotated[
    list[str] | None,
    typer.Option(help="NAME=FOLDER: any encoder's vectors, synthetic.npy, train.npy, control.npy, ...; repeatable"),
]
CanaryBuild = Annotated[Path | None, typer.Option(help="synthetic table of the second build, which saw the canaries")]


def run(  # noqa: PLR0913, PLR0917 - one parameter per option of the command line
    synthetic: Synthetic,
    train: Train,
    control: Control,
    reference: Reference = None,
    policy: Annotated[str | None, typer.Option(help="a shipped policy's name, or a .yaml file")] = None,
    out: Annotated[Path | None, typer.Option(help="folder that audit.json is written to")] = None,
    only: Annotated[str | None, typer.Option(help="audits to run, separated by commas")] = None,
    seed: Seed = 0,
    confidence: Confidence = 0.95,
    attempts: Attempts = None,
    findings: Findings = None,
    findings_key: FindingsKey = None,
    identifiers: Identifiers = None,
    control_identifiers: ControlIdentifiers = None,
    ledger: Lineage = None,
    canaries: Annotated[
        Path | None, typer.Option(help="folder of `audits canaries`; asks for --canary-build")
    ] = None,
    canary_build: CanaryBuild = None,
    mechanism: Annotated[Path | None, typer.Option(help="log of a differentially private mechanism (JSON)")] = None,
    mirror: Mirror = None,
    vectors: Vectors = None,
    previous: Annotated[Path | None, typer.Option(help="synthetic table of the release before this one")] = None,
    previous_train: Annotated[Path | None, typer.Option(help="what its generator saw; asks for --previous")] = None,
    selftest_file: SelfTestFile = None,
    text: Columns = "text",
    label: Columns = "label",
    group: Columns = "group",
    *,
    rows_are_persons: RowsArePersons = False,
    streams_are_secret: StreamsAreSecret = False,
    as_json: Annotated[bool, typer.Option("--json", help="print audit.json on stdout")] = False,
) -> None:
    """Run the audits; exit 0 if the table may go, 4 if it may not, 3 if a table cannot be used.

    Without a policy or --only, every audit that has what it needs is run: canaries, accounting and differencing need
    more than three tables.
    """
    from audits.core.inputs import load_tables
    from audits.gate.shipped import load_policy
    from audits.runner.run import run as run_audits

    applied = None if policy is None else load_policy(policy)
    _writable(out)
    key = _key(findings, findings_key)
    _together(
        {"--canaries": canaries, "--canary-build": canary_build},
        {"--previous": previous, "--previous-train": previous_train},
    )
    columns = {"text": text, "label": label, "group": group}
    inputs = load_tables(synthetic, train, control, reference, **columns, rows_are_persons=rows_are_persons)
    inputs = _with_records(inputs, ledger, mechanism)
    inputs = _with_identifiers(inputs, identifiers, control_identifiers)
    builds = (canaries, canary_build, mirror), (previous, previous_train)
    inputs = _with_vectors(_with_builds(inputs, *builds, columns, claim=rows_are_persons), vectors)
    counted = _counted(inputs, attempts, listed(only), seed, confidence)
    report = run_audits(inputs, names=listed(only), seed=seed, confidence=counted.sure, progress=_say)
    test = None if selftest_file is None else _selftest_of(selftest_file, inputs)
    decision = None if applied is None else _decide(report, applied, counted.number, test, claim=streams_are_secret)
    _show(report, decision)
    _write(report, out, findings, key, applied, as_json=as_json)
    raise typer.Exit(0 if (report.overall == "pass" if decision is None else decision.allowed) else REFUSED)


def _with_records(inputs: "AuditInputs", ledger: Path | None, mechanism: Path | None) -> "AuditInputs":
    """Return the inputs with what the generator wrote down of its work."""
    from dataclasses import replace

    from audits.attacks.accounting.mechanism_log import read_mechanism
    from audits.attacks.parent_recovery.lineage import read_lineage

    if ledger is not None:
        inputs = replace(inputs, lineage=read_lineage(ledger, len(inputs.synthetic), len(inputs.train)))
    return inputs if mechanism is None else replace(inputs, mechanism=read_mechanism(mechanism))


def _with_identifiers(inputs: "AuditInputs", train: Path | None, control: Path | None) -> "AuditInputs":
    """Return the inputs with the identifiers that stood in the texts before they were replaced."""
    from dataclasses import replace

    from audits.attacks.identifiers.lists import read_identifiers

    if control is not None and train is None:
        raise InputError("--control-identifiers says what returns by chance: give --identifiers as well")
    if train is not None:
        inputs = replace(inputs, identifiers=read_identifiers(train, len(inputs.train), "train"))
    if control is None:
        return inputs
    return replace(inputs, control_identifiers=read_identifiers(control, len(inputs.control), "control"))


def _with_builds(
    inputs: "AuditInputs",
    second: tuple[Path | None, Path | None, Path | None],
    earlier: tuple[Path | None, Path | None],
    columns: dict[str, str],
    *,
    claim: bool,
) -> "AuditInputs":
    """Return the inputs with the second builds, of canaries and of control, and the release before this one."""
    from dataclasses import replace

    from audits.attacks.canaries.files import read_canaries
    from audits.core.inputs import load_table
    from audits.core.types import Previous

    canaries, canary_build, mirror = second
    if canaries is not None and canary_build is not None:
        inputs = replace(inputs, canaries=read_canaries(canaries, canary_build, **columns))
    if mirror is not None:
        written = load_table(mirror, **columns, role="rerun", rows_are_persons=claim)
        inputs = replace(inputs, mirror=written)
    synthetic, train = earlier
    if synthetic is not None and train is not None:
        before = Previous(
            synthetic=load_table(synthetic, **columns, role="previous", rows_are_persons=claim),
            train=load_table(train, **columns, role="train", rows_are_persons=claim),
        )
        inputs = replace(inputs, previous=before)
    return inputs


def _with_vectors(inputs: "AuditInputs", given: Sequence[str] | None) -> "AuditInputs":
    """Return the inputs with the vectors of other encoders."""
    from audits.embeddings.vectors import named_folders, with_vectors

    return with_vectors(inputs, named_folders(given)) if given else inputs


def _together(*options: dict[str, Path | None]) -> None:
    """Raise InputError where one of two options that only make sense together is missing."""
    problems = [
        f"{' and '.join(given)} must be given together"
        for given in options
        if len({path is None for path in given.values()}) > 1
    ]
    if problems:
        raise InputError("the options do not fit together", problems=problems)


class _Counted(NamedTuple):
    """Which attempt it is, None where no ledger is named, and how sure its intervals must be."""

    number: int | None
    sure: float


def _counted(
    inputs: "AuditInputs", ledger: Path | None, names: Sequence[str] | None, seed: int, confidence: float
) -> _Counted:
    """Return which attempt on these control persons it is, noted in the ledger before they are asked."""
    from audits.gate.spending import confidence_of
    from audits.ledger.attempts import attempt
    from audits.ledger.chain import HighWaterMark
    from audits.ledger.places import seen_at
    from audits.runner.run import asked_for

    if ledger is None:
        return _Counted(None, confidence)
    made = asked_for(inputs, names, seed=seed, confidence=confidence)
    found = attempt(ledger, HighWaterMark(seen_at(ledger)), made=made, control=inputs.control)
    _say(f"attempt {found.number} on these control persons; entry {found.ledger.entries} of ledger {found.ledger.id}")
    return _Counted(found.number, confidence_of(found.number, confidence))


def _selftest_of(path: Path, inputs: "AuditInputs") -> "BoundSelfTest":
    """Return the self-test of a file if it is of these persons and these audits."""
    from audits.core.inputs import digests
    from audits.core.report import tool_name
    from audits.selftest.bound import check_bound, read_selftest

    test = read_selftest(path)
    check_bound(test, digests(inputs), tool_name())
    return test


def _decide(
    report: "AuditReport", policy: Any, number: int | None, test: "BoundSelfTest | None", *, claim: bool
) -> "Decision":
    from audits.core.rates import exact
    from audits.gate.evidence import evidence_from
    from audits.gate.policy import decide
    from audits.gate.rule import ATTEMPTS, SECRET

    said = {ATTEMPTS: number, SECRET: 1 if claim else None}
    extra = {name: exact(n, confidence=1.0, n=n) for name, n in said.items() if n is not None}
    if test is None:
        return decide(evidence_from(report.to_dict(), extra), policy)
    return decide(evidence_from(report.to_dict(), extra | test.numbers(), {"selftest": test.digest()}), policy)


def _show(report: "AuditReport", decision: "Decision | None") -> None:
    from rich.console import Console
    from rich.table import Table as Grid

    console = Console(stderr=True, highlight=False)
    colours = {"pass": "green", "fail": "red", "insufficient": "yellow"}
    grid = Grid("audit", "verdict", "estimate", "interval", "must be", "n")
    for result in report.results:
        e = result.estimate
        grid.add_row(
            result.name,
            f"[{colours[result.verdict]}]{result.verdict}[/]",
            "-" if e is None else f"{e.value:.4g}",
            "-" if e is None else f"{e.low:.4g} to {e.high:.4g}",
            _allowed(result.threshold),
            "-" if e is None else str(e.n),
        )
    console.print(grid)
    for result in report.results:
        console.print(f"{result.name}: {result.reason}", markup=False)
    console.print(f"overall: {report.overall}", markup=False)
    if decision is not None:
        console.print(f"policy: {'allowed' if decision.allowed else 'refused'}", markup=False)
        for line in decision.summary:
            console.print(line, markup=False)
        for line in decision.failures:
            console.print(f"  {line}", markup=False)


def _allowed(threshold: float | tuple[float, float] | None) -> str:
    if threshold is None:
        return "-"
    if isinstance(threshold, tuple):
        return f"{threshold[0]:g} to {threshold[1]:g}"
    return f"at most {threshold:g}"


def _writable(folder: Path | None) -> None:
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be made ({error.strerror})") from error
    if not os.access(folder, os.W_OK):
        raise InputError(f"the folder {folder} cannot be written to")


def _key(findings: Path | None, path: Path | None) -> bytes:
    """Return the key of the pseudonyms, or nothing where no findings are asked for."""
    from audits.ledger.keys import read_key

    if findings is None and path is None:
        return b""
    if findings is None or path is None:
        raise InputError("give --findings and --findings-key together: persons are listed by keyed pseudonym only")
    _writable(findings.parent)
    return read_key(path, "findings key")


def _write_public(report: "AuditReport", policy: "Policy | None", out: Path | None) -> None:
    """Write what of the report may leave under the policy, if there is one and a place."""
    if policy is None or out is None:
        return
    from audits.core.strictjson import canonical
    from audits.gate.disclosure import public_report

    path = out / "audit.public.json"
    write_whole(path, canonical(public_report(json.loads(report.to_json()), policy)))
    _say(f"written: {path}; this one says no exact private count")


def _write(
    report: "AuditReport",
    out: Path | None,
    findings: Path | None,
    key: bytes,
    policy: "Policy | None",
    *,
    as_json: bool,
) -> None:
    from audits.core.findings import write_findings

    if out is not None:
        write_whole(out / "audit.json", report.to_json())
        _say(f"written: {out / 'audit.json'}")
    if out is not None and policy is not None:
        _write_public(report, policy, out)
    if findings is not None:
        n = write_findings(findings, key, report.results)
        n_left = sum(result.details.get("findings_left_out", 0) for result in report.results)
        _say(f"findings: {n} written to {findings}, {n_left} left out; keep them and their key private")
    if as_json:
        sys.stdout.write(report.to_json().decode() + "\n")
