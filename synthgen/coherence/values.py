"""Find vital signs, laboratory values and doses that are implausible, such as a pulse of 700."""

import re
from collections.abc import Iterator
from math import inf

from synthgen.attributes.lexicon import value_of
from synthgen.coherence.contradiction import Contradiction, findings_of

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

# Smallest and largest plausible dose of each drug in milligrams. For most drugs, the smallest is at most half of the
# smallest usual tablet for adults, and the largest is at least twice the usual maximum per day.
_MG = """
acetaminophen 20 8000; alendronate 2.5 140; allopurinol 25 1800; alprazolam 0.06 20; amitriptyline 2 600;
amlodipine 0.6 20; anastrozole 0.2 4; apixaban 1 20; aspirin 20 4000; atenolol 2 400; atorvastatin 2.5 160;
azathioprine 6 600; azithromycin 25 4000; baclofen 0.05 200; bisoprolol 0.6 40; bupropion 25 900; buspirone 1 120;
canagliflozin 25 600; candesartan 1 64; captopril 1 600; carbamazepine 25 3200; carbimazole 0.6 240;
carvedilol 1.5 100; celecoxib 25 1600; cetirizine 0.6 80; chlorthalidone 3 200; citalopram 2.5 160; clonidine 0.01 5;
clopidogrel 18 1200; codeine 3 480; colchicine 0.15 6; dabigatran 18 600; dapagliflozin 1 20; dexamethasone 0.2 100;
diazepam 0.5 100; diclofenac 6 400; digoxin 0.03 2; diltiazem 2.5 960; donepezil 1 46; doxazosin 0.2 32;
doxycycline 5 800; duloxetine 10 240; edoxaban 7 120; empagliflozin 2 50; enalapril 0.5 80; enoxaparin 5 400;
escitalopram 1 80; esomeprazole 2.5 500; ezetimibe 2.5 20; famotidine 2.5 320; febuxostat 10 240; fenofibrate 10 400;
fexofenadine 7 720; finasteride 0.2 20; fluoxetine 1 320; furosemide 1 1000; gabapentin 40 3600; gliclazide 15 640;
glipizide 1 40; haloperidol 0.06 200; hydralazine 2.5 600; hydrochlorothiazide 3 200; hydroxychloroquine 40 1600;
ibuprofen 20 3200; indapamide 0.3 10; irbesartan 18 600; isoniazid 12 1800; lacosamide 10 800; lamotrigine 1 1400;
lansoprazole 7 240; letrozole 0.6 10; levetiracetam 50 6000; levothyroxine 0.006 1; liothyronine 0.001 0.2;
lisinopril 0.6 160; lithium 75 3600; loratadine 1.2 80; lorazepam 0.1 20; losartan 6 200; meloxicam 1.8 30;
memantine 1 56; mesalamine 100 9600; metformin 100 3400; methimazole 0.6 240; metoclopramide 0.5 120;
metoprolol 1 800; mirabegron 6 100; mirtazapine 3 180; modafinil 25 800; montelukast 2 40; naproxen 25 2000;
nebivolol 0.6 80; nifedipine 2.5 240; nitrofurantoin 6 800; olanzapine 0.6 80; olmesartan 2.5 80; omeprazole 2.5 240;
ondansetron 0.5 64; oxybutynin 0.6 60; pantoprazole 10 160; paroxetine 2.5 120; perindopril 1 32; phenytoin 10 3000;
pioglitazone 3 90; pramipexole 0.03 9; prasugrel 1.2 120; pravastatin 2.5 160; prednisolone 0.5 500;
prednisone 0.5 500; pregabalin 10 1200; propranolol 0.5 640; propylthiouracil 12 1800; quetiapine 6 1600;
ramipril 0.6 40; rifaximin 50 2400; risedronate 1 300; risperidone 0.06 32; rivaroxaban 1 40; ropinirole 0.06 48;
rosuvastatin 2 80; sertraline 6 800; sildenafil 2.5 400; simvastatin 2.5 160; sitagliptin 12 200; solifenacin 1.2 40;
spironolactone 3 800; sumatriptan 2 400; tadalafil 0.6 80; tamoxifen 2.5 80; tamsulosin 0.1 3.2; telmisartan 5 160;
ticagrelor 15 360; tizanidine 0.5 72; topiramate 5 1600; torsemide 1 400; tramadol 6 800; trazodone 6 1200;
trimethoprim 6 2000; valproate 30 8000; valsartan 10 640; venlafaxine 9 750; verapamil 1 960; warfarin 0.25 30;
zolpidem 1.2 40
"""
_UNITS = "insulin 0.5 500; heparin 10 80000; dalteparin 500 40000"  # the same in international units


