"""News of an agency, invented: a headline, a place, one to three sentences; business, sport, science, world."""

import re
from functools import lru_cache

import numpy as np

from invented.grammar import Grammar, whole
from invented.topics import parsed
from invented.topics_news import BUSINESS, DUELS, MATCHES, SCIENCE, SOLO, SPORT, STORIES, WORLD
from invented.wording import compose, distinct

_CITIES = (
    "London",
    "Paris",
    "Tokyo",
    "Berlin",
    "Madrid",
    "Nairobi",
    "Sydney",
    "Vienna",
    "Cairo",
    "Delhi",
    "Seoul",
    "Toronto",
    "Chicago",
    "Boston",
    "Houston",
    "Geneva",
    "Brussels",
    "Jakarta",
    "Lima",
    "Rome",
    "Athens",
    "Oslo",
    "Manila",
)

_NEWS = {
    "dateline": ("{town} ({agency}) -", "{town} ({agency}) -", "{town} -", "{agency} -"),
    "town": tuple(city.upper() for city in _CITIES) + _CITIES,
    "agency": ("Agency", "WNA", "Newswire", "Continental Press", "UPN", "North Wire", "Globe Service"),
    "company": (
        "{first}{last}",
        "{first}{last} {form}",
        "{first} {form}",
        "{last_name} and {last_name}",
        "{last_name} {form}",
    ),
    "first": (
        "Vel",
        "Nor",
        "Tri",
        "Hexa",
        "Alta",
        "Cor",
        "Omni",
        "Brae",
        "Quin",
        "Sol",
        "Mar",
        "Zen",
        "Luma",
        "Pan",
        "Kest",
        "Delta",
        "Aero",
        "Fen",
        "Gran",
        "Orbi",
    ),
    "last": (
        "tek",
        "dane",
        "via",
        "corp",
        "mont",
        "plex",
        "gen",
        "ware",
        "line",
        "field",
        "mark",
        "tron",
        "well",
        "star",
    ),
    "form": ("Inc", "Corp", "Group", "Holdings", "plc", "AG", "Industries", "Partners"),
    "last_name": (
        "Abelmar",
        "Brockway",
        "Castellan",
        "Dunmoor",
        "Eskola",
        "Farrant",
        "Gorecki",
        "Haldane",
        "Ibarrola",
        "Jessop",
        "Kirkwall",
        "Lindqvor",
        "Mbeko",
        "Norring",
        "Okafori",
        "Pellegrin",
        "Quarles",
        "Rostand",
        "Sundare",
        "Tamasi",
        "Ulveling",
        "Vasquera",
        "Wetherall",
        "Yamagori",
        "Zelnick",
    ),
    "person": ("{given} {last_name}",),
    "given": (
        "Adam",
        "Lena",
        "Marco",
        "Jin",
        "Tomas",
        "Ana",
        "Kofi",
        "Sven",
        "Maria",
        "Yusuf",
        "Paul",
        "Irina",
        "Diego",
        "Nora",
        "Luc",
        "Emeka",
        "Hana",
        "Greg",
    ),
    "team": ("{home} {nick}",),
    "home": (
        "Ashford",
        "Brindale",
        "Calder",
        "Dover Hill",
        "Eastport",
        "Fairmont",
        "Granville",
        "Harrow",
        "Kingsbay",
        "Larkton",
        "Millhaven",
        "Newbridge",
        "Oakland Park",
        "Portsea",
        "Redfield",
        "Stonewall",
    ),
    "nick": (
        "Falcons",
        "Rovers",
        "Comets",
        "Mariners",
        "Wolves",
        "Miners",
        "Kings",
        "Herons",
        "Pilots",
        "Foxes",
        "Blades",
        "Saints",
    ),
    "land": (
        "Peru",
        "Kenya",
        "Nepal",
        "Sudan",
        "Georgia",
        "Bolivia",
        "Ukraine",
        "Chad",
        "Indonesia",
        "Serbia",
        "Haiti",
        "Pakistan",
        "Thailand",
        "Colombia",
        "Yemen",
        "Turkey",
        "Mali",
        "Poland",
        "Iraq",
        "Sri Lanka",
        "Somalia",
    ),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "month": ("January", "February", "March", "April", "May", "June", "July", "August", "October", "December"),
    "quarter": ("first-quarter", "second-quarter", "third-quarter", "fourth-quarter", "half-year", "full-year"),
    "falls": ("falls", "slides", "down", "halves"),
    "fell": ("fell", "dropped", "slid"),
    "jump": ("jump", "up", "top forecasts"),
    "rose": ("rose", "climbed", "grew"),
    "expands": ("expands", "to build", "looks for growth"),
    "moved": ("rose", "fell", "slipped", "gained", "climbed", "dropped"),
    "slip": ("slip", "rise", "fall", "edge up", "tumble", "recover"),
    "maker": ("company",),  # of desks other than business
    "the_maker": ("{maker}", "the {maker}", "troubled {maker}", "{town_plain}-based {maker}"),
    "town_plain": _CITIES,
    "jobs_about": ("about <jobs>", "up to <jobs>", "<jobs>", "another <jobs>"),
    "billion": ("${one}.{nil} billion", "{jobs} million euros", "${hundred} million", "${one} billion in stock"),
    "injury": ("knee", "shoulder", "hamstring", "hand", "back", "groin", "ankle"),
    "span": ("two-year", "three-year", "five-year", "one-season"),
    "tests": ("to retire", "bows out", "sets end date", "announces farewell"),
    "pct": whole(2, 38),
    "weeks": whole(2, 19),
    "jobs": lambda rng: f"{int(rng.integers(3, 90)) * 100:,}",
    "low": whole(0, 4),
    "high": whole(5, 11),
    "nil": whole(0, 3),
    "one": whole(4, 9),
    "ten": whole(3, 17),
    "twenty": whole(18, 42),
    "ninety": whole(78, 97),
    "hundred": whole(98, 121),
}

