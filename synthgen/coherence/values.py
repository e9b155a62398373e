"""Find vital signs, laboratory values and doses that are implausible, such as a pulse of 700."""

import re
from collections.abc import Iterator

from synthgen.attributes.lexicon import value_of
from synthgen.coherence.contradiction import Contradiction

_VALUE = r"(?P<n>\d{1,6}(?:\.\d+)?)"  # the value of a quantity
# does not match if a unit, or the rest of a number, range, fraction or percentile, follows the value
_NO_UNIT = r"(?![\d/%]|\.\d|[-–]|\s*(?:/|%|th\b|percentile|to\b|mg|g\b|m[cC]g|units?))"
_LINK = r"(?:[ :=]|\bis\b|\bof\b|\bwas\b|\bat\b){0,4}\s*"  # words between the name of a quantity and the value


def _quantity(names: str, low: float, high: float, unit: str) -> tuple[re.Pattern[str], float, float]:
    return re.compile(rf"(?i)\b(?:{names})\b{_LINK}{_VALUE}{unit}"), low, high


# Each quantity has a pattern, whose group `n` is the value, and a range outside which hardly any person survives. If
# a name has several meanings, a unit must follow the value: HR is also a hazard ratio, K a vitamin, and Na a part of
# the names of many drugs.
_SERUM_UNIT = r"\s*(?:mmol/l|meq/l|mg/dl)\b"
QUANTITIES = (
    _quantity("heart rate|pulse(?: rate)?|hr", 0, 350, r"\s*(?:bpm|beats)"),
    _quantity("heart rate", 0, 350, _NO_UNIT),
    _quantity("respiratory rate|respirations", 0, 90, _NO_UNIT),
    _quantity("oxygen saturation|o2 sat(?:s|uration)?|sats?|spo2", 20, 100, r"\s*%"),
    _quantity("temp(?:erature)?", 20, 44, r"\s*(?:°\s*C|degrees C|C\b|celsius)"),
    _quantity("temp(?:erature)?", 70, 111, r"\s*(?:°\s*F|degrees F|F\b|fahrenheit)"),
    _quantity("bmi|body mass index", 7, 120, rf"(?:\s*kg/m|{_NO_UNIT})"),
    _quantity("weight|wt", 0.3, 450, r"\s*(?:kg|kilograms?)\b"),
    _quantity("height|ht", 25, 260, r"\s*cm\b"),
    _quantity("h(?:a?emo)?globin|hgb|hb", 1, 28, r"\s*g/dl\b"),
    _quantity("h(?:a?emo)?globin|hgb|hb", 10, 280, r"\s*g/l\b"),
    _quantity("potassium|k", 0.8, 14, _SERUM_UNIT),
    _quantity("sodium|na", 80, 220, _SERUM_UNIT),
    _quantity("hba1c|a1c|hemoglobin a1c", 2, 25, r"\s*%"),
    _quantity("ejection fraction|lvef|ef", 2, 95, r"\s*%"),
    _quantity("gcs|glasgow coma scale", 3, 15, _NO_UNIT),
)
# systolic (high) and diastolic (low) blood pressure in mmHg
_PRESSURE = re.compile(rf"(?i)\b(?:bp|blood pressure)\b{_LINK}(?P<high>\d{{1,4}})\s*/\s*(?P<low>\d{{1,4}})\b")

# largest plausible dose of each drug in milligrams: for most drugs, at least twice the usual maximum per day
_MAX_MG = """
levothyroxine 1; liothyronine 0.2; digoxin 2; warfarin 30; lisinopril 160; ramipril 40; enalapril 80; perindopril 32;
candesartan 64; losartan 200; valsartan 640; amlodipine 20; bisoprolol 40; metoprolol 800; atenolol 400;
carvedilol 100; propranolol 640; furosemide 1000; spironolactone 800; hydrochlorothiazide 200; atorvastatin 160;
simvastatin 160; rosuvastatin 80; clopidogrel 1200; apixaban 20; rivaroxaban 40; metformin 3400; glipizide 40;
gliclazide 640; sitagliptin 200; omeprazole 240; pantoprazole 160; lansoprazole 240; prednisone 500; prednisolone 500;
dexamethasone 100; alendronate 140; sertraline 800; citalopram 160; escitalopram 80; fluoxetine 320; mirtazapine 180;
amitriptyline 600; lorazepam 20; diazepam 100; alprazolam 20; zolpidem 40; lamotrigine 1400; levetiracetam 6000;
topiramate 1600; gabapentin 3600; pregabalin 1200; sumatriptan 400; tramadol 800; codeine 480; ibuprofen 3200;
naproxen 2000; acetaminophen 8000; aspirin 4000; methimazole 240; carbimazole 240; montelukast 40; allopurinol 1800;
colchicine 6; tamsulosin 3.2; finasteride 20; donepezil 46; risperidone 32; olanzapine 80; quetiapine 1600;
haloperidol 200
"""
MAX_MG = {drug: float(mg) for drug, mg in (entry.split() for entry in _MAX_MG.split(";"))}
_DOSE = re.compile(
    r"(?i)\b(?P<drug>[A-Za-z]{5,})\s+(?:(?:tablets?|extended[- ]release|xr|er|sr|cr|dose|at|of|to)\s+){0,2}"
    r"(?P<n>\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)\s*(?P<unit>mg|mcg|micrograms?|µg|g|grams?)\b"
)
_IN_MG = {"mg": 1.0, "g": 1000.0, "gram": 1000.0, "grams": 1000.0}  # milligrams per unit; other units: micrograms


def implausible(text: str) -> Iterator[Contradiction]:
    """Yield each value or dose that is implausible.

    The rule checks the `QUANTITIES`, blood pressure, and the doses of the drugs in `MAX_MG`. It does not check pain
    scores, because "11 out of 10" is a figure of speech.
    """
    for pattern, lowest, highest in QUANTITIES:
        for match in pattern.finditer(text):
            if not lowest <= float(match["n"]) <= highest:
                yield Contradiction("implausible", match.span())
    for match in _PRESSURE.finditer(text):
        high, low = int(match["high"]), int(match["low"])
        # hardly any person survives a pressure outside these ranges
        if not (30 <= high <= 320 and 5 <= low <= 220 and low < high):
            yield Contradiction("implausible", match.span())
    for match in _DOSE.finditer(text):
        limit = MAX_MG.get(value_of("medication", match["drug"]) or "")
        milligrams = float(match["n"].replace(",", "")) * _IN_MG.get(match["unit"].casefold(), 0.001)
        if limit is not None and milligrams > limit:
            yield Contradiction("implausible", match.span())
