"""Answer the first questions of a privacy officer about a dataset in full sentences, from the report's content."""

from dataclasses import dataclass

from audits.report.content import ReportContent
from audits.report.glossary import LEAKS
from audits.report.leaving import leaving, not_passed
from audits.report.numbers import count, label, listed, number, percent, spoken
from audits.report.risks import missed, most_at_risk, not_excluded

_METHODS = {  # id of a classifier in the results of `evaluate`: its description on the page
    "encoder-logistic": "classifier on the vectors of a sentence encoder",
    "tfidf-linear": "word-based classifier",
}
# from this style gap on (in nats per token; see `synthgen.evaluate.style_gap`), the page says that the texts do not
# read like real notes
_LARGE_STYLE_GAP = 0.5


@dataclass(frozen=True, slots=True)
class OfficerAnswer:
    """A question of a privacy officer with its answer."""

    question: str
    lead: str  # the answer in a few words; may be empty
    sentences: tuple[str, ...]  # the explanation of the answer
    items: tuple[str, ...] = ()  # entries of a list that the page shows below the sentences


def answers(content: ReportContent) -> tuple[OfficerAnswer, ...]:
    """Return the seven questions of the first screen of the report, each with its answer.

    Privacy: all numbers in the answers come from `content`.
    """
    has_persons = content.source.has_persons
    protection = "What protects the people in it?" if has_persons else "What protects the real records?"
    risk = "Who is most at risk?" if has_persons else "Which records are most at risk?"
    return (
        OfficerAnswer("What is this dataset?", "", tuple(_dataset(content))),
        OfficerAnswer("May it leave the institution?", *leaving(content)),
        OfficerAnswer(protection, *_protection(content)),
        OfficerAnswer(risk, "", tuple(most_at_risk(content))),
        OfficerAnswer("What would the attacks have missed?", "", tuple(missed(content)), not_excluded(content)),
        OfficerAnswer("What is it good for, and what not?", "", tuple(_uses(content))),
        OfficerAnswer("Who approved it?", *_approval(content)),
    )


def _dataset(content: ReportContent) -> list[str]:
    made = sum(row[3] for row in content.balance)  # row[3]: number of generated records of a class
    in_classes = f"{count(made)} synthetic records (texts) in {count(len(content.balance))} classes"
    what = in_classes if made else "synthetic records"
    source = content.source
    records = "" if source.records is None else f"{spoken(source.records)} real records"
    least = "at least " if source.is_least else ""
    persons = "" if source.persons is None else f"{least}{spoken(source.persons)} people"
    is_released = content.verdict == "released"
    verb = "is" if is_released else "would be"
    lines = [f'The dataset "{label(content.title)}" {verb} a table of {what}, written by a language model.']
    lines += [] if is_released else ["It was not released."]
    if records and persons:
        lines.append(f"The records were made from {records} of {persons}.")
    elif records:
        reason = "the number of people is not published" if source.has_persons else "the source has no person ids"
        lines.append(f"The records were made from {records}; {reason}.")
    elif persons:
        lines.append(f"The records were made from the records of {persons}.")
        if source.is_declared:
            lines.append("The institution declared this number of people; it is public knowledge.")
        lines.append("The number of real records is not published.")
    else:
        number_of = "The numbers of real records and people" if source.has_persons else "The number of real records"
        lines.append(f"{number_of} behind the texts {'are' if source.has_persons else 'is'} not published.")
    if not source.has_persons:
        lines.append("Without person ids, every number is about single records and not about people.")
    return [*lines, 'On this page, "used" means: used to make the texts.']


def _protection(content: ReportContent) -> tuple[str, tuple[str, ...]]:
    """Return `lead` and `sentences` of the answer to "What protects the people in it?"."""
    if content.guarantee is not None and content.is_guessable:
        return "No guarantee.", (
            "The noise of differential privacy follows from a published seed, so anyone can compute and remove it.",
        )
    if content.guarantee is not None:
        return "Differential privacy.", content.guarantee.brief
    lines = ["No mathematical privacy guarantee (differential privacy) was used."]
    lines.append("A leak that no attack found may still exist.")
    results = [str(a["verdict"]) for a in content.audits if a["status"] in {"measured", "inconclusive"}]
    if not results:
        return "No guarantee.", (*lines, "No attack was carried out on the texts.")
    # for a released table with a failed audit, the answer to "May it leave ..." explains "bad result"
    is_explained = content.verdict == "released" and any(row.verdict == "FAIL" for row in not_passed(content))
    bad = "had a bad result" if is_explained else "had a bad result (a test exceeded its limit)"
    words = {"pass": "passed", "fail": bad, "insufficient": "had no clear result"}
    counts = [f"{n} {what}" for verdict, what in words.items() if (n := results.count(verdict))]
    if hidden := sum(verdict not in words for verdict in results):
        counts.append(f"{hidden} had a result that is not published")
    attacks = "One kind of attack was" if len(results) == 1 else f"{len(results)} kinds of attack were"
    lines.append(f"{attacks} carried out on the texts before the decision: {listed(counts)}.")
    if passed := [LEAKS[a["name"]] for a in content.audits if a["verdict"] == "pass" and a["name"] in LEAKS]:
        names = listed(passed, "; ")
        lines.append(f"The attacks for these leaks found none above their threshold and passed: {names}.")
    return "No guarantee, only tests.", tuple(lines)


