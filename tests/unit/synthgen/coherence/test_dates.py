import pytest

from synthgen.coherence.dates import out_of_order


@pytest.mark.parametrize(
    "text",
    [
        "Admitted on 2021-04-01. Discharged on 2021-03-02.",
        "Date of birth: 3 May 1980. Seen on 2 May 1979.",
        "DOB 12/25/1990. Seen in clinic on January 4, 1980.",
        "Admitted 20/05/2021, discharged 13/05/2021.",
    ],
)
def test_dates_in_the_wrong_order_contradict(text):
    (found,) = out_of_order(text)
    assert found.rule == "dates"


@pytest.mark.parametrize(
    "text",
    [
        "Admitted on 2021-03-01. Discharged on 2021-03-02.",
        "Admitted 05/04/2021, discharged 04/12/2021.",  # the first date may be in April or in May
        "Date of birth: 3 May 1980. Seen on 4 May 1980.",
        "Admitted on 99/99/2021. Discharged on 2020-03-02.",
        "Seen on 4 May 1980.",
        "Nasal discharge since 2021-03-01. Admitted on 2021-03-05.",
        "Admitted on 2021-01-02. Discharged on 2021-01-10. Admitted again on 2021-01-15.",
        "Discharged on 2021-01-10 after a first stay. Readmitted, admitted on 2021-01-15.",
        "Her daughter was born on 4 May 2020. Last period 2019-08-01.",
        "",
    ],
)
def test_dates_that_can_be_in_order_do_not_contradict(text):
    assert list(out_of_order(text)) == []
