"""Make the grammar rules for one invented patient; each fact is drawn once, so a note is consistent."""

import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

import numpy as np

from invented.grammar import Value
from invented.medicine.illness import Illness
from invented.medicine.inner import INNER
from invented.medicine.names import FEMALE, LAST, MALE
from invented.medicine.outer import OUTER
from invented.medicine.surgical import SURGICAL

ILLNESSES: tuple[Illness, ...] = (*INNER, *OUTER, *SURGICAL)
Country = Literal["uk", "us"]
Rules = dict[str, Sequence[str] | Value]

_NUMBER = re.compile(r"(\d+(?:\.\d+)?)~(\d+(?:\.\d+)?)")
_CHOICE = re.compile(r"\(([^()|]*(?:\|[^()|]*)+)\)")
# words that tell when a symptom began, so that "for 3 weeks" must not follow
_DATED = re.compile(r"\d|since|\bfor\b|found|today|yesterday|last|after|sudden|picked|days|hit|fall|took|ago")
_AGES = {"baby": (2, 14), "child": (2, 9), "young": (18, 44), "old": (64, 89), "adult": (24, 78)}
_PAST = (
    "appendicectomy aged 12",
    "tonsils out as a child",
    "previous TIA",
    "osteopenia",
    "hay fever",
    "diverticulosis",
    "raised cholesterol",
    "old wrist fracture",
    "varicose vein surgery",
    "GORD",
    "vitamin D lack",
    "latent TB treated",
    "tennis elbow",
    "sinus surgery",
    "hiatus hernia",
    "sciatica",
    "carpal tunnel release",
    "psoriasis",
    "borderline HbA1c",
    "glue ear as a child",
    "vertigo",
    "cataract surgery",
    "hallux valgus",
    "rotator cuff tear",
    "kidney stone 2014",
    "chilblains",
    "tinnitus",
    "Bell's palsy 2011",
    "knee arthroscopy",
    "bilateral hernia repair",
    "lichen planus",
)
_WOMEN_PAST = ("hysterectomy", "raised BP in pregnancy", "postnatal depression", "fibroadenoma removed")
_CHILD_PAST = (
    "born at term",
    "born at 35 weeks",
    "immunisations up to date",
    "eczema as a baby",
    "tongue tie snipped",
    "neonatal jaundice",
    "forceps delivery",
    "viral wheeze last winter",
    "cow's milk allergy",
    "otherwise well",
    "growing along the 50th centile",
    "emergency section for distress",
    "hip scan normal",
    "no admissions",
)
_ALLERGIES = (
    "NKDA",
    "nil known",
    "penicillin - rash",
    "trimethoprim - lip swelling",
    "elastoplast",
    "codeine - sick",
    "none",
    "erythromycin - gut upset",
    "no known drug allergies",
    "peanut",
    "latex gloves",
    "sulfa drugs",
    "ibuprofen",
)
_SOCIAL = (
    "lives with {his} partner",
    "lives alone, manages own shopping",
    "works in a warehouse",
    "smokes 10 a day",
    "never smoked",
    "ex-smoker of 20 years",
    "drinks about 12 units a week",
    "teetotal",
    "two flights of stairs at home",
    "desk job",
    "drives a van",
    "independent in all ADLs",
    "on shift work",
    "off sick at present",
    "vapes",
    "keeps a small dog",
    "self employed plumber",
    "hairdresser",
)
_OLD_SOCIAL = (
    "retired teacher",
    "carers twice a day",
    "walks with a frame",
    "lives with a daughter",
    "sheltered flat",
    "looks after a grandchild",
    "meals delivered",
    "bus pass, still drives locally",
    "widowed",
    "sleeps downstairs",
    "lives alone, manages own shopping",
    "never smoked",
    "ex-smoker of 20 years",
    "has a stairlift",
)
_CHILD_SOCIAL = (
    "lives with parents and one sibling",
    "at nursery three days",
    "nobody smokes indoors",
    "in reception class",
    "grandmother helps out",
    "a cat at home",
    "older brother has a cold",
    "no social worker",
    "lives with mum",
)
_FAMILY = (
    "father had an MI at 61",
    "mother with thyroid disease",
    "nil of note",
    "sister has the same",
    "adopted",
    "brother with type 1 diabetes",
    "no family history of note",
    "mother died of bowel cancer",
    "father hypertensive",
    "aunt with lupus",
    "strong history of stroke",
    "parents alive and well",
    "two sons, both well",
)


