"""`python -m studies writers`: compare ways to write texts from the same vectors, without filters.

Each way yields one text for each vector. A classifier is trained on the texts of one way alone, and tested on real
records of other persons. The baselines are real records, texts that a language model writes from the label alone, and
public passages near the vectors.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from audits.core.files import write_whole
from studies.conversations import (
    Asking,
    Conversation,
    OneByOne,
    n_copies,
    nearest_passages,
    of_corrections,
    of_passages,
)
from studies.dp.sets import KINDS, PrivateSet, read_private_sets
from studies.dp.vectors import macro_f1, passages_of
from studies.feature_augmentation.vectors import kept_vectors
from synthgen.coherence.measure import coherence
from synthgen.core.digest import sha256_array
from synthgen.core.errors import DataError, InternalError
from synthgen.core.files import read_json, write_json
from synthgen.core.progress import Progress
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Float32, Latents
from synthgen.decode.base import Decoder, Settings
from synthgen.decode.bridge import load_bridge
from synthgen.decode.class_words import TokenBiases, token_biases
from synthgen.decode.config import DEFAULT_WORDS
from synthgen.decode.loop_decoder import LoopDecoder
from synthgen.decode.prompting.examples import exemplars, load_examples
from synthgen.decode.prompting.facts import facts_of
from synthgen.decode.prompting.local import PromptDecoder
from synthgen.decode.prompting.prompter import Prompter
from synthgen.decode.prompts import label_prompt
from synthgen.decode.style_adapter import built_in_styles, in_style, load_style
from synthgen.decode.xrag import XragDecoder
from synthgen.embed import Encoder, build_encoder, with_ids
from synthgen.embed.config import EmbedConfig
from synthgen.evaluate.classifiers import CLASSIFIERS, ON_WORDS, LabelledTexts
from synthgen.evaluate.style_gap import style_gap
from synthgen.filter.coherent import count_contradictions
from synthgen.interpolate.smote import Smote
from synthgen.models.store import digest_of, model_folder

PER_CLASS, QUICK_PER_CLASS = 25, 2  # number of vectors of each class
PERSONS, QUICK_PERSONS = 700, 52  # largest number of persons in train, and also in test
BRIDGE_WORDS = 4  # number of words near the vector in the prompt of the bridge, as in the demo
# number of texts per vector in the ways "best of 4" and "four texts ranked", and of public passages per vector
CANDIDATES = 4
LIKELY = 0.4  # smallest probability of the class of a ranked text, as `filter.class_agreement` of the demo
BATCH = 32  # number of texts decoded at once
SHOWN = 10  # number of texts of each way on the page
MOST_TOKENS = 160  # largest length of a text written from a prompt, in tokens
QUICK_TOKENS = 12  # largest length of every text with `quick`, in tokens
_HEAD = next(name for name in CLASSIFIERS if name != ON_WORDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class WritersRequest:
    """The options of the study."""

    dataset: str  # a name in `KINDS`
    data: Path | None  # folder of the datasets; if None, the rows that need public passages are omitted
    out: Path  # folder of the page, the texts and the cached vectors
    model: Path | None  # folder of a larger instruction model; None: use only the embedded (default) model
    quick: bool  # whether to write few texts as a test of some minutes, with the embedded model only
    per_class: int = PER_CLASS  # number of vectors of each class
    only: tuple[str, ...] = ()  # names of the ways to run; all if empty


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WritersBench:
    """The vectors from which every way writes texts, and the real records with which the texts are measured."""

    found: PrivateSet  # the dataset
    train: Corpus  # records from which the latents are made
    test: Corpus  # records of other persons
    of_train: Float32  # (n_train, d), vectors of `train`
    of_test: Float32  # (n_test, d), vectors of `test`
    latents: Latents  # the vectors to write texts from
    encoder: Encoder
    seeds: SeedTree
    # key: latent id; value: the public passages nearest to the latent, nearest first; empty if there are no passages
    near_passages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def passages(self) -> dict[str, str]:
        """The public passage nearest to each latent, by latent id."""
        return {name: near[0] for name, near in self.near_passages.items()}

    @property
    def labelled_test(self) -> LabelledTexts:
        """The records of `test` with labels and vectors, in the form that classifiers need."""
        return LabelledTexts.of(self.test.texts, self.test.labels, self.of_test)

    def write(self, way: "Way", progress: Progress) -> list[str]:
        """Return a text for each vector; of several candidates, the best by `ranked` or the nearest to the vector."""
        labels, decoder = sorted(set(self.train.labels)), way.opened()
        settings = Settings(
            prompts={label: label_prompt(self.found.kind.prompt, label) for label in labels},
            candidates=way.candidates,
            max_new_tokens=way.tokens,
            temperature=0.8,
            top_p=0.95,
            top_k=50,
            batch=BATCH,
            words=way.words,
            token_biases=self._token_biases(decoder) if way.class_words else None,
        )
        total = len(self.latents) * way.candidates * (1 if way.corrected is None else 2)
        with progress.stage("decode", total=total, unit="texts") as advance:
            written = decoder.decode(self.latents, settings, self.seeds.child("decode"), advance)
            texts = [candidate.text for candidate in written]
            best = self.ranked(texts) if way.is_ranked else self._nearest(texts, way.candidates)
            if way.corrected is None or not isinstance(decoder, Conversation):
                return best
            decoder.asking = way.corrected(dict(zip(self.latents.ids, best, strict=True)))
            again = decoder.decode(self.latents, settings, self.seeds.child("corrected"), advance)
        second = self._nearest([candidate.text for candidate in again], way.candidates)
        return self._nearest([text for pair in zip(best, second, strict=True) for text in pair], 2)

    def _token_biases(self, decoder: Decoder) -> TokenBiases | None:
        if not isinstance(decoder, LoopDecoder):
            raise InternalError("only a decoder with a tokenizer can make the words of a class more likely")
        return token_biases(self.train, decoder.tokenizer, self.seeds.child("class-words"))

    def _nearest(self, texts: list[str], each: int) -> list[str]:
        """Return for each vector the nearest of its `each` texts, or the first of several equally near texts."""
        if each == 1:
            return texts
        vectors = self.encoder.encode([text or "." for text in texts]).reshape(len(self.latents), each, -1)
        best = np.einsum("ncd,nd->nc", vectors, self.latents.vectors).argmax(axis=1)
        return [texts[i * each + int(j)] for i, j in enumerate(best)]

    def ranked(self, texts: list[str]) -> list[str]:
        """Return for each vector one of its `CANDIDATES` texts, chosen as the filters of a run choose.

        The filters prefer texts whose label has at least the probability `LIKELY`, then texts with fewer
        contradictions, then texts nearer to the vector. A classifier trained on train gives the probability.
        """
        classifier = LogisticRegression(max_iter=2000).fit(self.of_train, self.train.labels)
        vectors = self.encoder.encode([text or "." for text in texts])
        labels = np.repeat(self.latents.labels, CANDIDATES)
        p = classifier.predict_proba(vectors)[np.arange(len(texts)), np.searchsorted(classifier.classes_, labels)]
        distance = 1 - np.einsum("nd,nd->n", vectors, np.repeat(self.latents.vectors, CANDIDATES, axis=0))
        keys = [(p[i] < LIKELY, count_contradictions(text), distance[i]) for i, text in enumerate(texts)]
        starts = range(0, len(texts), CANDIDATES)
        return [texts[min(range(start, start + CANDIDATES), key=keys.__getitem__)] for start in starts]

    def row(self, texts: Sequence[str], seconds: float | None) -> dict[str, float | None]:
        """Return the measures of a way's texts by name of the column on the page.

        `seconds` is the time that writing took, or None for texts that were not written by a model.
        """
        vectors = self.encoder.encode([text or "." for text in texts])
        rows, test = LabelledTexts.of(list(texts), list(self.latents.labels), vectors), self.labelled_test
        own = self.latents.vectors / np.linalg.norm(self.latents.vectors, axis=1, keepdims=True)
        groups = [record.group for record in self.test.records]
        cosines, found = vectors @ own.T, coherence(texts)
        gap = style_gap(texts, self.test.texts, groups, self.seeds.child("style"))
        near = np.concatenate([(real @ vectors.T).max(axis=1) for real in (self.of_train, self.of_test)])
        is_member = np.repeat([1, 0], [len(self.of_train), len(self.of_test)])
        return {
            "TF-IDF": macro_f1(ON_WORDS, rows, test),
            "head": macro_f1(_HEAD, rows, test),
            "cosine": float(np.mean(np.diag(cosines))),
            "own vector nearest": float(np.mean(cosines.argmax(axis=1) == np.arange(len(own)))),
            "style gap": None if gap is None else gap.value,
            "contradictory": found.n_contradictory / found.n,
            "membership AUC": float(roc_auc_score(is_member, near)),
            "copies": n_copies(texts, list(self.passages.values())) / len(texts) if self.passages else None,
            "words": float(np.median([len(text.split()) for text in texts])),
            "seconds": seconds,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way to write: a language model with a bridge or with prompts."""

    opened: Callable[[], Decoder]  # loads the model and returns the decoder
    words: int = DEFAULT_WORDS  # number of prompt words
    candidates: int = 1  # number of texts for each vector, of which the nearest is kept
    is_ranked: bool = False  # whether the text of a vector is chosen as in a run (`WritersBench.ranked`)
    class_words: bool = False  # whether words that distinguish a class are made more likely
    tokens: int = MOST_TOKENS  # largest number of tokens of a text
    # If set, this function receives the text of each latent by id, and returns the function that builds the prompts
    # to correct these texts. The texts are then written again, and the nearest of all texts of a latent is kept.
    corrected: Callable[[Mapping[str, str]], Asking] | None = None


