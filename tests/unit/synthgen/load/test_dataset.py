import json

import pytest

from synthgen.core.errors import DataError
from synthgen.load.dataset import read_dataset
from synthgen.load.rows import SourceRow


def test_the_files_are_read_in_the_order_of_the_state(tmp_path, written, rows):
    path = written.dataset(tmp_path / "d", rows)
    assert [row.values["nid"] for row in read_dataset(path, ["nid"]).rows] == [f"n{i}" for i in range(7)]
    state = {"_data_files": [{"filename": "data-1.arrow"}, {"filename": "data-0.arrow"}]}
    (path / "state.json").write_text(json.dumps(state))
    table = read_dataset(path, ["nid"])
    assert table.columns == ("note", "kind", "who", "nid", "full")
    assert table.rows[0] == SourceRow(1, {"nid": "n3"})
    assert table.rows[6] == SourceRow(7, {"nid": "n2"})


def test_class_numbers_become_names_and_minus_one_none(tmp_path, written):
    path = written.dataset(tmp_path / "d", [{"text": f"t{i}", "label": i} for i in (0, 1, -1, 2)])
    features = {"label": {"names": ["calm", "wild"], "_type": "ClassLabel"}, "text": {"_type": "Value"}}
    (path / "dataset_info.json").write_text(json.dumps({"features": features}))
    labels = [row.values["label"] for row in read_dataset(path, ["text", "label"]).rows]
    assert labels == ["calm", "wild", None, None]


def test_several_splits_are_named(tmp_path):
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    with pytest.raises(DataError, match="several splits: train, test"):
        read_dataset(tmp_path, ["text"])


@pytest.mark.parametrize(
    "state", ["[]", "{}", "{", '{"_data_files": []}', '{"_data_files": [{"filename": "../x"}]}', '{"_data_files": 3}']
)
def test_a_damaged_state_is_refused(tmp_path, state):
    (tmp_path / "state.json").write_text(state)
    with pytest.raises(DataError, match=r"state\.json"):
        read_dataset(tmp_path, ["text"])


@pytest.mark.parametrize("keep", [0, 100, -60])
def test_a_damaged_arrow_file_is_refused(tmp_path, written, rows, keep):
    path = written.dataset(tmp_path / "d", rows)
    whole = (path / "data-1.arrow").read_bytes()
    (path / "data-1.arrow").write_bytes(whole[:keep] if keep else b"zebra")
    with pytest.raises(DataError, match=r"data-1\.arrow is not a readable arrow file") as caught:
        read_dataset(path, ["note"])
    assert "zebra" not in str(caught.value)


def test_files_of_different_tables_are_refused(tmp_path, written, rows):
    path = written.dataset(tmp_path / "d", rows)
    other = written.dataset(tmp_path / "other", [{"zebra": i} for i in range(5)])
    (other / "data-1.arrow").rename(path / "data-1.arrow")
    with pytest.raises(DataError, match="do not fit together") as caught:
        read_dataset(path, ["note"])
    assert "zebra" not in str(caught.value)


def test_a_description_that_is_none_is_refused(tmp_path, written, rows):
    path = written.dataset(tmp_path / "d", rows)
    (path / "dataset_info.json").write_text('{"features": 3}')
    with pytest.raises(DataError, match="does not describe the columns"):
        read_dataset(path, ["note"])
