import pytest

from audits.gate.shipped import load_policy
from synthgen.interpolate import METHODS
from synthgen.plan.one_person import certain_recovery, one_person_share

EXTERNAL = load_policy("hospital-external")


@pytest.mark.parametrize("name", ["smote", "borderline-smote", "adasyn", "slerp"])
def test_uniform_weights_make_four_of_ten_records_mostly_from_one_person(name):
    # the limit of the heavier of two weights is (1 + 3 ** -0.5) / 2 = 0.789
    assert one_person_share(METHODS[name]()) == pytest.approx(1 - 3**-0.5, abs=0.01)


def test_the_share_of_other_methods():
    assert one_person_share(METHODS["random-oversample"]()) == 1
    assert one_person_share(METHODS["vae"]()) == 0
    assert one_person_share(METHODS["mixture"]()) > 0.1
    assert one_person_share(METHODS["mixture"](parents=6, alpha=50)) == 0
    assert one_person_share(METHODS["slerp"](lambda_beta=(60, 60))) == 0
    assert one_person_share(METHODS["slerp"](max_exposure=0.7)) == 0


def test_the_failure_of_parent_recovery_is_certain_only_with_enough_records():
    found = certain_recovery(METHODS["smote"](), EXTERNAL, 100)
    assert found.startswith("audit parent_recovery: smote makes about 42% of the records mostly from one person")
    assert "dp.epsilon of at most 3; a release then does not require this audit to pass" in found
    assert certain_recovery(METHODS["smote"](), EXTERNAL, 5) is None
    assert certain_recovery(METHODS["vae"](), EXTERNAL, 5000) is None
    without = EXTERNAL.model_copy(update={"dp_substitute": None})
    assert certain_recovery(METHODS["smote"](), without, 100).endswith("dp-gaussian and dp.epsilon")
