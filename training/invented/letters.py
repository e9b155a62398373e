"""Generate invented letters: between doctors, from doctors to patients, in business, and among friends."""

import re
from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from invented.grammar import Grammar, whole
from invented.medicine.case import ILLNESSES, Country, finished, mended, rules_of, sentences
from invented.medicine.names import FEMALE, LAST, MALE
from invented.occasions import OCCASIONS
from invented.wording import distinct

LEAST, MOST = 30, 200  # smallest and largest number of words of a text

_CLINIC: dict[str, tuple[str, ...]] = {
    "aged": ("{age} {unit} old", "{age}-{unit}-old"),
    "dear": (
        "Dear Dr {doctor},",
        "Dear Dr. {doctor}:",
        "Dear {doctor},",
        "Dear Colleague,",
        "Dear Doctor,",
        "Dear Dr {doctor}",
    ),
    "about": (
        "Re: {title} {first} {last}",
        "RE: {first} {last}, {age} {unit}s",
        "{title} {last} - {specialty} clinic, {date}",
        "Patient: {first} {last}\nSeen: {date}",
        "{first} {last}\nHospital no. {mrn}",
        "Clinic date {date}",
        "",
        "",
    ),
    "lists": (
        "Diagnosis: {condition}\n",
        "Diagnoses:\n1. {condition}\n2. {past1}\n",
        "Diagnoses: {condition}; {past1}\n",
        "",
        "Problems\n- {condition}\n- {past1}\n- {past2}\n",
        "Medication: {drug1}, {drug2}\n",
        "",
        "",
        "Diagnosis\n{condition}\n\nCurrent treatment\n{drug1}\n{drug2}\n",
        "Summary: {condition}. {plan1}.\n",
    ),
    "opening": (
        "Many thanks for referring this {aged} {man} with {symptom1}.",
        "Thank you for your letter about {title} {last}.",
        "I reviewed {title} {last} in clinic today[ for {condition}].",
        "I saw this {aged} {man} on {date}.",
        "It was good to meet {first} in the {specialty} clinic.",
        "{title} {last} came for review of {condition}.",
        "This {aged} {man} was seen on {date} because of {symptom1}.",
        "Your patient attended {specialty} on {date}.",
        "{title} {last} was in our care from {earlier} to {date} with {condition}.",
        "I spoke to {title} {last} by telephone.",
    ),
    "asking": (
        "Please would you see this {aged} {man} with {symptom1}{since}?",
        "I would value your opinion on {title} {last}.",
        "Grateful if {specialty} could see {him} about possible {condition}.",
        "Could I ask for your help with {first} {last}?",
        "I am referring this {aged} {man} for {specialty} review.",
        "Thank you for seeing {him} about {symptom1}.",
    ),
    "story": (
        "{he} has had {symptom1}{since}, with {symptom2}.",
        "{symptom1} began first, then {symptom2}. No {absent1}.",
        "The history is of {symptom1} and {symptom2}; there was no {absent1}.",
        "{his} main worry is {symptom1}.",
        "At present {he} tells me of {symptom2}. {he} denies {absent1} and {absent2}.",
        "Of late {symptom1}, {symptom2}.",
        "Symptoms are {symptom1}, {symptom2} and {symptom3}.",
        "Since {earlier} {he} reports {symptom1}, no {absent2}.",
    ),
    "past": (
        "Past history: {past1}, {past2}.",
        "{his} background is {past1}.",
        "Also of note: {past1}; {social1}.",
        "Known to have {past1}. Allergies: {allergy}.",
        "Socially: {social1}.",
        "Family: {family1}.",
        "",
        "",
    ),
    "found": (
        "Examination showed {sign1} and {sign2}.",
        "On examination {sign1}; {sign2}. {vitals}.",
        "I found {sign1}.",
        "Clinically there was {sign1}. {test1}.",
        "{sign1} and {sign2} were present.",
        "Findings were {sign1}, {sign2}.",
        "Today: {vitals}, {sign1}.",
        "{test1}; {test2}.",
        "Tests so far: {test1}, {test2}.",
        "Results of {earlier}: {test1}.",
    ),
    "view": (
        "I think this is {condition}.",
        "This fits with {condition} rather than {other1}.",
        "The picture is of {condition}.",
        "My impression is {condition}, though {other1} is possible.",
        "In summary, {condition}.",
        "Diagnosis: {condition}.",
        "We have made a diagnosis of {condition}.",
        "{other1} seems unlikely; I favour {condition}.",
    ),
    "done": (
        "I have started {drug1}.",
        "We have begun {drug1} and {drug2}.",
        "I suggest {drug1}; please continue {drug2}.",
        "{drugname1} was stopped and {drug2} begun.",
        "Please could you prescribe {drug1}?",
        "{drug1} was well tolerated.",
        "Treatment: {drug1}, {drug2}.",
        "On discharge {he} takes {drug1}.",
        "I have left {drug2} as it is.",
        "Medication changes\n- {drug1}\n- {drug2}\n",
        "",
    ),
    "plan": (
        "Plan: {plan1}; {plan2}.",
        "Planned: {plan1}.",
        "Plan\n1. {plan1}\n2. {plan2}\n3. {plan3}\n",
        "Next: {plan1}.",
        "- {plan1}\n- {plan2}\n",
        "Actions for the practice: {plan1}.",
        "From here: {plan1}, {plan2}.",
        "Advice: {plan1}.",
        "For us: {plan1}. For you: {plan2}.",
        "We agreed on the following: {plan1}; {plan2}.",
    ),
    "again": (
        "I will see {him} on {later}.",
        "Review {later}.",
        "No routine follow up.",
        "Back in {span}.",
        "Clinic {later}.",
        "{he} returns in {span}.",
        "Discharged to your care.",
        "Do get in touch if {symptom1} returns.",
        "",
        "",
    ),
    "end": (
        "Yours sincerely,",
        "Kind regards,",
        "With best wishes,",
        "Sincerely,",
        "Yours faithfully,",
        "Best regards,",
    ),
    "role": (
        "Consultant",
        "Specialist registrar",
        "MD",
        "General practitioner",
        "Attending",
        "Fellow",
        "Nurse specialist",
    ),
    "name": (
        "Dr {writerfirst} {writer}\n{role}",
        "{writerfirst} {writer}, {role}",
        "Dr {writer}",
        "{writer}\n{specialty}",
    ),
    "you": (
        "Thank you for coming on {date}.",
        "It was nice to meet you on {date}.",
        "I am writing about your tests.",
        "I promised to write after your visit.",
        "This letter sums up what we discussed.",
        "Your results are back.",
    ),
    "told": (
        "You told me about {symptom1} and {symptom2}.",
        "You have been troubled by {symptom1}.",
        "You had {symptom1}, no {absent1}.",
        "You mentioned {symptom2} as well as {symptom1}.",
        "Your main question was {symptom1}.",
    ),
    "means": (
        "The tests showed: {test1}.",
        "When I examined you I found {sign1}.",
        "I believe you have {condition}.",
        "This is called {condition}.",
        "We talked about {condition}.",
        "The results ({test1}) point to {condition}.",
    ),
    "please": (
        "Please take {drug1}.",
        "Your GP will give you {drug1}.",
        "You should start {drug1} and {drug2}.",
        "Keep on with {drug2}.",
        "The next steps are:\n- {plan1}\n- {plan2}\n",
        "Planned now: {plan1}.",
        "What happens next: {plan1}.",
        "Then: {plan2}.",
    ),
    "worry": (
        "Call the clinic if {symptom1} gets worse.",
        "Seek help at once for {absent1}.",
        "Your next visit is on {later}.",
        "We will see you on {later}.",
        "Bring this letter to your GP.",
        "Ask us anything that is unclear.",
        "",
    ),
    "letter": (
        "{about}\n\n{dear}\n\n{lists}\n{opening} {story} {past} {found}\n\n{view} {done} {plan}\n{end}\n{name}",
        "{dear}\n\n{about}\n\n{opening} {story} {found} {view}\n\n{done} {plan}\n\n{again}\n{end}\n{name}",
        "{dear}\n{lists}\n{opening} {view} {story} {past}\n{found} {done}\n{plan}\n{again}\n\n{end}\n\n{name}",
        "{date}\n{dear}\n\n{asking} {story} {past} {found} {done}\n\n{end}\n{name}",
        "{about}\n{dear}\n{asking} {view} {story} {found}\n\nMedication: {drug1}, {drug2}. {past}\n\n{end}\n{name}",
        "DISCHARGE LETTER\n{about}\n{dear}\n{opening} {found} {view} {done}\n{plan} {again}\n{end}\n{name}",
        "{date}\n\nDear {title} {last},\n\n{you} {told} {means} {means}\n\n{please} {please} {worry}\n{end}\n{name}",
        "Dear {title} {last}\n\n{you} {means} {please}\n{told} {worry}\n\n{end}\n{name}\n\ncc Dr {doctor}",
    ),
}

