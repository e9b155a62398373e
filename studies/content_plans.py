"""`python -m studies plans`: compare ways to choose words that describe a vector in a prompt. No text is written.

The chosen words are compared with the vector and with real records. Runs of SynthGen use `WordReader.plan`. The study
also tries phrases of two or three words, and words that often occur together; both are found in public passages.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from audits.core.files import write_whole
from audits.text.name_lists import FIRST_NAMES, LAST_NAMES
from studies.feature_augmentation.vectors import kept_vectors
from studies.writers import WritersBench, WritersRequest, open_bench
from synthgen.core.progress import Progress
from synthgen.core.types import Float32
from synthgen.decode.bridge import load_vocabulary
from synthgen.decode.prompt_words import LIKENESS, POOL, PRIOR, WordReader, make_reader

SIZES = (6, 10)  # numbers of words to choose for a vector
PHRASES = 8_000  # largest number of phrases
LEAST = 15  # a phrase, and each of its words, must be in at least this number of passages
MIN_NPMI = 0.25  # smallest normalized pointwise mutual information of the parts of a phrase
# a phrase of two words, such as "blood pressure", is omitted if at least this share of its passages has the same
# longer phrase, such as "high blood pressure"
MAX_COVERED = 0.75
WEIGHTS = (0.1, 0.3)  # weights of the co-occurrence in the score of a word
# sources with mostly medical text, which are read completely
MEDICAL = frozenset(
    {
        "craft_pmc_articles",
        "medquad_answers",
        "ncbi_disease_abstracts",
        "openstax:microbiology",
        "openstax:nursing-external-bundle",
    }
)
EVERY = 4  # of all other sources, every fourth passage is read
# sources that are not read: they have no open license, or a study uses them as private records
CLOSED = frozenset({"newsgroups20_train", "ag_news_train_subset", "aci_bench_train"})
_TOKEN = re.compile(r"[a-z][a-z'-]*[a-z]|[a-z0-9]+|[.,;:()!?\"]")
_WORD = re.compile(r"[a-z][a-z'-]*[a-z]")
Plans = Sequence[tuple[str, ...]]  # the chosen words of each vector


@dataclass(frozen=True, slots=True, kw_only=True)
class PlansRequest:
    """The options of the study."""

    dataset: str  # a name in `KINDS`
    data: Path | None  # folder of the sets; if None, the ways that need public passages are omitted
    out: Path  # folder of the page and of the cached vectors
    quick: bool  # use few vectors and no public passages, as a test; ignore the results


def plans(request: PlansRequest, progress: Progress) -> Path:
    """Write the page of results and return its path.

    Raises:
        DataError: the set is unknown or its files are missing.

    Privacy: the page contains averages only.
    """
    writing = WritersRequest(
        dataset=request.dataset, data=request.data, out=request.out, model=None, quick=request.quick
    )
    bench = open_bench(writing, progress)
    reader = load_vocabulary("builtin", encoder="minilm").reader
    ways: dict[str, Callable[[int], Plans]] = {
        "one by one": lambda k: reader.read(bench.latents.vectors, k),
        "together (shipped)": lambda k: reader.plan(bench.latents.vectors, k),
    }
    if request.data is not None and not request.quick:
        passages = list(tokenized(request.data))
        wider = with_phrases(reader, phrases(passages, PHRASES), bench, request.out, progress)
        ways["together, with phrases"] = lambda k: wider.plan(bench.latents.vectors, k)
        company = co_occurrence(passages, reader.words)
        for weight in WEIGHTS:
            ways[f"one by one, co-occurrence {weight}"] = lambda k, weight=weight: in_company(  # type: ignore[misc]
                reader, company, bench.latents.vectors, k, weight
            )
    lines = [
        f"# Words that describe a vector: {bench.found.name}",
        "",
        f"{len(bench.latents)} vectors by SMOTE from {len(bench.train)} records.",
        "",
        "| words | number | in parents' records | pairs in one record | cosine to the vector | nearest to its own |",
        "|---|---|---|---|---|---|",
    ]
    for name, choose in ways.items():
        for k in SIZES:
            figures = measured(choose(k), bench)
            lines.append(f"| {name} | {k} | {' | '.join(f'{x:.3f}' for x in figures)} |")
            write_whole(request.out / "plans.md", ("\n".join(lines) + "\n").encode())
    return request.out / "plans.md"


def measured(chosen: Plans, bench: WritersBench) -> tuple[float, float, float, float]:
    """Return four measurements of the chosen words, each averaged over the vectors.

    Returns:
        The share of words that occur in at least one parent record of the vector.
        The share of pairs of words that occur together in at least one record of a person who is not in train.
        The cosine between the vector and the vector of the words, which are embedded as a comma-separated list.
        The share of lists that are nearer to their own vector than to all other vectors.
    """
    of_record = {record.id: set(_WORD.findall(record.text.lower())) for record in bench.train.records}
    others = [set(_WORD.findall(text.lower())) for text in bench.test.texts]
    in_parents, in_pairs = [], []
    for words, parents in zip(chosen, bench.latents.parent_ids, strict=True):
        parts = [set(word.split()) for word in words]
        in_parents.append(np.mean([any(part <= of_record[parent] for parent in parents) for part in parts]))
        in_pairs.append(np.mean([any(a | b <= other for other in others) for a, b in combinations(parts, 2)]))
    vectors = bench.encoder.encode([", ".join(words) for words in chosen])
    own = bench.latents.vectors / np.linalg.norm(bench.latents.vectors, axis=1, keepdims=True)
    cosines = vectors @ own.T
    first = float(np.mean(cosines.argmax(axis=1) == np.arange(len(own))))
    return float(np.mean(in_parents)), float(np.mean(in_pairs)), float(np.diag(cosines).mean()), first


def tokenized(data: Path) -> Iterator[list[str]]:
    """Yield the lower-case tokens of each public passage that is read (see `MEDICAL`, `EVERY` and `CLOSED`)."""
    for path in sorted((data / "bridge_corpus").glob("*.parquet")):
        table = pq.read_table(path, columns=["text", "source"])
        for i, (text, source) in enumerate(zip(*(column.to_pylist() for column in table.columns), strict=True)):
            if source not in CLOSED and (source in MEDICAL or i % EVERY == 0):
                yield _TOKEN.findall(text.lower())


def phrases(passages: Sequence[Sequence[str]], most: int) -> dict[str, float]:
    """Return at most `most` phrases of two or three words, each with the share of passages that contain it.

    A phrase contains no stop word and no name of a person. Its parts a and b (two words, or a phrase of two words and
    a third word) occur together more often than by chance:

        NPMI(a, b) = log(p(ab) / (p(a) p(b))) / −log p(ab) ≥ MIN_NPMI

    where p(a) is the share of passages that contain a. The most frequent phrases are returned, most frequent first.

    Reference: Bouma, "Normalized (Pointwise) Mutual Information in Collocation Extraction", GSCL 2009.
    """
    n, names = len(passages), {name.lower() for name in FIRST_NAMES | LAST_NAMES}
    single = Counter(word for words in passages for word in set(words))
    usable = {w for w, count in single.items() if count >= LEAST and len(w) > 2 and w[0].isalpha()}
    usable -= ENGLISH_STOP_WORDS | names
    counted = Counter(pair for words in passages for pair in set(pairwise(words)) if usable.issuperset(pair))
    pairs = {pair: count for pair, count in counted.items() if count >= LEAST}
    triples = Counter(
        triple
        for words in passages
        for triple in set(zip(words, words[1:], words[2:], strict=False))
        if triple[:2] in pairs and triple[1:] in pairs
    )
    kept: dict[tuple[str, ...], int] = {}
    covered: Counter[tuple[str, ...]] = Counter()
    for triple, count in triples.items():
        if count >= LEAST and _npmi(count / n, pairs[triple[:2]] / n, single[triple[2]] / n) >= MIN_NPMI:
            kept[triple] = count
            for pair in (triple[:2], triple[1:]):
                covered[pair] = max(covered[pair], count)
    kept |= {
        pair: count
        for pair, count in pairs.items()
        if covered[pair] < MAX_COVERED * count and _npmi(count / n, *(single[w] / n for w in pair)) >= MIN_NPMI
    }
    ranked = sorted(kept, key=lambda phrase: (-kept[phrase], phrase))[:most]
    return {" ".join(phrase): kept[phrase] / n for phrase in ranked}


def _npmi(both: float, first: float, second: float) -> float:
    return math.log(both / (first * second)) / -math.log(both)


def with_phrases(
    reader: WordReader, shares: Mapping[str, float], bench: WritersBench, out: Path, progress: Progress
) -> WordReader:
    """Return the vocabulary of `reader` with phrases added; `shares` is the result of `phrases`."""
    vectors = kept_vectors("phrases", list(shares), bench.encoder, out / "vectors", progress)
    added = make_reader(shares, vectors, reader.centre)
    return WordReader(
        words=(*reader.words, *added.words),
        frequency=np.concatenate([reader.frequency, added.frequency]),
        table=np.concatenate([reader.table, added.table]),
        centre=reader.centre,
    )


def co_occurrence(passages: Sequence[Sequence[str]], words: Sequence[str]) -> csr_matrix:
    """Return the co-occurrence of each pair of the v words, a sparse matrix (v, v).

    The co-occurrence is the NPMI of the pair (see `phrases`). If the NPMI is negative, or if fewer than three
    passages contain both words, the co-occurrence is 0.
    """
    number = {word: i for i, word in enumerate(words)}
    rows = [sorted({number[token] for token in tokens if token in number}) for tokens in passages]
    place = np.concatenate([np.full(len(row), i) for i, row in enumerate(rows)])
    ones = np.ones(len(place), dtype=np.float32)
    contains = csr_matrix((ones, (place, np.concatenate(rows))), shape=(len(rows), len(words)))
    share = np.asarray(contains.sum(axis=0)).ravel() / len(rows)
    both = (contains.T @ contains).tocoo()
    is_used = (both.data >= 3) & (both.row != both.col)
    row, column, p = both.row[is_used], both.col[is_used], both.data[is_used] / len(rows)
    npmi = np.log(p / (share[row] * share[column])) / -np.log(p)
    return csr_matrix((np.maximum(npmi, 0), (row, column)), shape=both.shape)


def in_company(reader: WordReader, company: csr_matrix, vectors: Float32, k: int, weight: float) -> Plans:
    """Return k words for each vector (n, d), as `WordReader.read` does, but prefer words that co-occur.

    A word's score is increased by `weight` times the mean co-occurrence of the word with the words chosen before.
    """
    centred = vectors - reader.centre
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    chosen = []
    for row in centred:
        score = reader.table @ row + PRIOR * np.log(reader.frequency)
        at = np.argsort(-score, kind="stable")[:POOL]
        near, like, npmi = score[at], reader.table[at] @ reader.table[at].T, company[at][:, at].toarray()
        own = [int(near.argmax())]
        while len(own) < k:
            value = near - LIKENESS * np.maximum(like[:, own].max(axis=1), 0) + weight * npmi[:, own].mean(axis=1)
            value[own] = -np.inf
            own.append(int(value.argmax()))
        chosen.append(tuple(reader.words[at[i]] for i in own))
    return chosen