def rules_of(illness: Illness, country: Country, rng: np.random.Generator) -> Rules:
    """Return the rules of a grammar for one patient with an illness; each rule except `span` and `mrn` has one text.

    The rules `symptom1` to `symptom4` are symptoms in random order; `sign1`, `drug1` and similar names likewise.
    """
    child = bool(illness.flags & {"baby", "child"})
    rules: dict[str, str] = _person(illness, rng)
    social = _OLD_SOCIAL if "old" in illness.flags else _SOCIAL
    past = _PAST + (_WOMEN_PAST if rules["sex"] == "F" else ())
    lists = {
        "symptom": illness.symptoms,
        "sign": illness.signs,
        "test": illness.tests,
        "drug": illness.drugs,
        "plan": illness.plans,
        "absent": illness.absent,
        "other": illness.others,
        "past": _CHILD_PAST if child else past,
        "social": _CHILD_SOCIAL if child else social,
        "family": _FAMILY,
    }
    for name, items in lists.items():
        order = rng.permutation(len(items))
        for i in range(4):  # items repeat only if the list has fewer than four
            rules[f"{name}{i + 1}"] = spelt(items[int(order[i % len(items)])], rng)
    rules["drugname1"], rules["drugname2"] = (_drug_name(rules[f"drug{i}"]) for i in (1, 2))
    dated = rules["symptom1"] + rules["symptom2"] + ("sudden" if illness.specialty == "emergency medicine" else "")
    rules["since"] = "" if _DATED.search(dated) else " for {span}"
    allergy = _ALLERGIES[int(rng.integers(len(_ALLERGIES)))]
    rules |= {"condition": illness.name, "short": illness.short, "specialty": illness.specialty, "allergy": allergy}
    rules["vitals"] = _vitals(illness, country, rng)
    found: Rules = {name: (text,) for name, text in rules.items()}
    return found | {"span": _span(illness), "mrn": lambda _: "[MRN]"}


def spelt(item: str, rng: np.random.Generator) -> str:
    """Return an item of an illness with a number drawn for each `3~12` and a word for each `(left|right)`."""

    def number(found: re.Match[str]) -> str:
        digits = len(found[1].partition(".")[2])
        return f"{rng.uniform(float(found[1]), float(found[2])):.{digits}f}"

    def choice(found: re.Match[str]) -> str:
        words = found[1].split("|")
        return words[int(rng.integers(len(words)))]

    return _NUMBER.sub(number, _CHOICE.sub(choice, item))


def _person(illness: Illness, rng: np.random.Generator) -> dict[str, str]:
    """Return the rules for age, sex, pronouns, names and dates of a patient."""
    flags = illness.flags
    group = next(name for name in _AGES if name in flags or name == "adult")
    age = int(rng.integers(_AGES[group][0], _AGES[group][1] + 1))
    woman = "woman" in flags or ("man" not in flags and bool(rng.random() < 0.5))
    child = group in {"baby", "child"}
    pick = _picker(rng)
    nouns = ("girl",) if child else ("lady", "woman")
    nouns = nouns if woman else ("boy",) if child else ("gentleman", "man")
    style = pick(("%d/%m/%Y", "%d.%m.%y", "%d %b %Y", "%B %d, %Y", "%d %B %Y", "%m/%d/%Y", "%-d/%-m/%y"))
    day = date(2019, 1, 1) + timedelta(days=int(rng.integers(2400)))
    days = {
        name: (day + timedelta(days=int(rng.integers(low, high)))).strftime(style)
        for name, low, high in (("date", 0, 1), ("earlier", -40, -2), ("later", 7, 120))
    }
    return {
        "age": str(age),
        "unit": "month" if group == "baby" else "year",
        "sex": "F" if woman else "M",
        "he": "she" if woman else "he",
        "his": "her" if woman else "his",
        "him": "her" if woman else "him",
        "man": pick(nouns),
        "title": ("Miss" if child else pick(("Mrs", "Ms", "Miss"))) if woman else ("Master" if child else "Mr"),
        "first": pick(FEMALE if woman else MALE),
        "last": pick(LAST),
        "doctor": pick(LAST),
        "writer": pick(LAST),
        "writerfirst": pick(FEMALE + MALE),
        "reports": pick(
            ("Mum reports", "Parents report", "Dad describes", "Mother gives a story of", "Brought in with")
            if child
            else ("Reports", "Complains of", "Describes", "Admits to", "Troubled by", "Pt reports", "Tells us of")
        ),
        **days,
    }


