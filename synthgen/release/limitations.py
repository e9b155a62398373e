"""What a release does not promise, in sentences for its card, its report and its statement."""

from synthgen.config import Config
from synthgen.decode.config import AUTO
from synthgen.decode.style_adapter import built_in_styles
from synthgen.pipeline.secret import PUBLIC

CONTAMINATED = (
    "Every comparison is with control persons whom the run did not use. A model that had read train and control alike"
    " before makes all of them even, and they show nothing; canaries would, or control persons of a later date."
)
LIMITATIONS = (
    "Interpolating two persons' texts is not private by itself; the audits say what they could and could not see.",
    "No differential privacy: no epsilon is claimed, and what no attack found may still be there.",
    "No canaries were planted in a second build, and no earlier release was compared.",
    CONTAMINATED,
    "One vector carries the gist of about the first hundred words of a record; what a record says later is lost.",
)
DIFFERENTIALLY_PRIVATE = (
    "The budget is for one person of train and all records of that person, not for who is told of in another's."
)
VERDICTS_TOLD = (
    "Of what was measured only that the gates passed is told: numbers are their limits, other verdicts insufficient."
)
NUMBERS_TOLD = (
    "The budget covers the texts and not the report: numbers of audits and utility, and counts of the source, are"
    " told as the policy shows them, without noise."
)
SEGMENTED = (
    "Records were cut into segments, and one vector carries the gist of each; what else a segment says is lost, and "
    "sections that only one of a record's parents had are left out."
)
CHOSEN_STYLE = "Which shipped styles the texts are written in, one to three, was chosen by the private train text."
OWN_STYLE = "The style of the texts is the releaser's own; that it learnt from public text is their word alone."
DISCLOSED = "Of each vector the language model was told {}; a few words can name a person's illness."
GUESSABLE = (
    "The random streams come from a public secret: whoever guesses the seed computes who was in train and what each "
    "record was made from. Never to be given outside."
)
UNCALIBRATED = (
    "The policy asks for no self-test: that the audits can tell a leak from chance on these persons was not shown."
)
RECORDS_ONLY = (
    "The source named no persons: every number is about single records, and nothing is shown about a person."
)


def limitations(
    *, has_groups: bool, config: Config, disclosure: str | None, calibrated: bool, silent: bool
) -> tuple[str, ...]:
    """Return what a release does not promise; without persons in the source no sentence is about persons.

    Args:
        has_groups: the source names persons.
        config: of the run.
        disclosure: what the language model was told of each vector; None where it was told nothing.
        calibrated: the policy asks for a self-test.
        silent: the policy lets verdicts alone leave.
    """
    decode, private = config.decode, config.interpolate.is_private
    always = LIMITATIONS if config.segments is None else (*LIMITATIONS[:-1], SEGMENTED)
    if private:
        always = (DIFFERENTIALLY_PRIVATE, VERDICTS_TOLD if silent else NUMBERS_TOLD, *always[2:])
    more = (
        (config.secret == PUBLIC, GUESSABLE),
        (not calibrated, UNCALIBRATED),
        (not has_groups, RECORDS_ONLY),
        (decode.style == AUTO and not private, CHOSEN_STYLE),
        (not {*decode.styles} <= {AUTO, *built_in_styles()}, OWN_STYLE),
        (disclosure is not None, DISCLOSED.format(disclosure)),
    )
    return (*always, *(sentence for said, sentence in more if said))
