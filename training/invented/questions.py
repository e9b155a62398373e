"""Questions and requests, invented: trivia, how-to, customers of a bank or shop, commands to an assistant."""

from functools import lru_cache

import numpy as np

from invented.grammar import Grammar, whole
from invented.topics import topics
from invented.wording import Deck, Rules, compose, distinct

_TRIVIA: Rules = {
    "trivia": (
        "What is the {measure} of {land}?", "Who {made} {thing}?", "When was {thing} {made}?", "Where is {place}?",
        "How many {parts_whole} have?", "What does {letters} stand for?", "What {place_known}?",
        "What {place_sort} is {known} for {deed}?",
        "Which {place_sort} {place_deed}?", "Who was the first {person} to {feat}?", "Why do {animals}?",
        "What is the {superlative} {place_sort} in {land}?", "How {much} is {place}?", "What colour is {natural}?",
        "In what year did {event}?", "What do you call {called}?", "What is {term}?",
        "How {far} is it from {city} to {city}?",
        "What is the difference between {term} and {term}?", "Name {count} {parts_of}.", "When do {animals}?",
        "What did {author} {work}?", "How did {event_noun} get its name?", "What language is spoken in {land}?",
        "Who wrote the {kind} about {about_book}?", "What causes {natural_event}?", "How long does {process} take?",
        "Which {person} {person_deed}?", "What was {event_noun}?", "How {far} can {animal} in {span}?",
        "What is the {chemical} symbol for {element}?", "At what temperature does {element} {change}?",
        "What river flows through {city}?", "Which country lies between {land} and {land}?",
    ),
    "measure": ("capital", "population", "currency", "highest point", "national bird", "longest river", "main export",
                "flag",
                "official language", "area in square miles", "national anthem", "oldest university", "time zone"),
    "land": ("Peru", "Norway", "Kenya", "Mongolia", "Portugal", "Bolivia", "Finland", "Vietnam", "Ghana", "Iceland",
             "Chile",
             "Hungary", "Nepal", "Morocco", "Uruguay", "Latvia", "Jordan", "Alaska", "Tasmania", "Wales", "Ohio"),
    "city": ("Lima", "Oslo", "Nairobi", "Vienna", "Hanoi", "Prague", "Cairo", "Lisbon", "Toronto", "Seoul", "Dublin",
             "Warsaw",
             "Budapest", "Accra", "Montevideo", "Denver", "Perth"),
    "made": ("invented", "discovered", "designed", "first described", "patented"),
    "thing": ("the zipper", "the barometer", "the sewing needle", "helium", "the lawn mower", "the cash register",
              "insulin",
              "the ballpoint pen", "the elevator brake", "penicillin", "the paper clip", "the submarine", "radium",
              "the umbrella", "the traffic light", "the harpsichord", "the microwave oven"),
    "place": ("Lake Titicaca", "the Gobi desert", "the Parthenon", "Mount Kenya", "the Suez canal",
              "the Bering strait",
              "the Black Forest", "Easter Island", "the Great Barrier Reef", "Hadrian's wall", "the Matterhorn",
              "the Dead Sea"),
    "parts_whole": ("legs does a lobster", "strings does a cello", "teeth does a snail", "chambers does a heart",
                    "keys does a piano",
                    "players does a volleyball team", "moons does Mars", "stomachs does a cow",
                    "sides does a dodecahedron",
                    "stars does the flag of Brazil", "bones does a hand", "eyes does a scallop",
                    "strings does a harp",
                    "humps does a camel", "wings does a bee", "black squares does a chess board",
                    "lines does a sonnet",
                    "time zones does Russia", "pockets does a snooker table", "rings does Saturn",
                    "valves does a trumpet"),
    "letters": ("RADAR", "LED", "NATO", "DVD", "HTML", "RNA", "SONAR", "GMT", "ISBN", "RSVP", "ROM", "UNESCO", "MRI",
                "SPF"),
    "place_sort": ("city", "country", "island", "mountain", "lake", "river", "bridge", "desert", "state", "port",
                   "village"),
    "place_known": ("metal melts in the hand", "insect sleeps all winter", "planet lost two of its moons",
                    "bird cannot walk",
                    "dog does not bark", "fruit is picked by night", "gas makes voices high", "fish lives on land",
                    "card is called the bullet",
                    "tree lives longest", "bone is the smallest", "spice is worth more than silver",
                    "vitamin comes from the sun"),
    "known": ("best known", "famous", "remembered", "blamed", "nicknamed"),
    "deed": ("its cheese", "a leaning tower", "the invention of paper", "carnival", "diamonds", "its tulips", "salt",
             "its fog",
             "its bells", "silk", "a wall", "its wild horses", "a big clock", "floating markets"),
    "place_deed": ("banned cars on Sundays", "moved its capital twice", "was sold for a few cents an acre",
                   "changed its name in 1972",
                   "lies below the sea", "has no trees", "was drained by farmers", "was named for a queen",
                   "never sees snow"),
    "person_deed": ("never saw the sea", "was painted on a ceiling", "ruled for only nine days", "could not read",
                    "drowned in wine",
                    "was afraid of cats", "gave back a crown", "had a wooden leg", "lived in a barrel"),
    "person": ("woman", "pope", "president", "sailor", "dog", "pilot", "driver", "chess player", "king", "swimmer",
               "climber"),
    "feat": ("reach the south pole", "fly around the world", "cross a channel by balloon", "win two Nobel prizes",
             "walk in space",
             "appear on a stamp", "break the sound barrier", "run a mile in four minutes", "climb Everest alone"),
    "animals": ("cats purr", "salmon swim upstream", "bats hang upside down", "geese fly in a V",
                "frogs change colour",
                "moths gather around lamps", "owls turn their heads", "camels store water", "whales sing",
                "bees dance",
                "penguins lay their eggs", "onions make us cry", "leaves turn red", "dogs eat grass",
                "horses sleep standing up",
                "we yawn", "cows lie down", "hedgehogs wake up"),
    "superlative": ("largest", "deepest", "oldest", "smallest", "most visited", "coldest", "second largest",
                    "northernmost"),
    "much": ("old", "deep", "tall", "wide", "far away", "large", "long"),
    "natural": ("a ruby", "copper oxide", "a polar bear's skin", "the sky on Mars", "topaz", "a giraffe's tongue",
                "jade",
                "an emu's egg", "the flag of Libya", "cobalt glass", "a flight recorder", "sulphur"),
    "event": ("the Berlin wall fall", "women first vote in Finland", "the Titanic sink", "Krakatoa erupt",
              "Brazil become free",
              "the euro replace the franc", "the plague reach London", "Hawaii become a state",
              "the Suez canal open"),
    "event_noun": ("the Boxer rebellion", "the Hundred Years war", "the gold rush", "Halley's comet", "the Mayflower",
                   "the potato famine", "Rhode Island", "the tango", "the sandwich", "the Marathon"),
    "called": ("a group of geese", "a baby kangaroo", "somebody who studies fish", "the fear of heights",
               "a poem of 14 lines",
               "a word that reads the same backwards", "the top of a castle", "a female fox", "a maker of barrels"),
    "term": ("osmosis", "a solstice", "an isotope", "feng shui", "a haiku", "inflation", "photosynthesis", "a fjord",
             "plasma",
             "an alloy", "a sonata", "leukaemia", "a quasar", "ozone", "cholesterol", "a mortgage",
             "bipolar disorder", "jazz"),
    "far": ("far", "many miles", "many kilometres"),
    "count": ("two", "three", "four", "five"),
    "parts_of": ("rivers in Russia", "kinds of pasta", "Greek gods", "noble gases", "bones of the foot",
                 "plays by Shakespeare",
                 "islands of Japan", "winter sports", "string instruments", "Roman emperors", "colours of quartz"),
    "kind": ("novel", "opera", "poem", "play", "film", "song", "symphony", "children's book", "comic"),
    "author": ("Goethe", "Verdi", "Emily Dickinson", "Mozart", "Tolstoy", "Jane Austen", "Homer", "Chekhov",
               "Brahms"),
    "work": ("write last", "leave unfinished", "burn", "write in prison", "dedicate to a king", "publish first"),
    "about_book": ("a white whale", "a talking spider", "a wooden boy", "a shipwrecked sailor", "a clever rabbit",
                   "the moon"),
    "natural_event": ("tides", "hiccups", "thunder", "northern lights", "rust", "earthquakes", "rainbows", "jet lag",
                      "acne",
                      "an eclipse", "fog", "a tsunami", "goose bumps", "stalactites"),
    "process": ("light from the sun", "digestion", "an egg to hatch", "a trip to Mars", "a patent", "cement to set",
                "a chess final", "an elephant's pregnancy", "glass to decay"),
    "animal": ("a cheetah run", "a snail crawl", "a swift fly", "an eel swim", "a monarch butterfly fly",
               "a flea jump", "a camel walk",
               "an ant carry a leaf", "sound travel", "a glacier move"),
    "span": ("an hour", "a day", "one season", "a lifetime"),
    "chemical": ("chemical",),
    "element": ("tin", "lead", "gold", "potassium", "iron", "tungsten", "nitrogen", "silver", "sulphur", "copper"),
    "change": ("melt", "boil", "freeze", "glow red"),
}  # fmt: skip

