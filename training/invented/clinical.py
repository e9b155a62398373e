"""Generate invented clinical notes: notes with headings, and entries in the shorthand of doctors."""

import numpy as np

from invented.grammar import Grammar
from invented.medicine.case import ILLNESSES, Country, finished, mended, rules_of, sentences, shortened, spelt
from invented.medicine.reports import REPORTS, Report
from invented.wording import distinct

LEAST, MOST = 30, 200  # smallest and largest number of words of a text
_REPORT_SHARE = 0.2  # share of the notes that are reports of a test
_LONGER_SHARE = 0.4  # share of the other notes that have additional sections from _EXTRA
_EXTRA = ("past", "drugs", "social", "family", "review", "tests", "vitals", "care", "leaving", "course")

# the alternative headings of each section
_HEADINGS: dict[str, tuple[str, ...]] = {
    "complaint": ("Chief complaint", "CC", "Presenting complaint", "PC", "Reason for visit", "Reason for admission"),
    "story": ("HPI", "History of present illness", "HPC", "Hx", "Subjective", "S", "History", "Interval history"),
    "review": ("ROS", "Review of systems", "Systems review", "Systemic enquiry"),
    "past": ("PMH", "Past medical history", "PMHx", "Problem list", "Active problems", "Background", "Past history"),
    "drugs": ("Medications", "Meds", "Current medications", "DHx", "Drug history", "Drugs", "Home meds", "Rx"),
    "allergy": ("Allergies", "ALL", "Drug allergies", "Allergy status"),
    "social": ("Social history", "SHx", "Social", "SH", "Home situation"),
    "family": ("Family history", "FHx", "FH"),
    "vitals": ("Vitals", "Obs", "Observations", "Vital signs", "VS", "NEWS obs"),
    "signs": ("Physical exam", "O/E", "Examination", "Exam", "Objective", "O", "On examination", "Findings"),
    "tests": ("Investigations", "Labs", "Results", "Data", "Ix", "Bloods and imaging", "Laboratory and studies"),
    "verdict": ("Impression", "Imp", "Assessment", "A", "Diagnosis", "Dx", "Working diagnosis", "Formulation"),
    "plan": ("Plan", "P", "Recommendations", "Management", "Next steps", "To do", "Disposition and plan"),
    "both": ("A/P", "Assessment and plan", "Impression and plan", "Assessment/Plan", "Summary and plan"),
    "course": ("Hospital course", "Clinical course", "Progress", "Course in hospital", "Summary of stay"),
    "leaving": ("Discharge instructions", "Follow up", "On discharge", "Advice given", "Discharge plan"),
    "care": ("Nursing note", "Care given", "Shift summary", "Nursing assessment", "Evaluation of care"),
    "handover": ("Situation", "SBAR", "Handover", "S - situation"),
}
# for each kind of note: its possible titles (empty for none), and its sections in order
_KINDS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("", "Admission note", "Clerking", "H&P"), ("complaint", "story", "past", "drugs", "signs", "both")),
    (("", "Medical clerking", "Acute take"), ("complaint", "story", "review", "vitals", "tests", "verdict", "plan")),
    (("", "Progress note", "SOAP note"), ("story", "vitals", "signs", "tests", "both")),
    (("", "Clinic note", "Office visit"), ("story", "drugs", "signs", "verdict", "plan")),
    (("Discharge summary", "Discharge note", ""), ("verdict", "course", "drugs", "leaving")),
    (("", "ED note", "Emergency department"), ("complaint", "story", "allergy", "vitals", "signs", "tests", "plan")),
    (("Nursing note", "Nursing", ""), ("care", "vitals", "plan")),
    (("", "Consult note", "Inpatient consult"), ("complaint", "story", "tests", "both")),
    (("Ward round", "Consultant round", "WR"), ("verdict", "vitals", "signs", "plan")),
    (("", "New patient visit"), ("past", "drugs", "allergy", "social", "family", "story", "both")),
    (("Handover sheet", ""), ("handover", "past", "vitals", "plan")),
    (("", "Follow up visit", "Review"), ("verdict", "story", "tests", "drugs", "plan")),
    (("", "Outpatient record"), ("both", "story", "drugs", "tests")),
    (("Telephone review", "Phone encounter", ""), ("complaint", "story", "allergy", "plan")),
    (("Critical care review", "Night review", ""), ("handover", "vitals", "tests", "both")),
    (
        ("", "Comprehensive history"),
        ("complaint", "story", "review", "past", "drugs", "allergy", "social", "signs", "both"),
    ),
    (
        ("", "Inpatient history"),
        ("complaint", "story", "past", "family", "vitals", "signs", "tests", "verdict", "plan"),
    ),
    (("Transfer summary", ""), ("verdict", "course", "past", "drugs", "vitals", "signs", "tests", "leaving", "care")),
    (("", "Day case record"), ("care", "story", "drugs", "allergy", "vitals", "tests", "leaving")),
    (("", "Initial evaluation"), ("complaint", "family", "social", "story", "review", "signs", "verdict", "plan")),
)

