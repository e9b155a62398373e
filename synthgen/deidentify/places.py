"""Define the regular expressions that find places: streets, towns, institutions and postal codes."""

import re

from audits.text.clinical_terms import is_eponym, is_never_person, is_ordinary
from audits.text.identifier_grammar import CANADIAN_POSTAL, PROVINCES, STATES, UK_POSTAL
from audits.text.name_lists import TITLES, split_list
from synthgen.deidentify.text_pattern import CAPITAL, PROPER, has_unit
from synthgen.deidentify.text_pattern import TextPattern as P

REGIONS = frozenset(  # states and larger regions, which HIPAA Safe Harbor does not count as identifiers
    split_list("""
Alabama Alaska Arizona Arkansas California Colorado Connecticut Delaware Florida Georgia Hawaii Idaho Illinois
Indiana Iowa Kansas Kentucky Louisiana Maine Maryland Massachusetts Michigan Minnesota Mississippi Missouri
Montana Nebraska Nevada Ohio Oklahoma Oregon Pennsylvania Tennessee Texas Utah Vermont Virginia Washington
Wisconsin Wyoming Alberta Manitoba Ontario Quebec Saskatchewan Queensland Tasmania Victoria England Scotland
Wales Ireland Europe Africa Asia America Canada Mexico India China Japan Germany France Spain Italy Poland
Ukraine Brazil Nigeria Kenya Ghana Pakistan Bangladesh Vietnam Korea Australia Turkey Greece Portugal
""")
)
_STREETS = (
    "Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Boulevard|Blvd|Terrace|Way|Row|Close|Crescent"
    "|Square|Parkway|Pkwy|Highway|Hwy|Circle|Trail|Gardens|Grove|Hill|Mews|Walk|Parade|Esplanade|Wynd|Brae|Vennel"
    "|Pde|Cres|Tce|Gdns|Dve|Quay|Heights|Pike|Plaza|Crossing|Alley|Broadway"
)
# words that can be between the name of an institution and its type, as in "Fernlea Community Hospital"
_QUALIFIERS = (
    "General|Memorial|Regional|Community|University|District|Royal|County|Children's|Teaching|Medical|Health"
    "|Family|Care|Nursing|Retirement|Assisted|Rehabilitation|Rehab|Skilled|Primary|Elementary|High|Group|Veterans"
    "|VA|and|&|Trailer|Mobile Home|Caravan|Day|Senior|Specialist|Dental|Cancer|Heart|Birth|Surgical|Urgent|Walk-In"
    "|Maternity|Dialysis|Renal|Stroke|Psychiatric|Outpatient|Pain|Eye|Infusion|Village|Residential|Aged"
)
_INSTITUTIONS = (
    "Hospital|Infirmary|Surgery|Clinic|Practice|Center|Centre|Hospice|Home|School|College|University|Church|Manor"
    "|Lodge|Prison|Pharmacy|Park|Facility|Villa|Apartments|Towers|Shelter|Hostel|Unit|Radiology|Imaging|Laboratories"
    "|Associates|Academy|Mosque|Temple|Refuge|Barracks"
)
_FACILITIES = rf"(?:(?:{_QUALIFIERS}) ){{0,4}}(?:{_INSTITUTIONS})"
_PARTICLE = r"(?:(?:na|de|la|del|an|y|du|des) ){0,2}"  # particles inside the name of a place
_PREMISES = (
    r"(?:(?:Apt|Apartment|Unit|Suite|Ste|Flat|Lot|Room|Rm|Site|Box|Block|Level)\.? ?#?\w{1,6}(?:/\w{1,4})?,? )"
)
_AU_STATES = "NSW|VIC|QLD|WA|SA|TAS|ACT|NT"
_NO_TOWN = "Apt|Apartment|Unit|Suite|Ste|Flat|Lot|Room|Rm|Site|Box"  # words that do not begin the name of a town
TOWN_AFTER_STREET = re.compile(rf", (?!{_NO_TOWN}|\d)[^\W\d_]{{3,}}", re.IGNORECASE)
STREET_TYPE = re.compile(rf"\b(?:{_STREETS})\b", re.IGNORECASE)
_EIRCODE = r"[AC-FHKNPRTV-Y]\d[\dW] [AC-FHKNPRTV-Y][\dAC-FHKNPRTV-Y]{3}"  # Irish postal code
_UK_CODE = UK_POSTAL.replace(" ", " ?")  # postal code of the United Kingdom
# the end of an address: a state or province, a postal code, or both; a code of four digits requires a state
ADDRESS_END = re.compile(
    rf"(?i)(?:(?<=[, ])(?P<region>{STATES}|{PROVINCES})\b,?)? ?"
    rf"(?P<code>(?<!\w)(?:\d{{5}}(?:-\d{{4}})?|(?(region)\d{{4}}|(?!))|{_UK_CODE}|{CANADIAN_POSTAL}|{_EIRCODE}))?$"
)
# words after numbers that are no street corner, as in "3rd and 4th toes"
_NO_CORNER = (
    r"(?! (?:toes?|fingers?|digits?|metatars|metacarp|ribs?|ventric|cranial|nerves?|degree|rays?|generation|doses?"
    r"|lines?|webspace|interspace|trimester|molars?|stages?))"
)
# a town after a street, with or without a postal code
_TAIL = (
    rf"(?:, {PROPER}(?: {PROPER})?(?:,? (?:{STATES}),? \d{{5}}(?:-\d{{4}})?|,? (?:{_AU_STATES}) \d{{4}}"
    rf"|,? {_UK_CODE})(?!\w)"
    rf"|, {PROPER}(?: {PROPER})?(?=,|\.|;| \d| (?:{STATES})\b|\n|$))?"
)
_USUAL_STREETS = "Main|High|Church|Market|Park|Mill|King|Queen|Station|Bridge|Water|School|Union|Victoria|North|South"
_LIVES = (  # words before a town
    r"\b(?i:lives?|living|resides?|residing|born|raised|works?|working|grew up|resident|moved(?: here)?"
    r"|relocated|transferred|transfer|visiting|travell?ed|flew|drove|trip|visit|farm|cottage|village|house"
    r"|discharged|bussed|driven|flown|referred|native) (?:in|near|at|of|from|to|outside) "
)


