import pytest

from synthgen.core.types import Corpus, Record
from synthgen.plan.estimated_time import choosing_seconds, decoding_seconds, deidentifying_seconds


def test_times_computed_by_hand(monkeypatch):
    monkeypatch.setattr("synthgen.decode.loading.has_bfloat16", lambda: True)
    assert decoding_seconds(5000, "cpu", 2) == pytest.approx(10)
    quick = choosing_seconds("auto")
    assert choosing_seconds("plain") == 0 < quick
    record = Record(id="a", text="x" * 4000, label="a", group="a")
    corpus = Corpus(role="train", records=(record,), has_groups=True)
    assert deidentifying_seconds("rules+ner", [corpus], 1000) == pytest.approx(2)
    assert deidentifying_seconds("off", [corpus], 12_500) == pytest.approx(1)
    monkeypatch.setattr("synthgen.decode.loading.has_bfloat16", lambda: False)
    assert decoding_seconds(5000, "cpu", 2) == pytest.approx(20)
    assert choosing_seconds("auto") == pytest.approx(5 * quick)