_NOTE: dict[str, tuple[str, ...]] = {
    "aged": ("{age} {unit} old", "{age}-{unit}-old", "{age} {unit} old"),
    "patient": ("{aged} {man}", "{man}, {age} {unit}s", "{title} {last}, {age} {unit}s", "{aged} {sex}"),
    "complaint": (
        "{symptom1}",
        "{symptom1}, {symptom2}",
        "{symptom1}{since}",
        "{symptom1} and {symptom2}[, known {short}]",
        '"{symptom1}"',
        "{patient} with {symptom1}",
        "? {condition}",
        "{symptom1}. Query {other1}.",
    ),
    "story": (
        "{patient} with {symptom1}{since}. Also {symptom2}. No {absent1} or {absent2}.",
        "{patient} who presents with {symptom1}{since} and {symptom2}. Denies {absent1}, {absent2}.",
        "{reports} {symptom1}{since}[; then {symptom2}]. {symptom3}. Nil {absent1}.",
        "{symptom1}{since}. {symptom2}. Now {symptom3}. There is no {absent1}[ and no {absent2}].",
        "{he} first noticed {symptom1}, later {symptom2}. On {drugname1} before arrival. No {absent2}.",
        "{title} {last} is a {aged} {man} seen {date} with {symptom1}. {reports} {symptom2}. {absent1}: none.",
        "Started with {symptom1}. Associated {symptom2}[, {symptom3}]. Tried {drugname1} with little effect.",
        "known {condition}. Since {earlier}: {symptom1}, {symptom2}. Negative for {absent1}, {absent2}, {absent3}.",
        "- {symptom1}{since}\n- {symptom2}\n- no {absent1}\n[- no {absent2}]",
        "Patient returns on {date}. {symptom1} persists; {symptom2} somewhat better on {drugname1}.",
    ),
    "review": (
        "{symptom2} positive. {absent1}, {absent2} negative.",
        "Positive: {symptom1}. Negative: {absent1}, {absent2}.",
        "no {absent1}, no {absent2}, no {absent3}",
        "General: {symptom2}. Otherwise no {absent1}. {absent2}: denied.",
        "as above, else {absent1} / {absent2} / {absent3} all denied",
        "[+] {symptom1}, [-] {absent1}",
    ),
    "past": (
        "{past1}, {past2}",
        "{past1}. {past2}. {past3}.",
        "1. {condition}\n2. {past1}\n3. {past2}",
        "{past1}",
        "- {past1}\n- {past2}",
        "{condition}; {past1}",
        "# {condition}\n# {past1}",
        "{past1} / {past2} / {past3}",
    ),
    "drugs": (
        "{drug1}, {drug2}",
        "{drug1}; {drug2}; {drug3}",
        "- {drug1}\n- {drug2}[\n- {drug3}]",
        "{drug1}",
        "1. {drug1}\n2. {drug2}",
        "{drugname1} (new), {drug2}",
        "{drug1}. {drug2} stopped.",
        "{drug2}\n{drug3}",
        "{drug1} started {date}; {drug2} to continue",
    ),
    "allergy": ("{allergy}", "{allergy}", "Allergic status: {allergy}"),
    "social": ("{social1}", "{social1}, {social2}", "{social1}. {social2}.", "{social1}; {social2}; {social3}"),
    "family": ("{family1}", "{family1}", "{family1}; {family2}"),
    "vitals": ("{vitals}", "{vitals}.", "{vitals} at {hour}", "{hour}: {vitals}"),
    "hour": ("06:30", "0715", "09:10", "11.40", "1320", "14:05", "16:45", "18:20", "2030", "22:15", "0300"),
    "general": (
        "alert",
        "comfortable at rest",
        "looks unwell",
        "well perfused",
        "in some distress",
        "NAD",
        "not distressed",
        "talking in sentences",
        "tired",
        "orientated",
        "GCS 15",
        "seen with chaperone",
        "sitting in the chair",
        "pale",
    ),
    "signs": (
        "{general}. {sign1}. {sign2}.",
        "{sign1}, {sign2}",
        "- {general}\n- {sign1}\n- {sign2}",
        "{sign1}; {sign2}",
        "{general}, {sign1}",
        "General: {general}\nLocal: {sign1}, {sign2}",
        "{sign1}; {sign2}; {sign3}",
        "{vitals}. {sign1}. {sign2}.",
        "{general}. Notable for {sign1} and {sign2}; otherwise unremarkable.",
    ),
    "tests": (
        "{test1}",
        "{test1}; {test2}",
        "{test1}, {test2}, {test3}",
        "{test1}\n{test2}",
        "- {test1}\n- {test2}",
        "{date}: {test1}. {test2}.",
        "{test1}. Awaiting {test2}",
        "{test1} ({earlier}); {test2} today",
    ),
    "verdict": (
        "{condition}",
        "likely {condition}",
        "{condition}[, less likely {other1}]",
        "{condition} vs {other1}",
        "1. {condition}\n2. {past1}",
        "{condition}. Differential: {other1}, {other2}.",
        "?{condition} ?{other1}",
        "{aged} {man} with {condition}",
        "{condition}, responding to {drugname1}",
        "{condition} ({specialty})",
    ),
    "plan": (
        "1. {plan1}\n2. {plan2}\n3. {plan3}",
        "- {plan1}\n- {plan2}",
        "{plan1}. {plan2}.",
        "{plan1}; {plan2}; {plan3}",
        "{plan1}, {plan2}",
        "1) {plan1}\n2) start {drug1}\n3) {plan2}",
        "- {drugname1}\n- {plan1}\n- {plan2}\n- {plan3}",
        "{plan1}. Continue {drug2}. {plan2}. Review {later}.",
        "{plan1}. {plan2}. D/w {specialty}.",
        "* {plan1}\n* {plan2}\n* {plan4}",
        "{drug1}. {plan1}. See again {later}.",
    ),
    "both": (
        "{condition}. {plan1}. {plan2}.",
        "# {condition}\n- {plan1}\n- {plan2}\n- {drug1}",
        "{verdict}\n{plan}",
        "1. {condition}: {plan1}, {drugname1}\n2. {past1}: no change",
        "{aged} {man} with {condition}. {plan}",
        "{condition}, less likely {other1} given {sign1}. {plan1}; {plan2}.",
        "{verdict}. {plan1}. {plan3}.",
    ),
    "course": (
        "Admitted {earlier} with {symptom1}. {test1}. Treated with {drugname1} and {drugname2}. Home {date}.",
        "Came in with {symptom1} and {symptom2}. Found to have {sign1}. {test1}. Improved on {drugname1}.",
        "{symptom1} settled on {drug1}. {test1}, {test2}. Seen by {specialty}.",
        "{patient} admitted {earlier}. Work up: {test1}; {test2}. Given {drug1}. Uneventful thereafter.",
        "{title} {last} was brought in on {earlier}: {symptom1}, {sign1}. {drugname1} commenced, good response.",
    ),
    "leaving": (
        "{plan1}. Review {later}.",
        "- {plan1}\n- {plan2}\n- seek help if {symptom1}",
        "{plan1}; {plan2}. PCP to follow.",
        "{specialty} clinic {later}. {plan1}.",
        "Return if {symptom1} or {absent1}. {plan1}. {plan3}.",
    ),
    "care": (
        "{title} {last} {general} this shift. {symptom1} reported at {hour}, {drugname1} given with effect.",
        "{hour} c/o {symptom1}. {drug1} given. {general} when rechecked. Team aware.",
        "Patient {general}. {sign1} noted. {social1}. Eating little, drinking with help. Pain {score}/10.",
        "Assumed care at {hour}. {general}. {symptom1} continues, {symptom2} less. Call light in reach.",
        "Settled overnight apart from {symptom2}. {sign1}. {drug1} as charted. Family updated at {hour}.",
    ),
    "score": ("0", "1", "2", "3", "4", "5", "6", "7", "8"),
    "handover": (
        "{patient}, {condition}, day {score}. {symptom1} overnight. {sign1}.",
        "Bed {score}, {last}: {condition}. {sign1}.",
        "{patient} with {condition}. On {drugname1}. {test1}. Watch for {absent1}.",
        "Called at {hour} for {symptom1}. {patient}, known {condition}. {general}.",
    ),
    "top": (
        "{date}",
        "{title} {last}, {date}",
        "{first} {last}  {sex}  {age}",
        "{specialty}, {date}",
        "{date} {hour}",
        "Name: {first} {last}\nMRN: {mrn}",
        "Patient: {last}, {first}    Date: {date}",
        "Seen by Dr {doctor} {date}",
    ),
    "end": (
        "Dr {writer}",
        "{writer}, {specialty}",
        "{writerfirst} {writer} RN",
        "{writer} MD",
        "{writer} FY2",
        "- {writer}",
    ),
}

