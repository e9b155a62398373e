"""Find drugs that are given for a condition that they do not treat, such as metformin for asthma.

The table `_USES` lists drugs with few uses, and the conditions for which each drug may be given. Other drugs are not
tested. The table was written for this project from public product information (DailyMed labels, US National Library
of Medicine) and from usual care. It uses the main names in the dictionaries of `synthgen.attributes`.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

from synthgen.attributes.lexicon import AttributeFinding
from synthgen.coherence.contradiction import Contradiction, findings_of, sentences

# each line: drugs | conditions for which any of these drugs may be given
_USES = """
levothyroxine; liothyronine | hypothyroidism; thyroid cancer; depression; bipolar disorder; obesity
methimazole; carbimazole; propylthiouracil | hyperthyroidism; atrial fibrillation
metformin; insulin; glipizide; glyburide; gliclazide; glimepiride; sitagliptin; liraglutide; semaglutide; \
dulaglutide; tirzepatide; pioglitazone; empagliflozin; dapagliflozin; canagliflozin | \
type 1 diabetes; type 2 diabetes; diabetes; prediabetes; gestational diabetes; polycystic ovary syndrome; obesity; \
heart failure; chronic kidney disease; fatty liver; \
cystic fibrosis; sleep apnea; pancreatitis; hyperlipidemia; coronary artery disease; stroke; heart attack
atorvastatin; simvastatin; rosuvastatin; pravastatin; ezetimibe; fenofibrate; statin | hyperlipidemia; \
coronary artery disease; heart attack; angina; stroke; transient ischemic attack; peripheral artery disease; \
aneurysm; type 1 diabetes; type 2 diabetes; diabetes; chronic kidney disease; hypertension; hypothyroidism; \
fatty liver; pancreatitis; heart failure; obesity; diabetic retinopathy
albuterol; salmeterol; formoterol; tiotropium; umeclidinium; ipratropium; montelukast | asthma; \
chronic obstructive pulmonary disease; bronchiectasis; cystic fibrosis; allergic rhinitis; pulmonary fibrosis; \
chronic sinusitis; eczema; tuberculosis; lung cancer
lisinopril; enalapril; ramipril; perindopril; losartan; valsartan; irbesartan; olmesartan; telmisartan; amlodipine; \
felodipine; hydrochlorothiazide; chlorthalidone; indapamide | hypertension; heart failure; coronary artery disease; \
heart attack; angina; chronic kidney disease; end stage renal disease; type 1 diabetes; type 2 diabetes; diabetes; \
diabetic retinopathy; stroke; transient ischemic attack; cardiomyopathy; atrial fibrillation; aneurysm; \
mitral regurgitation; aortic stenosis; peripheral artery disease; polycystic kidney disease; pulmonary hypertension; \
migraine; kidney stones; osteoporosis; lupus; obesity; sleep apnea
alendronate; risedronate | osteoporosis; osteopenia; hyperparathyroidism; rheumatoid arthritis; breast cancer; \
prostate cancer; multiple myeloma; celiac disease; asthma; chronic obstructive pulmonary disease; menopause
levodopa; rasagiline; pramipexole; ropinirole | parkinson's disease; restless legs syndrome; depression; dementia
donepezil; rivastigmine; memantine | alzheimer's disease; dementia; mild cognitive impairment; parkinson's disease; \
migraine; autism
levetiracetam; lacosamide; phenytoin | epilepsy; migraine; neuropathy; bipolar disorder; stroke; chronic pain
sumatriptan; rizatriptan | migraine
tamsulosin; finasteride; mirabegron; solifenacin | benign prostatic hyperplasia; overactive bladder; kidney stones; \
prostate cancer; multiple sclerosis; parkinson's disease
latanoprost | glaucoma
allopurinol; febuxostat | gout; kidney stones; chronic kidney disease; leukemia; lymphoma; multiple myeloma; cancer
mesalamine; vedolizumab | crohn's disease; ulcerative colitis; inflammatory bowel disease; diverticulosis
isoniazid | tuberculosis; hiv; rheumatoid arthritis
isotretinoin | acne; rosacea; cancer
methylphenidate; amphetamine | attention deficit hyperactivity disorder; depression; autism; \
chronic fatigue syndrome; stroke; multiple sclerosis; cancer
lithium | bipolar disorder; depression; schizophrenia
"""
# text between a drug and the condition for which it is given, such as " 500 mg for his "
_FOR = re.compile(
    r"(?i)^(?:[^.;,\n]|,(?=\d)){0,40}?\bfor (?:(?:the|his|her|their|treatment of|management of|known) ){0,3}$"
)
# text between a condition and the drug that is given for it, such as " was treated with "
_WITH = re.compile(
    r"(?i)^[^.;\n]{0,25}\b(?:treated|managed|controlled|treatment|managing) (?:it )?(?:with|by|on|using)\s+"
    r"(?:the |an? |\w{1,20} dose ){0,2}$"
)
_DIAGNOSED = re.compile(
    r"(?i)\b(?:diagnosis (?:of|is|was)|diagnosed with|consistent with|confirm(?:s|ed)|made a diagnosis)\b"
)
_STARTED = re.compile(
    r"(?i)\b(?:start(?:ed)?|commenc(?:ed?|ing)|beg[au]n|begin|prescribed?|initiated?|put on"
    r"|treat(?:ed|ment)?(?: is)? with)\b"
)


@cache
def uses() -> dict[str, frozenset[str]]:
    """Return by drug the conditions for which the drug may be given."""
    lines = _USES.strip().split("\n")
    rows = ([[name.strip() for name in part.split(";")] for part in line.split("|")] for line in lines)
    return {drug: frozenset(conditions) for drugs, conditions in rows for drug in drugs}


def treatment(text: str) -> Iterator[Contradiction]:
    """Yield at most one drug that is given for a condition that the drug does not treat.

    A drug is given for a condition in two cases:

    - the text says so: "metformin for asthma", "asthma treated with metformin";
    - one sentence states a diagnosis, and the next sentence says that the first drug of the text is started. This
      counts only if the text names exactly one condition, and the table lists every drug of the text, but not for
      this condition.
    """
    findings = [f for f in findings_of(text) if not f.negated and f.attribute in {"medication", "condition"}]
    for first, second in pairwise(findings):
        drug, condition = (first, second) if first.attribute == "medication" else (second, first)
        is_pair = (drug.attribute, condition.attribute) == ("medication", "condition")
        if is_pair and _is_wrong(drug, condition) and _is_reason(text, drug, condition):
            yield Contradiction("treatment", (drug.start, drug.end), (condition.start, condition.end))
            return
    yield from _after_diagnosis(text, findings)


def _is_wrong(drug: AttributeFinding, condition: AttributeFinding) -> bool:
    return drug.value in uses() and condition.value not in uses()[drug.value]


def _is_reason(text: str, drug: AttributeFinding, condition: AttributeFinding) -> bool:
    if drug.end <= condition.start:
        return _FOR.match(text[drug.end : condition.start]) is not None
    return _WITH.match(text[condition.end : drug.start]) is not None


def _after_diagnosis(text: str, findings: list[AttributeFinding]) -> Iterator[Contradiction]:
    conditions = [f for f in findings if f.attribute == "condition"]
    drugs = [f for f in findings if f.attribute == "medication"]
    if len({f.value for f in conditions}) != 1 or not drugs or not all(_is_wrong(d, conditions[0]) for d in drugs):
        return
    condition, drug = conditions[0], drugs[0]
    for sentence, following in pairwise(sentences(text)):
        is_next = sentence[0] <= condition.start < sentence[1] and following[0] <= drug.start < following[1]
        if is_next and _DIAGNOSED.search(text, *sentence) and _STARTED.search(text, *following):
            yield Contradiction("treatment", (drug.start, drug.end), (condition.start, condition.end))
            return