# Frames around what every topic offers.
_HOWTO: Rules = {
    "howto": (
        "How do I {do}?",
        "How can I {do} {under}?",
        "What's the best way to {do}?",
        "Is there a cheap way to {do}?",
        "What do I need to {do}?",
        "Why is it that {trouble}?",
        "What can I do when {trouble}?",
        "Is it true that {claim}?",
        "Where can I buy a {good}?",
        "How much should a used {good} cost?",
        "Which {good} is good for beginners?",
        "Can you recommend a book about {about}?",
        "Should I {do} or wait?",
        "Who can help me to {do}?",
        "{trouble}, what now?",
        "What should I know about {about}?",
        "Do I need a new {good} if {trouble}?",
        "Does anyone still use a {good}?",
    ),
    "under": (
        "on a small budget",
        "alone",
        "in one weekend",
        "without special tools",
        "at home",
        "safely",
        "quickly",
    ),
}

_SERVICE: Rules = {
    "bank": (
        "{ask} my {bank_thing}?", "{my} {bank_thing}. {then}", "{want} {bank_do}[. {then}]",
        "how long until {bank_event}?", "is there a fee {fee}?", "what {limit} {fee}?", "I {slip}, {then_small}",
        "{my} {bank_thing}, {then_small}", "{bank_event} twice, {then_small}", "can I {bank_do}?",
        "which {bank_noun} do you {accept}?", "where do I {bank_do}?", "do you {accept} {bank_noun}?",
    ),
    "ask": ("why", "how come", "can you tell me why", "please explain why", "any idea why"),
    "my": ("my", "The", "I think my", "it seems my", "Hello, my"),
    "bank_thing": ("{paid} {paid_state}", "{paid} {paid_state}", "{held} {held_state}"),
    "paid": Deck(("top-up", "transfer", "cash withdrawal", "refund", "direct debit", "cheque", "payment to a shop",
                  "standing order",
                  "exchange", "salary", "rent payment")),
    "held": Deck(("card", "virtual card", "account", "debit card", "credit card", "travel card")),
    "paid_state": Deck(("is still pending", "was charged twice", "did not arrive", "shows the wrong amount",
                        "got cancelled",
                        "went to the wrong person", "came back", "is not in the app", "used a poor exchange rate",
                        "failed",
                        "was made by somebody else", "is missing", "was late again", "carries a fee", "is on hold")),
    "held_state": Deck(("was declined at the till", "is blocked", "has expired", "stopped working abroad",
                        "does not show up in the app",
                        "was used by somebody else", "was opened in my old name", "cannot be topped up",
                        "has a strange fee")),
    "want": ("I want to", "I need to", "I'd like to", "Please help me", "help me", "is it possible to", "how do I"),
    "bank_do": ("close my account", "change my PIN", "order a second card", "raise my limit", "dispute a charge",
                "freeze my card",
                "add money by cheque", "get euros for my trip", "verify who I am", "cancel a transfer",
                "update my address",
                "activate the card", "hold two currencies", "pay off my loan early", "link my watch", "find my IBAN",
                "undo a direct debit", "give my daughter a card"),
    "then": ("What now?", "Please check.", "Can you fix it?", "I need it today.", "Who do I call?",
             "What should I do?", "Thanks."),
    "then_small": ("what now?", "can you undo it?", "is that normal?", "please help", "what do I do?",
                   "how do I get it back?"),
    "bank_event": ("my transfer arrives", "the new card comes", "my pay shows up", "the refund is booked",
                   "a cheque clears",
                   "you charged me", "the top-up went through"),
    "fee": ("for paying abroad", "to withdraw cash", "on transfers to Poland", "if I pay late", "for a second card",
            "when I exchange dollars", "on weekends", "for topping up by card"),
    "limit": ("is the limit", "rate applies", "do you charge", "rules are there"),
    "slip": ("forgot my PIN", "lost my wallet", "sent money to the wrong account", "left my card in the machine",
             "typed a wrong amount", "deleted the app", "got a text that looks like a scam", "lost my phone",
             "paid a bill twice"),
    "accept": ("accept", "support", "offer", "send out"),
    "bank_noun": ("currencies", "cards", "kinds of account", "countries", "documents", "credit cards", "phones",
                  "cheques"),
    "shop": (
        "where is my order of {ware}?", "the {ware} I ordered {ware_state}, {then_small}",
        "do you have {ware} in {shade}?",
        "can I return {ware} {return_when}?", "{ware} {ware_state}. {then}", "when will {ware} be back in stock?",
        "I'd like to swap {ware} for {variant}", "how long is the warranty on {ware}?",
        "does the discount apply to {ware}?",
        "I want to cancel my order of {ware}[. {then}]", "is delivery of {ware} free {return_when}?",
    ),
    "ware": ("garden chairs", "the blue kettle", "two pillows", "running shoes", "the desk lamp", "a winter coat",
             "cat food",
             "the coffee grinder", "bed sheets", "a phone case", "the toy train", "the bread knife", "curtains",
             "wall paint"),
    "ware_state": ("came broken", "never came", "came in the wrong size", "cost less yesterday",
                   "went to my neighbour",
                   "look nothing like the picture", "lack the screws", "arrived twice", "smell odd"),
    "variant": ("another colour", "a larger size", "a smaller size", "two for one", "a gift box",
                "a cheaper version"),
    "return_when": ("after a month", "without the box", "at the shop", "at Christmas", "if I open it", "as a guest",
                    "on Sundays"),
    "command": (
        "set {clock} for {hour}", "remind me to {chore} {when}", "what's the weather in {town} {when}",
        "{play} {music}",
        "add {goods} to my {list}", "turn {switch} the {device}", "book {booking} {when}",
        "how do you say {word} in {tongue}",
        "what's on my {list} {when}", "text {mate} that {message}", "how long is the drive to {town}",
        "cancel {booking} {when}",
        "call {mate}", "convert {number} {unit_pair}", "read me {reading}", "find a {spot} near {town}",
        "spell {word}",
        "[hey, ]can you {chore} {when}", "is there traffic on the way to {town} {when}", "tell me {reading}",
        "what time is it in {town}",
        "how much is {number} {unit_pair}", "please {chore}[ {when}]", "did {mate} reply about {booking}",
        "flip a coin for me please",
        "who is singing {music}", "make the {device} {change_to}", "tell {mate} to {chore} {when}",
        "[please ]move {booking} to {hour}",
    ),
    "clock": ("an alarm", "a timer", "a reminder", "my alarm", "the oven timer", "a second alarm"),
    "hour": ("six in the morning", "7:30", "noon", "half past nine", "20 minutes", "5 pm", "tomorrow at eight",
             "midnight"),
    "chore": ("water the ferns", "pay the gas bill", "take out the bins", "pick up the twins", "renew my passport",
              "order more filters", "feed the fish", "ring the dentist", "defrost the soup", "check the tyres",
              "charge the drill", "return the library books", "lock the back door"),
    "when": ("tomorrow", "on Friday", "tonight", "next week", "this weekend", "at four", "on my birthday",
             "after work", "in an hour"),
    "town": ("Leeds", "Oslo", "Denver", "Madrid", "the airport", "Osaka", "the office", "Cork", "Lyon", "Tampa",
             "Boise"),
    "play": ("play", "shuffle", "put on", "stop", "skip", "play some", "turn down"),
    "music": ("jazz from the fifties", "my cooking songs", "the next episode", "rain sounds", "the opera I like",
              "a lullaby",
              "piano music", "that song about the train", "the news", "fast songs for running"),
    "goods": ("milk and eggs", "light bulbs", "oat flakes", "batteries", "three lemons", "dog biscuits", "stamps",
              "rice"),
    "list": ("shopping list", "calendar", "to-do list", "wish list", "packing list"),
    "switch": ("on", "off", "up", "down"),
    "device": ("heating", "kitchen light", "radio", "fan", "hall lamp", "television", "speaker", "humidifier"),
    "booking": ("a table for four", "a taxi", "the tennis court", "my haircut", "a flight to Oslo",
                "the team meeting",
                "a hotel room in Lyon", "the vet", "a massage", "a rental car"),
    "word": ("thank you", "where is the station", "hungry", "cheers", "receipt", "rhythm", "good night",
             "one coffee please"),
    "tongue": ("Turkish", "Portuguese", "Swahili", "Greek", "Korean", "Danish", "Hindi", "Welsh"),
    "mate": ("my sister", "Dad", "Nina", "the plumber", "my boss", "Grandma", "Omar", "the babysitter"),
    "message": ("I'm late", "dinner is at seven", "the train is stuck", "I have the keys", "she should not wait",
                "we won"),
    "unit_pair": ("cups to ounces", "miles to kilometres", "pounds to kilos", "litres to gallons", "euros to yen",
                  "feet to metres",
                  "stone to pounds", "dollars to pesos", "acres to hectares", "teaspoons in cups"),
    "shade": ("green", "a larger size", "black", "stock", "another colour", "red", "your shop in town"),
    "number": whole(2, 90),
    "reading": ("a joke", "the headlines", "my messages", "the recipe again", "a bedtime story",
                "a fact about otters",
                "what I spent on petrol", "my horoscope", "the calories in an avocado"),
    "spot": ("pharmacy", "petrol station", "quiet cafe", "bike shop", "playground", "car wash", "noodle place",
             "bank"),
    "change_to": ("louder", "warmer", "brighter", "stop", "quieter", "blue"),
}  # fmt: skip


