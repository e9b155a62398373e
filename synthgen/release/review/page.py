"""Write the review page: a private page with real text that a person reads before approving a release."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from audits.core.files import write_whole
from audits.gate.outcome import Decision
from audits.ledger.keys import read_key
from audits.report.glossary import AUDITS as QUESTIONS
from audits.report.numbers import count, excerpt, label, number
from audits.text.shared_runs import SHORTEST
from audits.verify.vocabulary import RECORDS_ONLY
from synthgen.core.progress import silent
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate, FilterOutcome
from synthgen.pipeline.job import Job
from synthgen.pipeline.judge import SYNTHETIC
from synthgen.release.assembly import copy_warnings
from synthgen.release.review.link import NO_RELEASE, page_marker
from synthgen.release.review.passages import Passage, TextPiece, cut, occurrences, shared_passages
from synthgen.release.review.released import ReleasedBundle, released_bundle
from synthgen.release.review.risks import MAX_RECORDS, RiskyRecord, rank
from synthgen.release.review.tables import ReviewTables, read_tables
from synthgen.release.run import PRIVATE_REPORT, Run

REVIEW_PAGE = "review.private.html"
_INDEPENDENT = (
    "Do not base the decision to release on this page. Under this policy, the release states that no measurement on "
    "private records affected the decision. A decision that depends on this page is a disclosure that ε does not "
    "cover. `synthgen approve` therefore accepts no review page for this release."
)
MAX_EXAMPLES = 3  # largest number of rejected candidates that are shown for each reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRecord:
    """A synthetic record and the training records beside it; each text is cut into marked and unmarked pieces."""

    name: str  # the first digits of the record's id in the release
    row: int  # row of the record in the synthetic table, from 1
    label: str
    result: str  # result of the audit in words; empty in the random sample
    text: Sequence[TextPiece]
    beside: Sequence[tuple[str, Sequence[TextPiece]]]  # heading and text of each training record


def write_review(run: Run) -> Path:
    """Write the review page of a run into its workspace, with mode 0600, and return its path.

    The page depends on the results and policy of the run, on its newest bundle and the path of this bundle, and on
    whether the private report exists. A change of one of them changes the sha256 of a new page. Raise DataError if
    the run did not reach the audit or its results contradict each other, and StorageError if the page cannot be
    written.

    Privacy: the page shows records of train before and after de-identification.
    Randomness: draws the samples from the stream `review` of the workspace.
    """
    decision = run.decide()
    bundle = released_bundle(run, decision) if decision.allowed else None
    path = run.workspace.root / REVIEW_PAGE
    write_whole(path, _page(run, read_tables(run), decision, bundle).encode())
    return path


def _page(run: Run, tables: ReviewTables, decision: Decision, bundle: ReleasedBundle | None) -> str:
    seeds = Job(run.config, run.workspace, silent).seeds.child("review")
    key = read_key(run.workspace.root / f"commitment-{run.folder('audit').name}.key", "commitment key")
    loaders = [PackageLoader("synthgen.release.review"), PackageLoader("audits.report")]
    environment = Environment(
        loader=ChoiceLoader(loaders), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(count=count, excerpt=excerpt, label=label, number=number)
    return environment.get_template("review.html").render(
        title=run.config.release.name,
        bundle=bundle,
        marker=page_marker(key),
        release=NO_RELEASE if bundle is None else bundle.digest,
        decision=decision,
        problems=run.remedies(decision),
        another=run.advice[1],
        warnings=list(_warnings(run)),
        policy=run.policy,
        stages=run.record.stages,
        report=PRIVATE_REPORT if (run.workspace.root / PRIVATE_REPORT).is_file() else None,
        audits=[_audit(result, tables) for result in tables.results],
        sample=[
            _shown(RiskyRecord(row=row, result=""), tables) for row in _drawn(len(tables.synthetic), seeds, "sample")
        ],
        n_records=len(tables.synthetic),
        table=run.folder("audit") / SYNTHETIC,
        most=MAX_RECORDS,
        shortest=SHORTEST,
        identifiers=_identifier_counts(tables),
        replaced=list(_replaced(tables, seeds)),
        rejected=list(_rejected(tables.candidates, seeds)),
        n_candidates=len(tables.candidates),
        n_passed=sum(candidate.passed for candidate in tables.candidates),
    )


def _warnings(run: Run) -> Iterator[str]:
    if run.policy.is_independent:
        yield _INDEPENDENT
    if not run.config.source.has_persons:
        yield f"{RECORDS_ONLY} Where this page says person, read record."
    yield from copy_warnings(run)


def _audit(result: Mapping[str, Any], tables: ReviewTables) -> dict[str, Any]:
    name = str(result["name"])
    ranking = rank(name, tables)
    return {
        "name": name,
        "question": QUESTIONS.get(name, ""),
        "verdict": str(result["verdict"]).upper(),
        "reason": result["reason"],
        "meaning": ranking.meaning,
        "records": [_shown(record, tables) for record in ranking.records],
    }


def _shown(record: RiskyRecord, tables: ReviewTables) -> ShownRecord:
    """Return a synthetic record beside its nearest train record and the train record that the audit names, if any."""
    synthetic, near = tables.synthetic.records[record.row], tables.nearest("synthetic", "train")
    nearest = int(near.row[record.row])
    rows = {nearest: f"nearest training record, similarity {near.cosine[record.row]:.3f}"}
    if record.train_row == nearest:
        rows[nearest] += ", also the training record that the audit names"
    elif record.train_row is not None:
        rows[record.train_row] = "training record that the audit names"
    in_synthetic, beside = list[Passage](), []
    for row, heading in rows.items():
        real = tables.train.records[row]
        of_synthetic, of_real = shared_passages(synthetic.text, real.text, record.shortest)
        in_synthetic += of_synthetic
        beside.append((f"{heading}; class {label(real.label)}", cut(real.text, of_real)))
    return ShownRecord(
        name=tables.released_ids[record.row][:12],
        row=record.row + 1,
        label=synthetic.label,
        result=record.result,
        text=cut(synthetic.text, [*in_synthetic, *record.found]),
        beside=beside,
    )


def _drawn(n: int, seeds: SeedTree, *names: str, most: int = MAX_RECORDS) -> list[int]:
    """Return at most `most` distinct random integers below n in ascending order, from the stream `names`."""
    rows: list[int] = np.sort(seeds.child(*names).generator().permutation(n)[:most]).tolist()
    return rows


def _identifier_counts(tables: ReviewTables) -> list[tuple[str, int, int]]:
    """Return for each kind of identifier: (kind, number replaced in train, number replaced in control)."""
    train, control = (
        Counter(kind for found in tables.replaced[role].values() for kind, _ in found)
        for role in ("train", "control")
    )
    return [(kind, train[kind], control[kind]) for kind in sorted(train.keys() | control.keys())]


def _replaced(tables: ReviewTables, seeds: SeedTree) -> Iterator[dict[str, Any]]:
    """Yield random train records with their text before and after de-identification."""
    for row in _drawn(len(tables.train), seeds, "identifiers"):
        record = tables.train.records[row]
        original, found = tables.original[record.id], tables.replaced["train"].get(record.id, ())
        yield {
            "label": record.label,
            "n": len(found),
            "before": cut(original, occurrences(original, found)),
            "after": cut(record.text, ()),
        }


def _rejected(candidates: Sequence[Candidate], seeds: SeedTree) -> Iterator[dict[str, Any]]:
    """For each filter and reason, most frequent first, yield the number of rejected candidates and examples."""
    groups: dict[tuple[str, str], list[tuple[Candidate, FilterOutcome]]] = {}
    for candidate in candidates:
        failed = [outcome for outcome in candidate.outcomes if not outcome.passed]
        if failed:  # a candidate counts only for the first filter that rejected it, as in the report
            groups.setdefault((failed[0].name, failed[0].reason or failed[0].name), []).append((candidate, failed[0]))
    for (name, reason), members in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        shown = [members[i] for i in _drawn(len(members), seeds, "rejected", name, reason, most=MAX_EXAMPLES)]
        yield {
            "filter": name.replace("_", " "),
            "reason": reason.replace("_", " "),
            "n": len(members),
            "examples": [(c.label, f"{outcome.score:.3g}", cut(c.text, ())) for c, outcome in shown],
        }
