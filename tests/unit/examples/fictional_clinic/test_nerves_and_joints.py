from fictional_clinic.nerves_and_joints import NEUROLOGY, ORTHOPEDICS


def test_each_specialty_has_several_conditions_with_their_own_plans():
    for conditions in (NEUROLOGY, ORTHOPEDICS):
        assert len(conditions) >= 4
        assert len({c.plans for c in conditions}) == len(conditions)