def _dealt(rule: tuple[str, ...]) -> tuple[str, ...] | Deck:
    """Return words as a deck, so that nothing is asked about the same thing twice; frames as they are."""
    return rule if any("{" in text for text in rule) else Deck(rule)


@lru_cache(maxsize=1)
def _grammars() -> tuple[Grammar, Grammar, tuple[Grammar, ...]]:
    trivia, service = (
        Grammar({name: _dealt(rule) if isinstance(rule, tuple) else rule for name, rule in rules.items()})
        for rules in (_TRIVIA, _SERVICE)
    )
    howto = tuple(
        Grammar({**_HOWTO, "good": topic.phrases.get("goods", (f"guide to {topic.name}",)), **topic.phrases})
        for topic in topics()
    )
    return trivia, service, howto


def questions(n: int, rng: np.random.Generator) -> list[str]:
    """Return n different questions and requests of 4 to 20 words: trivia, how-to, customers, commands.

    Random:
        kinds, topics and phrases from `rng`.

    Privacy:
        nobody is in them: all is invented.
    """
    trivia, service, howto = _grammars()

    def draw() -> str:
        kind = ("trivia", "trivia", "howto", "bank", "shop", "command")[int(rng.integers(6))]
        if kind == "trivia":
            return compose(trivia, kind, rng)
        if kind == "howto":
            return compose(howto[int(rng.integers(len(howto)))], kind, rng, sentences=rng.random() < 0.7)
        return compose(service, kind, rng, sentences=kind != "command" and rng.random() < 0.6)

    return distinct(n, draw, 4, 20)
