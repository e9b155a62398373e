"""Contradictions between a diagnosis and its treatment.

Conditions and drugs are divided into groups that are treated alike. A drug fits a condition if both are in one group,
or if the drug is given for many conditions. The table was written for this project from the indications in public
product information (the labels on DailyMed, US National Library of Medicine); the names are those of
`synthgen.attributes`. The groups are wide, so that only clear contradictions are found.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

from synthgen.attributes import extract
from synthgen.attributes.lexicon import AttributeFinding
from synthgen.coherence.contradiction import Contradiction, Span, sentences

# conditions | drugs
_GROUPS = """
hypertension; hyperlipidemia; coronary artery disease; heart attack; angina; heart failure; atrial fibrillation; \
atrial flutter; supraventricular tachycardia; cardiomyopathy; peripheral artery disease; deep vein thrombosis; \
pulmonary embolism; stroke; transient ischemic attack; aneurysm; aortic stenosis; mitral regurgitation; \
pulmonary hypertension; chronic kidney disease; end stage renal disease; type 1 diabetes; type 2 diabetes; diabetes; \
gestational diabetes; diabetic retinopathy; obesity; polycystic ovary syndrome; varicose veins | \
metformin; insulin; glipizide; glyburide; sitagliptin; empagliflozin; dapagliflozin; liraglutide; semaglutide; \
dulaglutide; pioglitazone; gliclazide; glimepiride; canagliflozin; tirzepatide; lisinopril; losartan; valsartan; \
amlodipine; diltiazem; metoprolol; carvedilol; hydrochlorothiazide; chlorthalidone; furosemide; spironolactone; \
isosorbide; nitroglycerin; aspirin; clopidogrel; warfarin; apixaban; rivaroxaban; enoxaparin; atorvastatin; \
simvastatin; rosuvastatin; beta blocker; blood thinner; diuretic; enalapril; ramipril; perindopril; captopril; \
benazepril; candesartan; irbesartan; olmesartan; telmisartan; sacubitril; nifedipine; verapamil; felodipine; \
atenolol; bisoprolol; propranolol; nebivolol; sotalol; indapamide; torsemide; bumetanide; eplerenone; \
hydralazine; clonidine; doxazosin; prazosin; ranolazine; ivabradine; digoxin; amiodarone; flecainide; \
ticagrelor; prasugrel; dabigatran; \
edoxaban; heparin; pravastatin; ezetimibe; fenofibrate; statin; ace inhibitor; potassium supplement; sildenafil; \
tadalafil; fish oil
hypothyroidism; thyroid cancer | levothyroxine; liothyronine
hyperthyroidism | methimazole; carbimazole; propylthiouracil; propranolol; atenolol; metoprolol; beta blocker
asthma; chronic obstructive pulmonary disease; bronchiectasis; pulmonary fibrosis; cystic fibrosis; \
allergic rhinitis; sarcoidosis; chronic sinusitis | \
albuterol; fluticasone; tiotropium; montelukast; inhaler; salmeterol; formoterol; budesonide; beclomethasone; \
ipratropium; umeclidinium; theophylline; cetirizine; loratadine; diphenhydramine; fexofenadine; pseudoephedrine; \
epinephrine
gastroesophageal reflux disease; peptic ulcer; barrett's esophagus; irritable bowel syndrome; gallstones; \
diverticulosis; pancreatitis; celiac disease | \
sucralfate; antacid; metoclopramide; loperamide; polyethylene glycol; senna; lactulose; ursodiol; amitriptyline; \
nortriptyline; famotidine; ranitidine; omeprazole; pantoprazole; esomeprazole; lansoprazole
crohn's disease; ulcerative colitis; inflammatory bowel disease; rheumatoid arthritis; psoriatic arthritis; \
ankylosing spondylitis; lupus; psoriasis; arthritis; osteoarthritis; autoimmune hepatitis; sarcoidosis; eczema | \
mesalamine; azathioprine; infliximab; adalimumab; vedolizumab; ustekinumab; methotrexate; sulfasalazine; \
leflunomide; mycophenolate; rituximab; etanercept; tocilizumab; secukinumab; hydroxychloroquine; budesonide; \
celecoxib; meloxicam; diclofenac; indomethacin; duloxetine
gout | allopurinol; febuxostat; colchicine; indomethacin; meloxicam; diclofenac; celecoxib
osteoporosis; osteopenia; hyperparathyroidism; menopause | \
alendronate; risedronate; zoledronic acid; denosumab; estradiol; progesterone
cirrhosis; fatty liver; hepatitis b; hepatitis c | \
lactulose; rifaximin; spironolactone; furosemide; propranolol; carvedilol; ursodiol
epilepsy; migraine; neuropathy; diabetic neuropathy; fibromyalgia; sciatica; chronic pain; restless legs syndrome; \
parkinson's disease; alzheimer's disease; dementia; mild cognitive impairment; multiple sclerosis; essential tremor; \
depression; anxiety disorder; bipolar disorder; post traumatic stress disorder; schizophrenia; autism; \
attention deficit hyperactivity disorder; spinal stenosis; herniated disc; carpal tunnel syndrome | \
gabapentin; pregabalin; levetiracetam; lamotrigine; valproate; carbamazepine; phenytoin; topiramate; sumatriptan; \
rizatriptan; lacosamide; botulinum toxin; levodopa; donepezil; pramipexole; ropinirole; rasagiline; amantadine; \
memantine; rivastigmine; sertraline; fluoxetine; citalopram; escitalopram; paroxetine; venlafaxine; duloxetine; \
bupropion; mirtazapine; trazodone; amitriptyline; nortriptyline; lithium; olanzapine; risperidone; haloperidol; \
clozapine; quetiapine; aripiprazole; buspirone; methylphenidate; amphetamine; modafinil; propranolol; prazosin; \
clonidine; baclofen; tizanidine; methocarbamol; cyclobenzaprine; clonazepam; diazepam; lorazepam; alprazolam; \
midazolam; verapamil; candesartan
benign prostatic hyperplasia; overactive bladder; kidney stones | \
tamsulosin; finasteride; oxybutynin; mirabegron; solifenacin; tadalafil; doxazosin; terazosin; allopurinol; \
hydrochlorothiazide
glaucoma | latanoprost; timolol
acne; rosacea | isotretinoin; tretinoin; doxycycline; spironolactone; birth control pill
breast cancer; prostate cancer | tamoxifen; letrozole; anastrozole
tuberculosis | rifampicin; isoniazid
anemia; thrombocytopenia | iron supplement; vitamin b12; folic acid
"""
# a condition is the reason of a treatment if it follows "for", is "treated with", or was just diagnosed
_FOR = re.compile(
    r"^(?:[^.;,\n]|,(?=\d)){0,40}?\bfor (?:(?:the|his|her|their|treatment of|management of|known) )*$", re.IGNORECASE
)
_WITH = re.compile(
    r"^[^.;\n]{0,25}\b(?:treated|managed|controlled|treatment|managing) (?:it )?(?:with|by|on|using)\s+"
    r"(?:the |an? |\w+ dose )*$",
    re.IGNORECASE,
)
_DIAGNOSED = re.compile(
    r"\b(?:diagnosis (?:of|is|was)|diagnosed with|consistent with|confirm(?:s|ed)|made a diagnosis)\b", re.IGNORECASE
)
_STARTED = re.compile(
    r"\b(?:start(?:ed)?|commenc(?:ed?|ing)|beg[au]n|begin|prescribed?|initiated?|put on"
    r"|treat(?:ed|ment)?(?: is)? with)\b",
    re.IGNORECASE,
)


@cache
def groups() -> dict[tuple[str, str], frozenset[int]]:
    """Return the numbers of the groups of each ("condition", name) and ("medication", name)."""
    found: dict[tuple[str, str], set[int]] = defaultdict(set)
    for number, line in enumerate(_GROUPS.strip().splitlines()):
        for kind, names in zip(("condition", "medication"), line.split("|"), strict=True):
            for name in names.split(";"):
                found[kind, name.strip()].add(number)
    return {key: frozenset(numbers) for key, numbers in found.items()}


def treatment(text: str) -> Iterator[Contradiction]:
    """Yield at most one drug that is given for a condition of another group.

    A drug is given for a condition if the text says so ("metformin for asthma", "asthma treated with metformin"), or
    if a sentence that starts the drug follows the sentence with the only diagnosis. Drugs and conditions outside the
    table, and drugs that are given for many conditions, do not count.
    """
    found = [f for f in extract(text) if not f.negated and (f.attribute, f.value) in groups()]
    drugs = [f for f in found if f.attribute == "medication"]
    conditions = [f for f in found if f.attribute == "condition"]
    for drug in drugs:
        for condition in conditions:
            if (
                not _fit(drug, condition)
                and _are_adjacent(found, drug, condition)
                and _is_reason(text, drug, condition)
            ):
                yield Contradiction("treatment", (drug.start, drug.end), (condition.start, condition.end))
                return
    yield from _after_diagnosis(text, drugs, conditions)


def _fit(drug: AttributeFinding, condition: AttributeFinding) -> bool:
    of = groups()
    return bool(of["medication", drug.value] & of["condition", condition.value])


def _are_adjacent(found: list[AttributeFinding], drug: AttributeFinding, condition: AttributeFinding) -> bool:
    """Return whether no other drug or condition lies between the two."""
    start, end = min(drug.end, condition.end), max(drug.start, condition.start)
    return not any(start <= f.start and f.end <= end for f in found)


def _is_reason(text: str, drug: AttributeFinding, condition: AttributeFinding) -> bool:
    if drug.end <= condition.start:
        return _FOR.match(text[drug.end : condition.start]) is not None
    return _WITH.match(text[condition.end : drug.start]) is not None


def _after_diagnosis(
    text: str, drugs: list[AttributeFinding], conditions: list[AttributeFinding]
) -> Iterator[Contradiction]:
    places = list(sentences(text))
    for own, following in pairwise(places):
        named = [c for c in conditions if own[0] <= c.start < own[1]]
        started = [d for d in drugs if following[0] <= d.start < following[1]]
        if not named or not started or not _DIAGNOSED.search(text, *own) or not _STARTED.search(text, *following):
            continue
        if any(following[0] <= c.start < following[1] for c in conditions):
            continue
        if all(not _fit(drug, condition) for drug in started for condition in conditions if condition.start < own[1]):
            at: Span = (started[0].start, started[0].end)
            yield Contradiction("treatment", at, (named[0].start, named[0].end))
            return
