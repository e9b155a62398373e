"""Reviews, invented: of films, books, places and products, from half a line in lower case to a long complaint."""

import re
from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from invented.grammar import Grammar, whole
from invented.topics import parsed
from invented.topics_verdicts import BOOKS, FILMS, PLACES, PRODUCTS
from invented.wording import Deck, Rules, compose, distinct

_PRAISE = (
    "tender",
    "witty",
    "sharp",
    "gripping",
    "graceful",
    "bracing",
    "sly",
    "generous",
    "luminous",
    "brisk",
    "moving",
    "unhurried",
    "playful",
    "bold",
    "wise",
    "hypnotic",
    "exuberant",
    "well-made",
    "absorbing",
    "heartfelt",
    "quirky",
    "delightful",
    "intelligent",
    "haunting",
    "warm-hearted",
    "elegant",
    "fearless",
    "richly textured",
    "hilarious",
)
_BLAME = (
    "limp",
    "tedious",
    "clumsy",
    "hollow",
    "shrill",
    "stale",
    "smug",
    "overlong",
    "lifeless",
    "muddled",
    "bloated",
    "mawkish",
    "predictable",
    "joyless",
    "half-baked",
    "murky",
    "listless",
    "grating",
    "pretentious",
    "soggy",
    "witless",
    "dreary",
    "contrived",
    "flat",
    "self-important",
    "charmless",
    "cynical",
    "leaden",
    "forgettable",
    "inept",
)

