"""Extract facts about the patient from an English clinical text with small dictionaries and regular expressions.

Quasi-identifiers are facts that an outsider may know, such as age, sex and department. Sensitive attributes are facts
that an outsider may want to learn, such as drugs, laboratory values and allergies. A fact is an item `field:value`,
such as "age:60". Extraction errors affect train and control alike.
"""

import math
import re
from collections.abc import Iterator
from itertools import pairwise

from audits.text.identifier_grammar import MONTHS
from audits.text.name_lists import word_set
from audits.text.normalise import normalise

LAB_STEPS_PER_DOUBLING = 3  # number of bands into which laboratory values between x and 2 · x are divided
MAX_FAMILY_WORDS = 6  # an illness named within this many words after a relative belongs to the relative
OLDEST_BAND = 90  # everybody aged 90 or more is in this age band

_WORD = re.compile(r"[a-z][a-z0-9]+")
_AGE = re.compile(
    r"\b(\d{1,3})[ -]?(?:years?|yrs?|y/?o|yo)\b|\bage[d:]? ?(\d{1,3})\b|\bis (\d{2}) and\b|\b(\d{2}) ?[mf]\b"
)
_SEX = re.compile(r"\b(?:(she|her|woman|female|lady|ms|mrs|girl)|(he|his|him|man|male|gentleman|mr|boy))\b")
_SEX_LETTER = re.compile(r"\b\d{2} ?(?:y/o ?)?([mf])\b")
_DATE = re.compile(
    r"\b(?:\d{4}-(?P<iso>\d{2})-\d{2}|(?P<us>0?[1-9]|1[0-2])/\d{1,2}/\d{2,4}"
    rf"|(?:\d{{1,2}} )?(?P<name>{'|'.join(MONTHS)})[a-z]*\.? (?:\d{{1,2}}, ?)?\d{{4}})\b"
)
_DOSE = re.compile(r"\b(\d+(?:\.\d+)?(?:/\d+(?:\.\d+)?)?) ?(mg|mcg|g|units|ml|puffs?)\b(?!/)")
_LAB = re.compile(
    r"\b(a1c|ldl|hdl|tsh|t4|t3|psa|crp|esr|alt|ast|inr|bnp|fev1|fvc|bmi|egfr|calcium|potassium|sodium|creatinine|"
    r"glucose|hemoglobin|haemoglobin|ferritin|cholesterol|triglycerides|cortisol|prolactin|troponin|d-dimer|"
    r"platelets|bilirubin|albumin|lactate|pth|ejection fraction)\b[^\d.;]{0,16}(\d+(?:\.\d+)?)"
)
_SMOKING = re.compile(
    r"\b(?:(non-?smoker|(?:denies|no|never|not)[a-z ]{0,20}(?:smok\w*|tobacco|cigarettes?))|"
    r"((?:ex|former)[ -]?smoker|quit smoking|smoked)|(smok(?:es|er|ing)|tobacco|cigarettes?|tob|"
    r"packs? ?-?(?:per|a)))\b"
)
_ALCOHOL = re.compile(
    r"\b(?:(non-?drinker|(?:denies|no|never|not)[a-z, ]{0,24}(?:alcohol|drink\w*|etoh))|"
    r"(alcoholi\w+|alcohol (?:abuse|dependen\w+)|heavy drink\w*)|"
    r"(alcohol|etoh|drink(?:s|er)|beers?|wine|liquor|whiskey))\b"
)
_RELATIVE = re.compile(
    r"\b(?:(?:maternal|paternal) )?"
    r"(father|mother|brother|sister|grandfather|grandmother|aunt|uncle|cousin|son|daughter)s?\b"
)
_ALLERGY = re.compile(r"\b(?:allerg(?:y|ies|ic)(?: to)?\b:?|all:) ?(?:is|are|include)? ?((?:[a-z]+,? ?){1,4})")