def writers(request: WritersRequest, progress: Progress) -> Path:
    """Write the page of results with some texts of each way, and return its path.

    The texts of each finished way are kept in `request.out`, so an interrupted study continues. The page is written
    after each way.

    Raises:
        DataError: if the dataset or a name in `only` is unknown, if files are missing, or if a file of an earlier run
            in `request.out` has texts of other vectors or of another model.

    Privacy: the texts are neither filtered nor audited.
    """
    if request.dataset not in KINDS:
        raise DataError(f"{request.dataset}: no such set", hint=f"The sets are {', '.join(KINDS)}.")
    bench = open_bench(request, progress)
    if request.data is not None and not request.quick:
        public = passages_of(request.data, bench.encoder, request.out / "vectors", progress)
        bench = replace(bench, near_passages=nearest_passages(bench.latents, public, CANDIDATES))
    texts = _baselines(bench)
    rows = {name: bench.row(of_way, None) for name, of_way in texts.items()}
    page = request.out / "writers.md"
    ways = _ways(bench, request)
    if request.quick:
        ways = {name: replace(way, tokens=QUICK_TOKENS) for name, way in ways.items()}
    if unknown := [f"{name}: not one of {', '.join(ways)}" for name in request.only if name not in ways]:
        raise DataError("unknown writers", problems=unknown, hint="Check --only.")
    for name, way in ((name, way) for name, way in ways.items() if name in (request.only or ways)):
        texts[name], seconds = _written(bench, name, way, request, progress)
        rows[name] = bench.row(texts[name], seconds)
        write_whole(page, _page(bench, rows, texts).encode())
    return page