def _picker(rng: np.random.Generator) -> Callable[[Sequence[str]], str]:
    return lambda items: items[int(rng.integers(len(items)))]


def _drug_name(drug: str) -> str:
    return re.split(r" (?:\d|@|IV\b|IM\b|one\b|two\b|reducing)", drug)[0]


def _span(illness: Illness) -> Value:
    units = ((2, 10, "day"),) if "acute" in illness.flags else ((3, 9, "week"), (2, 11, "month"))

    def span(rng: np.random.Generator) -> str:
        low, high, unit = units[int(rng.integers(len(units)))]
        return f"{int(rng.integers(low, high))} {unit}s"

    return span


def _vitals(illness: Illness, country: Country, rng: np.random.Generator) -> str:
    """Return three or more vital signs in random order, with one of the usual abbreviations of each."""
    hot, low, small = (flag in illness.flags for flag in ("hot", "low", "baby"))
    child = small or "child" in illness.flags
    ill = 18 if hot or low else 0
    beats = int(rng.normal((128 if child else 76) + ill, 7))
    warmth = rng.uniform(37.9, 39.5) if hot else rng.uniform(36.2, 37.3)
    degrees = f"{warmth * 1.8 + 32:.1f}F" if country == "us" and rng.random() < 0.7 else f"{warmth:.1f}"
    breaths = int(rng.integers(38, 58) if small else rng.integers(22, 32) if low or child else rng.integers(12, 19))
    oxygen = int(rng.integers(86, 93) if low else rng.integers(95, 100))
    pressure = f"{int(rng.normal(128, 12))}/{int(rng.normal(76, 7))}"
    pick = _picker(rng)
    parts = [
        f"{pick(('HR', 'P', 'pulse', 'Pulse', 'heart rate'))} {beats}",
        f"{pick(('T', 'temp', 'Temp', 'temperature'))} {degrees}",
        f"{pick(('RR', 'resp rate', 'R', 'Resps'))} {breaths}",
        f"{pick(('sats', 'SpO2', 'O2 sat', 'SaO2'))} {oxygen}% {pick(('RA', 'on air', 'in air', 'OA'))}",
    ]
    if not child and not any("BP" in sign for sign in illness.signs):
        parts.append(f"BP {pressure}")
    order = rng.permutation(len(parts))[: int(rng.integers(3, len(parts) + 1))]
    return pick((", ", ", ", " ", "; ", " | ")).join(parts[int(i)] for i in order)


@lru_cache(maxsize=1)
def _american() -> tuple[tuple[re.Pattern[str], str], ...]:
    pairs = (
        "haem/hem",
        "oedema/edema",
        "oesoph/esoph",
        "anaem/anem",
        "diarrhoea/diarrhea",
        "leukaem/leukem",
        "gynae/gyne",
        "paediatric/pediatric",
        "paracetamol/acetaminophen",
        "salbutamol/albuterol",
        "adrenaline/epinephrine",
        "tumour/tumor",
        "colour/color",
        "fibre/fiber",
        "litre/liter",
        "centre/center",
        "ischaem/ischem",
        "FBC/CBC",
        "U&E/BMP",
        "WCC/WBC",
        "orthopaedic/orthopedic",
        "caecal/cecal",
        "anaesth/anesth",
        "mum/mom",
        "USS/ultrasound",
        "hypoglycaem/hypoglycem",
        "coeliac/celiac",
        "practise/practice",
        "catheterise/catheterize",
        "foetal/fetal",
        "mobilise/mobilize",
        "titre/titer",
        "programme/program",
        "sulphate/sulfate",
        "theatre/the OR",
        "tds/TID",
        "casualty/the ED",
        "GP/PCP",
        "naevus/nevus",
        "behaviour/behavior",
        "favour/favor",
        "organise/organize",
    )
    found = []
    for pair in pairs:
        old, new = pair.split("/")
        found.append((re.compile(rf"\b{old}"), new))
        if old[0].islower():
            found.append((re.compile(rf"\b{old.capitalize()}"), new[0].upper() + new[1:]))
    return tuple(found)


