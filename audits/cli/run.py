"""The command `audits run`: audit a synthetic table and decide by a policy whether it may be released."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from typer import Exit, Option

from audits.cli import console
from audits.core.errors import InputError, UnmetPolicyError
from audits.core.files import write_whole

if TYPE_CHECKING:
    from audits.core.report import AuditReport
    from audits.core.types import AuditInputs, Estimate
    from audits.gate.outcome import Decision
    from audits.gate.policy import Policy
    from audits.selftest.bound import BoundSelfTest

REFUSED = 4  # exit code if the policy refuses the release; without a policy, if an audit does not pass
AUDIT, PUBLIC, QUARANTINE = "audit.json", "audit.public.json", "quarantine.txt"  # files in the folder of --out

File = Path | None
Ledger = Annotated[File, Option(help="private folder of the ledger, which counts audits of the same control persons")]
Findings = Annotated[File, Option(help="private file to write: rows that disclose a person, with a pseudonym")]
FindingsKey = Annotated[File, Option(help="file with the 32-byte key of the pseudonyms; created if missing")]
Identifiers = Annotated[File, Option(help="identifiers of each train row before deidentification (.jsonl, .parquet)")]
ControlIdentifiers = Annotated[File, Option(help="identifiers of each control row; requires --identifiers")]
Lineage = Annotated[File, Option(help="file that lists the train rows from which each synthetic row was made")]
StreamsAreSecret = Annotated[bool, Option("--streams-are-secret", help="declare that the generator's seed is secret")]
SelfTestFile = Annotated[File, Option("--selftest", help="selftest.json of `audits selftest --out` on these tables")]
Utility = Annotated[File, Option(help="evaluation.json from `synthgen evaluate --out` on the same tables")]
Mirror = Annotated[File, Option(help="output of the same generator and settings when trained on control")]
Vectors = Annotated[
    list[str] | None, Option(help="NAME=FOLDER: vectors of an encoder (synthetic.npy, train.npy, ...); repeatable")
]
CanaryFolder = Annotated[File, Option(help="folder made by `audits canaries`; requires --canary-build")]
CanaryBuild = Annotated[File, Option(help="synthetic table of the second run, with canaries; requires --canaries")]


class _Files(NamedTuple):
    """The values of the options that name further input files; None if an option was not given."""

    lineage: File
    mechanism: File
    identifiers: File
    control_identifiers: File
    canaries: File
    canary_build: File
    mirror: File
    previous: File
    previous_train: File
    vectors: Sequence[str] | None


def run(  # noqa: PLR0913, PLR0917 - one parameter per option of the command line
    synthetic: console.Synthetic,
    train: console.Train,
    control: console.Control,
    reference: console.Reference = None,
    policy: Annotated[str | None, Option(help="name of a shipped policy, or a .yaml file")] = None,
    out: Annotated[File, Option(help="folder for audit.json and the other results")] = None,
    only: Annotated[str | None, Option(help="comma-separated audits to run")] = None,
    seed: console.Seed = 0,
    confidence: console.Confidence = 0.95,
    ledger: Ledger = None,
    findings: Findings = None,
    findings_key: FindingsKey = None,
    identifiers: Identifiers = None,
    control_identifiers: ControlIdentifiers = None,
    lineage: Lineage = None,
    canaries: CanaryFolder = None,
    canary_build: CanaryBuild = None,
    mechanism: Annotated[File, Option(help="log of a differentially private mechanism (JSON)")] = None,
    mirror: Mirror = None,
    vectors: Vectors = None,
    previous: Annotated[File, Option(help="synthetic table of the previous release")] = None,
    previous_train: Annotated[File, Option(help="train table of the previous release; requires --previous")] = None,
    selftest_file: SelfTestFile = None,
    utility: Utility = None,
    text: console.TextColumn = "text",
    label: console.LabelColumn = "label",
    group: console.GroupColumn = "group",
    *,
    rows_are_persons: console.RowsArePersons = False,
    streams_are_secret: StreamsAreSecret = False,
    as_json: Annotated[bool, Option("--json", help="print audit.json on stdout")] = False,
) -> None:
    """Run the audits on a synthetic table. With --policy, also decide whether the table may be released.

    By default, every audit runs whose inputs are given. If the inputs cannot meet the policy, no audit runs. Exit 0
    if the policy allows the release (without a policy, if all audits pass), 4 if not, 3 if an input is unusable.
    """
    from audits.core.inputs import load_tables
    from audits.gate.shipped import load_policy
    from audits.runner.run import run as run_audits

    _create_or_clear(out)
    applied = None if policy is None else load_policy(policy)
    key = _read_or_create_key(findings, findings_key)
    builds = (canaries, canary_build, mirror, previous, previous_train)
    files = _Files(lineage, mechanism, identifiers, control_identifiers, *builds, vectors)
    _check_pairs(files)
    columns = {"text": text, "label": label, "group": group, "rows_are_persons": rows_are_persons}
    inputs = _with_files(load_tables(synthetic, train, control, reference, **columns), files, columns)
    test = None if selftest_file is None else _selftest_of(selftest_file, inputs)
    numbers = _numbers(inputs, utility, test, secret=streams_are_secret)
    _refuse_impossible(applied, inputs, console.listed(only), set(numbers), has_ledger=ledger is not None)
    attempts, confidence = _count_attempt(inputs, ledger, console.listed(only), seed, confidence)
    report = run_audits(inputs, names=console.listed(only), seed=seed, confidence=confidence, progress=console.say)
    decision = None if applied is None else _decide(report, applied, numbers | attempts, test)
    _show(report, decision, as_json=as_json)
    _write(report, out, findings, key, applied, synthetic)
    raise Exit(0 if (report.overall == "pass" if decision is None else decision.allowed) else REFUSED)


def _check_pairs(files: _Files) -> None:
    pairs = (("canaries", "canary_build"), ("previous", "previous_train"))
    problems = [
        f"--{first} and --{second.replace('_', '-')} must be given together"
        for first, second in pairs
        if (getattr(files, first) is None) != (getattr(files, second) is None)
    ]
    if files.control_identifiers is not None and files.identifiers is None:
        problems.append("--control-identifiers requires --identifiers")
    if problems:
        raise InputError("the options do not fit together", problems=problems)
    if files.identifiers is not None and files.control_identifiers is None:
        from audits.attacks.identifiers.identifiers_audit import NO_CONTROL_LIST

        console.say(f"note: {NO_CONTROL_LIST}")


def _with_files(inputs: "AuditInputs", files: _Files, columns: dict[str, Any]) -> "AuditInputs":
    """Return the inputs with the content of the given files added."""
    from audits.attacks.accounting.mechanism_log import read_mechanism
    from audits.attacks.canaries.files import read_canaries
    from audits.attacks.identifiers.lists import read_identifiers
    from audits.attacks.parent_recovery.lineage import read_lineage
    from audits.core.inputs import load_table
    from audits.core.types import Previous, Table
    from audits.embeddings.vectors import named_folders, with_vectors

    named = {name: columns[name] for name in ("text", "label", "group")}
    load: Callable[..., Table] = partial(load_table, **columns)
    n_train, n_control = len(inputs.train), len(inputs.control)
    readers: dict[str, Callable[[Path], Any]] = {
        "lineage": lambda path: read_lineage(path, len(inputs.synthetic), n_train),
        "mechanism": read_mechanism,
        "identifiers": lambda path: read_identifiers(path, n_train, "train"),
        "control_identifiers": lambda path: read_identifiers(path, n_control, "control"),
        "mirror": lambda path: load(path, role="mirror"),
    }
    found = {name: read(path) for name, read in readers.items() if (path := getattr(files, name)) is not None}
    if files.canaries is not None and files.canary_build is not None:
        found["canaries"] = read_canaries(files.canaries, files.canary_build, **named)
    if files.previous is not None and files.previous_train is not None:
        previous, previous_train = load(files.previous, role="previous"), load(files.previous_train, role="train")
        found["previous"] = Previous(synthetic=previous, train=previous_train)
    inputs = replace(inputs, **found)
    return with_vectors(inputs, named_folders(files.vectors)) if files.vectors else inputs


def _count_attempt(
    inputs: "AuditInputs", ledger: File, names: Sequence[str] | None, seed: int, confidence: float
) -> "tuple[dict[str, Estimate], float]":
    """Record this run in the ledger; return (attempt number as a metric, confidence that the attempt requires)."""
    from audits.core.rates import exact
    from audits.gate.rule import ATTEMPTS, confidence_of
    from audits.ledger.attempts import record_attempt
    from audits.ledger.chain import HighWaterMark
    from audits.ledger.places import folder_mark_path
    from audits.runner.run import run_digest

    if ledger is None:
        return {}, confidence
    made = run_digest(inputs, names, seed=seed, confidence=confidence)
    found = record_attempt(ledger, HighWaterMark(folder_mark_path(ledger)), digest=made, control=inputs.control)
    console.say(
        f"audit attempt {found.number} on these control persons, recorded in ledger {found.ledger.id}, "
        f"which now has {found.ledger.entries} entries"
    )
    numbers = {ATTEMPTS: exact(found.number, confidence=1.0, n=found.number)}
    return numbers, confidence_of(found.number, confidence)


def _selftest_of(path: Path, inputs: "AuditInputs") -> "BoundSelfTest":
    """Return the self-test in a file; raise InputError if it is for different tables or another version."""
    from audits.core.inputs import digests
    from audits.core.report import tool_name
    from audits.selftest.bound import check_bound, read_selftest

    test = read_selftest(path)
    check_bound(test, digests(inputs), tool_name())
    return test


def _numbers(
    inputs: "AuditInputs", utility: File, test: "BoundSelfTest | None", *, secret: bool
) -> "dict[str, Estimate]":
    """Return the metrics that come from no audit, by name: number of rows, secret seed, utility and self-test."""
    from audits.core.rates import exact
    from audits.gate.rule import SECRET
    from audits.gate.utility import read_utility

    n = len(inputs.synthetic)
    numbers = {"records.synthetic": exact(n, confidence=1.0, n=n)}
    if secret:
        numbers[SECRET] = exact(1, confidence=1.0, n=1)
    if utility is not None:
        numbers |= read_utility(utility, inputs).numbers()
    return numbers | ({} if test is None else test.numbers())


def _refuse_impossible(
    policy: "Policy | None",
    inputs: "AuditInputs",
    names: Sequence[str] | None,
    numbers: set[str],
    *,
    has_ledger: bool,
) -> None:
    """If a gate of the policy cannot pass with the given inputs, raise UnmetPolicyError, which names these gates."""
    from audits.cli.preflight import impossible_gates
    from audits.gate.rule import ATTEMPTS

    if policy is None:
        return
    lines = impossible_gates(policy, inputs, names, numbers | ({ATTEMPTS} if has_ledger else set()))
    if lines:
        raise UnmetPolicyError(
            "release under the policy: refused. No audit was run, because the given inputs cannot meet "
            f"{len(lines)} gates (rules) of the policy {policy.name}",
            problems=lines,
            hint="Give the inputs that these gates need. Without --policy, the audits run and show their verdicts.",
        )


def _decide(
    report: "AuditReport", policy: "Policy", numbers: "dict[str, Estimate]", test: "BoundSelfTest | None"
) -> "Decision":
    from audits.gate.evidence import evidence_from
    from audits.gate.policy import decide

    digests = {} if test is None else {"selftest": test.digest()}
    return decide(evidence_from(report.to_dict(), numbers, digests), policy)


def _show(report: "AuditReport", decision: "Decision | None", *, as_json: bool) -> None:
    from rich.console import Console
    from rich.table import Table as Grid

    colours = {"pass": "green", "fail": "red", "insufficient": "yellow"}
    grid = Grid("audit", "verdict", "estimate", "interval", "limit", "n")
    for result in report.results:
        e = result.estimate
        numbers = ("-", "-") if e is None else (f"{e.value:.4g}", f"{e.low:.4g} to {e.high:.4g}")
        verdict = f"[{colours[result.verdict]}]{result.verdict}[/]"
        grid.add_row(result.name, verdict, *numbers, _limit_text(result.threshold), "-" if e is None else str(e.n))
    Console(stderr=as_json, highlight=False).print(grid)
    lines = [*(f"{result.name}: {result.reason}" for result in report.results), f"overall: {report.overall}"]
    problems = report.input_checks["problems"]
    if decision is not None:
        lines += [f"release under the policy: {'allowed' if decision.allowed else 'refused'}", *decision.summary]
        lines += [f"  {failure}" for failure in decision.with_problems(problems).failures]
    elif problems:
        lines += [
            "no audit of the tables can pass, because the input checks found problems:",
            *(f"  {problem}" for problem in problems),
        ]
    (console.say if as_json else console.show)("\n".join(lines))
    if as_json:
        sys.stdout.write(report.to_json().decode() + "\n")


def _write_quarantined(report: "AuditReport", synthetic: Path, out: File) -> None:
    """Write the numbers of the quarantined rows to quarantine.txt in `out`, and print how to remove these rows.

    A row is quarantined if the audits cannot judge it. Without `out`, no file is written.
    """
    from audits.core.inputs import shortened
    from audits.core.quarantine import write_rows

    numbers = [row + 1 for row in report.quarantined_rows]
    if not numbers:
        return
    file = "FILE" if out is None else str(out / QUARANTINE)
    if out is not None:
        write_rows(out / QUARANTINE, numbers, report.inputs["synthetic"])
    listed_rows = ", ".join(shortened(list(map(str, numbers))))
    in_full = f"; all of them are in {file}" if out is not None else ""
    console.say(
        f"quarantine: the audits cannot judge rows {listed_rows} of {synthetic} ({len(numbers)} rows; row numbers "
        f"count from 1{in_full}).\n"
        f"The verdicts apply to the table without these {len(numbers)} rows; the table as given does not pass.\n"
        f"Remove them with `audits rewrite {synthetic} NEW --without {file}`, remove the same rows from the files "
        "of --lineage and --vectors, and audit NEW." + ("" if out else " `audits run --out` writes this FILE.")
    )


def _limit_text(threshold: float | tuple[float, float] | None) -> str:
    if isinstance(threshold, tuple):
        return f"{threshold[0]:g} to {threshold[1]:g}"
    return "-" if threshold is None else f"at most {threshold:g}"


def _create_or_clear(out: File) -> None:
    if out is not None:
        console.create_folder(out)
        for name in (AUDIT, PUBLIC, QUARANTINE):  # results of an earlier run, perhaps on a different table
            (out / name).unlink(missing_ok=True)


def _read_or_create_key(findings: File, path: File) -> bytes:
    """Return the key of the pseudonyms in --findings, or b"" without this option.

    Create the file of the key and the folder of --findings if they are missing.
    """
    from audits.ledger.keys import read_key

    if findings is None and path is None:
        return b""
    if findings is None or path is None:
        raise InputError("--findings and --findings-key must be given together")
    console.create_folder(findings.parent)
    return read_key(path, "findings key")


def _write(
    report: "AuditReport", out: File, findings: File, key: bytes, policy: "Policy | None", synthetic: Path
) -> None:
    from audits.core.findings import MAX_FINDINGS, write_findings
    from audits.core.strictjson import canonical
    from audits.gate.disclosure import public_report

    if out is not None:
        write_whole(out / AUDIT, report.to_json())
        console.say(f"written: {out / AUDIT}")
        if policy is not None:
            path = out / PUBLIC
            write_whole(path, canonical(public_report(json.loads(report.to_json()), policy)))
            console.say(f"written: {path}; it contains no exact counts of private data")
    if findings is not None:
        n = write_findings(findings, key, report.results)
        n_omitted = sum(result.details.get("findings_left_out", 0) for result in report.results)
        omitted = f", {n_omitted} omitted (at most {MAX_FINDINGS} per audit are written)" if n_omitted else ""
        console.say(
            f"findings: {n} written to {findings}{omitted}; row numbers count from 1; "
            "keep the file and its key private"
        )
    _write_quarantined(report, synthetic, out)