def _written(
    bench: WritersBench, name: str, way: Way, request: WritersRequest, progress: Progress
) -> tuple[list[str], float]:
    """Return the texts of a way and the seconds that they took, from the file of an earlier run if there is one."""
    path = request.out / f"{name.replace(', ', '-').replace(' ', '-')}.json"
    model = digest_of(request.model) if name.startswith("larger") and request.model is not None else "embedded"
    source = {"vectors": sha256_array(bench.latents.vectors), "model": model}
    if not path.is_file():
        start = time.monotonic()
        texts = bench.write(way, progress)
        write_json(path, {**source, "seconds": time.monotonic() - start, "texts": texts})
    kept = read_json(path)
    if {key: kept.get(key) for key in source} != source:
        problem = f"{path}: contains texts of other vectors, of another model, or of an older version of the study"
        raise DataError(problem, hint="Remove it, or choose another --out.")
    return kept["texts"], kept["seconds"]


def open_bench(request: WritersRequest, progress: Progress) -> WritersBench:
    """Return the bench: persons drawn at random and split into train and test, and SMOTE vectors made from train."""
    n, each = (QUICK_PERSONS, QUICK_PER_CLASS) if request.quick else (PERSONS, request.per_class)
    (whole,) = read_private_sets((request.dataset,), request.data, 2 * n)
    found = whole.part(2 * n)
    drawn = found.drawn(n, 1)
    request.out.mkdir(parents=True, exist_ok=True)
    cache = request.out / "vectors"
    cache.mkdir(exist_ok=True)
    encoder = build_encoder(EmbedConfig(model="minilm"), model_folder)
    vectors = kept_vectors(found.name, found.corpus.texts, encoder, cache, progress)
    is_train = np.array([record.group in drawn for record in found.corpus.records])
    train, test = (
        replace(found.corpus, records=tuple(r for r, own in zip(found.corpus.records, side, strict=True) if own))
        for side in (is_train, ~is_train)
    )
    seeds = SeedTree(0).child("writers")
    counts = dict.fromkeys(sorted(set(train.labels)), each)
    latents = Smote().fit(with_ids(train, vectors[is_train], encoder)).sample(counts, seeds.child("smote"))
    return WritersBench(
        found=found, train=train, test=test, of_train=vectors[is_train], of_test=vectors[~is_train], latents=latents,
        encoder=encoder, seeds=seeds,
    )  # fmt: skip


