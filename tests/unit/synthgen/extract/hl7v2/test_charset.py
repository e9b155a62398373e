import pytest

from synthgen.extract.hl7v2.charset import ISO_2022, OTHER_CHARSET, UNKNOWN_CHARSET, decode, named_charset


@pytest.mark.parametrize(
    ("declared", "charset"),
    [
        ([], ""),
        ([""], ""),
        (["ASCII"], "ascii"),
        (["8859/1"], "iso8859-1"),
        (["8859/15"], "iso8859-15"),
        (["unicode utf-8"], "utf-8"),
        (["UNICODE"], "utf-8"),
        (["UTF-8"], "utf-8"),
        (["windows-1252"], "cp1252"),
        (["", "ISO IR87"], ISO_2022),
        (["GB 18030-2000"], "gb18030"),
        (["no such set"], None),
        (["base64"], None),
        (["utf\0"], None),
    ],
)
def test_names_of_table_0211_and_of_codecs(declared, charset):
    assert named_charset(declared) == charset


def test_declared_sets_are_strict_and_other_bytes_are_counted():
    latin = "Größe".encode("latin-1")
    assert decode(latin, ["8859/1"], "utf-8") == ("Größe", "iso8859-1", ())
    assert decode("Größe".encode(), ["ASCII"], "utf-8") == ("Größe", "utf-8", (OTHER_CHARSET,))
    assert decode(latin, [], "utf-8") == ("Größe", "cp1252", (OTHER_CHARSET,))
    assert decode(latin, [], "latin-1") == ("Größe", "latin-1", ())
    assert decode(b"fine", ["odd"], "utf-8") == ("fine", "utf-8", (UNKNOWN_CHARSET,))
    assert decode(b"\x81\xff", [], "utf-8") is None


def test_quotes_of_windows_in_8859_1_are_read_as_cp1252():
    assert decode(b"\x93quoted\x94", ["8859/1"], "utf-8") == ("“quoted”", "cp1252", (OTHER_CHARSET,))


def test_japanese_sets_change_by_escape_sequences_of_iso_2022_and_of_hl7():
    data = "検査".encode("iso2022_jp")
    assert decode(data, ["", "ISO IR87"], "utf-8") == ("検査", ISO_2022, ())
    escaped = data.replace(b"\x1b$B", b"\\M2442\\").replace(b"\x1b(B", b"\\C2842\\")
    assert decode(escaped, ["", "ISO IR87"], "utf-8") == ("検査", ISO_2022, ())
