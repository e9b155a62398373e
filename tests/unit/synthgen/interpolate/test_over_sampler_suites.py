"""Run the test suites that imbalanced-learn and scikit-learn have for samplers on OverSampler."""

import pytest
import sklearn.utils.estimator_checks as sklearn_checks
from sklearn.exceptions import SkipTestWarning
from sklearn.preprocessing import Normalizer
from sklearn.utils._testing import ignore_warnings

from synthgen.interpolate import METHODS, OverSampler

imblearn_checks = pytest.importorskip("imblearn.utils.estimator_checks", reason="imbalanced-learn is not installed")
sample_dataset_generator = imblearn_checks.sample_dataset_generator
# The suite itself skips check_samplers_sparse, _string and _nan, because the tags of the sampler require dense and
# finite numbers. These checks are skipped in addition, for all methods or for slerp.
SKIPPED = {
    "check_samplers_pandas_sparse": "the sampler rejects frames with sparse columns, because embeddings are dense",
    "slerp-check_samplers_fit": "slerp requires rows of unit length, and all rows of this check have another length",
}


class ForUnitRows(OverSampler):
    """A sampler without the tag that excludes slerp from the suites; the tests give it rows of unit length."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags._skip_test = False
        return tags


def checks(module):
    """Return one test case for each method and each check of a suite."""
    found = []
    for method in sorted(METHODS):
        for sampler, check in module.estimator_checks_generator(ForUnitRows(method, random_state=42)):
            name = check.func.__name__
            reason = SKIPPED.get(name, SKIPPED.get(f"{method}-{name}"))
            marks = () if reason is None else pytest.mark.skip(reason=reason)
            found.append(pytest.param(sampler, check, marks=marks, id=f"{method}-{name}"))
    return found


def unit_rows():
    X, y = sample_dataset_generator()
    return Normalizer().fit_transform(X), y


@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "check"), checks(imblearn_checks))
def test_suite_of_imbalanced_learn(sampler, check, monkeypatch):
    if sampler.method == "slerp":
        monkeypatch.setattr(imblearn_checks, "sample_dataset_generator", unit_rows)
        monkeypatch.setattr(imblearn_checks, "StandardScaler", Normalizer)
    with ignore_warnings(category=(FutureWarning, UserWarning)):  # as in its own tests
        check(sampler)


@pytest.mark.parametrize(("sampler", "check"), checks(sklearn_checks))
def test_suite_of_scikit_learn(sampler, check):
    check(sampler)


@pytest.mark.parametrize("check", ["check_param_validation", "check_dataframe_column_names_consistency"])
@pytest.mark.parametrize("method", sorted(METHODS))
def test_further_checks_of_imbalanced_learn(method, check):
    getattr(imblearn_checks, check)("OverSampler", OverSampler(method, random_state=42))


def test_unmodified_suites_skip_slerp_by_its_tag():
    for module in (imblearn_checks, sklearn_checks):
        with pytest.warns(SkipTestWarning, match="_skip_test"):
            found = [check.func.__name__ for _, check in module.estimator_checks_generator(OverSampler("slerp"))]
        assert set(found) <= {"check_estimator_cloneable"}
