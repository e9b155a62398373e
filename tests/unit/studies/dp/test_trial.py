from dataclasses import replace
from itertools import product

import pytest

from studies.dp.sets import read_private_sets
from studies.dp.trial import LABELS_ALONE, DpTrial

TRIAL = DpTrial(data="clinic", persons=20, mechanism="classes + words", epsilon=4.0, records=12, seed=3)


@pytest.fixture(scope="module")
def clinic():
    return read_private_sets(["clinic"], None, 40)[0]


def test_a_budget_is_of_the_mechanisms_that_have_one(clinic, tmp_path):
    config = TRIAL.config(clinic, tmp_path)
    assert (config.dp.epsilon, config.dp.persons, config.interpolate.method) == (4.0, 20, "dp-gaussian")
    assert (config.decode.words, config.decode.style) == (4, "clinical-note")
    assert replace(TRIAL, mechanism="classes").config(clinic, tmp_path).decode.words == 0
    smote = replace(TRIAL, mechanism="smote", epsilon=0.0).config(clinic, tmp_path)
    assert (smote.dp.epsilon, smote.interpolate.method) == (None, "smote")
    alone = replace(TRIAL, mechanism="labels alone", epsilon=LABELS_ALONE).config(clinic, tmp_path)
    assert (alone.dp.epsilon, alone.filter.class_agreement) == (LABELS_ALONE, None)


def test_every_trial_has_a_name_of_its_own():
    choices = {"mechanism": ("classes", "classes + words", "smote"), "epsilon": (1.0, 4.0), "seed": (0, 1)}
    trials = (replace(TRIAL, **dict(zip(choices, values, strict=True))) for values in product(*choices.values()))
    names = {trial.name for trial in trials}
    assert len(names) == 12
    assert all(name.replace("-", "").replace("_", "").replace(".", "").isalnum() for name in names)
