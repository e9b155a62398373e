"""The DP queries about styles: their names, budget shares and clip norms.

This module imports no model code, so `synthgen budget check` can price a run without the extra `engine`.
"""

from synthgen.config import DpAdaptConfig
from synthgen.dp.method import Asked

VOTE = "style"
VOTES_ASKED = {VOTE: Asked(share=0.05, kind="vote")}
ADAPT = "adapt"
SHARE = 0.5  # of the budget, beside the interpolation method's queries
# Largest L2 norm of one person's gradient. Gradients of 16 notes of the fictional clinic had norms of 0.33 to 0.98;
# their median was 0.57 without a style and 0.65 with the style of clinical notes.
CLIP = 0.5
CHOICE = "style.json"  # the file that holds the chosen styles


def asked_of(part: DpAdaptConfig | None) -> dict[str, Asked]:
    """Return the query of `dp.adapt` by name; an empty mapping if it is not configured.

    Args:
        part: the section `dp.adapt` of the configuration.
    """
    if part is None:
        return {}
    return {ADAPT: Asked(share=SHARE, clip=CLIP, steps=part.steps, batch=part.batch, kind="dp-sgd")}
