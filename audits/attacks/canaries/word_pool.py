"""Make sentences for canaries (invented persons) from built-in words; real records hardly contain such sentences."""

from audits.core.types import Rng
from audits.text.name_lists import split_list

BUILT_IN_WORDS = split_list("""
amber anchor apron arrow autumn bakery balcony barley basket beacon bellow birch blanket bottle bramble bridge bronze
bucket button cabin candle canvas carpet cedar cellar chalk cherry chimney cider clover cobble copper corner cotton
cradle cricket crystal curtain cushion dagger dairy damson daylight dinner drawer driftwood eagle elbow ember engine
evening falcon fathom feather fennel ferry fiddle flannel flint forest fountain furrow garden garnet ginger glacier
granite grape gravel hammer hamlet harbour harvest hazel hedge hemlock hinge hollow honey hornet island ivory jacket
jasmine juniper kettle kitchen ladder lagoon lantern lattice laurel lavender leather lemon linen lobster locket magnet
mantle maple marble marrow meadow mirror mitten mortar mosaic mustard napkin needle nettle nickel nutmeg oatmeal ochre
olive orchard oyster paddle parcel parsley pasture pebble pencil pepper pewter pillow piston plaster plover pocket
poplar poppy porcelain pottery pumpkin quarry quartz quiver radish rafter raven ribbon ripple rocket rosemary rudder
saddle saffron sandal sapphire satchel scarlet shelter shovel signal silver slate sparrow spindle spruce stable
starling steeple sulphur sunrise tablet tallow tangle tartan teapot thimble thistle thunder timber tinsel torrent
trellis trumpet tulip tunnel turnip turret twilight umber valley vanilla velvet village vinegar violet walnut weaver
whistle willow window winter wicker woollen yarrow zephyr zinc
""")

# the parts of a sentence of `odd_sentence`: who, what, event, place
_SLOTS = tuple(
    tuple(" ".join(part.split()) for part in parts.split(";"))
    for parts in (
        """a retired lighthouse keeper; the night porter; a beekeeper of ninety; twins from the ferry; the choir's
        only bass; a glass blower; the mayor's barber; a deep sea welder; two chess umpires; a left handed
        harpist; the village clockmaker; an apprentice falconer; a submarine cook; the museum's night
        guard; a tea taster; a one armed drummer""",
        """hiccups; a blue thumbnail; sleepwalking; a fear of buttons; frostbite; sudden colour blindness; an itching
        heel; double vision; a swollen earlobe; ringing in one ear; a stiff jaw; hay fever; cold sweats; a
        sprained wrist; loss of taste; a limp on Sundays""",
        """a fall from a carousel; winning a raffle; swallowing a thimble; a duel with umbrellas; losing a bet on
        snails; an eclipse; tuning an organ; painting a drawbridge; a week in a salt mine; missing the
        last tram; a quarrel over a parrot; rowing to the wrong island; eating blue cheese; carrying a
        piano; a storm of hailstones; teaching geese to march""",
        """in Trondheim; near the aqueduct; on a barge; behind the opera; at the weather station; under the viaduct;
        in a planetarium; on the funicular; beside the tannery; in the salt museum; at the oyster market;
        in an empty theatre; by the frozen canal; in a greenhouse; on the customs quay; above the bakery""",
    )
)


def odd_sentence(rng: Rng) -> str:
    """Return a sentence whose parts do not belong together; it ends with five random words."""
    who, what, event, place = (slot[int(rng.integers(len(slot)))] for slot in _SLOTS)
    a, b, c, d, e = (BUILT_IN_WORDS[int(rng.integers(len(BUILT_IN_WORDS)))] for _ in range(5))
    return (
        f"{who[0].upper()}{who[1:]} was treated for {what} {place} after {event}, with {a}, {b} and {c}, "
        f"then {d} and {e}."
    )


def plain_sentences(rng: Rng) -> str:
    """Return two short sentences with six random words, with which a canary begins if there is no reference."""
    a, b, c, d, e, f = (BUILT_IN_WORDS[int(rng.integers(len(BUILT_IN_WORDS)))] for _ in range(6))
    return f"The {a} stood by the {b} and the {c} was seen again. Later the {d} and the {e} were put near the {f}."
