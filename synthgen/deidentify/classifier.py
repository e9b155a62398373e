"""Find names, places and streets with Rampart, a neural token classifier for seven languages.

The National Design Studio published Rampart under CC BY 4.0. The weights are read from the model store and must have
the expected digest. Nothing is downloaded.
"""

import importlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from audits.text.clinical_terms import is_eponym, is_in_term, is_never_person, is_ordinary
from audits.text.name_lists import DEGREES, FIRST_NAMES, LAST_NAMES, TITLES
from synthgen.core.errors import DependencyError
from synthgen.core.files import read_json
from synthgen.deidentify.places import REGIONS
from synthgen.deidentify.spans import Span
from synthgen.models.store import digest_of, model_folder

MODEL = "rampart"
MIN_PROBABILITY = 0.5  # a token gets a kind if the probabilities of the kind's labels sum to at least this value
WINDOW, OVERLAP = 384, 64  # in tokens: length of a window, overlap of successive windows; the model reads up to 512
_KINDS = dict.fromkeys(("GIVEN_NAME", "SURNAME"), "name") | {"CITY": "place"}  # label of Rampart -> kind of span
_KINDS |= dict.fromkeys(("STREET_NAME", "BUILDING_NUMBER"), "street")
# words that name no place if they stand alone
_DIRECTIONS = frozenset(("NORTH", "SOUTH", "EAST", "WEST", "North", "South", "East", "West"))
# a number after the name of a score, such as "Waterlow 20"; an age ("20 yo") does not match
_SCORE_AFTER = re.compile(r" \d{1,3}(?:/\d{1,2})?(?:[,.;]|$| (?!yo|y/o|ye|yr|M\b|F\b|wk|week|mo)[a-z])")
_MEDICAL_WORD = re.compile(r"^[a-z]+(?:omas?|itis|os[ie]s|emia|ectomy|otomy|oscopy|graphy|pathy|plasty)$")
_GAP = re.compile(r"[ .'’-]{0,2}")  # text allowed between two words of one name, place or street
_WORD = re.compile(r"[^\W\d_]+")


class Classifier:
    """The classifier Rampart; creating an object loads the model.

    Raises:
        ModelMissing: the model is not in the store.
        ModelError: the digest of the model's files differs from the expected digest.
        DependencyError: onnxruntime or tokenizers is not installed.
    """

    def __init__(self) -> None:
        folder = model_folder(MODEL)
        digest_of(folder)
        try:
            runtime, tokenizers = importlib.import_module("onnxruntime"), importlib.import_module("tokenizers")
        except ImportError as error:
            raise DependencyError(
                "the engine rules+ner needs the packages onnxruntime and tokenizers; at least one of them is missing",
                hint="In a checkout of SynthGen, run `pip install '.[engine]'`, or use the engine rules.",
            ) from error
        self._session: Any = _session(runtime, folder)
        self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        labels = read_json(folder / "config.json")["id2label"]
        self._labels = [str(labels[number]) for number in sorted(labels, key=int)]

    def find(self, text: str) -> list[Span]:
        """Return the spans of names, places and streets, except ordinary words and parts of clinical terms."""
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        ids, offsets = encoded.ids, encoded.offsets
        kinds: list[str | None] = [None] * len(ids)
        for start in range(0, max(len(ids), 1), WINDOW - OVERLAP):
            for position, kind in enumerate(self._kinds_in(ids[start : start + WINDOW]), start):
                kinds[position] = kinds[position] or kind
        return [kept for span in _joined(text, kinds, offsets) if (kept := _trimmed(text, span)) is not None]

    def _kinds_in(self, ids: Sequence[int]) -> Iterator[str | None]:
        # yields a kind of span or None for each token of a window
        first, last = (self._tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
        row = np.array([[first, *ids, last]], dtype=np.int64)
        feed = {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)}
        logits = self._session.run(None, feed)[0][0, 1:-1]
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = odds / odds.sum(axis=1, keepdims=True)
        for by_label in probabilities:
            by_kind: dict[str, float] = {}
            for label, value in zip(self._labels, by_label, strict=True):
                kind = _KINDS.get(label.partition("-")[2])  # a label has a prefix, as in "B-SURNAME"
                if kind is not None:
                    by_kind[kind] = by_kind.get(kind, 0.0) + float(value)
            best = max(by_kind, key=by_kind.__getitem__)
            yield best if by_kind[best] >= MIN_PROBABILITY else None


def _session(runtime: Any, folder: Path) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # with one thread, results are reproducible
    model = str(folder / "onnx" / "model_q4.onnx")
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _joined(text: str, kinds: Sequence[str | None], offsets: Sequence[tuple[int, int]]) -> Iterator[Span]:
    # spans are extended to whole words; successive spans of the same kind are joined if only a `_GAP` separates them
    spans: list[Span] = []
    for kind, (first, last) in zip(kinds, offsets, strict=True):
        start, end = first, last
        if kind is None or start == end:
            continue
        while start > 0 and text[start - 1].isalnum():
            start -= 1
        while end < len(text) and text[end].isalnum():
            end += 1
        if spans and spans[-1].kind == kind and _GAP.fullmatch(text[spans[-1].end : max(start, spans[-1].end)]):
            spans[-1] = Span(spans[-1].start, max(end, spans[-1].end), kind)
        else:
            spans.append(Span(start, end, kind))
    yield from spans


def _trimmed(text: str, span: Span) -> Span | None:
    # Removes ordinary words at the ends of a name. Returns None for a clinical term, a region, a score, an eponym (a
    # name in a clinical term, such as "Crohn"), and a single lower-case word that is in no name list. A place or
    # street is kept only if it has a capitalised word of four or more letters.
    words = [(m[0], *m.span()) for m in _WORD.finditer(text, span.start, span.end)]
    while words and _is_no_name(words[-1][0]):
        words.pop()
    while words and _is_no_name(words[0][0]):
        words.pop(0)
    if not words or any(is_never_person(word) for word, _, _ in words):
        return None
    first, start, end = words[0][0], words[0][1], words[-1][2]
    is_name_of_score = len(words) == 1 and _SCORE_AFTER.match(text, end) is not None
    is_region = " ".join(word for word, _, _ in words) in REGIONS
    if is_name_of_score or is_region or any(map(_MEDICAL_WORD.search, text[start:end].split())):
        return None
    is_listed = first.title() in FIRST_NAMES or first.title() in LAST_NAMES
    if any(is_in_term(text, start, until) for _, _, until in words) or (len(words) == 1 and is_eponym(first)):
        return None
    if span.kind != "name":
        is_score = re.search(r"\d/\d|^[A-Z]{2,4}-[A-Z]{3,6}$", text[span.start : span.end]) is not None
        is_term = all(is_eponym(word) for word, _, _ in words)
        if is_score or is_term or (len(words) == 1 and first in _DIRECTIONS):
            return None
        return span if any(word[0].isupper() and len(word) > 3 for word, _, _ in words) else None
    return Span(start, end, "name") if first[0].isupper() or is_listed or len(words) > 1 else None


def _is_no_name(word: str) -> bool:
    is_listed = word.title() in FIRST_NAMES or word.title() in LAST_NAMES
    is_abbreviation = word.isupper() and 1 < len(word) < (4 if is_listed else 6)
    return is_ordinary(word) or word in DEGREES or word.casefold() in TITLES or is_abbreviation
