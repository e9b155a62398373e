from datetime import UTC, datetime, timedelta, timezone

import pytest

from audits.core.instants import instant, stamp


def test_stamp_and_instant_are_inverse_and_need_a_zone():
    moment = datetime(2026, 11, 20, 7, 3, 52, tzinfo=UTC)
    assert stamp(moment) == "2026-11-20T07:03:52Z"
    assert instant(stamp(moment)) == moment
    assert stamp(moment.astimezone(timezone(timedelta(hours=5)))) == stamp(moment)
    with pytest.raises(ValueError, match="zone"):
        stamp(datetime(2026, 1, 1))  # noqa: DTZ001


DAY = "2026-11-20"


@pytest.mark.parametrize(
    "text",
    [
        *(f"{DAY}{rest}" for rest in (" 07:00:00Z", "T07:00:00", "T07:00:00+00:00", "T07:00:00.5Z", "T07:00:00Z\n")),
        *("2026-13-20T07:00:00Z", "٢026-11-20T07:00:00Z", ""),
    ],
)
def test_other_spellings_are_rejected(text):
    with pytest.raises(ValueError, match="a time must "):
        instant(text)