# endings shared by international names of drugs
_DRUG_END = re.compile(
    r"\b(?!cholesterol\b)[a-z]{2,}(?:pril|sartan|olol|statin|prazole|conazole|dazole|tidine|mab|nib|gliptin|gliflozin|"
    r"glutide|cillin|mycin|floxacin|cycline|azepam|azolam|oxetine|pram|traline|triptan|gepant|parin|xaban|dipine|"
    r"semide|zide|lukast|asone|isone|olone|onide|terol|tropium|caine|zosin|setron|clovir|profen|coxib|dronate|formin|"
    r"thyroxine|barbital|bapentin|gabalin|racetam|triptyline|phylline|codone|morphone|adol|cet|toin)\b"
)
_DRUGS = word_set("""
aspirin tylenol acetaminophen paracetamol warfarin coumadin heparin digoxin insulin metformin lasix norvasc lipitor
zocor plavix prozac zoloft lexapro xanax ativan valium ambien percocet vicodin morphine codeine oxycodone methadone
suboxone naproxen aleve motrin advil ibuprofen benadryl allegra claritin zyrtec singulair flonase advair albuterol
ventolin nexium prilosec zantac synthroid levothyroxine prednisone medrol lithium seroquel risperdal abilify depakote
lamictal keppra topamax topiramate neurontin lyrica methotrexate plaquenil colchicine allopurinol humira enbrel
nitroglycerin amiodarone verapamil diltiazem cardizem diovan cozaar clonidine tamoxifen viagra cialis levodopa
pramipexole botulinum estrogen testosterone amoxicillin augmentin bactrim cipro doxycycline sulfa latex penicillin
iodine nystatin glipizide januvia lantus humalog metoclopramide reglan zofran senna melatonin
""")
_COMPLAINTS = word_set("""
pain headache migraine dizziness vertigo syncope cough dyspnea breathless wheeze palpitations fatigue fever nausea
vomiting diarrhea constipation reflux heartburn rash itch swelling numbness tingling weakness tremor seizure falls
fracture sprain tear insomnia snoring hematuria dysuria incontinence bleeding anemia jaundice ascites diabetes
hypertension asthma copd pneumonia bronchiectasis emphysema fibrosis angina stenosis tachycardia stroke epilepsy
parkinson sclerosis neuropathy sciatica arthritis osteoarthritis gout osteoporosis lupus hypothyroidism thyroiditis
graves cirrhosis colitis crohn celiac pancreatitis gallstones hernia ulcer cancer carcinoma melanoma lymphoma leukemia
tumor glaucoma cataract tinnitus sinusitis tonsillitis otitis pregnancy infertility endometriosis obesity apnea apnoea
embolism thrombosis sepsis cellulitis dermatitis eczema psoriasis kidney prostate thyroid gallbladder bladder knee
shoulder hip ankle elbow wrist spine neck
""")
_STEMS = "neurolog oncolog psychiatr dermatolog urolog gynecolog nephrolog rheumatolog hematolog"
_DEPARTMENTS = (  # key: beginning of a word; value: department
    {stem: f"{stem}y" for stem in _STEMS.split()}
    | dict.fromkeys(("gynaecolog", "obstetric"), "gynecology")
    | dict.fromkeys(("pediatr", "paediatr"), "pediatrics")
    | dict.fromkeys(("pulmon", "respir"), "pulmonology")
    | dict.fromkeys(("surgery", "surgical"), "surgery")
    | {"cardi": "cardiology", "orthop": "orthopedics", "endocrin": "endocrinology", "ophthalm": "ophthalmology"}
    | {"gastroent": "gastroenterology", "emergency": "emergency", "intensive": "intensive care"}
)
_DEPARTMENT = re.compile(rf"\b({'|'.join(_DEPARTMENTS)})")
_INFECTIONS = word_set("hiv aids syphilis gonorrhea chlamydia herpes tuberculosis hcv hbv")
_MIND = word_set("""
depression depressed bipolar schizophrenia psychosis psychotic suicidal suicide ptsd anxiety panic anorexia bulimia
dementia autism adhd psychiatric overdose cocaine heroin methamphetamine amphetamines marijuana cannabis opioid opiate
meth crack lsd ecstasy abortion miscarriage abuse assault
""")
_ILLNESSES = _COMPLAINTS | _INFECTIONS | _MIND | word_set("heart lung brain breast colon ovarian blood ms mi cad")
_FILLERS = word_set("the and with had has was from died age aged who his her year years old one two also alive")
# key: word; value: field of the word in `sensitive_attributes`
_FIELD = {**dict.fromkeys(_DRUGS, "drug"), **dict.fromkeys(_MIND, "mind"), **dict.fromkeys(_INFECTIONS, "infection")}