# Verdicts of one sentence on films and books; `{kind}`, `{parts}`, `{good}` and `{bad}` are the genre's own.
_ART: Rules = {
    "up": (
        "a {praise} and {praise} {kind}",
        "{good}",
        "a {praise}, {praise} {kind} in which {good}",
        "{good}, and {good}",
        "{parts} alone is worth the {cost}",
        "{praise}, {praise} and {praise}",
        "this {praise} {kind} {earns}",
        "the rare {kind} that is both {praise} and {praise}",
        "{who} have made a {praise} {kind}[ of {quality}]",
        "thanks to {parts}, {good}",
        "{praise} without being {blame}",
        "{parts} is {praise}, {parts} is {praise}",
        "never {blame}, often {praise}, and in {parts} {adverb} {praise}",
        "it may be {blame} in spots, but {good}",
        "a {kind} with {quality} and {quality}",
        "the {kind} finds {quality} where others find only noise",
        "{adverb} {praise} from {parts} to {parts}",
        "one of the {praise} surprises of the {season}",
    ),
    "down": (
        "a {blame} and {blame} {kind}",
        "{bad}",
        "a {blame}, {blame} {kind} in which {bad}",
        "{bad}, and {bad}",
        "not even {parts} can save this {blame} {kind}",
        "{blame}, {blame} and, worst of all, {blame}",
        "{parts} is {blame}, {parts} is {blame}",
        "this {blame} {kind} {fails}",
        "too {blame} to be {praise}",
        "{who} have no idea what to do with {parts}",
        "a {kind} without {quality}",
        "it wants to be {praise} and ends up {blame}",
        "as {blame} as {likeness}",
        "{adverb} {blame} from {parts} to {parts}",
        "{parts} goes on like {likeness}",
        "what should have been {praise} is merely {blame}",
        "there is no {quality} here and less {quality}",
    ),
    "mixed": (
        "{good}, but {bad}",
        "{bad}, and yet {good}",
        "{praise} in its first half, {blame} in its second",
        "{parts} is {praise}; {parts} is {blame}",
        "more {praise} than {blame}, if only just",
        "though {bad}, {parts} is {praise}",
        "a {praise} idea in a {blame} {kind}",
        "not so much {blame} as not {praise} enough",
        "you could do worse, since {good}",
    ),
    "long_up": (
        (
            "I {met} {cause} and {reaction}. {good}. {parts} is {praise}[, and {parts} is even better]. {small}[ "
            "{bad}.] {close_up}"
        ),
        "{good}, {good}, and {parts} is {praise}. {met_late} {close_up}",
        "What a {praise} {kind}! {good}. {compare} {good}. {close_up}",
        "{stars_up} {good}. {small} {bad}, but who cares. {parts} stayed with me for {while}. {close_up}",
    ),
    "long_down": (
        "I {met} {cause} and {regret}. {bad}. {parts} is {blame}[, {parts} is worse]. {grant} {good}. {close_down}",
        "{stars_down} {bad}, {bad}, and {parts} is {blame}. {met_late} {close_down}",
        "How can a {kind} be so {blame}? {bad}. {compare} {close_down}",
        "{bad}. I kept waiting for {parts}: {blame}. {bad}. {close_down}",
    ),
    "earns": (
        "earns each of its tears",
        "knows just what it is",
        "gets under the skin",
        "leaves you grinning",
        "sneaks up on you",
        "deserves a second look",
        "has a mind of its own",
        "does nearly everything right",
    ),
    "fails": (
        "runs out of breath by the middle",
        "never gets off the ground",
        "wastes a fine cast",
        "sinks without a bubble",
        "should have stayed a sketch",
        "is over long before it ends",
        "gives its genre a bad name",
    ),
    "who": ("the makers", "two newcomers", "the brothers behind it", "old hands", "its authors"),
    "quality": (
        "nerve",
        "wit",
        "real feeling",
        "suspense",
        "charm",
        "imagination",
        "heart",
        "style",
        "honesty",
        "energy",
        "mystery",
        "a sense of place",
        "moral weight",
        "rhythm",
    ),
    "likeness": (
        "a wet Sunday",
        "a tax form",
        "yesterday's soup",
        "someone else's holiday slides",
        "a lecture in a warm room",
        "a party after the music stops",
        "an advert between adverts",
    ),
    "adverb": ("quietly", "surprisingly", "relentlessly", "almost", "strangely", "deeply", "mildly", "consistently"),
    "cost": ("ticket", "price", "evening", "trip", "wait"),
    "season": ("year", "season", "summer", "autumn"),
    "met": ("picked this up", "gave it a chance", "tried it", "finally got round to it", "got it from my sister"),
    "cause": ("because of {parts}", "on a rainy night", "knowing nothing", "after all the talk", "for {parts}"),
    "reaction": ("was glad I did", "could not stop smiling", "sat there with my mouth open", "forgot the time"),
    "regret": ("want my evening back", "nearly fell asleep", "cannot see what the fuss is about", "gave up twice"),
    "met_late": (
        "How did I miss it until now?",
        "I went in expecting little.",
        "My wife chose it.",
        "I have thought about it all week.",
        "Second time for me.",
    ),
    "small": ("A small complaint:", "All right,", "If I must quibble:", "Yes,", "True,"),
    "grant": ("To be fair,", "I will say this:", "Granted,", "One star, because"),
    "compare": (
        "I have seen a hundred of the sort.",
        "This sort of thing is hard to do.",
        "For a {kind} that is saying a lot.",
        "My expectations were modest.",
    ),
    "while": ("days", "a week", "the whole ride home"),
    "stars_up": ("Five stars.", "4 out of 5.", "9/10.", "Loved it!", "A keeper."),
    "stars_down": ("One star.", "2/10.", "Two stars at best.", "Disappointed.", "Oh dear."),
    "close_up": (
        "Go.",
        "Highly recommended.",
        "I would happily do it again.",
        "Bring tissues.",
        "Do not miss it.",
        "More like this, please.",
        "It won me over.",
        "A small triumph.",
    ),
    "close_down": (
        "Skip it.",
        "Save your money.",
        "Avoid.",
        "Life is short.",
        "I want those hours back.",
        "What a waste.",
        "You have been warned.",
        "Next, please.",
    ),
    "praise": Deck(_PRAISE),
    "blame": Deck(_BLAME),
}

