import shutil

import pytest

from audits.core.errors import InputError
from audits.ledger.budgets import Cost, Overspent, Spending, note_draw, reserve, state_of
from audits.ledger.chain import HighWaterMark
from synthgen.core.errors import StorageError
from synthgen.dp import sealed_result as answer
from synthgen.dp.sealed_result import LOG, SEAL, is_sealed, made_digest, record_result, recover_or_clear

RUN = "ab" * 16
NOISE = {"kind": "gaussian", "noise_multiplier": 5.0, "sampling_rate": 1.0, "steps": 1}


@pytest.fixture
def ledger(tmp_path):
    place = (tmp_path / "ledger", HighWaterMark(tmp_path / "seen.json"))
    reserve(*place, Spending(run=RUN, cost=Cost(epsilon=1.0, delta=1e-6), mechanisms=(NOISE,)), limit=None)
    return place


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "answer").mkdir()
    (tmp_path / "answer" / "classes.safetensors").write_bytes(b"noised")
    (tmp_path / "answer" / LOG).write_text("{}")
    return tmp_path / "answer"


def test_only_the_booked_result_is_kept(ledger, folder):
    record_result(folder, ledger, RUN, note_draw(*ledger, RUN))
    assert recover_or_clear(folder, ledger, RUN)
    (folder / "classes.safetensors").write_bytes(b"other")
    with pytest.raises(StorageError, match="budget is spent"):
        recover_or_clear(folder, ledger, RUN)
    shutil.rmtree(folder)
    folder.mkdir()
    with pytest.raises(Overspent, match="has already drawn its noise"):
        recover_or_clear(folder, ledger, RUN)


def test_files_without_a_draw_are_deleted(ledger, folder):
    (folder / "more").mkdir()
    assert not recover_or_clear(folder, ledger, RUN)
    assert list(folder.iterdir()) == []


def test_sealed_result_is_booked_later_and_a_changed_one_is_rejected(ledger, folder, monkeypatch):
    def away(*_):
        raise InputError("the ledger cannot be used")

    with monkeypatch.context() as patch:
        patch.setattr(answer, "note_made", away)
        with pytest.raises(InputError):
            record_result(folder, ledger, RUN, note_draw(*ledger, RUN))
    stray, before = folder / "stray.safetensors", made_digest(folder)
    stray.write_bytes(b"put there")
    assert not is_sealed(folder, state_of(*ledger, RUN).key)
    with pytest.raises(StorageError, match="budget is spent"):
        recover_or_clear(folder, ledger, RUN)
    stray.unlink()
    assert (made_digest(folder), is_sealed(folder, state_of(*ledger, RUN).key)) == (before, True)
    assert recover_or_clear(folder, ledger, RUN)
    assert state_of(*ledger, RUN).last == "made"


def test_draw_without_a_seal_is_lost(ledger, folder):
    note_draw(*ledger, RUN)
    key = state_of(*ledger, RUN).key
    assert ((folder / SEAL).exists(), is_sealed(folder, key), recover_or_clear(folder, ledger, RUN)) == (
        False,
        False,
        False,
    )
