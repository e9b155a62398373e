"""Names of other persons of the source: found in every record if names are shared, never used as surrogates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.text.name_lists import FEMALE_FIRST, PLAIN_LAST
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Record
from synthgen.deidentify.config import DeidentifyConfig
from synthgen.deidentify.deidentify import Surrogates, deidentify
from synthgen.deidentify.engines import find_identifiers
from synthgen.deidentify.known_names import KnownNames

KNOWN = KnownNames(["Ngozi Okafor-Bell", "TURNER, Rajesh Andre", "Grace May", "Ada Wilson", "Bo Li"])
RULES = DeidentifyConfig(engine="rules")


def found(text):
    return [text[span.start : span.end] for span in find_identifiers(text, (), known=KNOWN)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("swapped beds with okafor ngozi overnight", ["okafor ngozi"]),
        ("Tray meant for Rajesh A. Turner was returned.", ["Rajesh A. Turner"]),
        ("List: Turner, Rajesh; bed 4", ["Turner, Rajesh"]),
        ("Grace May is in the next bay", ["Grace May"]),
        ("handed to Okafor at nine", ["Okafor"]),
        ("bo li asked", ["bo li"]),
    ],
)
def test_names_of_other_persons_are_found(text, names):
    assert found(text) == names


@pytest.mark.parametrize(
    "text", ["Wilson disease was excluded.", "She may go with grace.", "Grace period. May go home.", "a wheel turner"]
)
def test_words_that_are_also_names_of_other_persons_stay(text):
    assert found(text) == []


@given(st.sampled_from(FEMALE_FIRST), st.sampled_from(PLAIN_LAST))
def test_a_surrogate_is_never_the_name_of_a_known_person(first, last):
    names = [f"{a} {b}" for a in FEMALE_FIRST[:12] for b in PLAIN_LAST]
    known = KnownNames([*names, f"{first} {last}"])
    made = Surrogates(SeedTree(3), "p", [f"{first} {last}"], known=known).replace("name", f"{first} {last}")
    a, b = made.casefold().split()
    assert frozenset({a, b}) not in known.pairs


def corpus(*texts):
    records = (Record(id=str(i), text=text, label="a", group=f"p{i}") for i, text in enumerate(texts))
    return Corpus(role="train", records=tuple(records), has_groups=True)


def test_names_are_shared_only_if_asked():
    texts = corpus("Her tray went to okafor ngozi by mistake.", "seen today")
    names = {"1": ("Ngozi Okafor",)}
    alone = deidentify(texts, RULES, names, SeedTree(3))
    assert alone.corpus.texts[0] == texts.texts[0]
    shared = deidentify(texts, RULES, names, SeedTree(3), shares_names=True)
    assert shared.replaced["0"] == (("name", "okafor ngozi"),)


def test_the_orders_of_dates_are_counted_by_person():
    done = deidentify(corpus("Seen 14/11/2023 and 05/11/2023.", "Seen 11/14/2023."), RULES, {}, SeedTree(3))
    assert done.date_orders == {"day-first": 1, "month-first": 1}