_USE: Rules = {
    "up": (
        "{good}. {parts} is {fine}.",
        "love this {kind}!! {good}",
        "{fine} {kind}, {good}",
        "{parts}? {fine}. {good}.",
        "Best {kind} {area}. {good}.",
        "{good} and {good}. {close_up}",
        "{fine} value, {good}",
    ),
    "down": (
        "{bad}. {close_down}",
        "{poor} {kind}, {bad}",
        "{parts} is {poor} and {bad}.",
        "Worst {kind} {area}. {bad}!!",
        "don't bother. {bad}",
        "{parts} was {poor}. {bad}. {close_down}",
        "never again. {bad}, {bad}",
    ),
    "mixed": (
        "{good}, but {bad}.",
        "{parts} is {fine}; {parts} is {poor}.",
        "Mixed feelings. {good}. Then again, {bad}.",
        "{fine} {parts_bare}, {poor} everything else. {bad}.",
        "3 stars: {good}, though {bad}.",
    ),
    "long_up": (
        "{start} {good}. {parts} {was} {fine}, and {parts} {was} {fine}. {detail} {good}. {thanks} {close_up}",
        "I have {used} for {years} years and {good}. {detail} {small} {bad}, once. {close_up}",
        "{start} {detail} {parts} {was} {fine}. {good}. {price_up} {close_up}",
        "{good}! {start} {price_up} {parts} {was} {fine} too. {close_up}",
        (
            "My {relative} told me about this {kind}, and I can only agree: {good}. {parts} {was} {fine}. {detail} "
            "{close_up}"
        ),
    ),
    "long_down": (
        "{start} {bad}. {parts} {was} {poor}. {detail} {complain} {bad}. {close_down}",
        "I wanted to like this {kind}. But {bad}, and {parts} {was} {poor}. {complain} {price_down} {close_down}",
        "{start} {detail} First {bad}. Then {bad}. {complain} {close_down}",
        "Zero stars if I could. {bad}. {detail} {price_down} My {relative} agrees: {poor}. {close_down}",
        "It used to be {fine}: {good}. Not any more. {start} {bad}. {parts} {was} {poor}. {close_down}",
    ),
    "long_mixed": (
        "{start} The good: {good}. The bad: {bad}. {parts} {was} {fine}, {parts} {was} {poor}. {detail} {verdict}",
        "{good}. That said, {bad}. {detail} {price_down} {verdict}",
        "{start} {parts} {was} {fine}. {detail} Sadly {bad}. {verdict}",
    ),
    "was": ("was", "was", "is", "turned out"),
    "fine": Deck(
        (
            "superb",
            "lovely",
            "spot on",
            "great",
            "very good",
            "just right",
            "outstanding",
            "a treat",
            "solid",
            "excellent",
            "perfect",
            "better than expected",
            "really nice",
            "wonderful",
            "top notch",
        )
    ),
    "poor": Deck(
        (
            "awful",
            "a let-down",
            "so-so",
            "terrible",
            "mediocre",
            "below average",
            "a joke",
            "overpriced",
            "sad",
            "horrible",
            "nothing special",
            "lousy",
            "not worth it",
            "bland",
            "a mess",
        )
    ),
    "parts_bare": ("looks", "idea", "price", "location", "first impression"),
    "thanks": ("Thank you, {name}!", "Ask for {name}.", "{name} is a gem.", "They know what they do.", ""),
    "complain": (
        "I asked for the manager and got a shrug.",
        "Two mails, no answer.",
        "{name} could not care less.",
        "When I complained they laughed.",
        "The reply was a form letter.",
        "I got nothing but excuses.",
    ),
    "small": ("Only one thing:", "Small minus:", "I must admit that", "To be honest,"),
    "price_up": (
        "Fair prices.",
        "Not cheap, but worth it.",
        "{money} and not a cent wasted.",
        "Cheaper than I thought.",
    ),
    "price_down": (
        "{money} for that!",
        "Way too expensive.",
        "I paid {money} and got a headache.",
        "I want my {money} back.",
    ),
    "relative": ("husband", "wife", "boss", "mother", "neighbour", "roommate", "sister", "friend"),
    "close_up": (
        "Will be back!",
        "Recommended.",
        "Five stars.",
        "You won't regret it.",
        "A+",
        "So happy.",
        "Give it a try.",
        "Keep it up!",
        "10/10",
    ),
    "close_down": (
        "Never again.",
        "Stay away.",
        "Avoid at all costs.",
        "One star.",
        "I'm done.",
        "Shame on them.",
        "Go somewhere else.",
        "Not coming back.",
        "Buyer beware.",
    ),
    "verdict": (
        "Three stars.",
        "I might try once more.",
        "OK for the price.",
        "Could be better.",
        "Worth a look, no more.",
        "We'll see.",
    ),
    "money": ("${dollars}", "{dollars} bucks", "{dollars} dollars"),
    "dollars": whole(8, 240),
    "years": whole(2, 15),
    "name": ("Tina", "Marco", "Lena", "Raj", "Bob", "Mei", "Carlos", "Anya", "Gus", "Priya", "Hal"),
}
_PLACE: Rules = {
    "area": ("in town", "on the west side", "for miles", "I know", "near the station", "downtown"),
    "start": (
        "We stopped by on a {day}.",
        "First visit.",
        "I went with my {relative}.",
        "Came here for a birthday.",
        "I've been going there since {year}.",
        "Found it by accident.",
        "We were in town for the weekend.",
        "Walked in on a {day} without a booking.",
    ),
    "detail": (
        "We were looked after by {name}.",
        "It was packed.",
        "The place was nearly empty.",
        "Parking is a pain.",
        "It's next to the {corner}.",
        "Staff in a good mood.",
        "They take cards.",
        "I had called ahead.",
        "Clean and quiet.",
        "It's small, so go early.",
    ),
    "used": ("gone there", "been a customer", "sent friends here", "lived next door"),
    "day": ("Monday", "Friday night", "Sunday", "Tuesday afternoon", "Saturday morning"),
    "corner": ("bridge", "church", "car park", "old mill", "station", "river"),
    "year": whole(1998, 2022),
}
_THING: Rules = {
    "area": ("I ever owned", "at this price", "so far", "I have tried", "on the market"),
    "start": (
        "Bought this for my {relative}.",
        "Arrived on a {day}.",
        "I've had it for {years} weeks.",
        "My third one.",
        "Got it as a present.",
        "I read all reviews before I ordered.",
        "Replaced my old one with it.",
        "Ordered two.",
    ),
    "detail": (
        "I use it daily.",
        "Instructions are in six languages.",
        "The box was damaged.",
        "Setting it up was easy.",
        "My {relative} wanted one at once.",
        "It's lighter than I thought.",
        "Comes in blue, too.",
        "I'm no expert.",
        "Returned the first one.",
        "I tested it on a trip.",
    ),
    "used": ("used it", "owned one like it", "relied on it"),
    "day": ("Monday", "Friday", "rainy Sunday"),
}

