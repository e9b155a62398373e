"""The closed vocabulary of a bundle: every word that its files may contain besides labels, records and digests.

A bundle has no free text except its records and labels. Otherwise the holder of a releaser's key could pass on
private notes in a description. A value outside the vocabulary is published as `HIDDEN` or refused.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

HIDDEN = "(private)"  # replaces a value that must not be published
# A language tag of BCP 47: language, script, region, one variant. "und" means undeclared.
LANGUAGE = r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?(-[a-z0-9]{5,8})?$"
MAX_LANGUAGES = 4
LICENSES = (
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0",
    "CC-BY-ND-4.0", "CC-BY-NC-SA-4.0", "CC-BY-NC-ND-4.0", "CDLA-Permissive-2.0", "CDLA-Sharing-1.0", "MIT",
    "ODbL-1.0", "ODC-By-1.0", "PDDL-1.0", "other",
)  # fmt: skip
# distributions whose versions are stated; a test of the engine compares them with those that compute results
LIBRARIES = (
    "accelerate", "confusable-homoglyphs", "dp-accounting", "gguf", "numpy", "opacus", "opendp", "presidio-analyzer",
    "pyahocorasick", "pyarrow", "python-stdnum", "regex", "safetensors", "scikit-learn", "scipy",
    "sentence-transformers", "spacy", "tldextract", "tokenizers", "torch", "transformers",
)  # fmt: skip
MODELS = ("minilm", "smollm2")
STYLES = ("clinical-note", "clinical-shorthand", "letter", "plain", "question")
_VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){0,3}((a|b|rc|\.post|\.dev)[0-9]{1,3})?(\+[a-z]{2,4}[0-9.]{0,4})?")

# stages of a run in their order, and reasons of its filters; tests of the engine compare them with the code
MOST_ROUNDS, MOST_TURNS = 20, 3  # of writing, and of judging


def _repeated(stages: tuple[str, ...], most: int) -> tuple[str, ...]:
    suffixes = ("", *(f"-{number}" for number in range(2, most + 1)))
    return tuple(stage + suffix for suffix in suffixes for stage in stages)


WRITING = _repeated(("interpolate", "decode", "filter"), MOST_ROUNDS)  # these read no private record
STAGES = (
    "load", "split", "reserve", "deidentify", "embed", "measure", "style", "decode-reconstruction",
    "re-embed-reconstruction", *_repeated(("interpolate", "decode", "re-embed", "filter"), MOST_ROUNDS),
    "embed-control", *_repeated(("evaluate", "audit"), MOST_TURNS), "selftest",
)  # fmt: skip
REASONS = (
    "empty", "copy", "near_duplicate", "class_agreement", "class_not_learned", "latent_distance_near",
    "latent_distance_far", "class_distance_near", "class_distance_far", "language", "length_short", "length_long",
    "repetition", "consistent", "not_the_best_of_its_vector",
    *(f"attributes_{kind}" for kind in ("age", "age_band", "sex", "condition", "symptom", "medication", "smoking",
                                        "alcohol", "drugs", "exercise", "living", "occupation", "mentions",
                                        "not_mentions")),
)  # fmt: skip

STYLE_KINDS = tuple(
    f"{kind}_share" for kind in ("line_ends", "numbers", "marks", "capitals", "function_words", "first_person")
)

# sentences of the statement about limitations
CONTAMINATED = (
    "Every comparison uses control persons whom the run did not use. If a model had already been trained on train and"
    " control, the comparisons cannot detect a leak. Canaries, or control persons of a later date, can detect it."
)
LIMITATIONS = (
    "Interpolating the texts of two persons is not private by itself; the audits state what they could detect.",
    "No differential privacy: no epsilon is claimed, and a leak that no attack found may still exist.",
    "No canaries were planted in a second build, and the release was not compared with an earlier one.",
    CONTAMINATED,
    "One vector represents about the first hundred words of a record; later words of the record are lost.",
)
DIFFERENTIALLY_PRIVATE = (
    "The privacy budget covers each person of train with all records of that person. It does not cover a person who"
    " is mentioned only in another person's records."
)
VERDICTS_ONLY = (
    "Of the measurements, only the fact that the gates passed is published: each published number is the limit of a "
    "gate, not a measured value, and the verdict of every audit without a gate is published as insufficient."
)
NUMBERS_WITHOUT_NOISE = (
    "The privacy budget covers the texts but not the report: numbers of the audits and of utility, and counts of the "
    "source, are published without noise, as coarsely as the policy requires."
)
SEGMENTED = (
    "Records were cut into segments, and one vector represents each segment; details of a segment are lost, and "
    "sections that only one parent of a record had are omitted."
)
CHOSEN_STYLE = "The one to three built-in styles of the texts were chosen by means of the private train text."
OWN_STYLE = (
    "The texts use a style adapter of the releaser; only the releaser states that it was trained on public text."
)
DISCLOSED = "The language model received {} of each vector; a few words can reveal a person's illness."
GUESSABLE = (
    "The random streams are derived from a public secret: anyone who guesses the seed can compute who was in train"
    " and which records each synthetic record was made from. Do not release this dataset externally."
)
UNCALIBRATED = (
    "The policy requires no self-test: it was not shown that the audits detect a leak of these persons and do not "
    "report chance as a leak."
)
RECORDS_ONLY = (
    "The source has no person ids: every number is about single records, and nothing is shown about a person."
)
_SENTENCES = {
    *LIMITATIONS, DIFFERENTIALLY_PRIVATE, VERDICTS_ONLY, NUMBERS_WITHOUT_NOISE, SEGMENTED, CHOSEN_STYLE, OWN_STYLE,
    GUESSABLE, UNCALIBRATED, RECORDS_ONLY,
}  # fmt: skip
_DISCLOSURE = r"[0-9]{1,2} of [0-9]{1,3}(,[0-9]{3}){0,2} public words, at most [0-9]{1,4} bits, in plain sight"
_DISCLOSED = re.compile(re.escape(DISCLOSED).replace(r"\{\}", _DISCLOSURE))

# sentences of the statement about reads without noise
NO_DP_STEP = "interpolation, filters and audits read private records without noise; no epsilon is claimed"
VERDICTS_PUBLISHED = (
    "the gates compare the texts with train and control without noise; only their verdicts are published"
)
NUMBERS_PUBLISHED = (
    "audits and utility compare the texts with train and control without noise; their numbers are published, and"
    " epsilon covers only the texts"
)
OUTSIDE_DP = (
    "identifiers are replaced before training, in the records of each person separately",
    "a person with two ids counts as two persons",
    "settings may have been chosen after looking at the records; only attempts in the ledger are counted",
)

# the published settings by section; numbers, true, false, null and the words of `_WORDS` are their only values
SETTINGS = {
    "": ("version", "secret"),
    "source": ("format", "max_records", "max_bad_rows"),
    "split": ("train", "control"),
    "deidentify": ("engine",),
    "embed": ("model",),
    "segments": ("by", "words", "least_persons", "context_tokens"),
    "interpolate": (
        "method", "k_neighbors", "balance", "total", "m_neighbors", "kind", "parents", "alpha", "noise",
        "max_exposure", "lambda_beta", "latent_dim", "beta", "free_bits", "conditional",
    ),
    "decode": (
        "model", "bridge", "candidates", "max_new_tokens", "temperature", "top_p", "top_k", "words", "style", "batch",
        "device",
    ),
    "filter": ("class_agreement", "near_duplicate", "language", "length", "repetition", "consistent"),
    "dp": ("epsilon", "delta", "persons"),
    "audit": ("confidence",),
}  # fmt: skip
_WORDS = {
    "workspace", "public", "auto", "jsonl", "csv", "parquet", "dataset", "text", "rules", "presidio", "off",
    "headings", "sentences", "smote", "borderline-smote", "adasyn", "random-oversample", "vae", "mixture", "slerp",
    "dp-gaussian", "equal", "as-source", "builtin", "words", "model", "cpu", "cuda", "source", "prefer", "require",
    HIDDEN, *MODELS, *STYLES,
}  # fmt: skip


def public_setting(value: object) -> object:
    """Return a setting if the vocabulary contains it, with numbers rounded to six digits; otherwise `HIDDEN`."""
    if value is None or isinstance(value, bool) or (isinstance(value, str) and value in _WORDS):
        return value
    if isinstance(value, int) and abs(value) < 10**9:
        return value
    return float(f"{value:.6g}") if isinstance(value, float) and abs(value) < 1e9 else HIDDEN


def public_version(text: str) -> str:
    """Return the version of a library, or "other" if it does not have the usual form."""
    return text if text in {"absent", "other"} or _VERSION.fullmatch(text) else "other"


def _in_vocabulary(text: str) -> str:
    if text not in _SENTENCES and not _DISCLOSED.fullmatch(text):
        raise ValueError("not a sentence of the vocabulary")
    return text


def _known_step(text: str) -> str:
    if text not in {NO_DP_STEP, VERDICTS_PUBLISHED, NUMBERS_PUBLISHED, *OUTSIDE_DP}:
        raise ValueError("not a sentence of the vocabulary")
    return text


def _known_version(text: str) -> str:
    if public_version(text) != text:
        raise ValueError("not a version")
    return text


Limitation = Annotated[str, AfterValidator(_in_vocabulary)]
NonPrivateStep = Annotated[str, AfterValidator(_known_step)]
Version = Annotated[str, AfterValidator(_known_version)]
_NAMES = "|".join(map(re.escape, (*MODELS, *STYLES, HIDDEN)))
# a model of the store, a part between two of them, a built-in style, or a part of the releaser without its name
ModelName = Annotated[str, Field(pattern=rf"^((builtin|custom):)?({_NAMES})(-({_NAMES}))?$")]