def _uses(content: ReportContent) -> list[str]:
    if content.verdict == "refused":
        return ["For nothing until it is released.", *_usefulness(content), *_not_for(content)]
    purpose = "Intended for training text classifiers of these classes."
    return [purpose, *_usefulness(content), "Test each classifier on your own real records.", *_not_for(content)]


def _usefulness(content: ReportContent) -> list[str]:
    classifiers = content.utility.get("classifiers", {})
    scores: list[str] = []
    shares: list[str] = []
    for name, words in _METHODS.items():
        by_source = classifiers.get(name, {})
        synthetic, real = (by_source.get(source, {}).get("macro_f1") for source in ("synthetic", "real"))
        if synthetic is not None and real is not None:
            method = f"method {'AB'[len(scores)]}"
            interval = f"{number(synthetic['low'])} to {number(synthetic['high'])}"
            score = f"{number(synthetic['value'])} (interval {interval}) if trained on these texts"
            on_real = f"{number(real['value'])} if trained on real records"
            scores.append(f"{method} ({words}) scores {score}, and {on_real}")
            if real["value"] > 0:
                shares.append(f"with {method}, {100 * synthetic['value'] / real['value']:.0f}%")
    if scores:
        lines = ["Classifiers were trained on these texts, or on real records for comparison."]
        lines.append("Both were tested on other real records.")
        lines.append(f"Scores (macro F1, 0 to 1, higher is better): {'; '.join(scores)}.")
        lines += [f"In percent of the score of real records: {'; '.join(shares)}."] if shares else []
        gap = content.utility.get("style_gap")
        if gap and gap["value"] >= _LARGE_STYLE_GAP:
            lines.append("The texts do not read like real notes.")
        return lines
    if content.guarantee is not None and content.guarantee.withholds:
        return ["The policy publishes no measurement on real records."]
    return ["Its usefulness was not measured against real records."]


def _not_for(content: ReportContent) -> list[str]:
    wrong = "Not for decisions about a patient, and not a source of medical facts"
    counting = "Not for counting: the number of texts in each class was chosen."
    shares = content.utility.get("coherence", {})
    synthetic, real = (shares.get(table) for table in ("synthetic", "real"))
    if not synthetic:
        return [f"{wrong}: the texts may state false things.", counting]
    in_real = "almost none" if real and real["any"] == 0 else f"about {percent(real['any'])}" if real else ""
    compared = f" (real records: {in_real})" if real else ""
    found = f"{percent(synthetic['any'])} of the texts contradict themselves{compared}"
    removed = ["Texts in which it found one were removed."] if "coherent" in content.filters else []
    return [
        f"{wrong}: {found}.",
        "The automatic check behind this number does not find all contradictions.",
        *removed,
        counting,
    ]


def _approval(content: ReportContent) -> tuple[str, tuple[str, ...]]:
    """Return `lead` and `sentences` of the answer to "Who approved it?"."""
    if content.verdict == "refused":
        return "Nobody.", ("A refused table cannot be approved.",)
    proof = (
        "To check this page and see who signed, run synthgen verify, or ask your IT staff to run it (section "
        '"Verification and provenance").'
    )
    if not content.approvals:
        alone = f'The policy "{content.policy_name}" requires no approval, only the signature of the releaser.'
        return "Nobody had to approve it.", (alone, "This page cannot show who signed it.", proof)
    roles = listed([f"{n} {role.replace('_', ' ')}" for role, n in content.approvals])
    needed = f"The policy requires {roles}. Approvers sign after this page is written."
    return "This page cannot show who approved it.", (needed, proof)
