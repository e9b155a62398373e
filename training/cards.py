"""Print the page of the shelf: of each style what it learnt from, its loss before and after, and its samples.

python training/cards.py > docs/styles.md
"""

from pathlib import Path

from synthgen.decode.style_adapter import StyleCard, built_in_styles, load_style

HEAD = """# The shelf of styles

How a text is written, whatever it says. A style is a small adapter beside the bridge, trained on openly licensed
text and on text that our own grammars invent (`training/`), never on anything that plays private data in a study or
an example. `decode: {style: NAME}` writes in one, `auto` in the nearest: [configuration](configuration.md).
Another is one command away: `synthgen train-bridge --style`. `plain` is the bridge as it is.

Loss: nats per token of pieces of texts that were kept back, each after its own vector, by the bridge alone and in
the style. Samples: written from the vectors of kept-back pieces, one after another, none chosen. `make styles`
trains all of them again; `python training/cards.py` prints this page from the cards beside the weights.

The loss is measured on held-out text of the adapter's own kind. Four more adapters were measured and removed:
[removed options](studies/removed-options.md#style-adapters-news-review-forum-e-mail).

aci_bench is by Yim et al., Scientific Data 2023; primock57 by Korfiatis et al., ACL 2022; synthea by Walonoski et
al., JAMIA 2018 (The MITRE Corporation); banking77 by Casanueva et al., 2020; clinc150 by Larson et al., EMNLP 2019.

"""


def main():
    cards = [load_style(name, Path).card for name in built_in_styles()[1:]]
    print(HEAD + "\n\n".join([summary(cards), *map(page, cards)]))


def summary(cards: list[StyleCard]) -> str:
    """Return a line of each style."""
    rows = [
        f"| {c.name} | {c.rank} | {c.steps} | {sum(s.passages for s in c.sources):,} | {c.heldout_before:.2f} | "
        f"{c.heldout_after:.2f} |"
        for c in cards
    ]
    return "\n".join(["| style | rank | steps | pieces | loss before | after |", "|---|---|---|---|---|---|", *rows])


def page(card: StyleCard) -> str:
    """Return what a style learnt from, and its samples."""
    sources = [f"| {s.name} | {s.passages:,} | {s.licence} |" for s in card.sources]
    samples = ["> " + sample.replace("\n", "\n> ") for sample in card.samples]
    table = "\n".join(["| source | pieces | licence |", "|---|---|---|", *sources])
    return "\n\n".join([f"## {card.name}", table, *samples])


if __name__ == "__main__":
    main()
