"""Read the tables and vectors for the review page of a run from the workspace of the run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from sklearn.preprocessing import normalize

from audits.core.released import record_ids
from audits.core.types import Finding, Int, persons
from audits.embeddings.similarity import similarity_blocks
from synthgen.core.errors import DataError
from synthgen.core.files import read_json
from synthgen.core.tables import read_candidates, read_corpus, read_latents
from synthgen.core.types import Candidate, Corpus, Float32
from synthgen.embed.stage import CANDIDATE_VECTORS, CONTROL_VECTORS, TRAIN_VECTORS
from synthgen.filter.stage import JUDGED
from synthgen.pipeline.judge import AUDIT, FINDINGS, SYNTHETIC
from synthgen.release.run import Run

Replaced = Mapping[str, Sequence[tuple[str, str]]]  # id of a record -> (kind, text) of each replaced identifier


class NearestRecords(NamedTuple):
    """For each of n queried rows, the most similar row of another table and the cosine; both have the shape (n,)."""

    row: Int
    cosine: Float32


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ReviewTables:
    """Private data of a run: records, vectors, findings of the audits, replaced identifiers and all candidates."""

    synthetic: Corpus  # the records that the release contains or, after a refusal, would contain
    train: Corpus  # de-identified
    control: Corpus  # de-identified
    original: Mapping[str, str]  # id of a train record -> its text before de-identification
    replaced: Mapping[str, Replaced]  # keys "train" and "control"
    vectors: Mapping[str, Float32]  # keys "synthetic", "train", "control"; shape (n records, d); rows of unit length
    # for each synthetic record, the train rows of its parents (the records from which it was made); empty under DP
    parents: tuple[tuple[int, ...], ...]
    weights: tuple[tuple[float, ...], ...]  # weight of each parent, in the order of `parents`
    results: Sequence[Mapping[str, Any]]  # `results` of audit.json
    findings: Mapping[str, Sequence[Finding]]  # name of the audit -> findings
    candidates: Sequence[Candidate]  # all decoded texts, with the outcomes of the filters
    _nearest: dict[tuple[str, str], NearestRecords] = field(default_factory=dict, init=False)

    @cached_property
    def persons(self) -> tuple[list[str], Int]:
        """The train persons, and the index of the person of each train record."""
        return persons([record.group for record in self.train.records])

    @cached_property
    def rows_of(self) -> Mapping[str, list[int]]:
        """The train rows of each person, by person id."""
        found: dict[str, list[int]] = {}
        for row, record in enumerate(self.train.records):
            found.setdefault(record.group, []).append(row)
        return found

    @cached_property
    def released_ids(self) -> list[str]:
        """The id of each synthetic record in the files of the release."""
        return list(record_ids([(record.text, record.label) for record in self.synthetic.records]))

    def nearest(self, queries: str, keys: str) -> NearestRecords:
        """Return for each row of the table `queries` the row of the table `keys` with the highest cosine."""
        if (stored := self._nearest.get((queries, keys))) is not None:
            return stored
        n = len(self.vectors[queries])
        found = NearestRecords(np.zeros(n, dtype=np.int64), np.full(n, -1, dtype=np.float32))
        for rows, cosines in similarity_blocks(self.vectors[queries], self.vectors[keys]):
            found.row[rows], found.cosine[rows] = cosines.argmax(axis=1), cosines.max(axis=1)
        return self._nearest.setdefault((queries, keys), found)


def read_tables(run: Run) -> ReviewTables:
    """Return the tables of the page; raise DataError if the run did not reach the audit or its files disagree.

    Privacy: reads the records of train and control, before and after de-identification.
    """
    audited, clean, parts = run.folder("audit"), run.folder("deidentify"), run.folder("split")
    synthetic = read_corpus(audited / SYNTHETIC, "synthetic")
    train, control = (read_corpus(clean / f"{name}.parquet", name) for name in ("train", "control"))
    judged = read_candidates(run.folder("filter") / JUDGED)
    vectors = {
        "synthetic": _written_vectors(run, synthetic, judged),
        "train": np.load(run.folder("embed") / TRAIN_VECTORS, allow_pickle=False),
        "control": np.load(run.folder("embed-control") / CONTROL_VECTORS, allow_pickle=False),
    }
    for corpus in (synthetic, train, control):
        if len(corpus) != len(vectors[corpus.role]):
            message = f"the number of stored vectors differs from the number of {corpus.role} records"
            raise DataError(message, hint=_RUN_AGAIN)
    parents, weights = _lineage(run, synthetic, train)
    findings: dict[str, list[Finding]] = {}
    for found in read_json(audited / FINDINGS):
        findings.setdefault(found["audit"], []).append(Finding(**{k: v for k, v in found.items() if k != "audit"}))
    return ReviewTables(
        synthetic=synthetic,
        train=train,
        control=control,
        original={r.id: r.text for r in read_corpus(parts / "train.parquet", "train").records},
        replaced={role: read_json(clean / f"replaced-{role}.json") for role in ("train", "control")},
        vectors={name: normalize(matrix) for name, matrix in vectors.items()},
        parents=parents,
        weights=weights,
        results=json.loads((audited / AUDIT).read_bytes())["results"],
        findings=findings,
        candidates=judged,
    )


_RUN_AGAIN = (
    "Run the configuration again: `synthgen run CONFIG --resume never`. If the configuration has a privacy budget, "
    "this command spends the budget again."
)


def _written_vectors(run: Run, synthetic: Corpus, judged: Sequence[Candidate]) -> Float32:
    """Return the vectors of the n synthetic records (shape (n, d)) from the stored vectors of all candidates."""
    # stages with a name in "-reconstruction" embed texts decoded from real records, which are no candidates
    rounds = [s for s in run.record.stages if s.is_of("re-embed") and not s.name.endswith("-reconstruction")]
    stored = [np.load(run.workspace.root / "stages" / s.folder / CANDIDATE_VECTORS) for s in rounds]
    row_of = {(candidate.latent_id, candidate.text): row for row, candidate in enumerate(judged)}
    # the group of a synthetic record is the id of its latent (the vector from which the record was decoded)
    rows = [row_of.get((record.group, record.text), -1) for record in synthetic.records]
    if sum(map(len, stored)) != len(judged) or -1 in rows:
        raise DataError("the audited records are not among the texts that the run stored", hint=_RUN_AGAIN)
    found: Float32 = np.concatenate(stored)[rows]
    return found


def _lineage(
    run: Run, synthetic: Corpus, train: Corpus
) -> tuple[tuple[tuple[int, ...], ...], tuple[tuple[float, ...], ...]]:
    """Return, for each synthetic record, the train rows and the weights of its parents, as two tuples."""
    latents, row = read_latents(run.folder("interpolate")), {r.id: i for i, r in enumerate(train.records)}
    row_of_latent = {name: i for i, name in enumerate(latents.ids)}
    made = [row_of_latent[record.group] for record in synthetic.records]
    parents = tuple(tuple(row[name] for name in latents.parent_ids[i]) for i in made)
    return parents, tuple(latents.weights[i] for i in made)
