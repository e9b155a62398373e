"""Define rules on the attributes of the person in a text, such as `sex: female`, and check texts against them."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator

from synthgen.attributes.lexicon import AttributeFinding, value_of
from synthgen.attributes.person import MAX_AGE_YEARS, years_of

_WORD = re.compile(r"\w+")


def mentions(text: str, phrase: str) -> bool:
    """Return whether the text contains the words of the phrase in sequence.

    Case, Unicode form, punctuation and negation are ignored: "no metformin" mentions metformin.
    """
    searched, words = _folded(phrase), _folded(text)
    return any(words[i : i + len(searched)] == searched for i in range(len(words) - len(searched) + 1))


def _folded(text: str) -> list[str]:
    """Return the words of a text in lower case and in the Unicode form NFKC."""
    # twice, because the result of `casefold` is not always in this form
    return _WORD.findall(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()))


ANY_LABEL = "*"  # used in place of a class label, for rules that apply to all labels
AgeBand = Literal["infant", "child", "adolescent", "young adult", "middle-aged", "older adult"]
_RANGE = re.compile(r"(\d{1,3})(?: ?- ?(\d{1,3}))?")
_IN_DICTIONARY = ("condition", "symptom", "medication")  # attributes whose values must be in a dictionary


class AttributeRule(BaseModel):
    """A requirement or a preference for exactly one attribute of a text."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    age: int | str | None = Field(
        None, description="First age that the text states, in years (`54`) or as a range (`40-60`)."
    )
    age_band: AgeBand | None = Field(
        None,
        description="Age band of the first age in the text: `infant`, `child`, `adolescent`, `young adult`, "
        "`middle-aged` or `older adult`.",
    )
    sex: Literal["female", "male", "nonbinary"] | None = Field(
        None, description="Sex: `female`, `male` or `nonbinary`."
    )
    condition: str | None = Field(
        None, description="Condition that the text affirms; it must be in SynthGen's dictionary."
    )
    symptom: str | None = Field(
        None, description="Symptom that the text affirms; it must be in SynthGen's dictionary."
    )
    medication: str | None = Field(
        None, description="Medication that the text affirms; it must be in SynthGen's dictionary."
    )
    smoking: Literal["none", "former", "current", "ever"] | None = Field(
        None, description="Smoking: `none`, `former`, `current` or `ever`."
    )
    alcohol: Literal["none", "former", "occasional", "current", "heavy"] | None = Field(
        None, description="Alcohol use: `none`, `former`, `occasional`, `current` or `heavy`."
    )
    drugs: Literal["none", "former", "current"] | None = Field(
        None, description="Drug use: `none`, `former` or `current`."
    )
    exercise: Literal["little", "regular"] | None = Field(
        None, description="Amount of exercise: `little` or `regular`."
    )
    living: Literal["alone", "with others", "in care", "homeless"] | None = Field(
        None, description="Living situation: `alone`, `with others`, `in care` or `homeless`."
    )
    occupation: str | None = Field(None, description="Occupation in the text, in lower case.")
    mentions: str | None = Field(None, description="Words that the text contains in sequence, in any letter case.")
    not_mentions: str | None = Field(
        None, description="Words that the text must not contain in sequence, in any letter case."
    )
    prefer: bool = Field(
        False,
        description="If true, the rule rejects no text, and texts that fulfil the rule are preferred to other texts.",
    )

    @model_validator(mode="after")
    def _check_one_attribute(self) -> Self:
        n_given = sum(getattr(self, name) is not None for name in ATTRIBUTES)
        if n_given != 1:
            raise ValueError(
                f"a rule must set exactly one of these keys, but this rule sets {n_given}: {', '.join(ATTRIBUTES)}"
            )
        kind, value = self.kind, self.value
        if kind == "age":
            _years(value)
        elif kind in _IN_DICTIONARY and value_of(kind, value) is None:
            dictionary = f"SynthGen's dictionary of {kind}s (synthgen/attributes/dictionaries.py)"
            raise ValueError(f"{kind} {value!r} is not in {dictionary}; use `mentions` instead")
        elif isinstance(value, str) and re.search(r"\w", value) is None:
            raise ValueError(f"`{kind}` must contain a letter or digit")
        return self

    @model_serializer
    def _short(self) -> dict[str, Any]:
        # as in a configuration file, without the unused attributes: {"sex": "female"}
        return {self.kind: self.value, **({"prefer": True} if self.prefer else {})}

    @property
    def kind(self) -> str:
        """Name of the attribute that the rule is about, such as "sex"."""
        return next(name for name in ATTRIBUTES if getattr(self, name) is not None)

    @property
    def value(self) -> Any:
        """The required value of the attribute."""
        return getattr(self, self.kind)


# names of the attributes; a rule sets exactly one of them
ATTRIBUTES = tuple(name for name in AttributeRule.model_fields if name != "prefer")


def is_fulfilled(rule: AttributeRule, text: str, findings: Sequence[AttributeFinding]) -> bool:
    """Return whether a text fulfils a rule; `findings` is the result of `extract` on the text."""
    kind, value = rule.kind, rule.value
    if kind == "mentions":
        return mentions(text, value)
    if kind == "not_mentions":
        return not mentions(text, value)
    stated = [f.value for f in findings if f.attribute == kind and not f.negated]
    if kind == "age":
        low, high = _years(value)
        return bool(stated) and low <= years_of(stated[0])[0] and years_of(stated[0])[1] <= high
    if kind in {"age_band", "sex"}:
        return stated[:1] == [value]
    required = value_of(kind, value) if kind in _IN_DICTIONARY else " ".join(value.casefold().split())
    return required in stated


def contradictions(rules: Mapping[str, Sequence[AttributeRule]]) -> list[str]:
    """Return one line for each pair of contradictory rules of a label: no text can fulfil both rules.

    A rule for `ANY_LABEL` is also compared with the rules of each other label. Only two rules on age, on age band or
    on sex, and `mentions` with `not_mentions`, are compared. A text need not fulfil rules with `prefer`, so these
    rules are ignored.
    """
    for_all_labels = rules.get(ANY_LABEL, ())
    lines = []
    for label, of_label in rules.items():
        pairs = [*combinations(of_label, 2), *(product(of_label, for_all_labels) if label != ANY_LABEL else ())]
        lines += [
            f"{label}: `{a.kind}: {a.value}` and `{b.kind}: {b.value}` exclude each other"
            for a, b in pairs
            if not (a.prefer or b.prefer) and _exclude_each_other(a, b)
        ]
    return lines


def _exclude_each_other(a: AttributeRule, b: AttributeRule) -> bool:
    if {a.kind, b.kind} == {"mentions", "not_mentions"}:
        required, forbidden = (a, b) if a.kind == "mentions" else (b, a)
        return mentions(required.value, forbidden.value)
    if a.kind != b.kind:
        return False
    if a.kind == "age":
        (low_a, high_a), (low_b, high_b) = _years(a.value), _years(b.value)
        return max(low_a, low_b) > min(high_a, high_b)
    return a.kind in {"sex", "age_band"} and bool(a.value != b.value)


def _years(value: int | str) -> tuple[int, int]:
    match = _RANGE.fullmatch(str(value))
    # without a match, the range (1, 0) is empty, so the check below raises the error
    low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if not 0 <= low <= high <= MAX_AGE_YEARS:
        raise ValueError(f"`age` must be years from 0 to {MAX_AGE_YEARS}, such as 54 or 40-60, got {value!r}")
    return low, high
