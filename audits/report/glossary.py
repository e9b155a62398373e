"""Explanations of the audits and of technical terms, for readers of the report who are not privacy experts."""

AUDITS = {
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

WORDS = {
    "train": "The real records from which the synthetic ones were made.",
    "control": "Real records of the same kind but of other persons. The run learnt nothing from them "
    "except which names to mask. If an attack succeeds equally often on control and on train, it has learnt nothing "
    "about the persons in train.",
    "synthetic": "The generated records, which make up the released file.",
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
CONTRADICTIONS = {
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
