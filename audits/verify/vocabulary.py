"""Every word and sentence that the files of a bundle may contain besides labels, records and digests.

A bundle is the folder of a released dataset. Its releaser could hide private notes in free text. Therefore any other
value is refused or replaced by `HIDDEN`.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from audits.core.strictmodel import one_of

HIDDEN = "(private)"  # replaces a value that must not be published
# A language tag (BCP 47): language, script, region, such as "en", "zh-Hans-CN"; "und" means undeclared
_SCRIPTS = "Arab|Armn|Beng|Cyrl|Deva|Geor|Grek|Gujr|Guru|Hans|Hant|Hebr|Jpan|Kore|Latn|Taml|Telu|Thai"
LANGUAGE = rf"^[a-z]{{2,3}}(-({_SCRIPTS}))?(-([A-Z]{{2}}|419))?$"
MAX_LANGUAGES = 4
MAX_RECORDS = 10_000_000  # largest number of records of a release; the verifier does not read more
LICENSES = (
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0",
    "CC-BY-ND-4.0", "CC-BY-NC-SA-4.0", "CC-BY-NC-ND-4.0", "CDLA-Permissive-2.0", "CDLA-Sharing-1.0", "MIT",
    "ODbL-1.0", "ODC-By-1.0", "PDDL-1.0", "other",
)  # fmt: skip
# Python packages whose versions are stated; a test checks that the list has every package that computes results
LIBRARIES = (
    "accelerate", "confusable-homoglyphs", "dp-accounting", "duckdb", "faiss-cpu", "gguf", "lxml", "numpy",
    "onnxruntime", "opacus", "opendp", "pyahocorasick", "pyarrow", "pypdf", "python-stdnum", "regex", "safetensors",
    "scikit-learn", "scipy", "sentence-transformers", "tokenizers", "torch", "transformers",
)  # fmt: skip
MODELS = ("minilm", "rampart", "smollm2")  # names of the shipped models
STYLES = ("clinical-note", "clinical-shorthand", "letter", "plain", "question")  # names of built-in styles
_BASE_VERSION = r"(0|[1-9][0-9]{0,3})(\.(0|[1-9][0-9]{0,2})){0,2}((a|b|rc|\.post|\.dev)[0-9])?"
_VERSION = re.compile(_BASE_VERSION + r"(\+(cpu|cu[0-9]{3}|rocm[0-9]\.[0-9]))?")

MAX_ROUNDS = 20  # largest number of times that a run carries out the stages of `WRITING`
MAX_TURNS = 3  # largest number of times that a run carries out the stages `evaluate` and `audit`


def _repeated(stages: tuple[str, ...], times: int) -> tuple[str, ...]:
    suffixes = ("", *(f"-{number}" for number in range(2, times + 1)))
    return tuple(stage + suffix for suffix in suffixes for stage in stages)


# stages that write or select texts, in all rounds; under differential privacy, these stages read no private record
WRITING = _repeated(("interpolate", "decode", "filter"), MAX_ROUNDS)
# stages of a run in their order, and reasons why the filters reject a text; tests compare both with `synthgen`
STAGES = (
    "extract", "load", "split", "deidentify", "embed", "reserve", "measure", "style", "decode-reconstruction",
    "re-embed-reconstruction", *_repeated(("interpolate", "decode", "re-embed", "filter"), MAX_ROUNDS),
    "embed-control", *_repeated(("evaluate", "audit"), MAX_TURNS), "selftest",
)  # fmt: skip
REASONS = (
    "empty", "copy", "label_word", "near_duplicate", "class_agreement", "class_not_learned", "latent_distance_near",
    "latent_distance_far", "class_distance_near", "class_distance_far", "language", "length_short", "length_long",
    "repetition", "fluency", "legibility", "coherent", "not_the_best_of_its_vector",
    *(f"attributes_{kind}" for kind in ("age", "age_band", "sex", "condition", "symptom", "medication", "smoking",
                                        "alcohol", "drugs", "exercise", "living", "occupation", "mentions",
                                        "not_mentions")),
)  # fmt: skip

# kinds of contradictions within a text (`synthgen.coherence`); `any` counts texts with at least one of them
CONTRADICTIONS = ("any", "sex", "age", "laterality", "denied", "treatment", "implausible", "dates", "repeated", "cut")
# subgroups of people by the sex and age that their texts state (`synthgen.evaluate.subgroups`)
SEXES = ("female", "male", "nonbinary")
AGE_BANDS = ("infant", "child", "adolescent", "young adult", "middle-aged", "older adult")
# shares of tokens by kind, which describe the style of a table of texts (`synthgen.evaluate.style_gap`)
_KINDS = ("line_ends", "numbers", "marks", "capitals", "function_words", "first_person")
STYLE_KINDS = tuple(f"{kind}_share" for kind in _KINDS)

# sentences about limitations in the signed statement; `gates.limitations` relies on the order of LIMITATIONS
CONTAMINATED = (
    "Every comparison uses control persons whom the run did not use. If a model had already been trained on train and"
    " control, the comparisons cannot detect a leak. Canaries, or control persons of a later date, can detect it."
)
NOT_TESTED = (
    "No canaries (invented persons whose records are added to a second build) were tested, and the release was not"
    " compared with an earlier one."
)
LIMITATIONS = (
    "Interpolating the texts of two persons is not private by itself; the audits state what they could detect.",
    "No differential privacy: no epsilon is claimed, and a leak that no attack found may still exist.",
    NOT_TESTED,
    CONTAMINATED,
    "One vector represents about the first hundred words of a record; later words of the record are lost.",
)
DIFFERENTIALLY_PRIVATE = (
    "The privacy budget covers each person of train with all records of that person. It does not cover a person who"
    " is mentioned only in another person's records."
)
VERDICTS_ONLY = (
    "Of the measurements, only the fact that the gates passed is published. If a file shows a number for a gate on"
    " private records, this number is the limit of the gate, not the measured value."
)
NOTHING_PUBLISHED = (
    "After the noise was added, no measurement on private records affected the decision on this release. No such"
    " measurement is published, not even whether an audit passed. The privacy budget alone limits what the texts"
    " reveal about a person."
)
NUMBERS_WITHOUT_NOISE = (
    "The privacy budget covers the texts but not the report: numbers of the audits and of utility, and counts of the "
    "source, are published without noise, as coarsely as the policy requires."
)
SEGMENTED = (
    "Records were cut into segments, and one vector represents each segment; details of a segment are lost. If a "
    "record was made from several source records, sections that only one of them had are omitted."
)
CHOSEN_STYLE = "The texts have one to three built-in styles, which were chosen by means of the private train text."
OWN_STYLE = (
    "The texts use a style adapter of the releaser. The releaser states that it was trained on public text; this was "
    "not verified."
)
ON_SERVER = (
    "A language model on a server wrote the texts, at an address of the releaser's own network. SynthGen did not see"
    " its weights, so a receiver cannot verify which model it was, whether it was trained on the source, or whether"
    " the server passes prompts on."
)
ON_REMOTE_SERVER = (
    "A language model on a server wrote the texts, and the prompts may have left the releaser's network, where an"
    " operator can keep them. SynthGen did not see its weights, so a receiver cannot verify which model it was."
)
PROMPT_FACTS = (
    "Prompts stated rounded lengths of records, and a sex and a decade of age that at least five persons of the class"
    " have in common. Both were computed from train without noise."
)
DISCLOSED = "For each vector, the prompt contained {}; a few words can reveal a person's illness."
GUESSABLE = (
    "The random streams are derived from a seed that is not secret: anyone who guesses the seed can compute who was"
    " in train and which records each synthetic record was made from. Do not release this dataset externally."
)
UNCALIBRATED = (
    "The policy requires no self-test. It was therefore not tested whether the audits detect a leak in these "
    "records, and whether they report no leak if there is none."
)
RECORDS_ONLY = (
    "The source has no person ids: every number is about single records, and nothing is shown about a person."
)
NO_LIST = (
    "De-identification was off, so the audit of identifiers had no list of the names and numbers of the source."
    " Without this list, the audit detects most numbers and addresses, but few names."
)
_SENTENCES = {
    *LIMITATIONS, DIFFERENTIALLY_PRIVATE, VERDICTS_ONLY, NOTHING_PUBLISHED, NUMBERS_WITHOUT_NOISE, SEGMENTED,
    CHOSEN_STYLE, OWN_STYLE, ON_SERVER, ON_REMOTE_SERVER, PROMPT_FACTS, GUESSABLE, UNCALIBRATED, RECORDS_ONLY,
    NO_LIST,
}  # fmt: skip
DISCLOSURE = re.compile(
    r"[0-9]{1,2} words of a public list of (?P<public>[1-9][0-9]{0,2}(,[0-9]{3})?), which disclose at most "
    r"[0-9]{1,4} bits"
)
_DISCLOSED = re.compile(re.escape(DISCLOSED).replace(r"\{\}", DISCLOSURE.pattern))

# sentences in the signed statement about what a privacy budget does not cover
NO_DP_STEP = "Interpolation, filters and audits read private records without noise; no epsilon is claimed."
RELEASE_GATED = (
    "ε covers the generated texts, but not the decision to release them. The release reveals that the gates passed."
)
NUMBERS_PUBLISHED = (
    "Numbers of the audits and of utility are published. They compare the texts with private records without noise."
)
SOURCE_CHECKED = (
    "Before the noise was added, checks of the records could stop the run. The run was not stopped, which reveals"
    " that the records passed the checks."
)
OWNER_DECIDED = (
    "The owner of the data can read the results of the audits before signing. If they influence whether the texts are"
    " released, ε does not cover that decision."
)
OUTSIDE_DP = (
    "A person who is mentioned only in the records of others is not protected. A person with two ids counts as two.",
    "The releaser may have chosen settings after reading records or results of audits; ε does not cover this choice.",
    "The total does not include releases of the same persons without a privacy budget or in another ledger.",
    "The guarantee does not state that the texts are anonymous in the sense of a law.",
)


@dataclass(frozen=True, slots=True)
class Setting:
    """The values of a setting that may be published: `words`, and numbers from `low` to `high` (by default, none)."""

    words: tuple[str | bool | None, ...] = ()
    low: float = 0
    high: float = -1
    step: float = 1  # precision of the numbers: 1 for whole numbers, 1e-6 for fractions

    def public(self, value: object) -> object:
        """Return the value, with at most six decimals, if it may be published; otherwise, return `HIDDEN`."""
        if value is None or isinstance(value, str | bool):
            return value if value in self.words else HIDDEN
        if not isinstance(value, int if self.step == 1 else int | float) or not self.low <= value <= self.high:
            return HIDDEN
        return value if self.step == 1 else round(float(value), 6)


def _words(*words: str | bool | None) -> Setting:
    return Setting(words)


def _whole(low: int, high: int, *words: str | None) -> Setting:
    return Setting(words, low, high)


def _fraction(low: float, high: float, *words: str | None) -> Setting:
    return Setting(words, low, high, 1e-6)


# The published settings by section; a test compares them with the schema of the configuration. The sections `dp` and
# `secret` are omitted: the statement has the privacy budget, and the metric `secret.private` states whether the seed
# is secret.
SETTINGS: dict[str, dict[str, Setting]] = {
    "": {"version": _whole(1, 1)},
    "source": {
        "kind": _words("table", "folder", "fhir", "hl7v2", "ccda", "omop", "mimic", "i2b2"),
        "format": _words("auto", "jsonl", "csv", "parquet", "dataset", "text"),
        "max_records": _whole(1, MAX_RECORDS, None),
        "max_bad_rows": _fraction(0, 1),
        "copy_forward": _words("keep", "remove-sentences", "newest"),
        "max_per_person": _whole(1, MAX_RECORDS, None),
    },
    "split": {"train": _fraction(0, 1), "control": _fraction(0, 1)},
    "deidentify": {
        "engine": _words("auto", "rules", "rules+ner", "off"),
        "date_order": _words("auto", "day-first", "month-first"),
    },
    "embed": {"model": _words(*MODELS)},
    "segments": {
        "by": _words("headings", "sentences", "auto"),
        "words": _whole(10, 1000),
        "least_persons": _whole(2, 1000),
        "context_tokens": _whole(1, 4096),
    },
    "interpolate": {
        "method": _words(
            "smote", "borderline-smote", "adasyn", "random-oversample", "vae", "mixture", "slerp", "dp-gaussian"
        ),
        "k_neighbors": _whole(1, 1000),
        "balance": _words("equal", "as-source"),
        "total": _whole(1, MAX_RECORDS, None),
        "m_neighbors": _whole(3, 1000, None),
        "kind": _whole(1, 2, None),
        "parents": _whole(2, 50, None),
        "alpha": _fraction(0, 1000, None),
        "noise": _fraction(0, 1, None),
        "max_exposure": _fraction(0, 1000, None),
        "latent_dim": _whole(1, 1024, None),
        "beta": _fraction(0, 100, None),
        "free_bits": _fraction(0, 10, None),
        "conditional": _words(True, False, None),
    },
    "decode": {
        "model": _words(*MODELS),
        "writer": _words("bridge", "prompt", "xrag"),
        "engine": _words("builtin", "transformers", "vllm", "endpoint"),
        "endpoint": _words("private", "remote", None),
        "bridge": _words("builtin"),
        "candidates": _whole(1, 64),
        "max_new_tokens": _whole(8, 4096, "auto"),
        "temperature": _fraction(0, 5),
        "top_p": _fraction(0, 1),
        "top_k": _whole(1, 1000),
        "words": _whole(0, 16),
        "template": _words("builtin"),
        "examples": _words("clinical-note", "clinical-shorthand", "letter", "news", "question", "review", None),
        "style": _words("auto", *STYLES),
        "batch": _whole(1, 4096),
        "device": _words("auto", "cpu", "cuda", None),
    },
    "filter": {
        "class_agreement": _fraction(0, 1, "auto", None),
        "near_duplicate": _fraction(0, 1, None),
        "language": _words("source", None),
        "length": _words("auto", None),
        "repetition": _fraction(0, 1, None),
        "fluency": _fraction(0, 1, None),
        "coherent": _words("prefer", "require", None),
    },
    "audit": {"confidence": _fraction(0.95, 1)},
}


def public_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the published settings of a configuration; a second call on the result changes nothing.

    Privacy: the published settings include no seed, path, column name, prompt or rule of `filter.attributes`.
    """
    shown: dict[str, Any] = {}
    for section, settings in SETTINGS.items():
        given = config if section == "" else config.get(section)
        if given is None and section == "segments":
            continue
        present = given if isinstance(given, Mapping) else {}
        values = {key: rule.public(_without_address(present.get(key, HIDDEN))) for key, rule in settings.items()}
        shown |= values if section == "" else {section: values}
    return shown


