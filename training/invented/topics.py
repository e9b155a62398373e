"""Topics of invented questions; the phrases of a topic fit together."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from invented.topics_arts import ARTS
from invented.topics_life import LIFE
from invented.topics_society import SOCIETY
from invented.topics_technology import TECHNOLOGY

PARTS = ("about", "trouble", "do", "claim")  # the kinds of phrases that every topic has


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic and its phrases."""

    name: str  # name of the topic, in a few words
    # alternatives by kind. `goods`: things to buy, without article (missing if nothing is sold); `about`: noun
    # phrases; `trouble`: clauses; `do`: infinitives; `claim`: opinions.
    phrases: Mapping[str, tuple[str, ...]]


def parsed(block: str) -> list[dict[str, tuple[str, ...]]]:
    """Return the alternatives of each paragraph of a text by kind; the kind of a paragraph's first line is `name`.

    Each other line has the form `kind: alternative; alternative`. A line that begins with a blank continues the line
    before it.
    """
    paragraphs = []
    for paragraph in block.strip().split("\n\n"):
        first, *lines = paragraph.replace("\n ", " ").split("\n")
        kinds = (line.partition(":") for line in lines)
        found = {kind: tuple(" ".join(each.split()) for each in text.split(";")) for kind, _, text in kinds}
        paragraphs.append({"name": (first.strip(),), **found})
    return paragraphs


@lru_cache(maxsize=1)
def topics() -> tuple[Topic, ...]:
    """Return all topics."""
    found = [paragraph for block in (TECHNOLOGY, SOCIETY, ARTS, LIFE) for paragraph in parsed(block)]
    return tuple(Topic(each.pop("name")[0], each) for each in found)
