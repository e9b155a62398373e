"""Choose the sentences for the card, the report and the statement that say what a release does not guarantee."""

from audits.verify.vocabulary import (
    CHOSEN_STYLE,
    DIFFERENTIALLY_PRIVATE,
    DISCLOSED,
    GUESSABLE,
    LIMITATIONS,
    NUMBERS_WITHOUT_NOISE,
    OWN_STYLE,
    RECORDS_ONLY,
    SEGMENTED,
    UNCALIBRATED,
    VERDICTS_ONLY,
)
from synthgen.config import Config
from synthgen.decode.config import AUTO
from synthgen.decode.style_adapter import built_in_styles
from synthgen.pipeline.secret import PUBLIC


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
