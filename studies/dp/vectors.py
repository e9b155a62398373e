"""`python -m studies dp-vectors`: compare ways to learn the vectors of each class with the same privacy budget.

No language model is used and no texts are written, so a table row takes seconds. The results show only the loss of
utility through noise.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from unittest.mock import patch

import numpy as np
from sklearn.metrics import f1_score

from audits.core.files import write_whole
from studies.dp.sets import KINDS, PrivateSet, read_private_sets
from studies.dp.trial import DELTA
from studies.feature_augmentation.vectors import kept_vectors
from synthgen.core.progress import Progress
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Embedded, Float32, Float64
from synthgen.dp import class_queries, gaussian
from synthgen.dp.basis import PublicBasis, load_basis
from synthgen.dp.class_queries import Means, query_means, query_spread
from synthgen.dp.gaussian import MEANS, SPREAD, ClassModel
from synthgen.dp.method import QuerySpec
from synthgen.dp.noise_multipliers import noise_multipliers
from synthgen.dp.noised_sums import PrivateMechanism, Query, QueryMechanism, StreamNoise
from synthgen.dp.person_rows import PersonRows, people_of
from synthgen.embed import Encoder, build_encoder
from synthgen.embed.config import EmbedConfig
from synthgen.evaluate.classifiers import CLASSIFIERS, LabelledTexts
from synthgen.interpolate.smote import Smote
from synthgen.models.store import model_folder

# number of synthetic vectors per class, and number of public passages for the baseline `RETRIEVED`
PER_CLASS, PASSAGES = 300, 10_000
QUICK_PERSONS = 250
SHIPPED, REMOVED, SEPARATE = "dp-gaussian", "noised classifier (removed)", "a covariance per class"
RETRIEVED, SMOTE = "nearest public passage", "smote, no guarantee"
BOUNDARY = QuerySpec(share=0.35, clip=0.5, steps=30)  # DP query for the classifier of `REMOVED`
# learning rate and momentum for the classifier of `REMOVED`, and the constant coordinate of its input
RATE, MOMENTUM, CONSTANT = 30.0, 0.9, 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """The settings of a variant of `dp-gaussian`; the defaults are those of SynthGen."""

    means: float = 0.8  # share of the budget for the class means; the rest is for the covariance
    drawn: int = gaussian.DRAWN  # number of points drawn per new vector, of which one is used
    prior: float = class_queries.MIN_SIGNAL  # lower limit of κ in `class_queries.shrink`
    axes: int = class_queries.WIDE  # number of axes whose covariance is queried


VARIANTS: Mapping[str, Variant] = {
    SHIPPED: Variant(),
    "no public prior": Variant(prior=0.0),
    "one point drawn": Variant(drawn=1),
    "covariance on 48 axes": Variant(axes=class_queries.LEADING),
    "means .6, covariance .4": Variant(means=0.6),
    "means .9, covariance .1": Variant(means=0.9),
}
HEAD = "encoder-logistic"


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorsRequest:
    """The options of the study."""

    datasets: tuple[str, ...]  # names in `KINDS`; empty: all sets
    data: Path | None  # folder of the sets
    out: Path  # folder of the page and of the cached vectors
    persons: int  # number of train persons; if a set has fewer than twice as many persons, half of its persons
    epsilons: tuple[float, ...]
    seeds: int  # number of draws of persons
    quick: bool  # run the clinic with few persons and no passages, in minutes, as a test; ignore its results


def dp_vectors(request: VectorsRequest, progress: Progress) -> Path:
    """Write the page of results and return its path.

    Raises:
        DataError: if sets are unknown or files are missing; the error lists all of them.

    Privacy: the noise comes from a public stream, so no output may be released.
    """
    names, persons = (
        (("clinic",), QUICK_PERSONS) if request.quick else (request.datasets or tuple(KINDS), request.persons)
    )
    encoder = build_encoder(EmbedConfig(model="minilm"), model_folder)
    cache = request.out / "vectors"
    cache.mkdir(parents=True, exist_ok=True)
    public = None if request.quick or request.data is None else passages_of(request.data, encoder, cache, progress)
    parts, page = [_INTRODUCTION], request.out / "vectors.md"
    most = (2 if request.quick else 3) * persons
    for whole in read_private_sets(names, request.data, most):
        found = whole.part(most)
        vectors = kept_vectors(found.name, found.corpus.texts, encoder, cache, progress)
        n = min(persons, len({record.group for record in found.corpus.records}) // 2)
        rows: dict[tuple[str, float], list[Mapping[str, float]]] = {}
        draws = [_draw(found, vectors, n, public, seed) for seed in range(request.seeds)]
        for name, epsilon, shares in (row for draw in draws for row in draw.rows(request.epsilons)):
            rows.setdefault((name, epsilon), []).append(shares)
        real = ", ".join(f"{name} {mean(draw.real[name] for draw in draws):.3f}" for name in CLASSIFIERS)
        parts += ["", f"## {found.name}", "", f"{n:,} persons, {len(draws)} draws. Real: {real}.", "", *_table(rows)]
        write_whole(page, ("\n".join(parts) + "\n").encode())
    return page


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PersonDraw:
    """One draw of persons: train, test, and the public passages for the retrieval baseline."""

    train: Embedded  # vectors of the drawn persons
    test: LabelledTexts  # records of all other persons
    real: Mapping[str, float]  # macro F1 of the classifiers trained on the real records of train, by classifier
    public: LabelledTexts | None  # public passages with their vectors; None to omit the retrieval baseline
    seed: int  # number of the draw

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, sorted."""
        return tuple(sorted(set(self.train.labels)))

    def rows(self, epsilons: Sequence[float]) -> Iterator[tuple[str, float, Mapping[str, float]]]:
        """Yield the method, epsilon (0: no guarantee), and the score of each classifier divided by its real score."""
        for epsilon in epsilons:
            for name in (*VARIANTS, SEPARATE, REMOVED):
                vectors = self._sampled(name, epsilon)
                yield name, epsilon, {HEAD: self._score(HEAD, self._labelled(vectors))}
                if name == SHIPPED and self.public is not None:
                    nearest = (vectors @ self.public.vectors.T).argmax(axis=1)
                    texts = tuple(self.public.texts[i] for i in nearest)
                    passages = self._labelled(self.public.vectors[nearest], texts)
                    yield RETRIEVED, epsilon, {name: self._score(name, passages) for name in CLASSIFIERS}
        wanted = dict.fromkeys(self.labels, PER_CLASS)
        latents = Smote().fit(self.train).sample(wanted, SeedTree(self.seed).child("smote"))
        yield SMOTE, 0.0, {HEAD: self._score(HEAD, self._labelled(latents.vectors))}

    def _score(self, classifier: str, rows: LabelledTexts) -> float:
        return macro_f1(classifier, rows, self.test) / self.real[classifier]

    def _labelled(self, vectors: Float32, texts: Sequence[str] = ()) -> LabelledTexts:
        labels = np.repeat(np.array(self.labels), PER_CLASS)
        return LabelledTexts(texts=tuple(texts) or ("",) * len(labels), labels=labels, vectors=vectors)

    def _sampled(self, name: str, epsilon: float) -> Float32:
        variant, basis = VARIANTS.get(name, Variant()), load_basis("minilm")
        specs = {MEANS: QuerySpec(share=variant.means), SPREAD: QuerySpec(share=1 - variant.means)}
        if name == REMOVED:
            specs = {MEANS: QuerySpec(share=0.25), SPREAD: QuerySpec(share=0.1), REMOVED: BOUNDARY}
        noise = noise_multipliers(epsilon, DELTA, specs)
        queries = {key: spec.query(key, noise[key]) for key, spec in specs.items()}
        people = people_of(self.train, self.labels, basis)
        mechanism = PrivateMechanism(StreamNoise(SeedTree(self.seed).child("noise", name)))
        with patch.object(class_queries, "MIN_SIGNAL", 0.0 if name == REMOVED else variant.prior):
            means = query_means(people, basis.variances, queries[MEANS], mechanism)
        with patch.object(class_queries, "WIDE", variant.axes):
            spreads = _spreads(people, means, basis, queries[SPREAD], mechanism, separate=name == SEPARATE)
        weights = None if name != REMOVED else query_boundary(people, means, basis, queries[REMOVED], mechanism)
        rng = SeedTree(self.seed).child("vectors", name)
        drawn = []
        for code, label in enumerate(self.labels):
            model = ClassModel(labels=self.labels, basis=basis, points=means.points, spread=spreads[code])
            if weights is None:
                with patch.object(gaussian, "DRAWN", variant.drawn):
                    drawn.append(model.sample({label: PER_CLASS}, rng).vectors)
            else:
                with patch.object(gaussian, "class_scores", lambda x, *_: np.log(_classified(x, weights, basis))):
                    drawn.append(model.sample({label: PER_CLASS}, rng).vectors)
        return np.concatenate(drawn)


