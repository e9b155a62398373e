"""What de-identification and the identifiers audit have in common: words before numbers, forms of codes, months.

The two differ on purpose in everything else. De-identification replaces any partial date or short number that a
reader takes for an identifier. The audit compares exact values, so it needs whole dates and long numbers, and it
finds them after any word.
"""

# Words before a number or code: the identifier is what follows. Each row has the regular expressions of one meaning,
# which match without regard to case.
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
            r"(?:prescriber|provider|practitioner|dea|npi|gmc|nmc|hcpc|cpso|ahpra|imc|nmbi|cno|upin|licen[cs]e|lic|certificate|registration|reg|passport|permit"
            r"|driver'?s licen[cs]e)"
            r"(?:[ -]?(?:no|num|number|nr|id|pin))?"
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
# words between the cue and the identifier
AFTER_CUE = r"(?:s|\(s\))?(?![a-z])\.?(?: is| was|:| :|=|#| #| no\.?| number| id)*[ \n_]{0,2}#?[ ]?"
STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|DC|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK"
    "|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY"
)
PROVINCES = "AB|BC|MB|NB|NL|NS|ON|PE|QC|SK|YT|NSW|VIC|QLD|SA|TAS|ACT|NT"  # of Canada and Australia
# postal codes of the United Kingdom and Canada
UK_POSTAL, CANADIAN_POSTAL = r"[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}", r"[A-CEGHJ-NPR-TVXY]\d[A-Z] \d[A-Z]\d"
VIN = r"(?=[A-Z\d]{0,16}\d)(?=[A-Z\d]{0,16}[A-Z])[A-HJ-NPR-Z\d]{17}"  # number of a vehicle
HIGH_AGE = r"9\d|1[0-2]\d"  # in years
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def number_cue() -> str:
    """Return one regular expression for all cues and the words and characters between a cue and its number."""
    cues = sorted((cue for cues in NUMBER_CUES.values() for cue in cues), key=len, reverse=True)
    return rf"(?<![\w-])(?:{'|'.join(cues)}){AFTER_CUE}"
