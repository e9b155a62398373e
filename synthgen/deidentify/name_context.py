"""Define the words before a name ("wife") or after a name ("RN") by which names in clinical notes are recognised."""

import re

from audits.text.identifier_grammar import number_cue
from audits.text.name_lists import split_list

# words that stand before a colon and a name, such as "Patient" in "Patient: Ann Lee"
CUES = frozenset(
    split_list("""
patient name pt re dear signed signature attending physician provider clinician by surgeon resident consultant author
dictated anaesthetist anesthesiologist nurse midwife fellow carer pcp gp contact kin guardian mother father wife
husband son daughter brother sister spouse partner assistant registrar radiologist pathologist therapist student
scribe chaperone
""")
)
# relatives and other persons in a patient's life, as alternatives of a regular expression
KIN = (
    "wife|husband|son|daughter|mother|father|mum|mom|dad|brother|sister|spouse|partner|fianc[eé]e?|boyfriend|girlfriend"
    "|carer|caregiver|caretaker|friend|neighbou?r|niece|nephew|aunt|uncle|cousin|grand(?:son|daughter|mother|father)"
    "|stepson|stepdaughter|twin|roommate|flatmate|housemate|sponsor|co-?worker|classmate|supervisor|guardian|landlord"
    "|boss|daughter-in-law|son-in-law|mother-in-law"
)
_STAFF = (
    "nurse|rn|ot|slt|reg|sho|fy[12]|hca|physio|matron|receptionist|chaplain|intern|midwife|sister|consultant|registrar"
    "|surgeon|physician|therapist|physiotherapist|pharmacist|paramedic|(?:social |case |key |support |care )worker"
    "|case manager|interpreter|dietitian|colleague|officer|teacher"
)
_COMMA_CAN_FOLLOW = (  # phrases before a name, with or without a comma between phrase and name
    "thanks|thank you|many thanks|hi|hello|to see|prescriber|prescribed by|accompanied by|escorted by"
    "|brought (?:in )?by|consented by"
)
_NO_COMMA_FOLLOWS = (
    "d/w|discussed with|spoke (?:with|to)|signed by|seen by|reviewed by|s/b|referred by|dictated by|witnessed by"
    "|assisted by|called|c/o|attn:?|dear"
)
# (pattern of a phrase before a name, smallest number of words of the name)
PHRASES = tuple(
    (re.compile(pattern, re.IGNORECASE), n)
    for pattern, n in (
        (r"\b(?:name(?:'s| is| was)|(?:sur|first |last |maiden |legal |family )name|goes by|known as) ", 1),
        (r"\b(?:next of kin|nok)(?: is|:)? ", 1),
        (rf"\b(?:{_COMMA_CAN_FOLLOW}),? ", 1),
        (r"\b(?:saw|met|examined|assessed|thanked|asked) ", 2),
        (r"\b(?:this is|I'm|I am|by|patient|pt|for|regarding|with|told|informed|named) ", 2),
        (rf"\b(?:{KIN})(?:,|:| \(| is| -|'s name is| named| called)? [(\"“]?", 1),
        (rf"\b(?:{_STAFF})(?:,| \()? ", 1),
        (rf"\b(?:{_NO_COMMA_FOLLOWS}) ", 1),
    )
)
# a role, a relation or a degree after a name
ROLE_AFTER = re.compile(
    rf",? (?:\(?(?:his|her|their|the|pt'?s|a) (?:\w+ )?(?:{KIN})\b|\((?:{KIN})\))"
    r"|, (?:[Ff]ellow|[Rr]esident|[Rr]egistrar|[Cc]onsultant|[Ii]ntern|[Aa]ttending|[Nn]urse|[Ss]urgeon|ANP|CRNA"
    r"|FRC[SPA]|M\.? ?D\b|D\.? ?O\b|R\.? ?N\b|N\.? ?P\b|P\.? ?A\b|Ph\.? ?D\b|MBBS|DDS|LPN|ARNP|FNP|PA-C|APRN"
    r"|DNP|MBChB|OD|DPM|PT|OT)"
)
_DEGREES = r"(?:M\.?D\.?|D\.?O\.?|RN|NP|PA|PhD|PA-C|FNP|MBBS|FRCP|FRCS|LPN|DDS)"
DEGREE_AFTER = re.compile(rf" {_DEGREES}(?![\w])(?! and lateral)")
# a verb after a name; the name is the two capitalised words before the verb, or the one lower-case word between a cue
# such as "pt" and the verb
VERB_AFTER = re.compile(
    r" (?:was|is|has|had|presents|presented|denies|reports|came|called|returned|agrees|states|says"
    r"|tolerated|complains|lives|attended|went|feels|understands)\b"
)
LOWER_CUE = re.compile(r"\b(?i:pt|patient|mr|mrs|ms|dr|miss|sr|prof|nurse)\.? (?=[a-z])")  # before a lower-case name

