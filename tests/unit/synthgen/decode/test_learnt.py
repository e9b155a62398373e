import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.errors import ModelError
from synthgen.decode.learnt import LEARNT, read_learnt, sentence_digests, share_learnt, write_learnt

TOLD = "She was seen in clinic on Monday with a cough that had not left her."
SHORT = "No fever. No rash. Chest clear."


def test_sentences_are_recognized_in_other_case_and_punctuation(tmp_path):
    write_learnt([f"{SHORT} {TOLD}", "Plan:\n" + TOLD, SHORT], tmp_path)
    learnt = read_learnt(tmp_path)
    assert len(learnt) == 1
    assert share_learnt([TOLD.upper(), f"Hx\n{TOLD[:-1]} - since May"], learnt) == 0.5
    assert share_learnt([SHORT, "She was seen in clinic on Tuesday with a cough that had not left her."], learnt) == 0
    assert share_learnt([], learnt) == 0


@given(st.lists(st.text(max_size=80), max_size=6))
def test_learnt_sentences_are_recognized(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("style")
    write_learnt(texts, folder)
    learnt = read_learnt(folder)
    assert (np.diff(learnt.astype(object)) > 0).all()
    assert share_learnt(texts, learnt) == sum(bool(sentence_digests(t)) for t in texts) / max(1, len(texts))


@pytest.mark.parametrize("spoil", [lambda raw: raw[:-1], lambda raw: raw[8:] + raw[:8], lambda raw: raw + raw[-8:]])
def test_a_damaged_file_is_rejected(tmp_path, spoil):
    write_learnt([TOLD, TOLD.replace("Monday", "Friday")], tmp_path)
    (tmp_path / LEARNT).write_bytes(spoil((tmp_path / LEARNT).read_bytes()))
    with pytest.raises(ModelError, match=r"file learnt\.u64 of this style is damaged"):
        read_learnt(tmp_path)