# What follows the first sentence, by desk.
_MORE = {
    "business": (
        "<why>, an analyst at {last_name} said",
        "<company> shares {moved} {pct} percent",
        "Sales of {goods} {moved}",
        "Analysts had expected {goods} to do better",
        "It employs {jobs} people",
        "The deal is due to close in {month}",
        "The company sells {goods} in {weeks} countries",
        "<person> said demand for {goods} was back to normal",
        "It expects an upturn by {month}",
    ),
    "sport": (
        "It was their {nth} win in a row",
        "The <other_team> have lost {weeks} of their last twenty",
        "<person> left to applause",
        "The teams meet again on {day}",
        "A crowd of {jobs} saw it",
        "<other_person> also {won}",
        "Rain delayed the start",
        "The <team> are two points off the top",
        "Coach <other_person> praised his {who}",
    ),
    "solo": (
        "It was a {nth} title of the year",
        "<other_person> made too many mistakes",
        "<person> left to applause",
        "Rain delayed the start",
        "A crowd of {jobs} saw it",
        "It ended {score}",
        "The prize money is {billion}",
        "<person> thanked the crowd",
        "<other_person> {won} a day before",
    ),
}
_PAGE = {
    "flash": (
        "<head>. {dateline} <lead>.",
        "<head> {dateline} <lead>. {more}.",
        "<head>. <lead>. {more}.",
        "<head>. {dateline} <lead>. {more}. {more}.",
    ),
    "nth": ("second", "third", "fourth", "sixth"),
}


_FIGURE = re.compile(r"\{(weeks|jobs|pct|day|month)\}")


def _pages(block: str, desk: str, stories: tuple[str, ...] = ()) -> list[tuple[Grammar, ...]]:
    """Return for every topic of a desk one grammar per story, as headline and first sentence belong together."""
    found = []
    for each in parsed(block):
        own = {kind: texts for kind, texts in each.items() if kind not in {"name", "story", "more"}}
        more = each.get("more") or _MORE[desk]
        pages = []
        for story in each.get("story") or stories:
            head, lead = _FIGURE.sub(r"<\1>", story).split(" | ")  # a headline counts the dead as its text does
            rules = {**_NEWS, **_PAGE, **own, "more": more, "head": (head,), "lead": (lead,)}
            # what is said of the cause and of the goods is the same in headline and text
            kept = {name: _same(texts, tuple(own)) for name, texts in rules.items() if not callable(texts)}
            pages.append(Grammar({**rules, **kept}))
        found.append(tuple(pages))
    return found


def _same(texts: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """Return texts in which the fields of a topic are drawn once per text."""
    for name in names:
        if name not in {"won", "score"}:
            texts = tuple(text.replace(f"{{{name}}}", f"<{name}>") for text in texts)
    return texts


@lru_cache(maxsize=1)
def _desks() -> tuple[list[tuple[Grammar, ...]], ...]:
    world, science = _pages(WORLD, "world"), _pages(SCIENCE, "science")
    return (
        _pages(BUSINESS, "business", STORIES),
        _pages(SPORT, "sport", MATCHES) + _pages(SOLO, "solo", DUELS),
        science,
        world,
    )


def news(n: int, rng: np.random.Generator) -> list[str]:
    """Return n different news of 12 to 70 words: a headline, mostly a place and an agency, one to three sentences.

    Random:
        desk, topic, story, names and numbers from `rng`.

    Privacy:
        nobody is in them: companies, teams, agencies and persons are invented; towns and countries are real.
    """

    def draw() -> str:
        desk = _desks()[int(rng.integers(4))]
        pages = desk[int(rng.integers(len(desk)))]
        text = compose(pages[int(rng.integers(len(pages)))], "flash", rng)
        return re.sub(r" - ([a-z])", lambda found: f" - {found[1].upper()}", text, count=1)

    return distinct(n, draw, 12, 70)