_SHORTHAND: dict[str, tuple[str, ...]] = {
    "general": _NOTE["general"],
    "who": (
        "{age}{sex}",
        "{age} {sex}",
        "{age}yo {sex}",
        "{sex} {age}",
        "{age} y/o {sex}",
        "{age} {unit} old {man}",
        "{title} {last}",
        "pt",
        "{age} {sex}, {social1}",
        "",
    ),
    "hx": (
        "{who} {span} hx of {symptom1}, {symptom2}. No {absent1}, no {absent2}",
        "{who} c/o {symptom1}{since}. {symptom2}",
        "{who}: {symptom1}, {symptom2}, {symptom3}. nil {absent1} / {absent2}",
        "{who} w/ {symptom1}, +{symptom2}, -{absent1}",
        "PC {symptom1}. HPC {symptom2}{since}, no {absent2}",
        "{who} - {symptom1} -> {symptom2}. no {absent1}",
        "{span} {symptom1}, {symptom2} ++. {absent1} -ve",
        "S: {symptom1}, {symptom2}. Denies {absent1}",
        "Hx {symptom1}{since}, {symptom2}; no {absent1}",
        "seen re {symptom1}. also {symptom2}. not had {absent1}",
        "t/c re {symptom1}{since}. {symptom2}. nil else",
        "{reports} {symptom1}, {symptom2}. No {absent3}",
        "- {symptom1}{since}\n- {symptom2}\n- no {absent1}",
        "known {short}. {symptom1}. {symptom2}. no {absent1}",
        "{who} p/w {symptom1} & {symptom2}. neg {absent1}, {absent2}",
        "F2F. {symptom1} {span}, {symptom2}, {absent1} nil",
        "D{day} {short}. {symptom1} o/n, {symptom2} better. no {absent1}",
        "r/v {short}: still {symptom1}, less {symptom2}",
    ),
    "day": ("1", "2", "3", "4", "5", "6"),
    "bg": (
        "PMH {past1}",
        "PMHx: {past1}, {past2}",
        "BG {short}, {past1}",
        "bg {past1}",
        "Hx of {past1}. {social1}",
        "SH {social1}",
        "{allergy}",
        "NB {past1}",
        "FHx {family1}",
        "All: {allergy}",
        "h/o {past1}; {past2}",
    ),
    "oe": (
        "O/E {sign1}, {sign2}",
        "o/e: {sign1}. {vitals}",
        "OE {general}. {sign1}. {sign2}",
        "{vitals}. {sign1}",
        "Ex: {sign1}; {sign2}",
        "O: {vitals}; {sign1}",
        "PE {sign1}, {sign2}; {general}",
        "obs {vitals}. {sign1}, {sign2}",
        "- {vitals}\n- {sign1}\n- {sign2}",
        "{general}, {sign1}, {sign2}",
        "O/E {general}, {vitals}, {sign1}",
        "exam: {sign1}, {sign2}, rest NAD",
        "{sign1} ++, {sign2} +. {vitals}",
    ),
    "ix": (
        "Ix {test1}",
        "{test1}, {test2}",
        "Ix: {test1}; {test2}",
        "bloods/imaging: {test1}",
        "labs {test1}. {test2}",
        "{test1} ({earlier})",
        "- {test1}\n- {test2}",
        "results: {test1}, {test2}, {test3}",
        "{test1} -> noted",
    ),
    "imp": (
        "Imp: {condition}",
        "imp {short}",
        "Imp ?{condition}",
        "A: {condition}",
        "dx {short}",
        "?{short} ?{other1}",
        "Imp: {short}, dd {other1}",
        "likely {short} not {other1}",
        "A/ {condition}",
        "dx: {condition}",
        "= {short}",
        "Impression - {condition}",
        "ddx {short} vs {other1} vs {other2}",
        "{short}, stable",
        "prob {condition}",
    ),
    "rv": (
        "r/v {span}",
        "rv {span} if no better",
        "RTC {span}",
        "f/u {span}",
        "TCI if worse",
        "see {span}",
        "safety netted",
        "sn given",
        "review {later}",
        "back {span} or sooner",
        "bloods then r/v",
        "call if worse",
        "999 advice",
        "SOS",
        "",
    ),
    "plan": (
        "Plan: {plan1}, {plan2}, {rv}",
        "P: {plan1}. {plan2}. {rv}",
        "P/ {drug1}, {plan1}. {rv}",
        "Rx {drug1}. {rv}",
        "- {plan1}\n- {plan2}\n- {drug1}\n- {rv}",
        "1. {plan1}\n2. {drug1}\n3. {rv}",
        "Rx {drug1}; {drug2}. {plan1}",
        "-> {plan1}; {plan2}",
        "plan {plan1} / {plan2} / {plan3}",
        "tx {drug1}, {drug2}. {plan1}. {rv}",
        "start {drug1}. {plan1}. {rv}",
        "cont {drug1}, {plan1}, {rv}",
        "P) {plan1} + {drugname1}. {rv}",
        "[ ] {plan1}\n[ ] {plan2}\n[ ] {plan3}",
        "d/w {specialty}: {plan1}. {plan2}. {rv}",
        "Plan\n{plan1}\n{plan2}\n{rv}",
    ),
    "flow": (
        "{hx}. {oe}. {imp}. {plan}",
        "{hx}\n{oe}\n{imp}\n{plan}",
        "{hx}. {bg}. {oe}.\n{imp}. {plan}",
        "{hx}\n{oe}. {ix}\n{imp}\n{plan}",
        "{imp}. {hx}. {oe}. {plan}",
        "{hx}. {oe}. {ix}. {imp}. {plan}",
        "{date}\n{hx}\n{bg}\n{oe}\n{imp}\n{plan}",
        "{hx}. {bg}. {bg}. {oe}. {ix}. {imp}. {plan}",
        "{imp}\n{oe}\n{ix}\n{plan}",
        "{bg}. {hx}. {oe}. {imp}, {plan}",
        "{hx}; {oe}; {ix}; {imp}; {plan}",
        "WR {writer}\n{hx}\n{oe}\n{ix}\n{plan}",
        "{date} {hx} | {oe} | {imp} | {plan}",
        "{hx}. {ix}. {imp}. {plan}",
        "{hx}. {oe}. {plan}. {imp}.",
        "{imp}: {hx}. {bg}. {plan}. {writer}",
    ),
}


