"""Sentences for the card, the report and the statement that say what a release does not guarantee."""

from synthgen.config import Config
from synthgen.decode.config import AUTO
from synthgen.decode.style_adapter import built_in_styles
from synthgen.pipeline.secret import PUBLIC

CONTAMINATED = (
    "Every comparison uses control persons whom the run did not use. If a model had already been trained on train and"
    " control, the comparisons cannot detect a leak. Canaries, or control persons of a later date, can detect it."
)
LIMITATIONS = (
    "Interpolating the texts of two persons is not private by itself; the audits state what they could detect.",
    "No differential privacy: no epsilon is claimed, and a leak that no attack found may still exist.",
    "No canaries were planted in a second build, and the release was not compared with an earlier one.",
    CONTAMINATED,
    "One vector represents about the first hundred words of a record; later words of the record are lost.",
)
DIFFERENTIALLY_PRIVATE = (
    "The privacy budget covers each person of train with all records of that person. It does not cover a person who"
    " is mentioned only in another person's records."
)
VERDICTS_ONLY = (
    "Of the measurements, only the fact that the gates passed is published: each published number is the limit of a "
    "gate, not a measured value, and the verdict of every audit without a gate is published as insufficient."
)
NUMBERS_WITHOUT_NOISE = (
    "The privacy budget covers the texts but not the report: numbers of the audits and of utility, and counts of the "
    "source, are published without noise, as coarsely as the policy requires."
)
SEGMENTED = (
    "Records were cut into segments, and one vector represents each segment; details of a segment are lost, and "
    "sections that only one parent of a record had are omitted."
)
CHOSEN_STYLE = "The one to three built-in styles of the texts were chosen by means of the private train text."
OWN_STYLE = (
    "The texts use a style adapter of the releaser; only the releaser states that it was trained on public text."
)
DISCLOSED = "The language model received {} of each vector; a few words can reveal a person's illness."
GUESSABLE = (
    "The random streams are derived from a public secret: anyone who guesses the seed can compute who was in train"
    " and which records each synthetic record was made from. Do not release this dataset externally."
)
UNCALIBRATED = (
    "The policy requires no self-test: it was not shown that the audits detect a leak of these persons and do not "
    "report chance as a leak."
)
RECORDS_ONLY = (
    "The source has no person ids: every number is about single records, and nothing is shown about a person."
)


def limitations(
    *, has_groups: bool, config: Config, disclosure: str | None, calibrated: bool, numbers_withheld: bool
) -> tuple[str, ...]:
    """Return the sentences that apply to a release.

    Args:
        has_groups: whether the source has person ids.
        config: configuration of the run.
        disclosure: which part of each vector the language model received; None if it received no words.
        calibrated: whether the policy requires a self-test.
        numbers_withheld: whether the policy publishes only verdicts.
    """
    decode, private = config.decode, config.interpolate.is_private
    always = LIMITATIONS if config.segments is None else (*LIMITATIONS[:-1], SEGMENTED)
    if private:
        always = (DIFFERENTIALLY_PRIVATE, VERDICTS_ONLY if numbers_withheld else NUMBERS_WITHOUT_NOISE, *always[2:])
    conditional = (
        (config.secret == PUBLIC, GUESSABLE),
        (not calibrated, UNCALIBRATED),
        (not has_groups, RECORDS_ONLY),
        (decode.style == AUTO and not private, CHOSEN_STYLE),
        (not {*decode.styles} <= {AUTO, *built_in_styles()}, OWN_STYLE),
        (disclosure is not None, DISCLOSED.format(disclosure)),
    )
    return (*always, *(sentence for applies, sentence in conditional if applies))
