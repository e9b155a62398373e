"""Check digits of the numbers that have them."""

import string


def is_luhn(digits: str) -> bool:
    """Return whether the digits end in their Luhn check digit (payment cards; ISO/IEC 7812-1, annex B).

    Every second digit from the right is doubled, the digits of all results are summed: the sum is 0 mod 10.
    """
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def is_nhs_number(digits: str) -> bool:
    """Return whether ten digits are an NHS number: sum of digit i times 11 - i, i from 1 to 10, is 0 mod 11."""
    return len(digits) == 10 and sum(int(d) * (10 - i) for i, d in enumerate(digits)) % 11 == 0


def is_iban(value: str) -> bool:
    """Return whether the value is an IBAN: letters read as 10 to 35, first four moved last, 1 mod 97 (ISO 13616)."""
    compact = value.replace(" ", "").upper()
    if not 15 <= len(compact) <= 34 or not compact.isascii() or not compact.isalnum():
        return False
    alphabet = string.digits + string.ascii_uppercase
    return int("".join(str(alphabet.index(c)) for c in compact[4:] + compact[:4])) % 97 == 1