_OFTEN = {
    "short": {"od": "od", "bd": "bd", "tds": "tds", "qds": "qds", "on": "nocte", "prn": "prn"},
    "capital": {"od": "OD", "bd": "BD", "tds": "TDS", "qds": "QDS", "on": "ON", "prn": "PRN"},
    "us": {"od": "daily", "bd": "BID", "tds": "TID", "qds": "QID", "on": "qHS", "prn": "PRN"},
    "long": {
        "od": "once daily",
        "bd": "twice daily",
        "tds": "three times a day",
        "qds": "four times a day",
        "on": "at night",
        "prn": "when needed",
    },
}


def finished(text: str, country: Country, rng: np.random.Generator, *, long: bool = False) -> str:
    """Return a text with the dose intervals, articles, units and spelling of a country.

    Args:
        text: the text, in which `@bd` and similar codes (the keys of `_OFTEN`) stand for dose intervals.
        country: British or American.
        rng: chooses between lower-case and upper-case British abbreviations.
        long: whether to write dose intervals as words, such as "twice daily".
    """
    style = "long" if long else "us" if country == "us" else ("short", "capital")[int(rng.integers(2))]
    text = re.sub(r"@(od|bd|tds|qds|on|prn)\b", lambda found: _OFTEN[style][found[1]], text)
    text = re.sub(r"\b([Aa]) (?=8|11\b|18\b|[aeioAEIO])", r"\1n ", text)
    if country == "us":
        text = re.sub(r"\bHb (\d\d\d?)\b(?!\.)", lambda found: f"Hgb {int(found[1]) / 10:.1f}", text)
        text = re.sub(r"\bcreatinine (\d{2,3})\b", lambda found: f"creatinine {int(found[1]) / 88.4:.1f}", text)
        text = re.sub(r"\bHbA1c (\d{2,3})\b", lambda found: f"A1c {int(found[1]) / 10.93 + 2.15:.1f}%", text)
        text = re.sub(r"\bglucose (\d+\.?\d*)", lambda found: f"glucose {float(found[1]) * 18:.0f}", text)
        for old, new in _american():
            text = old.sub(new, text)
    return text


def sentences(text: str) -> str:
    """Return a text whose lines and sentences begin with capital letters."""
    return re.sub(
        r"(^(?:- |\* |\d+[.)] )?|(?<!\.)(?<!\d/\d)[.!?] +)([a-z])(?![A-Z])",
        lambda found: found[1] + found[2].upper(),
        text,
        flags=re.MULTILINE,
    )


def shortened(text: str, country: Country) -> str:
    """Return a text with spans of time in medical shorthand: 4/7 and 3/52 (British), or 4d and 3wk (American)."""
    short = {"day": ("/7", "d"), "week": ("/52", "wk"), "month": ("/12", "mo")}
    return re.sub(r"\b(\d+) (day|week|month)s?\b", lambda found: found[1] + short[found[2]][country == "us"], text)


def mended(text: str) -> str:
    """Return a text without faults where phrases meet: doubled punctuation, bullets within a line, `word?word`."""
    text = re.sub(r"^[ :]+|(?<=[.;:]) ?\.(?= |\n|$)", "", text)
    text = re.sub(r"(?<=[.;:|,]) (?=- )", "\n", text)
    return re.sub(r"(?<=\S)(?<!\()\?(?=\w)", " ?", text)
