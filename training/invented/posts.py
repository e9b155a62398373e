"""Posts of discussion groups and e-mails, invented: one topic each, in the first person, typed in a hurry."""

import re
from functools import lru_cache

import numpy as np

from invented.grammar import Grammar, whole
from invented.topics import Topic, parsed, topics
from invented.topics_work import WORK
from invented.wording import Deck, Rules, compose, distinct

_NAMES = (
    "Ada",
    "Bert",
    "Carla",
    "Dirk",
    "Elsa",
    "Frank",
    "Gwen",
    "Hank",
    "Ines",
    "Jonas",
    "Kim",
    "Lou",
    "Marta",
    "Ned",
    "Olga",
    "Pete",
    "Quinn",
    "Rosa",
    "Stu",
    "Tess",
    "Ursula",
    "Vic",
    "Wanda",
    "Yuri",
    "Zoe",
    "Andy",
    "Beth",
    "Colin",
    "Dana",
    "Ewan",
)

# What posts of every topic share. `{good}`, `{about}`, `{trouble}`, `{did}`, `{do}`, `{claim}`, `{tip}` and `{topic}`
# are the topic's own; frames stay short, so that most words of a text are of its topic.
_POST: Rules = {
    "help": (
        (
            "{hi}{setting} {trouble}. {tried} {why} {tried}\n\n{heard} {claim}, but {heard} {claim}. {more} {ask} "
            "{thanks}{sign}"
        ),
        "{hi}{setting} {trouble}. {tried} {ask}[ {aside}][ {thanks}]{sign}",
        "{hi}{ask} {trouble}, and {trouble}. {tried}[ {thanks}]{sign}",
        "{hi}{trouble}. {why} {tried}[ {doubt}] {ask}{sign}",
        "{hi}{wonder} {do}? {tried} {trouble}.[ {aside}] {thanks}{sign}",
        "{hi}{newbie} {wonder} {do}? {heard} {claim}[, but then {trouble}]. {thanks}{sign}",
        "Subject: {about}\n\n{trouble}. {tried} {ask} {thanks}{sign}",
    ),
    "essay": (
        "{hi}{setting} {trouble}. {tried} {more}\n\n{ask} {more} {thanks}{sign}",
        "{story_start} I {did}. {more}\n\n{and_then} {trouble}. {more} {moral} {claim}.[ {aside}]{sign}",
        "{quoted}\n\n{disagree} {claim}. {more}\n\n{quote}\n\n{nope} {ground} {more}[ {aside}]{sign}",
        "{quoted}\n\n{same} {did}. {more}\n\n{advice} {tip}. {reason} {claim}. {more} {luck}{sign}",
        "Some thoughts on {topic}.\n\n1) {claim}. {ground}\n2) {more}\n3) {trouble}. {ask}\n\n{anyone}{sign}",
        "{rant} {trouble}. {more} {opinion} {claim}. {more} {jab}{sign}",
    ),
    "argue": (
        "{quoted}\n\n{disagree} {claim}. {ground} {more}\n\n{quote}\n\n{turn} {trouble}{end} {more}[ {aside}]{sign}",
        (
            "{quoted}\n\n{agree} {claim}. {more} {ground}\n\n{however} {trouble}. {more} {opinion} {claim}.[ "
            "{jab}]{sign}"
        ),
        "{quoted}\n\n{disagree} {claim}. {ground}[ {jab}]{sign}",
        "{quoted}\n\n{agree} {claim}. {ground}[ {aside}]{sign}",
        "{quoted}\n\n{jab} {claim}. {ground}\n\n{quote}\n\n{turn} {trouble}{end}{sign}",
        "{quoted}\n\n{disagree} {ground} {opinion} {claim}.{sign}",
        "{opinion} {claim}. {ground} {however} {trouble}.[ {jab}]{sign}",
        "{rant} {trouble}, {trouble}, and {people} still say that {claim}? {ground}[ {jab}]{sign}",
        "Why is it that {trouble}? {opinion} {claim}. {ground}[ {aside}]{sign}",
        "About {about} and {about}: {claim}. {however} {claim}. {ground}{sign}",
    ),
    "answer": (
        (
            "{quoted}\n\n{same} {did}. {more}\n\n{quote}\n\n{advice} {tip}, and {tip}. {reason} {claim}.[ {aside}] "
            "{luck}{sign}"
        ),
        "{quoted}\n\n{same} {did}. {advice} {tip}[, and {tip}]. {luck}{sign}",
        "{quoted}\n\n{advice} {tip}. {reason} {claim}.[ {aside}] {luck}{sign}",
        "{quoted}\n\n{nope} {claim}. {advice} {tip}[ - {same} {did}]{end}{sign}",
        "If you want to {do}, {tip}. Then {tip}. {reason} {claim}.[ {aside}]{sign}",
        "{same} {did}. {result} {advice} {tip}. {luck}{sign}",
    ),
    "sell": (
        "FOR SALE: {good}\n\n{state} {price}[, {ship}]. {story} Also a {good}, {price}.[ {swap}]{sign}",
        "{selling} <good>. {state} {story} {price}[ or best offer][, {ship}].{sign}",
        "{selling} <good> and a {good}. {story} {price} for both, {ship}. {reply}{sign}",
        "Wanted: {good}. {why_buy} I will pay {money} for one in good shape[, {ship}]. {reply}{sign}",
        (
            "moving, so everything must go:\n\n{good} - {money}\n{good} - {money}\n{good} - {money}\n\n{state} "
            "{reply}{sign}"
        ),
        "Is {money} too much for a used <good>? {state} The seller says that {claim}. {ask}{sign}",
    ),
    "announce": (
        "{listen} a {list} for people who care about {about} and {about}. {rules} {reply}{sign}",
        "{listen} the first part of my notes on {topic}: {about}, {about}, and how to {do}. {comments}{sign}",
        "The {topic} group meets {when} at the {place}. This time: {about}. {guest} {reply}{sign}",
        "FAQ for this group, part {part}. Q: how do I {do}? A: {tip}. Q: is it true that {claim}? A: {mixed}{sign}",
        "Poll: {claim}. Yes or no? {side} {reply} I will post the result {when}.{sign}",
    ),
    "tell": (
        "{story_start} I {did}. {more} {and_then} {trouble}.\n\n{more} {moral} {claim}.[ {aside}]{sign}",
        "{story_start} I {did}. {and_then} {trouble}. {moral} {claim}.[ {aside}]{sign}",
        "So I {did} {when_past}. {result}[ {and_then} {trouble}.] {moral} {claim}.{sign}",
        "{long} {claim}, and then I {did}. {result} {anyone}{sign}",
        "Update: I {did}, as some of you told me. {result} {however} {trouble}. {ask}{sign}",
    ),
    "more": (
        "{opinion} {claim}, whatever {people} say. {ground}",
        "I {did} once, and I would do it again.",
        "{heard} {claim}. {however} {trouble}.",
        "Sooner or later you have to {do}, and then {trouble}.",
        "First {about}, then {about}, and in the end {about}.",
        "{trouble}. {trouble}. Need I say more?",
        "If it were only {about}! {trouble} as well.",
        "My advice to anyone who wants to {do}: {tip}.",
        "Maybe {about} will settle it. Until then, {tip}.",
        "{people} talk about {about} and forget {about}.",
    ),
    "hi": (
        "",
        "",
        "",
        "Hi all,\n\n",
        "Hello everyone, ",
        "Hi. ",
        "Hey folks, ",
        "Dear experts, ",
        "OK, here goes. ",
        "Greetings. ",
    ),
    "setting": (
        "",
        "For about {number} weeks now,",
        "Ever since we moved,",
        "I have a strange one:",
        "Since last month,",
        "Please help:",
        "This is driving me nuts.",
    ),
    "tried": (
        "I {did}, no change.",
        "So far I {did}.",
        "I already {did} and I {did}.",
        "Last night I {did}, in vain.",
        "Before you ask: yes, I {did}.",
        "My brother-in-law said '{tip}', so I did.",
        "I even {did}.",
        "After that I {did}, which helped for a day.",
    ),
    "ask": (
        "Any ideas?",
        "What am I missing?",
        "Has anyone seen this?",
        "Is that normal?",
        "What would you do?",
        "Does somebody here know about {about}?",
        "Is it {about}, or is it {about}?",
        "Who can tell me how to {do}?",
        "Any pointers on {about}?",
        "Or should I just {do}?",
        "Is there a way to {do}?",
    ),
    "wonder": (
        "How do I",
        "Does anyone know how to",
        "Can someone explain how to",
        "What is the best way to",
        "Is it at all possible to",
        "Where would I learn to",
        "How do you guys",
    ),
    "why": (
        "It makes no sense.",
        "I suspect {about}.",
        "It was fine until Easter.",
        "Somebody said it is {about}.",
        "Nothing else has changed.",
    ),
    "newbie": (
        "I'm new to {topic}.",
        "First post here.",
        "Long-time lurker.",
        "Sorry if this is in the FAQ.",
        "Maybe a dumb question.",
    ),
    "heard": (
        "I've heard that",
        "My neighbour swears that",
        "The guy in the shop says",
        "I read somewhere that",
        "People say that",
        "A friend insists that",
    ),
    "doubt": ("I doubt it's {about}.", "Could it be {about}?", "I don't believe in magic."),
    "thanks": (
        "Thanks!",
        "Thanks in advance.",
        "TIA",
        "Many thanks for any hint.",
        "Thx.",
        "Cheers",
        "Much appreciated.",
        "Replies by mail please, I'll summarize.",
    ),
    "quoted": (
        "{name} writes:\n{quote}",
        "{name} wrote:\n{quote}",
        "{quote}",
        "In a previous post {name} said:\n{quote}",
        "On {about}, {name} writes:\n{quote}",
    ),
    "quote": (
        "> {claim}",
        "> {opinion} {claim}.",
        "> {trouble}. {ask}",
        "> I {did}, but\n> {trouble}.",
        "> {wonder} {do}?",
        "> {claim}, and\n> {claim}.",
    ),
    "disagree": (
        "Sorry, but no.",
        "Wrong.",
        "I couldn't disagree more.",
        "That is nonsense, {name}.",
        "Not quite.",
        "Says who?",
        "You are missing the point:",
        "Hold on.",
        "That's a straw man.",
        "With all respect,",
    ),
    "agree": ("Exactly.", "Well said.", "I agree, and", "+1.", "Right on, {name}:", "Same here:", "True enough;"),
    "jab": (
        "Get real.",
        "Read before you post.",
        "*sigh*",
        "Give me a break!",
        "Do you have a source for that?",
        "Sheesh.",
        "And pigs fly.",
        "Think about it.",
        "You figure it out.",
        "Flames to /dev/null.",
        "But what do I know.",
    ),
    "ground": (
        "I {did}, so I know a little about {about}.",
        "Just look at {about}.",
        "How else do you explain {about}?",
        "After {number} years with {topic} I have seen it all.",
        "I {did} and never regretted it.",
        "When I {did}, nobody talked of {about}.",
        "Where I live, {trouble}.",
        "Take {about}, for example.",
        "The real issue here is {about}, not {about}.",
        "Last year I {did}. That taught me something.",
    ),
    "turn": ("And when", "So what do you do when", "Fine, but then", "Meanwhile", "Funny, because"),
    "opinion": (
        "IMHO",
        "I still think",
        "In my opinion",
        "My two cents:",
        "I'm convinced that",
        "Face it:",
        "It seems to me",
        "Call me old-fashioned, but",
        "I would argue that",
        "FWIW,",
        "Honestly,",
        "Unpopular view:",
    ),
    "however": ("On the other hand,", "But", "Then again,", "Still,", "And yet", "That said,"),
    "rant": ("I've had it.", "Rant on.", "What is wrong with the world?", "OK I need to vent...", "Unbelievable."),
    "people": ("people", "the experts", "my colleagues", "some here", "the papers"),
    "same": (
        "I had the same thing and",
        "Been there. I",
        "Two years ago I",
        "In my case I",
        "Same problem here; I",
        "What worked for me: I",
    ),
    "advice": ("My advice:", "Just", "You should", "I'd say", "First,", "Try this:", "Whatever you do,", "Simple:"),
    "reason": ("Remember,", "As far as I can tell,", "Most people forget that", "The thing is,", "After all,"),
    "luck": ("Good luck!", "Hope this helps.", "Let us know how it goes.", "HTH", "YMMV.", "It's not hard.", ""),
    "nope": ("No, no.", "Don't.", "It can be done, but", "Careful,", "Yes and no:"),
    "result": (
        "What a difference!",
        "It worked.",
        "No luck.",
        "So far so good...",
        "Never again.",
        "Best thing I ever did.",
        "It cost me {money} and a weekend.",
        "My wife just laughed.",
    ),
    "selling": ("I'm selling my", "For sale:", "Up for grabs is one", "Must sell:", "FS:", "I have one too many:"),
    "state": (
        "Like new.",
        "Used for {number} months.",
        "A few scratches.",
        "Works fine.",
        "Still in the box.",
        "One owner.",
        "Smoke-free home.",
        "Good condition.",
        "Bought in {year}.",
    ),
    "price": (
        "asking {money}",
        "{money} firm",
        "{money} obo",
        "I paid {money}, you pay {money}",
        "make me an offer",
        "first {money} takes it",
    ),
    "money": ("${cents}", "${tens}0", "{tens}0 dollars", "{tens}5 bucks", "£{tens}0"),
    "ship": ("plus shipping", "pickup only", "postage included", "I can deliver", "you pay the freight"),
    "story": (
        "I {did}, so I don't need it any more.",
        "Upgraded.",
        "Bought it for {about}, never used it.",
        "My son lost interest in {topic}.",
        "It's been in the closet.",
        "Ideal if you want to {do}.",
    ),
    "swap": ("Might trade for a {good}.", "Trades considered.", "No trades."),
    "why_buy": ("I want to {do}.", "Mine broke.", "{trouble}.", "It's for a friend who is into {topic}."),
    "reply": (
        "Send me a note.",
        "Reply here or by mail.",
        "Serious offers only.",
        "Please mail me.",
        "See you there.",
        "Let me know.",
        "Ask away.",
    ),
    "listen": ("Announcing", "I've started", "Now available:", "New this week:", "Some of you asked for"),
    "list": ("mailing list", "monthly newsletter", "small forum", "chat channel", "discussion group"),
    "rules": (
        "No flames please.",
        "Beginners welcome.",
        "It's free.",
        "Moderated, low traffic.",
        "Topics so far: {about}.",
    ),
    "comments": ("Comments welcome.", "Corrections to me.", "Copy it freely.", "Next part {when}."),
    "when": ("on Friday", "next week", "on the first Tuesday", "in two weeks", "on Saturday at ten", "in {month}"),
    "when_past": ("last weekend", "yesterday", "in {month}", "over the holidays", "on Sunday", "this morning"),
    "month": ("January", "March", "April", "June", "August", "October", "November"),
    "place": ("library", "Blue Door cafe", "town hall", "old gym", "community center", "back room of the pub"),
    "guest": ("Bring a friend.", "{name} will show us how to {do}.", "Open to all.", "After that, {about}."),
    "mixed": ("opinions differ.", "no, see {about}.", "yes, mostly.", "only if {trouble}."),
    "side": ("I say yes.", "I say no, since {trouble}.", "Undecided myself."),
    "story_start": (
        "True story:",
        "Today",
        "When I was younger",
        "Yesterday",
        "You won't believe this.",
        "A while ago",
    ),
    "and_then": ("Guess what:", "Now", "Of course,", "Since then", "The bad news:", "And as always,"),
    "moral": (
        "Moral:",
        "I'm starting to think that",
        "Goes to show:",
        "Lesson learned:",
        "Which proves that",
        "So yeah,",
    ),
    "long": ("For years I said that", "I used to believe that", "Everyone told me that"),
    "anyone": ("Anyone else?", "Am I alone in this?", "Just wanted to share.", "Discuss."),
    "aside": (
        "BTW, anything new on {about}?",
        "(Don't get me started on {about}.)",
        "But I digress...",
        "Anyway.",
        "Oh well.",
        "PS: {claim}.",
        "By the way, {name}, I {did} too.",
        ":-)",
        "(Sorry for the long post.)",
        "Just my 2c.",
    ),
    "end": (".", "...", "!", "?", ". Go figure."),
    "sign": (
        "",
        "",
        "",
        "",
        "\n\n{name}",
        "\n\n-- {name}",
        "\n\nCheers, {name}",
        "\n\nRegards,\n{name}",
        "\n\n- {name}",
        "\n\n{name}\n--\n{claim}",
    ),
    "name": _NAMES,
    "number": whole(2, 19),
    "part": whole(1, 9),
    "tens": whole(2, 45),
    "cents": whole(5, 900),
    "year": whole(1988, 2019),
}