_SINGULAR = ("lens", "ss")
_AGREE = re.compile(r"~( alone)? (is|was|goes)\b")
_PLURAL = {"is": "are", "was": "were", "goes": "go"}
_SHORT = ("up", "down", "mixed")


@lru_cache(maxsize=1)
def _grammars() -> tuple[tuple[tuple[Grammar, ...], tuple[str, ...]], ...]:
    """Return grammars of films, books, places and products, and what kinds of review each has."""
    art = ("long_up", "long_down")
    use = ("long_up", "long_down", "long_mixed")
    shelves = (
        (FILMS, _ART, art),
        (BOOKS, _ART, art),
        (PLACES, {**_USE, **_PLACE}, use),
        (PRODUCTS, {**_USE, **_THING}, use),
    )
    return tuple(
        (tuple(Grammar({**rules, **_own(each)}) for each in parsed(block)), long) for block, rules, long in shelves
    )


def _own(phrases: Mapping[str, tuple[str, ...]]) -> dict[str, Deck]:
    """Return the rules of one genre, parts that are several marked with a tilde."""
    many = tuple(
        f"{part}~" if (part.endswith("s") and not part.endswith(_SINGULAR)) or " and " in part else part
        for part in phrases["parts"]
    )
    return {"parts": Deck(many), **{kind: Deck(phrases[kind]) for kind in ("kind", "good", "bad")}}


def _agreeing(text: str) -> str:
    """Return a text with the verbs of marked parts in the plural, and no marks."""
    return _AGREE.sub(lambda found: f"{found[1] or ''} {_PLURAL[found[2]]}", text).replace("~", "")


def _plain(text: str) -> str:
    """Return a verdict as review pages quote it: lower case, blanks around its marks."""
    return re.sub(r"([,;.!?])(?= |$)", r" \1", text.lower().rstrip(".")) + " ."


def reviews(n: int, rng: np.random.Generator) -> list[str]:
    """Return n different reviews of 5 to 90 words: films, books, shops and services, products; good, bad and mixed.

    Random:
        what is reviewed, the verdict, phrases and habits of typing from `rng`.

    Privacy:
        nobody is in them: all is invented, names are first names without a person.
    """

    def draw() -> str:
        # films are half of the short ones, as elsewhere; a shelf is drawn first, then what stands on it
        shelf = int(rng.choice(4, p=(0.36, 0.1, 0.34, 0.2)))
        grammars, long = _grammars()[shelf]
        short = rng.random() < (0.75 if shelf < 2 else 0.25)
        kinds = _SHORT if short else long
        kind = kinds[int(rng.integers(len(kinds)))]
        text = compose(
            grammars[int(rng.integers(len(grammars)))], kind, rng, sentences=not short or rng.random() < 0.4
        )
        text = _agreeing(text)
        if short and shelf < 2:
            draws = rng.random()
            return _plain(text) if draws < 0.5 else text.rstrip(".") + "."
        return text.lower() if rng.random() < 0.1 else text

    return distinct(n, draw, 5, 90)
