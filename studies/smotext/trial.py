"""Run one trial of the SMOTExT experiment: measure utility and privacy of one variant's records in one draw.

A variant is a way to make synthetic records. A draw is a random choice of real train records, numbered by `seed`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from studies.smotext.baselines import partners
from studies.smotext.draws import Index
from studies.smotext.nearness import character_cosines, membership_auc, parent_nearest, unit_cosines
from studies.smotext.protocol import CHOSEN, LABEL_ONLY, REAL, WRITING_OF, EmbeddedDesign, first_of_class, first_rows
from studies.smotext.writing import latents_of
from synthgen.compare.baselines import eda
from synthgen.core.types import Candidate, Embedded, Float32, Latents
from synthgen.embed import Encoder
from synthgen.evaluate.classifiers import CLASSIFIERS, LabelledTexts
from synthgen.evaluate.metrics import scores

ARMS = ("synthetic", "real+synthetic")  # the records on which a classifier is trained
MEASURE = pa.schema(
    [
        ("dataset", pa.string()),
        ("seed", pa.int64()),
        ("variant", pa.string()),
        ("n", pa.int64()),
        ("arm", pa.string()),
        ("by", pa.string()),
        ("measure", pa.string()),
        ("value", pa.float64()),
        ("n_real", pa.int64()),
        ("n_pool", pa.int64()),
        ("hits", pa.list_(pa.int32())),
        ("tested", pa.list_(pa.int32())),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SyntheticRecords:
    """The synthetic records of a variant, sorted by label."""

    texts: tuple[str, ...] | None  # (m), or None for a variant that makes vectors without text
    labels: tuple[str, ...]  # (m)
    vectors: Float32  # (m, d), the vectors of the texts; without texts, the vectors that the variant makes
    # (m), the train rows from which each record was made; empty for a record made from no real record
    parents: tuple[tuple[int, ...], ...]
    # mean cosine between a text's vector and the vector that the text was decoded from; None without such a vector
    cosine: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class GroupedRows:
    """The test records and their persons."""

    rows: LabelledTexts  # (n), the records
    persons: Index  # int64 (n), the person of each record, 0 to C − 1


def run_trial(
    design: EmbeddedDesign, seed: int, variant: str, written: Sequence[Candidate], encoder: Encoder
) -> pa.Table:
    """Return all measures of one variant in one draw, a table of schema `MEASURE`.

    `variant` is a name in `VARIANTS`, or `REAL`. `written` are its decoded texts (see `design.writing`), if any.

    For each of `ARMS`, classifier and number `n` of synthetic records, the table has accuracy and macro F1 on the
    test split. If `n` is smaller than the number of records, the first records of each class are used. For `REAL`,
    the only arm is real records alone, with `n` = 0. A row of accuracy also has, for each test person, the number of
    records (`tested`) and of correctly classified records (`hits`), which the interval needs.

    For all synthetic records together, the table has the results of the attacks in `nearness` for each kind of
    similarity (`by`), the number of records (`records`), and the mean cosine of texts to the vectors that they were
    decoded from (`target_cosine`). `seconds` is the processor time of the trial.

    Privacy: only records of public datasets are read, and the result has only numbers.
    Randomness: EDA uses `design.seeds(seed).child("eda")`; the other random choices are those of `design`.
    """
    started = time.process_time()
    train = design.train(seed)
    real = LabelledTexts(texts=_texts(design, train), labels=np.array(train.labels), vectors=train.vectors)
    records = design.text_set.test
    test = GroupedRows(
        rows=LabelledTexts(texts=tuple(records.texts), labels=np.array(records.labels), vectors=design.test),
        persons=np.unique([r.group for r in records.records], return_inverse=True)[1],
    )
    found: list[dict[str, Any]] = []
    if variant == REAL:
        found += [{"n": 0, "arm": REAL, **row} for row in _taught(real, test, list(CLASSIFIERS))]
    else:
        made = make(design, seed, variant, written, encoder)
        if made.labels:  # if no text was kept, there is nothing to measure
            found += _utility(design, real, test, made) + _privacy(design, seed, made)
        extras = {"records": float(len(made.labels)), "target_cosine": made.cosine}
        found += [
            {"n": design.protocol.synthetic, "arm": "", "by": "", "measure": name, "value": value}
            for name, value in extras.items()
            if value is not None
        ]
    seconds = time.process_time() - started
    found.append({"n": 0, "arm": "", "by": "", "measure": "seconds", "value": seconds})
    place = {"dataset": design.text_set.name, "seed": seed, "variant": variant}
    sizes = {"n_real": len(real.texts), "n_pool": len(design.text_set.pool)}
    return pa.Table.from_pylist([{**place, **row, **sizes} for row in found], schema=MEASURE)


def make(
    design: EmbeddedDesign, seed: int, variant: str, written: Sequence[Candidate], encoder: Encoder
) -> SyntheticRecords:
    """Return the synthetic records of a variant; `written` are its decoded candidates (texts), if it uses any.

    Raises:
        DataError: if the train records are too few for the variant.
    """
    if variant == "mixup-vectors":
        latents = first_of_class(design.smote(seed), design.counts())
        parents = _parents(design.train(seed), latents)
        return SyntheticRecords(texts=None, labels=latents.labels, vectors=latents.vectors, parents=parents)
    if variant in WRITING_OF:
        return _written(design, seed, variant, written, encoder)
    return _edited(design, seed, variant, encoder)


def _written(
    design: EmbeddedDesign, seed: int, variant: str, written: Sequence[Candidate], encoder: Encoder
) -> SyntheticRecords:
    train, latents = design.train(seed), design.writing(WRITING_OF[variant], seed).latents
    if variant in CHOSEN:
        vectors = _encoded(encoder, [c.text for c in written])
        best = _agreed(train, latents, written, vectors)
    else:
        written = [c for c in written if c.index == 0]
        best = {c.latent_id: n for n, c in enumerate(written)}
    latents = latents_of(latents, [i for i, name in enumerate(latents.ids) if name in best])
    latents = first_of_class(latents, design.counts())
    chosen = [best[name] for name in latents.ids]
    texts = tuple(written[n].text for n in chosen)
    made = vectors[chosen] if variant in CHOSEN else _encoded(encoder, texts)
    cosine = float(_cosines(made, latents.vectors).mean()) if variant != LABEL_ONLY and chosen else None
    return SyntheticRecords(
        texts=texts, labels=latents.labels, vectors=made, parents=_parents(train, latents), cosine=cosine
    )


def _agreed(train: Embedded, latents: Latents, written: Sequence[Candidate], vectors: Float32) -> dict[str, int]:
    """Return the index in `written` of the best candidate (text) of each latent (vector to decode), by latent id.

    The best candidate is the one nearest to the latent among the candidates with the latent's class. The class of a
    candidate is predicted by a classifier that is trained on the train records alone. A latent without a candidate of
    its class is missing from the result. The caller then uses a spare latent of the class, if one is left.
    """
    place = {name: i for i, name in enumerate(latents.ids)}
    labels = np.array([c.label for c in written])
    real = LabelledTexts(texts=train.ids, labels=np.array(train.labels), vectors=train.vectors)
    predicted = CLASSIFIERS["encoder-logistic"](
        real, LabelledTexts(texts=("",) * len(written), labels=labels, vectors=vectors), 0
    )
    near = _cosines(vectors, latents.vectors[[place[c.latent_id] for c in written]])
    best: dict[str, int] = {}
    for n in np.flatnonzero(predicted == labels).tolist():
        name = written[n].latent_id
        if name not in best or near[n] > near[best[name]]:
            best[name] = n
    return best


def _edited(design: EmbeddedDesign, seed: int, variant: str, encoder: Encoder) -> SyntheticRecords:
    train, of = design.train(seed), design.sources(seed)
    real = _texts(design, train)
    parents: tuple[tuple[int, ...], ...]
    if variant == "eda":
        stream = design.seeds(seed).child("eda")
        texts = tuple(eda(real[i], stream.child(str(n)).generator()) for n, i in enumerate(of))
        parents = tuple((i,) for i in of.tolist())
    else:
        parents = tuple(zip(of.tolist(), partners(train, of).tolist(), strict=True))
        texts = tuple(" ".join(real[i] for i in pair) for pair in parents)
    labels = tuple(train.labels[i] for i in of)
    return SyntheticRecords(texts=texts, labels=labels, vectors=_encoded(encoder, texts), parents=parents)


def _parents(train: Embedded, latents: Latents) -> tuple[tuple[int, ...], ...]:
    row = {name: i for i, name in enumerate(train.ids)}
    return tuple(tuple(row[name] for name in names) for names in latents.parent_ids)


def _utility(
    design: EmbeddedDesign, real: LabelledTexts, test: GroupedRows, made: SyntheticRecords
) -> list[dict[str, Any]]:
    found = []
    for n in (*design.protocol.sizes, design.protocol.synthetic):
        rows = first_rows(made.labels, design.counts(n))
        some = LabelledTexts(
            texts=("",) * len(rows) if made.texts is None else tuple(made.texts[i] for i in rows),
            labels=np.array([made.labels[i] for i in rows]),
            vectors=made.vectors[rows],
        )
        classifiers = ["encoder-logistic"] if made.texts is None else list(CLASSIFIERS)
        for arm, fit_on in zip(ARMS, (some, real.plus(some)), strict=True):
            found += [{"n": n, "arm": arm, **row} for row in _taught(fit_on, test, classifiers)]
    return found


def _taught(fit_on: LabelledTexts, test: GroupedRows, classifiers: Sequence[str]) -> list[dict[str, Any]]:
    names = sorted(set(test.rows.labels.tolist()) | set(fit_on.labels.tolist()))
    number = {name: i for i, name in enumerate(names)}
    truth = np.array([number[label] for label in test.rows.labels.tolist()])
    tested = np.bincount(test.persons)
    found: list[dict[str, Any]] = []
    for classifier in classifiers:
        predicted = np.array([number[label] for label in CLASSIFIERS[classifier](fit_on, test.rows, 0).tolist()])
        each = np.arange(len(truth))
        reached = scores(truth, predicted, each, np.ones((1, len(truth))), len(names))
        hits = np.bincount(test.persons[predicted == truth], minlength=len(tested))
        by_person = {"hits": hits.tolist(), "tested": tested.tolist()}
        found.append({"by": classifier, "measure": "accuracy", "value": float(reached.accuracy[0]), **by_person})
        found.append({"by": classifier, "measure": "macro_f1", "value": float(reached.macro_f1[0])})
    return found


def _privacy(design: EmbeddedDesign, seed: int, made: SyntheticRecords) -> list[dict[str, Any]]:
    drawn = design.draw(seed)
    rows = np.concatenate([drawn.train, drawn.held_out])
    likeness = {"encoder": unit_cosines(made.vectors, design.pool.vectors[rows])}
    if made.texts is not None:
        real = [design.text_set.pool.records[i].text for i in rows]
        likeness["characters"] = character_cosines(made.texts, real)
    found = []
    for by, values in likeness.items():
        attacked = {"membership_auc": membership_auc(values, len(drawn.train))}
        if any(made.parents):
            attacked["parent_nearest"] = parent_nearest(values, made.parents)
        place = {"n": design.protocol.synthetic, "arm": "synthetic", "by": by}
        found += [{**place, "measure": name, "value": value} for name, value in attacked.items()]
    return found


def _texts(design: EmbeddedDesign, train: Embedded) -> tuple[str, ...]:
    text = {r.id: r.text for r in design.text_set.pool.records}
    return tuple(text[name] for name in train.ids)


def _encoded(encoder: Encoder, texts: Sequence[str]) -> Float32:
    """Return the vectors of texts, (m, d); an empty text gets the vector of a full stop, as in a run of SynthGen."""
    return encoder.encode([text or "." for text in texts])


def _cosines(one: Float32, other: Float32) -> Float32:
    """Return the cosine of row i of the first matrix and row i of the second matrix, for each i, float32 (m)."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    found: Float32 = np.einsum("ij,ij->i", one, other) / np.maximum(lengths, 1e-12)
    return found