_MAIL: Rules = {
    "work": (
        "{head}{dear}{news}. {please} {ask}[, because {news}]. {next}.{bye}",
        "{head}{dear}{opener} {news}. {also} {news}. {please} {ask}. {next}.{bye}",
        "{head}{dear}{please} {ask}? {reason} {news}.[ {next}.]{bye}",
        "{head}{dear}FYI, {news}. {next}.[ {please} {ask}.]{bye}",
        "{head}{dear}{thanks} {opener} {news}. {please} {ask}.{bye}",
        "{head}{dear}{two}\n\n1. {news}. {please} {ask}.\n2. {news}.[ {next}.]{bye}",
        "{name},\n\n{news}. {next}.\n\n{name}",
        "{head}{dear}{next}. {please} {ask} {deadline}.{bye}",
        "{dear}{opener} {news}, so {next}. {please} {ask}[ {deadline}].{bye}\n\n{original}\n{opener} {news}. {next}.",
    ),
    "friend": (
        "{hey}guess what, I {did}. {news_friend} {trouble}. {visit}{love}",
        "Subject: {about}\n\n{hey}I {did} {when}, and now {trouble}. {visit} {please} tell me how to {do}?{love}",
        "{hey}thanks for the tip about {about}. I {did}. {think} {claim}. {visit}{love}",
        "Subject: {about}\n\n{hey}you asked me about {about}. {think} {claim}. If I were you: {tip}. {visit}{love}",
    ),
    "head": ("", "", "Subject: {subject}\n\n", "Subject: RE: {subject}\n\n", "Subject: FW: {subject}\n\n"),
    "dear": (
        "{name},\n\n",
        "Hi {name},\n\n",
        "Hello {name},\n\n",
        "Dear {name},\n\n",
        "All,\n\n",
        "Hi team,\n\n",
        "",
        "{name} - ",
        "Good morning {name},\n\n",
        "Dear colleagues,\n\n",
        "Hi {name} and {name},\n\n",
    ),
    "opener": (
        "Just so you know,",
        "Quick update:",
        "As discussed,",
        "I just heard that",
        "Per our call,",
        "A heads-up:",
        "As you may know,",
        "Unfortunately",
        "Good news:",
        "To follow up:",
        "It looks like",
        "{name} tells me that",
    ),
    "also": ("Also,", "On top of that,", "In addition,", "Besides,", "Second,", "By the way,"),
    "please": ("Please", "Could you please", "Can you", "When you get a chance,", "Would you", "If possible,"),
    "reason": ("I ask because", "As it stands,", "Otherwise we are stuck:", "The reason is simple:", "Right now"),
    "thanks": (
        "Thanks for the quick reply.",
        "Thank you for your note.",
        "Sorry for the delay.",
        "Thanks for your help {when}.",
        "I got your message.",
        "Good talking to you {when}.",
    ),
    "two": ("Two things:", "A couple of items:", "Before {day}:", "Notes from this morning:"),
    "deadline": ("by {day}", "before {hour} {day}", "today", "by the end of the week", "as soon as you can"),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "tomorrow"),
    "when": ("last week", "yesterday", "on {day}", "over the weekend", "this morning"),
    "hour": ("nine", "ten", "noon", "three", "five", "8:30", "4 pm"),
    "original": ("-----Original Message-----\nFrom: {name}\nSent: {day}\n", "{name} wrote on {day}:\n"),
    "news_friend": ("The bad part:", "And now", "As for us,", "Meanwhile"),
    "think": ("I think that", "We both know that", "Dad always says that", "As I said {when},"),
    "visit": (
        "See you on {day}?",
        "Call me.",
        "Kids are fine.",
        "Say hi to {name}.",
        "Are you free on {day}?",
        "Miss you!",
        "Dinner at {hour} still on?",
        "More when I see you.",
    ),
    "bye": (
        "\n\nThanks,\n{name}",
        "\n\nRegards,\n{name}",
        "\n\n{name}",
        "\n\nBest,\n{name}",
        " Thanks.",
        "",
        "\n\nKind regards\n{name}",
        "\n\nThanks!\n{name}",
        "\n\n-{name}",
        "\n\nMany thanks, {name}",
    ),
    "hey": ("Hi {name},\n\n", "Hey {name}, ", "Dear {name},\n\n", "{name}!\n\n", "Hi both,\n\n", ""),
    "love": (
        "\n\nLove,\n{name}",
        "\n\n{name} x",
        "\n\nTake care,\n{name}",
        " Hugs, {name}",
        "\n\n{name}",
        "\n\nLove to all",
    ),
    "name": _NAMES,
}

