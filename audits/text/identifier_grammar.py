"""Patterns that de-identification and the identifiers audit share: words before numbers, forms of codes, months.

The two programs share no other patterns, because they search for different values. De-identification replaces
everything that a reader takes for an identifier, including partial dates and short numbers. The audit compares values
of two tables, so it leaves out partial dates and short numbers.
"""

# kind of identifier -> cues: regular expressions of words before a number or code that is such an identifier; to be
# matched without regard to case
NUMBER_CUES = {
    "record": (
        r"mrns?",
        r"(?:ur|urn|nhi|ihi|phn|hcn|ohip|hn|chi|h&c)(?:[ -]?(?:no|number|#))?",
        r"(?:med(?:ical)?|hosp(?:ital)?) rec(?:ord)?(?:[ -]?(?:no|number|#))?",
        r"mr (?:no|number|#)",
        r"(?:medical|patient|pt|hospital|health|case|chart) record",
        (
            r"(?:patient|pt|hospital|hosp|unit|encounter|visit|admission|chart|case|file|fin|csn|har|emr|ehr|nhs|chi"
            r"|record)[ -]?(?:no|num|number|nr|id|identifier|code|#|mrn)"
        ),
        r"(?:fin|csn|chart|encounter|records?|patient|case|hospital|account)",
    ),
    "plan": (
        (
            r"(?:medicare|medicaid|medi-cal|insurance|insurer|subscriber|member|beneficiary|group|policy|plan|claim"
            r"|authori[sz]ation|prior auth|hicn|mbi|payer|health(?= card))"
            r"(?:[ -]?(?:no|num|number|nr|id|identifier|code|card))?"
        ),
    ),
    "account": (r"(?:account|acct|a/c|billing|invoice|guarantor)(?:[ -]?(?:no|num|number|nr|id))?",),
    "licence": (
        (
            r"(?:prescriber|provider|practitioner|dea|npi|gmc|nmc|hcpc|cpso|ahpra|imc|nmbi|cno|upin|licen[cs]e|lic|"
            r"certificate|registration|reg|passport|permit|driver'?s licen[cs]e)(?:[ -]?(?:no|num|number|nr|id|pin))?"
        ),
    ),
    "vehicle": (
        r"(?:vin|(?:licen[cs]e |number )?plates?|tag|car reg(?:istration)?|vehicle(?: id)?)(?:[ -]?(?:no|number))?",
    ),
    "device": (r"(?:s/n|sn|serial|lot|udi|device|implant|pacemaker|imei)(?:[ -]?(?:no|num|number|nr|id))?",),
    "biometric": (
        r"(?:finger ?print|voice ?print|retina(?:l)? scan|iris scan|face ?id)(?: (?:template|id|no|code))?",
    ),
    "other": (
        (
            r"(?:accession|specimen|sample|order|requisition|study|trial|subject|participant|protocol|ref|reference"
            r"|barcode|ticket|badge|employee|staff|session|confirmation|request|referral|inmate|prison(?:er)?"
            r"|booking|docket)"
            r"(?:[ -]?(?:no|num|number|nr|id|subject))?"
        ),
    ),
}
# words and characters between the cue (a match of NUMBER_CUES) and the identifier
AFTER_CUE = r"(?:s|\(s\))?(?![a-z])\.?(?: is| was|:| :|=|#| #| no\.?| number| id)*[ \n_]{0,2}#?[ ]?"
STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|DC|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK"
    "|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY"
)
PROVINCES = "AB|BC|MB|NB|NL|NS|ON|PE|QC|SK|YT|NSW|VIC|QLD|SA|TAS|ACT|NT"  # of Canada and Australia
# postal codes of the United Kingdom and Canada
UK_POSTAL, CANADIAN_POSTAL = r"[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}", r"[A-CEGHJ-NPR-TVXY]\d[A-Z] \d[A-Z]\d"
VIN = r"(?=[A-Z\d]{0,16}\d)(?=[A-Z\d]{0,16}[A-Z])[A-HJ-NPR-Z\d]{17}"  # vehicle identification number
SSN = r"\d{3}-\d{2}-\d{4}"  # social security number of the United States
# NHS and CARD_PRINTED contain backreferences (\1, \2), so no capturing group may precede them in a pattern
NHS = r"\d{3}([ -]?)\d{3}\1\d{4}"  # number of the British NHS; `stdnum.gb.nhs` tests its check digit
# number of a payment card, with its digits grouped as on the card
CARD_PRINTED = r"(?:\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}|\d{4}([ -]?)\d{6}\2\d{5})"
IBAN = r"[A-Z]{2}[ -]?\d{2}(?:[ -]?[A-Z\d]{4}){2,7}(?:[ -]?[A-Z\d]{1,3})?"
MEDICARE = r"[1-9][A-Z][A-Z\d]\d[ -]?[A-Z][A-Z\d]\d[ -]?[A-Z]{2}\d\d"  # number of Medicare in the United States
UK_LICENCE = r"[A-Z9]{5} ?\d{6} ?[A-Z9]{2}\d[A-Z]{2}"  # number of a British driving licence
NETWORK_CARD = r"(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}"  # MAC address
PLATE_CUE = r"(?:plates?|tag|rego|registration|reg)\.?(?: no\.?| number| is|:)* "  # words before a number plate
# name of an internet host without https:// or www.
HOST = r"(?!www\.)(?:[a-z\d-]{2,63}\.){1,4}(?:com|org|net|edu|gov|uk|io|info|health|care|eu|de|fr|ca|au|ie)"
HIGH_AGE = r"9\d|1[0-2]\d"  # ages from 90 to 129 years
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def number_cue() -> str:
    """Return a regular expression that matches any cue and the characters between it and the number."""
    cues = sorted((cue for cues in NUMBER_CUES.values() for cue in cues), key=len, reverse=True)
    return rf"(?<![\w-])(?:{'|'.join(cues)}){AFTER_CUE}"