def clinical_notes(n: int, rng: np.random.Generator) -> list[str]:
    """Return n different notes of clinics and hospitals, of 30 to 200 words, with headings of many styles.

    Each note describes one patient with one illness, or reports one test, so its statements fit together.

    Randomness: `rng` draws country, kind, illness or test, patient, headings and wording.
    Privacy: no real person is described; names, ages and dates are drawn at random.
    """
    return distinct(n, lambda: _report(rng) if rng.random() < _REPORT_SHARE else _note(rng), LEAST, MOST)


def clinical_shorthand(n: int, rng: np.random.Generator) -> list[str]:
    """Return n different entries of 30 to 200 words in the shorthand of British and American doctors.

    Randomness: `rng` draws country, illness, patient, order of the parts, wording, and use of capital letters.
    Privacy: no real person is described; names, ages and dates are drawn at random.
    """
    return distinct(n, lambda: _scribble(rng), LEAST, MOST)


def _note(rng: np.random.Generator) -> str:
    country = _country(rng)
    illness = ILLNESSES[int(rng.integers(len(ILLNESSES)))]
    grammar = Grammar(_NOTE | rules_of(illness, country, rng))
    titles, order = _KINDS[int(rng.integers(len(_KINDS)))]
    dropped = int(rng.integers(len(order) + 3))  # index of the section to omit; if it is too large, none is omitted
    names = [name for i, name in enumerate(order) if i != dropped]
    if rng.random() < _LONGER_SHARE:
        more = [_EXTRA[int(i)] for i in rng.permutation(len(_EXTRA))[: int(rng.integers(1, 5))]]
        for name in (name for name in more if name not in names):
            names.insert(int(rng.integers(len(names) + 1)), name)
    sections = [(name, grammar.write(name, rng)) for name in names]
    title = _of(titles, rng)
    lines = [title.upper() if rng.random() < 0.4 else title]
    if rng.random() < 0.35:
        lines.append(grammar.write("top", rng))
    lines.append(_laid_out(sections, rng))
    if rng.random() < 0.2:
        lines.append(grammar.write("end", rng))
    text = "\n".join(line for line in lines if line)
    return finished(sentences(mended(text)), country, rng)