def macro_f1(classifier: str, rows: LabelledTexts, test: LabelledTexts) -> float:
    """Train a classifier on `rows`, and return its macro F1 on `test`."""
    return float(f1_score(test.labels, CLASSIFIERS[classifier](rows, test, 0), average="macro"))


def _spreads(
    people: PersonRows, means: Means, basis: PublicBasis, query: Query, mechanism: QueryMechanism, *, separate: bool
) -> list[Float64]:
    """Return the square root of the covariance of each class, float64 (d, d).

    If `separate` is not set, all classes share one covariance. If it is set, each class is queried with the whole
    share of the budget. Persons with records of several classes then exceed the budget, which favours this variant.
    """
    if not separate:
        return [query_spread(people, means, basis.variances, query, mechanism)] * people.n_classes
    found = []
    for code in range(people.n_classes):
        own = people.classes == code
        starts = np.unique(np.searchsorted(people.starts, np.flatnonzero(own), side="right"), return_index=True)[1]
        rows = PersonRows(points=people.points[own], classes=people.classes[own], starts=starts, n_classes=code + 1)
        alone = Means(counts=means.counts[code : code + 1], points=means.points)
        found.append(query_spread(rows, alone, basis.variances, query, mechanism))
    return found


def query_boundary(
    people: PersonRows, means: Means, basis: PublicBasis, query: Query, mechanism: QueryMechanism
) -> Float64:
    """Return the weights of a softmax classifier fitted by noised gradient descent, float64 (d + 1, C).

    d is the number of axes, and C the number of classes. An earlier version of `dp-gaussian` made this query.
    """
    inputs = _inputs(people.points, basis)
    weights = np.zeros((inputs.shape[1], people.n_classes))
    velocity, averaged = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(query.steps):

        def of_records(at: slice, weights: Float64 = weights) -> Float64:
            error = _softmax(inputs[at] @ weights) - np.eye(people.n_classes)[people.classes[at]]
            return np.asarray((inputs[at][:, :, None] * error[:, None, :]).reshape(len(error), -1))

        gradient = mechanism(people.mean_rows(of_records), query).reshape(weights.shape) / means.counts.sum()
        velocity = MOMENTUM * velocity + gradient
        weights = weights - RATE * velocity
        averaged += weights * (step >= query.steps // 2) / (query.steps - query.steps // 2)
    return averaged


def _classified(points: Float64, weights: Float64, basis: PublicBasis) -> Float64:
    return np.maximum(_softmax(_inputs(points, basis) @ weights), 1e-30)


def _inputs(points: Float64, basis: PublicBasis) -> Float64:
    scaled = points / np.sqrt(basis.variances + basis.variances[64])
    unit = scaled / np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), 1e-12)
    return np.column_stack([unit, np.full(len(unit), CONSTANT)])


