"""Print the documentation page of the built-in styles: sources, held-out loss before and after training, samples.

python training/cards.py > docs/explanation/styles.md
"""

from pathlib import Path

from synthgen.decode.style_adapter import StyleCard, built_in_styles, load_style

HEAD = """# Built-in styles

A style adapter determines how a text is written, independently of its content. It is a small adapter beside the
bridge, trained on openly licensed text and on text from the grammars in `training/`. Data that represent private
records in the studies and examples were not used, except aci_bench: the style `clinical-note` was trained on it, and
`examples/sectioned-notes.yaml` uses it. `decode: {style: NAME}` uses one style, `plain` uses the bridge without an
adapter, and `auto` chooses `plain` or one to three styles ([how to
choose](../how-to/own-data.md#choose-how-texts-are-written)). [Train your own
style](../how-to/own-model.md#train-your-own-style) with one command.

The loss is the cross-entropy in nats per token on held-out pieces of text of the style, if the model is given the
vector of the piece. "Before" is the loss with the bridge alone, and "after" the loss with the adapter. The samples
are decoded from the vectors of held-out pieces, in order and without selection. `make styles` trains all adapters
again. `python training/cards.py` prints this page from the cards that are stored beside the weights. Four other
adapters were measured and removed: [removed
options](../studies/removed-options.md#style-adapters-news-review-forum-e-mail).

## How `auto` chooses

Without DP, the score of a combination of styles is the mean log-likelihood per token of up to 64 train texts
under the language model. `auto` scores `plain`, each style, each pair of the three best styles, and these three
together. A combination of several styles is chosen if its score is more than .05 nats per token above the best
score of a single style or `plain`. Otherwise the best single style, or `plain`, is chosen.

With DP, a random sample of persons votes. A person votes for each style that gives one of the person's texts,
chosen at random, a higher likelihood than `plain` does. Noise is added to the counts, which consumes part of the
budget.

## Sources and samples

Sources: aci_bench by Yim et al., Scientific Data 2023; primock57 by Korfiatis et al., ACL 2022; synthea by
Walonoski et al., JAMIA 2018 (The MITRE Corporation); banking77 by Casanueva et al., 2020; clinc150 by Larson et
al., EMNLP 2019.

"""


def main():
    cards = [load_style(name, Path).card for name in built_in_styles()[1:]]
    print(HEAD + "\n\n".join([summary(cards), *map(page, cards)]))


def summary(cards: list[StyleCard]) -> str:
    rows = [
        f"| {c.name} | {c.rank} | {c.steps} | {sum(s.passages for s in c.sources):,} | {c.heldout_before:.2f} | "
        f"{c.heldout_after:.2f} |"
        for c in cards
    ]
    return "\n".join(["| style | rank | steps | pieces | loss before | after |", "|---|---|---|---|---|---|", *rows])


def page(card: StyleCard) -> str:
    sources = [f"| {s.name} | {s.passages:,} | {s.licence} |" for s in card.sources]
    samples = ["> " + sample.replace("\n", "\n> ") for sample in card.samples]
    table = "\n".join(["| source | pieces | licence |", "|---|---|---|", *sources])
    return "\n\n".join([f"## {card.name}", table, *samples])


if __name__ == "__main__":
    main()