_KINDS = (
    "essay",
    "essay",
    "essay",
    "help",
    "argue",
    "answer",
    "announce",
    "tell",
    "argue",
    "help",
    "answer",
    "sell",
    "sell",
)
_TALK = len(_KINDS) - 2  # where nothing is sold, the last two kinds are left out


def _about(topic: Topic) -> Grammar:
    goods = topic.phrases.get("goods", (f"book on {topic.name}",))
    phrases = {kind: Deck(texts) for kind, texts in topic.phrases.items()}
    return Grammar({**_POST, **phrases, "good": Deck(goods), "topic": (topic.name,)})


@lru_cache(maxsize=1)
def _forum() -> tuple[tuple[Grammar, tuple[str, ...]], ...]:
    """Return the grammar of every topic and the kinds of post that it may have."""
    return tuple((_about(topic), _KINDS if "goods" in topic.phrases else _KINDS[:_TALK]) for topic in topics())


@lru_cache(maxsize=1)
def _office() -> tuple[Grammar, ...]:
    nothing = dict.fromkeys(("about", "did", "do", "claim", "tip", "trouble"), ("",))  # what only friends write about
    return tuple(
        Grammar({**nothing, **_MAIL, **{kind: Deck(texts) for kind, texts in matter.items()}, "name": _NAMES})
        for matter in parsed(WORK)
    )