def _doses(table: str) -> dict[str, tuple[float, float]]:
    entries = (entry.split() for entry in table.split(";"))
    return {drug: (float(low), float(high)) for drug, low, high in entries}


IN_MG, IN_UNITS = _doses(_MG), _doses(_UNITS)
_DOSE = re.compile(
    r"(?i)\b(?P<drug>[A-Za-z]{5,})\s+(?:(?:tablets?|extended[- ]release|xr|er|sr|cr|dose|at|of|to)\s+){0,2}"
    r"(?P<n>\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)\s*(?P<unit>mg|mcg|micrograms?|µg|g|grams?|units?|iu)\b"
)
_MG_PER_UNIT = {"mg": 1.0, "g": 1000.0, "gram": 1000.0, "grams": 1000.0}  # other units of mass are micrograms
_WITH_LARGER_FORMS = frozenset({"diclofenac", "olanzapine", "risperidone"})  # as a gel or depot injection
_CHILD = re.compile(
    r"(?i)\b(?:child(?:ren)?|infants?|bab(?:y|ies)|boys?|girls?|toddler|neonat\w*|newborn|p(?:a)?ediatric\w*"
    r"|(?:day|week|month)s?[- ]old)\b"
)
_NOT_A_TABLET = re.compile(
    r"(?i)\b(?:iv|i\.v|im|sc|intra\w+|infusion|drip|bolus|inject\w*|syringe|pump|drops?|syrup|suspension"
    r"|solution|elixir|gel|cream|ointment|patch|spray|inhal\w*)\b"
)
_BESIDE = 25  # number of characters before and after a dose in which words of `_NOT_A_TABLET` count
_RATE = re.compile(r"\s*(?:[/·]|per\b)")  # after an amount per kilogram, time or volume


def implausible(text: str) -> Iterator[Contradiction]:
    """Yield each value or dose that is implausible.

    The rule checks the `QUANTITIES`, blood pressure, and the doses of the drugs in `IN_MG` and `IN_UNITS`. It does
    not check pain scores, because "11 out of 10" is a figure of speech. A dose can be too small only if it is a
    tablet of an adult: the text names no child, and the dose has no other form ("drops"), is no rate ("mg/kg") and
    belongs to no combination ("amlodipine-valsartan 5 mg").
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
        drug, unit = value_of("medication", match["drug"]) or "", match["unit"].casefold()
        dose, in_units = float(match["n"].replace(",", "")), unit in {"unit", "units", "iu"}
        if not in_units:
            dose *= _MG_PER_UNIT.get(unit, 0.001)
        lowest, highest = (IN_UNITS if in_units else IN_MG).get(drug, (0, inf))
        is_too_large = dose > highest and (drug not in _WITH_LARGER_FORMS or _is_tablet(text, match))
        if is_too_large or (dose < lowest and _is_tablet_of_adult(text, match)):
            yield Contradiction("implausible", match.span())


def _is_tablet(text: str, dose: re.Match[str]) -> bool:
    beside = text[max(0, dose.start() - _BESIDE) : dose.start()], text[dose.end() : dose.end() + _BESIDE]
    return not any(map(_NOT_A_TABLET.search, beside))


def _is_tablet_of_adult(text: str, dose: re.Match[str]) -> bool:
    is_child = _CHILD.search(text) is not None or any(
        f.value in {"infant", "child", "adolescent"} for f in findings_of(text) if f.attribute == "age_band"
    )
    is_combined = text[: dose.start()].endswith(("-", "/"))
    return _is_tablet(text, dose) and not (is_child or is_combined or _RATE.match(text, dose.end()))