_MIN_CAPITALS = 6  # a word in capitals with fewer letters is an abbreviation, unless the whole name is in capitals


def _is_us_code(match: re.Match[str]) -> bool:
    # whether five digits after a state are a postal code; the abbreviations OR, IN and ME are also words
    text = match.string[max(0, match.start() - 25) : match.start()].rstrip()
    word = re.search(r"[^\W\d_][\w'.-]*$", text)
    is_after_place = text.endswith(",") or (word is not None and word[0][0].isupper())
    return (is_after_place or not text) and not has_unit(match)


def _is_named(match: re.Match[str]) -> bool:
    # whether the words before a type of place, such as "Clinic", name the place, as in "Fernlea Clinic"
    parts = re.findall(r"[^\W\d_]{3,}", match["name"])
    if not match[0].isupper():  # abbreviations are no names: "INR clinic", "DEXA Imaging"
        parts = [part for part in parts if not (part.isupper() and len(part) < _MIN_CAPITALS)]
    is_person = bool(parts) and parts[0].casefold() in TITLES
    return not is_person and any(not is_ordinary(p) for p in parts) and not any(map(is_never_person, parts))


def _is_named_without_eponym(match: re.Match[str]) -> bool:
    return _is_named(match) and not any(map(is_eponym, re.findall(r"[^\W\d_]{3,}", match["name"])))


def _is_town(match: re.Match[str]) -> bool:
    return _is_named(match) and match["name"] not in REGIONS and not match["name"].isupper()