@lru_cache(maxsize=1)
def _friends() -> tuple[Grammar, ...]:
    nothing = dict.fromkeys(("subject", "news", "ask", "next"), ("",))  # what only offices write about
    return tuple(Grammar({**nothing, **_MAIL, **topic.phrases}) for topic in topics())


def _typed(text: str, rng: np.random.Generator) -> str:
    """Return a text as somebody in a hurry, or in a temper, types it."""
    draw = rng.random()
    if draw < 0.12:
        return text.lower()
    if draw < 0.18:
        return text.lower().replace("'", "").replace(". ", "... ")
    if draw < 0.24:
        return text.replace(". ", "... ", 2)
    if draw < 0.36:  # one word is stressed
        words = re.findall(r"\b[a-z]{5,9}\b", text)
        word = words[int(rng.integers(len(words)))] if words else ""
        stressed = (f"*{word}*", word.upper(), f"_{word}_")[int(rng.integers(3))]
        return text.replace(f" {word} ", f" {stressed} ", 1)
    if draw < 0.42:
        return text.replace("!", "!!!").replace("?", "??", 1).replace(" you ", " u ")
    return text


def forum_posts(n: int, rng: np.random.Generator) -> list[str]:
    """Return n different posts of discussion groups, of 20 to 150 words, quotations and signatures with their lines.

    Random:
        topics, kinds of post, phrases and habits of typing from `rng`.

    Privacy:
        nobody is in them: all is invented, names are first names without a person.
    """

    def draw() -> str:
        grammar, kinds = _forum()[int(rng.integers(len(_forum())))]
        return _typed(compose(grammar, kinds[int(rng.integers(len(kinds)))], rng), rng)

    return distinct(n, draw, 20, 150)


def emails(n: int, rng: np.random.Generator) -> list[str]:
    """Return n different e-mails of 12 to 150 words, four of five from an office, with or without a subject line.

    Random:
        matters, phrases and names from `rng`.

    Privacy:
        nobody is in them: all is invented, names are first names without a person.
    """

    def draw() -> str:
        work = rng.random() < 0.8
        grammars = _office() if work else _friends()
        text = compose(grammars[int(rng.integers(len(grammars)))], "work" if work else "friend", rng)
        return text.lower() if rng.random() < 0.05 else text

    return distinct(n, draw, 12, 150)