_WORDS: dict[str, tuple[str, ...]] = {
    "item": (
        "toaster",
        "printer",
        "sofa",
        "bicycle",
        "lamp",
        "washing machine",
        "camera",
        "heater",
        "garden shed",
        "kettle",
        "phone",
        "carpet",
        "pump",
        "desk",
        "raincoat",
        "guitar",
        "fridge",
        "website",
        "brochure",
        "scanner",
        "tent",
    ),
    "room": ("kitchen", "hall", "bathroom", "library", "cellar", "living room", "attic", "office", "back bedroom"),
    "team": (
        "sales team",
        "warehouse",
        "office",
        "choir",
        "book group",
        "school",
        "garden centre",
        "bakery",
        "museum",
    ),
    "few": ("two", "three", "four", "five", "six", "seven", "eight", "ten", "twelve"),
    "day": (
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
        "the 3rd",
        "the 14th",
        "the 21st",
    ),
    "month": ("January", "February", "March", "April", "June", "July", "August", "September", "October", "November"),
}
_FRAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "stiff": {
        "start": ("", "", "", "I shall be brief.", "This is about {subject}.", "Allow me a few lines."),
        "finish": (
            "",
            "I look forward to your reply.",
            "Thank you for your attention.",
            "Please answer in writing.",
            "I trust this can be settled.",
            "My thanks in advance.",
            "I enclose copies of the papers.",
        ),
        "hello": (
            "Dear Sir or Madam,",
            "Dear {title} {last},",
            "Dear {title} {last}:",
            "To whom it may concern",
            "Dear Sirs,",
        ),
        "bye": (
            "Yours faithfully,\n{first} {other}",
            "Yours sincerely,\n\n{first} {other}",
            "Respectfully,\n{first} {other}",
            "Sincerely yours,\n{first} {other}",
            "Kind regards,\n{first} {other}",
        ),
    },
    "plain": {
        "start": (
            "",
            "",
            "I hope you are well.",
            "Hope the week is going well.",
            "Just a few lines.",
            "Sorry to bother you.",
            "Thanks for your message.",
            "Following up on our call.",
        ),
        "finish": (
            "",
            "",
            "Any questions, just ask.",
            "Thanks for your patience.",
            "Sorry for the short notice.",
            "Speak soon.",
            "Let me know what you think.",
            "Have a good week.",
        ),
        "hello": (
            "Hi {name},",
            "Hello {name},",
            "Dear {name},",
            "Hi all,",
            "{name},",
            "Good morning {name},",
            "Dear all,",
        ),
        "bye": (
            "Thanks,\n{first}",
            "Best,\n{first}",
            "Regards\n{first} {other}",
            "Cheers, {first}",
            "Many thanks\n{first}",
            "Best wishes,\n{first}",
            "- {first}",
        ),
    },
    "warm": {
        "start": (
            "",
            "How are you all?",
            "I hope this finds you well.",
            "It was lovely to hear your voice.",
            "At last a few lines.",
            "I meant to write sooner.",
            "Thank you for your card.",
        ),
        "finish": (
            "",
            "",
            "Thinking of you.",
            "Write soon.",
            "Give {friend} a kiss from me.",
            "More when we meet.",
            "It is late, so I stop here.",
            "The kettle is always on.",
        ),
        "hello": (
            "Dear {name},",
            "Dearest {name},",
            "Hi {name}!",
            "Hey {name},",
            "My dear {name},",
            "Dear {name} and {friend},",
        ),
        "bye": (
            "Love,\n{first}",
            "Lots of love, {first} x",
            "Yours,\n{first}",
            "A hug,\n{first}",
            "See you soon,\n{first}",
            "With love from us all,\n{first} and {friend}",
            "Take care\n{first}",
        ),
    },
}
_LINKS = (
    "",
    "",
    "",
    "",
    "",
    "",
    "also, ",
    "besides, ",
    "as it happens, ",
    "to be honest, ",
    "what is more, ",
    "apparently ",
    "and ",
    "you may know that ",
    "by the way, ",
    "at the moment ",
)
_QUESTION = re.compile(r"(?<![^.\n] )\b((?:Could|Can|Does|Do you|Shall|Would|When can|Where is)\b[^.?\n]*)\.")
_SHAPES = (
    "Subject: {subject}\n\n{hello}\n\n{body}\n\n{bye}",
    "{date}\n\n{hello}\n\n{body}\n\n{bye}",
    "{hello}\n\n{body}\n\n{bye}",
    "{hello}\n{body}\n{bye}",
    "{hello}\n\nRe: {subject}\n\n{body}\n\n{bye}",
    "Subject: Re: {subject}\n{hello}\n{body}\n\n{bye}",
)