# a verb whose subject is always a person, so that an ordinary word before the verb, such as "Mark", is a first name
PERSON_VERB_AFTER = re.compile(
    r" (?:says|said|attended|attends|reports|reported|denies|denied|states|stated|feels|felt|agrees|agreed|refused"
    r"|refuses|lives|ate|slept|tolerated|walked|complained|complains|arrived|phoned|rang|cried)\b"
)
# words before a reversed name such as "OKAFOR, Ngozi"; after these words, as at the start
# of a line, a reversed name is recognised by capitals or an initial, even if no list contains it
REVERSED_BEFORE = re.compile(r"(?i:\b(?:patient|pt|name|re|resident|client|mother|father|baby))[:,]? $")
# Patterns for names with a certain shape, such as "al-Hashimi", "J.T. is", "Van der Merwe, Pieter" and "mcallister,
# rory ward 4". If a pattern has a group `value`, only the text of this group is the name.
SHAPES = (
    re.compile(r"(?<![\w-])(?:al|el|ad|as|ash|bin|ibn|abu)-[A-Z][a-z]+(?:-[A-Z][a-z]+)?"),
    re.compile(r"(?:(?<=\n)|^)(?P<value>(?:[A-Z]\.){2,3})(?= (?:is|was|has|presents|presented|reports|denies)\b)"),
    re.compile(
        r"(?<![\w-])(?:Van|Von|De|Du|Di|Da|Del|Della|Le|La|El|Ten|Ter|Mac)(?: (?:der|den|de|la))? [A-Z][a-z]{2,}"
        r"(?:, [A-Z][a-z]+)?"
    ),
    re.compile(r"(?:(?<=\n)|^)(?P<value>[a-z'’-]{3,20}, [a-z'’-]{3,15})(?= (?:ward|bed|dob|mrn|room|rm|age|nhs|\d))"),
    re.compile(r"(?<![\w-])(?:VAN|VON|DE|DU|LE|LA|TEN|TER)(?: (?:DER|DEN|DE|LA))? [A-Z]{3,}, [A-Z]{2,}(?: [A-Z]\b)?"),
    re.compile(rf"(?i:\b(?:{KIN})) (?P<value>[a-z]{{5,15}})(?= (?:\w+s|was|said|had|will)\b)"),
    re.compile(
        r"(?<![\w.])(?:[A-Z]\. ?){1,3}(?:van|von|de|der|den|di|da|del|la|le|du|dos|bin|ter|ten)"
        r"(?: (?:der|den|de|la))? [A-Z][a-z]+"
    ),
    re.compile(
        r"(?:(?<=\n)|^)(?P<value>[A-ZÀ-Þ][A-ZÀ-Þ'’-]+(?: [A-ZÀ-Þ][A-ZÀ-Þ'’.-]*){1,3})"
        r"(?= \(?\d{1,3} ?-?(?:y|yo|y\.o|M\b|F\b))"
    ),
    re.compile(r"\b(?i:signed|dictated|seen|d/w|by|dr)(?: by)?\W{1,3}(?P<value>[a-z]\. ?[a-z]{4,20})(?!\w)"),
    re.compile(rf"(?:(?<=\n)|^)(?!(?i:{number_cue()}))(?P<value>[A-Z][a-z'’-]{{2,20}})(?=,? \d{{7,10}}(?!\w))"),
    re.compile(r"(?<![\w-])[A-Z][A-Z'’-]{4,20},[A-Z][A-Z'’-]{2,20}(?: [A-Z]\b)?(?= \d)"),
)
# an age with a sex or a unit ("45M", "45 years") after a name at the start of a line
AGE_AFTER = re.compile(r",? \(?\d{1,3} ?-?(?:M\b|F\b|yo\b|y/o|yrs?\b|years?\b|y\.o)")