def _softmax(scores: Float64) -> Float64:
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def _draw(found: PrivateSet, vectors: Float32, persons: int, public: LabelledTexts | None, seed: int) -> PersonDraw:
    records = found.corpus.records
    drawn = found.drawn(persons, seed)
    rows = {of: [i for i, r in enumerate(records) if (r.group in drawn) == of] for of in (True, False)}
    parts = {
        of: LabelledTexts(
            texts=tuple(records[i].text for i in at),
            labels=np.array([records[i].label for i in at]),
            vectors=vectors[at],
        )
        for of, at in rows.items()
    }
    own = [records[i] for i in rows[True]]
    train = Embedded(
        vectors=vectors[rows[True]],
        ids=tuple(r.id for r in own),
        labels=tuple(r.label for r in own),
        groups=tuple(r.group for r in own),
        encoder="minilm",
        normalized=True,
    )
    real = {name: macro_f1(name, parts[True], parts[False]) for name in CLASSIFIERS}
    return PersonDraw(train=train, test=parts[False], real=real, public=public, seed=seed)


def passages_of(data: Path, encoder: Encoder, cache: Path, progress: Progress) -> LabelledTexts:
    """Return `PASSAGES` public passages, drawn at random from the first file of the bridge's training corpus."""
    import pyarrow.parquet as pq

    passages = pq.read_table(data / "bridge_corpus" / "train-0000.parquet", columns=["text"])["text"]
    order = SeedTree(0).child("passages").generator().permutation(len(passages))[:PASSAGES]
    texts = passages.take(np.sort(order)).to_pylist()
    vectors = kept_vectors("passages", texts, encoder, cache, progress)
    return LabelledTexts(texts=tuple(texts), labels=np.array([""] * len(texts)), vectors=vectors)


def _table(rows: Mapping[tuple[str, float], list[Mapping[str, float]]]) -> list[str]:
    lines = ["| learned | ε | head | TF-IDF |", "|---|---|---|---|"]
    for (name, epsilon), same in sorted(rows.items(), key=lambda row: row[0][1]):
        cells = [_per_cent([one[by] for one in same if by in one]) for by in CLASSIFIERS]
        lines.append(f"| {name} | {f'{epsilon:g}' if epsilon else 'none'} | {' | '.join(cells)} |")
    return lines


def _per_cent(shares: Sequence[float]) -> str:
    if not shares:
        return "–"
    return f"{100 * mean(shares):.1f}" + (f" ± {100 * stdev(shares):.1f}" if len(shares) > 1 else "")


_INTRODUCTION = """\
# Ways to learn the classes under one budget

`python -m studies dp-vectors` made this page. A classifier is trained on 300 synthetic vectors of each class and
tested on the real records of persons who are not in train. Figures are macro F1 in per cent of the macro F1 of the
same classifier trained on all real records of train: the mean and standard deviation over draws of persons and of
noise. The head is `encoder-logistic`, and TF-IDF is `tfidf-linear`. No text is written. The row *nearest public
passage* replaces each synthetic vector by the nearest of 10,000 passages of public text, so it needs no language
model.

- `dp-gaussian` is the shipped method. Each of these rows changes one of its settings: *no public prior*, *one point
  drawn*, *covariance on 48 axes* (the method uses 128), *means .6, covariance .4* and *means .9, covariance .1*
  (shares of the budget).
- *noised classifier (removed)* spends half of the budget on a classifier that chooses among four points.
- *a covariance per class* queries the covariance of each class separately. `smote` gives no guarantee.
- δ is 10⁻⁵, and the unit is the person. The noise comes from a public random stream."""