def quasi_identifiers(text: str) -> frozenset[str]:
    """Return what an outsider may know about the patient, as items `field:value`.

    Fields: age (the first age, in bands of ten years up to 90), sex (the one that more words name; none if equal),
    month (of the first date), every department and every complaint.
    """
    plain = normalise(text)
    items = {f"complaint:{w}" for w in _WORD.findall(plain) if w in _COMPLAINTS}
    items |= {f"department:{_DEPARTMENTS[m[1]]}" for m in _DEPARTMENT.finditer(plain)}
    if (age := _AGE.search(plain)) is not None:
        years = int(next(g for g in age.groups() if g is not None))
        items.add(f"age:{min(OLDEST_BAND, years // 10 * 10)}")
    if (sex := _sex(plain)) is not None:
        items.add(f"sex:{sex}")
    if (date := _DATE.search(plain)) is not None:
        month = date["name"] or date["iso"] or date["us"]
        items.add(f"month:{MONTHS.index(month) + 1 if month in MONTHS else int(month)}")
    return frozenset(items)


def sensitive_attributes(text: str) -> frozenset[str]:
    """Return what an outsider may want to learn about the patient, as items `field:value`.

    Fields: drug, dose, lab (name and band of the value; band b is from 2^(b/3) to 2^((b+1)/3), so "psa 6" is in band
    7), smoking, alcohol, infection, mind (mental health, substances, abortion and miscarriage, violence), family
    (relative and illness), allergy.
    """
    plain = normalise(text)
    words = _WORD.findall(plain)
    items = {f"{_FIELD[w]}:{w}" for w in words if w in _FIELD}
    items |= {
        f"infection:hepatitis {b}" for a, b in pairwise(re.findall(r"\w+", plain)) if a == "hepatitis" and b in "abc"
    }
    items |= {f"drug:{m[0]}" for m in _DRUG_END.finditer(plain)}
    items |= {f"dose:{m[1]} {m[2]}" for m in _DOSE.finditer(plain)}
    items |= {
        f"lab:{m[1]} {math.floor(LAB_STEPS_PER_DOUBLING * math.log2(value))}"
        for m in _LAB.finditer(plain)
        if (value := float(m[2])) > 0
    }
    items |= _states(_SMOKING, "smoking", ("never", "former", "current"), plain)
    items |= _states(_ALCOHOL, "alcohol", ("none", "heavy", "some"), plain)
    items |= {f"family:{pair}" for pair in _family(plain)}
    for match in _ALLERGY.finditer(plain):
        items |= {f"allergy:{w}" for w in _WORD.findall(match[1]) if w in _DRUGS or _DRUG_END.fullmatch(w)}
    return frozenset(items)


def _sex(plain: str) -> str | None:
    named = ["f" if match[1] else "m" for match in _SEX.finditer(plain)]
    named += [match[1] for match in _SEX_LETTER.finditer(plain)]
    women, men = named.count("f"), named.count("m")
    return None if women == men else "f" if women > men else "m"


def _states(pattern: re.Pattern[str], field: str, names: tuple[str, ...], plain: str) -> set[str]:
    """Return an item for each match, with the value `names[i]` if group i of the pattern matched."""
    return {
        f"{field}:{names[next(i for i, g in enumerate(m.groups()) if g is not None)]}"
        for m in pattern.finditer(plain)
    }


def _family(plain: str) -> Iterator[str]:
    """Yield each pair of a relative and an illness that follows in the same sentence, such as "mother asthma".

    The illness must be named within 90 characters after the relative, and within MAX_FAMILY_WORDS words that are not
    in `_FILLERS`.
    """
    for match in _RELATIVE.finditer(plain):
        rest_of_sentence = re.split(r"[.;]", plain[match.end() : match.end() + 90], maxsplit=1)[0]
        following = [w for w in _WORD.findall(rest_of_sentence) if w not in _FILLERS][:MAX_FAMILY_WORDS]
        yield from (f"{match[1]} {w}" for w in following if w in _ILLNESSES)