def _laid_out(sections: list[tuple[str, str]], rng: np.random.Generator) -> str:
    """Return the sections of a note as text, with all headings in the same typographic style."""
    style, tall, airy = int(rng.integers(5)), bool(rng.random() < 0.4), bool(rng.random() < 0.4)
    written = []
    for name, body in sections:
        heading = _of(_HEADINGS.get(name, (name,)), rng)
        heading = heading.upper() if tall else heading
        many = "\n" in body
        written.append(
            (
                f"{heading}:\n{body}" if many else f"{heading}: {body}",
                f"{heading}\n{body}",
                f"{heading}:\n{body}",
                f"{heading} - {body}" if not many else f"{heading}\n{body}",
                f"**{heading}**\n{body}" if airy or many else f"{heading}: {body}",
            )[style]
        )
    return ("\n\n" if airy else "\n").join(written)


def _report(rng: np.random.Generator) -> str:
    country = _country(rng)
    report: Report = REPORTS[int(rng.integers(len(REPORTS)))]
    n = min(len(report.findings), int(rng.integers(3, 7)))
    kept = sorted(rng.permutation(len(report.findings))[:n])
    findings = [report.findings[int(i)] for i in kept]
    mark = _of((". ", ".\n", ".\n- ", "; "), rng)
    body = ("- " if mark.endswith("- ") else "") + mark.join(findings) + "."
    heads = {
        "radiology": (("Exam", "Study", "Examination"), ("Technique", "Protocol"), ("Findings", "Report")),
        "pathology": (("Specimen", "Nature of specimen"), ("Macroscopic", "Gross"), ("Microscopic", "Histology")),
        "procedure": (("Procedure", "Operation"), ("Preparation", "Setup", "Anaesthesia"), ("Findings", "Details")),
    }[report.kind]
    sections = [
        (_of(heads[0], rng), report.study),
        (_of(("Indication", "Clinical details", "Clinical information", "Reason"), rng), _of(report.reasons, rng)),
        (_of(heads[1], rng), _of(report.methods, rng)),
        (_of(heads[2], rng), body),
        (_of(("Impression", "Conclusion", "Opinion", "Summary", "Comment"), rng), _of(report.conclusions, rng)),
    ]
    dropped = int(rng.integers(1, 7))
    text = _laid_out([section for i, section in enumerate(sections) if i != dropped or i > 2], rng)
    return finished(sentences(spelt(text, rng)), country, rng)


def _scribble(rng: np.random.Generator) -> str:
    country = _country(rng)
    illness = ILLNESSES[int(rng.integers(len(ILLNESSES)))]
    text = Grammar(_SHORTHAND | rules_of(illness, country, rng)).write("flow", rng)
    text = shortened(finished(mended(text), country, rng), country)
    case = rng.random()
    return text.lower() if case < 0.15 else text if case < 0.5 else sentences(text)


def _country(rng: np.random.Generator) -> Country:
    return "uk" if rng.random() < 0.5 else "us"


def _of(items: tuple[str, ...], rng: np.random.Generator) -> str:
    return items[int(rng.integers(len(items)))]