def _without_address(value: object) -> object:
    """Return "remote" or "private" for the settings of a server (`endpoint`), and any other value unchanged."""
    if isinstance(value, Mapping) and "allow_remote" in value:
        return "remote" if value["allow_remote"] else "private"
    return value


def disclosure(n_words: int, n_public: int) -> str:
    """Return a phrase on how many bits `n_words` words in a prompt can disclose, from a public list of `n_public`."""
    bits = n_words * math.log2(n_public)
    return f"{n_words} words of a public list of {n_public:,}, which disclose at most {bits:.0f} bits"


def public_version(text: str) -> str:
    """Return the version of a library if it is "absent" or has a usual form such as "2.1.0"; else return "other"."""
    return text if text in {"absent", "other"} or _VERSION.fullmatch(text) else "other"


def _checked_sentence(text: str) -> str:
    if text not in _SENTENCES and not _DISCLOSED.fullmatch(text):
        raise ValueError("not one of the sentences that this field allows")
    return text


def _checked_version(text: str) -> str:
    if public_version(text) != text:
        raise ValueError("must be a version, such as 2.1.0")
    return text


Limitation = Annotated[str, AfterValidator(_checked_sentence)]
_STEPS = {NO_DP_STEP, RELEASE_GATED, NUMBERS_PUBLISHED, SOURCE_CHECKED, OWNER_DECIDED, *OUTSIDE_DP}
NonPrivateStep = Annotated[str, one_of(_STEPS)]
Version = Annotated[str, AfterValidator(_checked_version)]
# in a pattern of JSON Schema (ECMA 262), a hyphen must not be escaped
_NAMES = "|".join(re.escape(name).replace(r"\-", "-") for name in (*MODELS, *STYLES, HIDDEN))
# name of a model, a bridge (with which a model writes a text from a vector), the vocabulary of a bridge, or a style;
# `HIDDEN` replaces a private name
ModelName = Annotated[str, Field(pattern=rf"^((builtin|custom):)?({_NAMES})(-({_NAMES}))?$")]