def _baselines(bench: WritersBench) -> dict[str, list[str]]:
    """Return the baselines without a language model: train records drawn by class, and nearest public passages."""
    rng = bench.seeds.child("real").generator()
    real = []
    for label in bench.latents.labels:
        own = [record.text for record in bench.train.records if record.label == label]
        real.append(own[int(rng.integers(len(own)))])
    found = {"real records": real}
    if bench.near_passages:
        found["nearest public passage"] = list(bench.passages.values())
        found["four nearest passages, ranked"] = bench.ranked(
            [t for near in bench.near_passages.values() for t in near]
        )
    return found


def _ways(bench: WritersBench, request: WritersRequest) -> dict[str, Way]:
    kind, folder = bench.found.kind, model_folder("smollm2")
    bridge = load_bridge("builtin")
    plain = Prompter(reader=bridge.reader)
    described = in_style(bridge, [(load_style(kind.style, Path), 1.0)] if kind.style in built_in_styles()[1:] else [])

    def bridged() -> Decoder:
        return XragDecoder(folder, described, decoder="smollm2", encoder="minilm", dim=bench.encoder.dim)

    by_bridge = Way(opened=bridged, words=BRIDGE_WORDS, tokens=kind.max_new_tokens)
    with_class_words = replace(by_bridge, class_words=True)
    ways = {
        "embedded, bridge": by_bridge,
        "embedded, bridge, class words": with_class_words,
        "embedded, four texts ranked": replace(with_class_words, candidates=CANDIDATES, is_ranked=True),
    }
    ways |= {f"embedded, {name}": way for name, way in _prompted(bench, request, folder, plain).items()}
    if request.model is None or request.quick:
        return ways
    examples = load_examples(kind.style if kind.style in exemplars() else None, Path)
    shown = replace(plain, examples=examples, facts=facts_of(bench.train))
    ways |= {f"larger, {name}": way for name, way in _prompted(bench, request, request.model, shown).items()}
    best_of = Way(opened=_opened(request.model, shown), candidates=CANDIDATES)
    return ways | {
        "larger, prompt without examples": Way(opened=_opened(request.model, plain)),
        f"larger, best of {CANDIDATES}": best_of,
        "larger, four texts ranked": replace(best_of, is_ranked=True, class_words=True),
    }


def _opened(model: Path, prompter: Prompter) -> Callable[[], Decoder]:
    return lambda: PromptDecoder(model, prompter, decoder=model.name)


def _prompted(bench: WritersBench, request: WritersRequest, model: Path, prompter: Prompter) -> dict[str, Way]:
    """Return the ways to prompt one model, by name; "prompt" is the way that the package uses."""
    ways = {
        "prompt": Way(opened=_opened(model, prompter)),
        "label only": Way(opened=_opened(model, replace(prompter, reader=None)), words=0),
    }
    if prompter.reader is None or request.quick:
        return ways
    reader = prompter.reader
    other = replace(prompter, reader=OneByOne(**{f.name: getattr(reader, f.name) for f in fields(reader)}))
    corrected = Way(
        opened=lambda: Conversation(model, prompter, prompter.conversations),
        corrected=lambda written: of_corrections(prompter, written),
        class_words=True,
    )
    ways |= {
        "prompt, class words": Way(opened=_opened(model, prompter), class_words=True),
        "words one by one": Way(opened=_opened(model, other)),
        "best of 2, class words": Way(opened=_opened(model, prompter), candidates=2, class_words=True),
        "corrected, class words": corrected,
    }
    if bench.passages:
        asking = of_passages(prompter, bench.passages)
        ways["passage rewritten"] = Way(opened=lambda: Conversation(model, prompter, asking))
    return ways


def _page(
    bench: WritersBench, rows: Mapping[str, Mapping[str, float | None]], texts: Mapping[str, Sequence[str]]
) -> str:
    names = next(iter(rows.values()))
    sizes = f"{len(bench.latents)} vectors by SMOTE from {len(bench.train)} records"
    lines = [
        f"# Writers: {bench.found.name}",
        "",
        f"{sizes}, tested on {len(bench.test)} records of other persons; macro F1.",
        "",
        f"| writer | {' | '.join(names)} |",
        "|---|" + "---|" * len(names),
    ]
    for name, row in rows.items():
        lines.append(f"| {name} | {' | '.join('–' if x is None else f'{x:.3g}' for x in row.values())} |")
    shown = bench.seeds.child("shown").generator().permutation(len(bench.latents))[:SHOWN]
    for name, of_way in texts.items():
        if name != "real records":
            lines += ["", f"## {name}", ""]
            lines += [f"- {bench.latents.labels[i]}: {' '.join(of_way[i].split())}" for i in sorted(shown)]
    return "\n".join(lines) + "\n"