def _is_eircode(match: re.Match[str]) -> bool:
    return re.fullmatch(r"(?:[CTLS]\d){2}", match[0][-4:]) is None  # False for two vertebrae, such as C5C6


PLACE_RULES = (
    P(
        "street",
        rf"(?<!\w){_PREMISES}?\d{{1,5}}[A-Z]?(?:[/-]\d{{1,4}})? (?:{CAPITAL} ){{1,4}}(?:{_STREETS})\b\.?"
        rf"(?:,? (?:Apt|Apartment|Unit|Suite|Ste|Flat|#)\.? ?\w{{1,6}})?{_TAIL}",
    ),
    P(
        "street",
        rf"(?<!\w)(?P<name>(?:{CAPITAL} ){{1,2}})(?:Street|Road|Lane|Avenue|Boulevard|Crescent|Terrace)\b",
        _is_named,
    ),
    P("street", rf"(?<!\w)(?:{_USUAL_STREETS}) (?:Street|Road|Lane|Avenue|Ave|Rd)\b"),
    P("street", r"(?i)\bP\.?O\.? Box \d{1,6}"),
    P("street", r"\bR\.?R\.? ?#?\d{1,3}(?:,? (?:Site|Box|Comp|Lot) \d{1,4}){1,3}(?!\w)"),
    P(
        "street",
        rf"\b(?:on|at|of|near) (?P<value>\d{{1,3}}(?:st|nd|rd|th) (?:and|&) {PROPER}(?: (?:{_STREETS})\b)?)"
        rf"{_NO_CORNER}",
    ),
    P("street", rf"\b(?:corner|intersection|junction) of (?P<value>{PROPER}(?: {PROPER})? (?:and|&) {PROPER})"),
    P("street", rf"\b(?:on|at|of) (?P<value>{PROPER} (?:and|&) \d{{1,3}}(?:st|nd|rd|th))(?!\w){_NO_CORNER}"),
    P("street", r"\b[Jj]unction \d{1,2}[AB]? (?:of|on) the [AM]\d{1,4}(?!\w)"),
    P("street", r"\b(?i:on|off|along|near) (?P<value>I-(?!12[345]|131)\d{1,3})(?!\w)"),  # not iodine-131
    P("street", rf"(?<!\w)(?:Unit|Flat|Apt) \d{{1,4}}[/-]\d{{1,4}} (?:{CAPITAL} ){{1,3}}(?:{_STREETS})\b{_TAIL}"),
    P(
        "street",
        rf"(?<!\w)\d{{1,5}} (?:[NSEW]{{1,2}}\.? )?\d{{1,3}}(?:st|nd|rd|th) (?:{_STREETS})\b\.?"
        rf"(?:,? (?:Apt|Apartment|Unit|Suite|Ste|Flat|#)\.? ?\w{{1,6}})?{_TAIL}",
    ),
    P("street", r"(?<!\w)(?:Route|Rte|Highway|Hwy|Interstate) [A-Z]?\d{1,3}(?!\w)"),
    P(
        "place",
        rf"(?<!\w)(?:{CAPITAL} ){{0,2}}{CAPITAL},? (?:{STATES}),? \d{{5}}(?:-\d{{4}})?(?!\w)",
        lambda m: not has_unit(m),
    ),
    P(
        "place",
        rf"(?<!\w)(?P<name>(?:St\.? |(?:Dr|Drs)\.? |{CAPITAL} {_PARTICLE}){{1,3}}?)"
        rf"{_FACILITIES}\b(?:, Lot \d{{1,4}})?",
        lambda m: m["name"].startswith("Dr") or _is_named(m),
    ),
    P(
        "place",
        rf"(?<!\w)(?P<name>(?:[A-Z][A-Z'’.-]{{1,20}} ){{1,3}}?)(?:(?:{_QUALIFIERS.upper()}) ){{0,5}}"
        rf"(?:{_INSTITUTIONS.upper()})\b",
        _is_named,
    ),
    P("place", rf"(?<!\w)(?P<name>{CAPITAL}(?: {CAPITAL})?) (?:Borough|Parish|Township|Village)\b", _is_named),
    P(
        "place",
        rf"(?<!\w)(?P<name>{CAPITAL}(?: {CAPITAL})?) (?:shelter|hostel|hospital|clinic|nursing home|care home|school"
        r"|pharmacy|church|surgery|hospice|apartments|estate|campus|refuge)\b",
        _is_named_without_eponym,
    ),
    P("place", rf"(?<!\w)(?:{PROPER}, )?Co\. {PROPER}"),
    P("place", rf"\bthe (?P<value>Royal (?!College|Society|Air|Navy|Marines?|Mail){PROPER})"),
    P("place", rf"(?<!\w)(?P<name>{PROPER}) (?:(?:District|Royal) General|Base)\b", _is_named),
    P(
        "place",
        rf"(?<!\w)(?P<value>(?P<name>(?:The )?{PROPER}(?: {PROPER}){{0,2}})),"
        rf"(?= \d{{1,4}} (?:{CAPITAL} ){{1,3}}(?:{_STREETS})\b)",
        _is_named,
    ),
    P("place", rf"(?<!\w)HM(?:P|YOI|P/YOI) {PROPER}"),
    P(
        "place",
        rf"(?<!\w)(?P<value>(?P<name>{PROPER}(?: {PROPER})?)), (?:{'|'.join(sorted(REGIONS))})\b",
        lambda m: m["name"] not in REGIONS,
    ),
    P(
        "place",
        rf"(?<!\w)(?P<value>(?P<name>(?:The )?{PROPER}(?: {PROPER}){{0,3}}(?:, {PROPER}(?: {PROPER}){{0,3}}){{1,2}}))"
        rf"(?=,? {_UK_CODE}\b)",
        _is_named,
    ),
    P("place", rf"(?<=[a-z,] )(?!The\b){CAPITAL} County\b|\bCounty (?!Council|Hospital|Court){PROPER}"),
    P("place", rf"(?<!\w)(?:Mount|Mt\.?|Saint|San|Santa|Fort|Ft\.) (?P<name>{PROPER})", _is_named),
    P("place", r"(?<!\w)(?P<name>[A-Z][a-z]{2,12}shire)\b", _is_named),
    P("place", _LIVES + r"(?P<value>(?P<name>[A-Z][a-z'’-]{2,20}(?: [A-Z][a-z'’-]{2,20}){0,2}))(?![\w])", _is_town),
    P(
        "place",
        r"(?<!\w)(?P<value>(?P<name>[A-Z][a-z]{2,20}(?: [A-Z][a-z]{2,20})?)),?"
        rf"(?= (?:[A-Z]{{2}} )?(?:{_UK_CODE}|{CANADIAN_POSTAL}|{_EIRCODE})\b)",
        _is_named,
    ),
    P("place", rf"(?<!\w)(?P<name>[A-Z][a-z'’-]{{2,20}}(?: [A-Z][a-z]{{2,20}})?),? (?:{_AU_STATES}) \d{{4}}(?!\w)"),
    P("postal_code", rf"(?<!\w)(?:{STATES}),? (?P<value>\d{{5}}(?:-\d{{4}})?)(?!\w)", _is_us_code),
    P(
        "postal_code",
        r"(?i)\b(?:zip(?:[ -]?code)?"
        r"|post(?:al)?[ -]?code)(?: is)?:? (?P<value>[A-Z0-9][A-Z0-9 -]{2,8}\d[A-Z]{0,2})\b",
    ),
    P("postal_code", rf"(?<!\w){UK_POSTAL}(?!\w)"),
    P("postal_code", rf"(?<!\w){CANADIAN_POSTAL}(?!\w)"),
    P("postal_code", rf"(?<!\w){_EIRCODE}(?!\w)", _is_eircode),
)
