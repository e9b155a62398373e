"""The DP query for the style: its name, budget share and result file.

This module imports no model code, so `synthgen budget check` can price a run without the extra `engine`.
"""

from synthgen.dp.method import Asked

VOTE = "style"
VOTES_ASKED = {VOTE: Asked(share=0.05, kind="vote")}
CHOICE = "style.json"  # the file that holds the chosen styles
