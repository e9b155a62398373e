from fictional_clinic.condition import condition


def test_a_condition_is_six_lists_cut_at_semicolons():
    made = condition("asthma; wheezy chest", "cough", "wheeze", "peak flow; spirometry", "salbutamol", "review")
    assert made.names == ("asthma", "wheezy chest")
    assert made.tests == ("peak flow", "spirometry")
    assert made.plans == ("review",)