def clinic_letters(n: int, rng: np.random.Generator) -> list[str]:
    """Return n different letters of 30 to 200 words: referrals, clinic and discharge letters, letters to patients.

    Randomness: `rng` draws country, illness, patient, layout and wording.
    Privacy: no real person is described; names, ages and dates are drawn at random.
    """
    return distinct(n, lambda: _clinic_letter(rng), LEAST, MOST)


def letters(n: int, rng: np.random.Generator) -> list[str]:
    """Return n different letters and e-mails of 30 to 200 words about business, or between friends.

    Randomness: `rng` draws occasion, layout and wording.
    Privacy: no real person is described; names and dates are drawn at random.
    """
    return distinct(n, lambda: _letter(rng), LEAST, MOST)


def _clinic_letter(rng: np.random.Generator) -> str:
    country: Country = "uk" if rng.random() < 0.5 else "us"
    illness = ILLNESSES[int(rng.integers(len(ILLNESSES)))]
    text = Grammar(_CLINIC | rules_of(illness, country, rng)).write("letter", rng)
    return finished(sentences(mended(text)), country, rng, long=bool(rng.random() < 0.6))


@lru_cache(maxsize=1)
def _occasions() -> tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]:
    """Return for each occasion its tone (a key of `_FRAMES`), and its subjects, openings, details and wishes."""
    found = []
    for block in OCCASIONS.strip().split("\n\n"):
        frame, *lists = block.split("\n")
        found.append((frame, tuple(tuple(item.strip() for item in line.split(";")) for line in lists)))
    return tuple(found)


