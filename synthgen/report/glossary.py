"""The report's words, explained to somebody who releases data and does not attack it."""

AUDITS = {
    "memorization": "Does a synthetic text repeat a passage, or a whole record, of one person?",
    "neighbours": "Do synthetic texts lie closer to the people they were made from than to people never seen?",
    "identifiers": "Does a name, number or rare word of one person come back?",
    "membership": "Can somebody who holds a record tell from the synthetic texts whether it was used?",
    "parent_recovery": "Can the records a synthetic text was mixed from be found again?",
    "linkage": "Do the synthetic texts give away what an attacker did not know about a person?",
    "canaries": "Do records planted on purpose come back?",
    "accounting": "Is the stated privacy budget the one that was really spent?",
    "differencing": "Does a second release show who joined or left since the first?",
}

WORDS = {
    "train": "The real records that the synthetic ones were made from.",
    "control": "Real records of the same kind, of other people, that nothing saw before the audits. An attack that "
    "works as well on control as on train has learnt nothing about the people in train.",
    "synthetic": "The records made, of which the released file consists.",
    "audit": "An attack on the synthetic records, run before anybody else can run it.",
    "gate": "One rule of the policy: a measured number and its limit.",
    "interval": "The range the true number lies in with the stated confidence. A gate compares its worse end, so too "
    "little data can never pass.",
    "PASS, FAIL, INSUFFICIENT": "PASS: even the worse end of the interval keeps the limit. FAIL: the limit is "
    "broken. "
    "INSUFFICIENT: the evidence does not decide it, and that refuses the release just as a failure does.",
    "accuracy, macro and weighted F1": "How well a classifier does. Macro F1 counts every class the same, weighted "
    "F1 counts every record the same.",
    "ROC curve": "For every share of persons wrongly accused of being in train, the share rightly found.",
    "parent": "A real record a synthetic one was mixed from. Parents stay in the private workspace and are not in "
    "the release.",
    "policy": "The list of gates, fixed before the run, whose digest the signature covers.",
}
