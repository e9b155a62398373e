"""Explanations of audits, leaks and technical terms, for readers of the report who are not privacy experts."""

AUDITS = {  # key: name of an audit; value: the question that the audit answers
    "memorization": "Does a synthetic text repeat a passage, or a whole record, of one person?",
    "neighbours": "Are synthetic texts closer to the persons they were made from than to control persons?",
    "identifiers": "Does a name, number or rare word of one person appear in a synthetic text?",
    "membership": "Can someone who holds a record tell from the synthetic texts whether it was used?",
    "parent_recovery": "Can someone find the records from which a synthetic text was interpolated?",
    "linkage": "Do the synthetic texts reveal something about a person that an attacker did not know?",
    "canaries": "Do records that were planted as a test appear in the synthetic texts?",
    "accounting": "Is the stated privacy budget the one that was really spent?",
    "differencing": "Does a second release reveal who joined or left since the first one?",
}
# key: name of an audit; value: a noun phrase for the leak that the audit looks for
LEAKS = {
    "memorization": "copied passages",
    "neighbours": "closeness to the records that were used",
    "identifiers": "names, numbers and rare words",
    "membership": "telling which records were used",
    "parent_recovery": "finding the records behind a text",
    "linkage": "learning new facts about a person",
    "canaries": "planted test records",
    "accounting": "noise that does not fit the stated ε",
    "differencing": "comparison with an earlier release",
}
# key: first part of the names of metrics that no audit measures; value: topic of the rules on these metrics
TOPICS = {
    "input_checks": "checks of the input tables",
    "attempts": "the number of earlier audits",
    "secret": "the secrecy of the random choices",
    "utility": "usefulness for training",
    "balance": "class sizes",
    "records": "the number of records",
    "selftest": "self-tests of the attacks",
    "ledger": "the institution's ledger",
    "deidentify": "removal of names",
    "policy": "the policy's own rules",
}
# key: name of an audit; value: the largest leak that its result does not exclude. "{0}" stands for the upper end of
# the measured interval, such as "7 of 100"; "{unit}" for "person" or "record"; "{units}" for "people" or "records"
MISSED = {
    "memorization": "passages of up to {0} {units} were copied",
    "neighbours": "for up to {0} texts, the nearest real record is one that was used, and not one that was not used; "
    "without a leak, 50 of 100",
    "identifiers": "names, numbers or rare words of up to {0} {units} appear",
    "membership": "in up to {0} pairs of a used and an unused {unit}, an attacker picks the used one; by guessing, "
    "50 of 100",
    "parent_recovery": "for up to {0} texts, the records that an attacker picks as their sources are among the "
    "records that were used; without a leak, 50 of 100",
    "linkage": "new facts from up to {0} {units} are learned",
}
# key: name of an audit; value: the sentences on the page if this audit was not run
UNTESTED = {
    "canaries": "No test records were planted, so it was not tested whether a single unusual record would appear in "
    "the texts.",
    "differencing": "The texts were not compared with an earlier release, if there is one. Two releases together "
    "could show who was added or removed.",
}
# key: (attribute, value) of a subgroup of people; value: name of the subgroup on the page
SUBGROUPS = {
    ("sex", "female"): "female",
    ("sex", "male"): "male",
    ("sex", "nonbinary"): "non-binary",
    ("age_band", "infant"): "under 2 years",
    ("age_band", "child"): "2 to 12 years",
    ("age_band", "adolescent"): "13 to 17 years",
    ("age_band", "young adult"): "18 to 39 years",
    ("age_band", "middle-aged"): "40 to 64 years",
    ("age_band", "older adult"): "65 years or older",
}

WORDS = {  # key: a term; value: explanation of the term on the page
    "train": "The real records from which the synthetic ones were made.",
    "control": "Real records of the same kind but of other persons. The texts are not made from them. Only without "
    "differential privacy, the run learns one thing from them: which names to mask. If an attack succeeds equally "
    "often on control and on train, it has learnt nothing about the persons in train.",
    "synthetic": "The generated records, which make up the released file.",
    "person": "All records with the same person id. If the source has no person ids, each record counts as a person.",
    "audit": "An attack on the synthetic records that is run before the release.",
    "gate": "One rule of the policy: a measured number and its limit.",
    "interval": "The range that contains the true number with the stated confidence. A gate compares the worse end "
    "of the interval, so a gate does not pass if there are too few data.",
    "PASS, FAIL, INSUFFICIENT": "PASS: even the worse end of the interval is within the limit. FAIL: it is not. "
    "INSUFFICIENT: the evidence does not decide. There is a release only if every gate has PASS; an audit without a "
    "gate can have any result.",
    "WITHHELD": "The policy does not allow the result to be published.",
    "differential privacy, ε, δ": "Random noise is added to everything that is learned from the records, so that the "
    "texts reveal almost the same with and without any one person. A smaller ε allows a smaller difference; δ is the "
    "probability that the difference is larger.",
    "ledger": "The institution's record of all audits and of all privacy budgets that were spent.",
    "accuracy, macro and weighted F1": "Measures of a classifier's quality. Macro F1 gives every class the same "
    "weight; weighted F1 gives every record the same weight.",
    "ROC curve": "For each share of control persons that the attack wrongly assigns to train, the share of train "
    "persons that it finds.",
    "parent": "A real record from which a synthetic record was interpolated. Parents stay in the private workspace "
    "and are not in the release.",
    "policy": "The list of gates, fixed before the run. The signature covers its digest.",
}
CONTRADICTIONS = {  # key: kind of contradiction within a text; value: description of the kind on the page
    "any": "any of these",
    "sex": "two sexes of the person, or an organ of the other sex",
    "age": "two ages of the person",
    "laterality": "the same finding on the left and on the right",
    "denied": "a symptom that is stated and denied",
    "treatment": "a drug for a condition that it does not treat",
    "implausible": "an impossible value or dose",
    "dates": "dates in the wrong order",
    "repeated": "a repeated sentence or phrase",
    "cut": "a text that ends inside a sentence",
}