def _letter(rng: np.random.Generator) -> str:
    occasions = _occasions()
    frame, (subjects, openings, details, wishes) = occasions[int(rng.integers(len(occasions)))]
    facts = [openings[int(rng.integers(len(openings)))]]
    facts += _some(details, int(rng.integers(2, len(details) + 1)), rng)
    requests = _some(wishes, int(rng.integers(1, len(wishes) + 1)), rng)
    facts = [facts[0], *(_of(_LINKS, rng) + text for text in facts[1:])]
    middle = "{start} " + ". ".join(facts) + "."
    body = middle + ("\n\n", " ", "\n")[int(rng.integers(3))] + ". ".join(requests) + ". {finish}"
    rules = _WORDS | _FRAMES[frame] | _people(rng) | {"subject": subjects, "body": (body,), "letter": _SHAPES}
    text = Grammar(rules).write("letter", rng)
    return _QUESTION.sub(r"\1?", sentences(text))


def _of(items: tuple[str, ...], rng: np.random.Generator) -> str:
    return items[int(rng.integers(len(items)))]


def _some(items: tuple[str, ...], n: int, rng: np.random.Generator) -> list[str]:
    return [items[int(i)] for i in rng.permutation(len(items))[:n]]


def _people(rng: np.random.Generator) -> dict[str, tuple[str, ...]]:
    """Return rules with one text each for names, date, money and things, so that these do not change in a letter."""
    firsts = FEMALE + MALE
    first, name, friend = (firsts[int(i)] for i in rng.permutation(len(firsts))[:3])
    last, other = (LAST[int(i)] for i in rng.permutation(len(LAST))[:2])
    day = date(2018, 1, 1) + timedelta(days=int(rng.integers(2800)))
    style = ("%d %B %Y", "%d/%m/%Y", "%B %d, %Y", "%d %b", "%d.%m.%Y")[int(rng.integers(5))]
    coin = ("£", "$", "EUR ")[int(rng.integers(3))]
    drawn = {
        "first": first,
        "name": name,
        "friend": friend,
        "last": last,
        "other": other,
        "title": ("Mr", "Ms", "Mrs", "Dr")[int(rng.integers(4))],
        "date": day.strftime(style),
        "money": coin + whole(12, 900)(rng),
    }
    # the item, the room and the team are drawn once, too, so that a letter is about one item
    drawn |= {name: _some(items, 1, rng)[0] for name, items in _WORDS.items() if name in {"item", "room", "team"}}
    return {key: (text,) for key, text in drawn.items()}
