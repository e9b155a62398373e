import pytest

from synthgen.stages.deidentify.checksums import is_iban, is_luhn, is_nhs_number


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (is_luhn, "79927398713"),
        (is_luhn, "4111111111111111"),
        (is_nhs_number, "9434765919"),
        (is_iban, "GB82 WEST 1234 5698 7654 32"),
    ],
)
def test_published_examples_pass_and_any_changed_digit_fails(check, value):
    assert check(value)
    for i, character in enumerate(value):
        if character.isdigit():
            changed = value[:i] + str((int(character) + 1) % 10) + value[i + 1 :]
            assert not check(changed)


def test_wrong_lengths_and_alphabets_fail():
    assert not is_nhs_number("943476591")
    assert not is_iban("GB82")
    assert not is_iban("ГБ82WEST12345698765432")
