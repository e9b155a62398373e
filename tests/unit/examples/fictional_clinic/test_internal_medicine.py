from fictional_clinic.internal_medicine import CARDIOLOGY, ENDOCRINOLOGY, GASTROENTEROLOGY, PULMONOLOGY


def test_each_specialty_has_several_conditions_with_their_own_drugs():
    for conditions in (CARDIOLOGY, ENDOCRINOLOGY, GASTROENTEROLOGY, PULMONOLOGY):
        assert len(conditions) >= 4
        assert len({c.drugs for c in conditions}) == len(conditions)
