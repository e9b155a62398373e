from synthgen.load.rows import UNDECODABLE, SourceRow
from synthgen.load.text import read_text


def test_the_folder_below_the_source_is_the_class(tmp_path):
    for name in ("b/2.txt", "a/deep/1.txt", "stray.txt", "a/no.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"text of {name}\n", encoding="utf-8")
    table = read_text(tmp_path)
    assert table.columns == ("text", "label", "id")
    assert table.rows == (
        SourceRow(1, {"text": "text of a/deep/1.txt\n", "label": "a", "id": "a/deep/1.txt"}),
        SourceRow(2, {"text": "text of b/2.txt\n", "label": "b", "id": "b/2.txt"}),
        SourceRow(3, {"text": "text of stray.txt\n", "label": None, "id": "stray.txt"}),
    )


def test_an_undecodable_file_does_not_hide_the_others(tmp_path):
    (tmp_path / "1.txt").write_bytes(b"\xff")
    (tmp_path / "2.txt").write_bytes(b"\xef\xbb\xbffine")
    first, second = read_text(tmp_path).rows
    assert first == SourceRow(1, {}, UNDECODABLE)
    assert second.values["text"] == "fine"


def test_a_folder_without_texts_has_no_rows(tmp_path):
    assert read_text(tmp_path).rows == ()
