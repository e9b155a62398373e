import base64
import os
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.core.errors import DataError
from synthgen.extract.hl7v2 import read_hl7v2
from synthgen.extract.hl7v2.message import CONTINUED_LINE, UNDECODABLE, UNREADABLE_HEADER
from synthgen.extract.hl7v2.reader import HIDDEN, NOT_HL7, UNREADABLE
from synthgen.extract.note import Dropped, Fields, MergedPerson, Note, PersonNames, Remark, StaffNames

MDM = "\r".join(
    [
        r"MSH|^~\&|EHR|HOSPITAL|||20240105103000-0500||MDM^T02^MDM_T02|M1|P|2.5",
        "EVN|T02|20240105",
        "PID|1||7^^^A&1.2&ISO^MR~123^^^S^SS||DOE^JANE",
        "PV1|1|I|WARD||||5^HOUSE^GREG||||||||||||V9",
        "TXA|1|PN^Progress note|TX|20240105|5^HOUSE^GREG|||||||D1^EHR|||||AU||AV",
        r"OBX|1|TX|1^NOTE||Seen today.\.br\Feels \H\better\N\.~No fever||||||F",
        "OBX|2|ED|2^PDF||^TEXT^PLAIN^Base64^" + base64.b64encode(b"short").decode() + "||||||F",
        "",
    ]
)
ORU = "\r".join(
    [
        r"MSH|^~\&|RIS|HOSPITAL|||20240106||ORU^R01|M2|P|2.5",
        "PID|1||8^^^A^MR||ROE^RICHARD",
        "OBR|1||F1|71020^CHEST XRAY|||20240106" + "|" * 18 + "F",
        "OBX|1|TX|71020&GDT^CHEST||Lungs clear.||||||F",
        "OBX|2|TX|71020&IMP^CHEST||Normal.||||||F",
        "NTE|1||Read by phone.",
        "",
    ]
)
ADT = "MSH|^~\\&|ADT|HOSPITAL|||20240106||ADT^A40|M3|P|2.5\rPID|1||8^^^A^MR\rMRG|6^^^A^MR\r"
TEXTS = ["Seen today.\nFeels better.\nNo fever", "CHEST:\nLungs clear.\n\nIMPRESSION:\nNormal.\n\nRead by phone."]


def read(path, data=None, encoding="utf-8", **fields):
    if data is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return list(read_hl7v2(path, Fields(**fields), encoding))


def texts(items):
    return [item.text for item in items if isinstance(item, Note)]


def framed(end):
    return {
        "plain": (MDM + ORU + ADT).replace("\r", end),
        "bom": "\ufeff" + (MDM + ORU + ADT).replace("\r", end),
        "mllp": "".join(f"\x0b{m}\x1c\r" for m in (MDM, ORU, ADT)),
        "batch": ("FHS|^~\\&|x\rBHS|^~\\&|x\r" + MDM + ORU + ADT + "BTS|3\rFTS|1\r").replace("\r", end),
    }


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r\n"])
@pytest.mark.parametrize("frame", ["plain", "bom", "mllp", "batch"])
def test_one_file_with_many_messages(tmp_path, end, frame):
    items = read(tmp_path / "a", framed(end)[frame])
    assert texts(items) == TEXTS
    assert [item.place for item in items if isinstance(item, Note)] == ["a, message 1", "a, message 2"]
    assert [item for item in items if isinstance(item, MergedPerson)] == [MergedPerson("6@A", "8@A")]
    assert not [item for item in items if isinstance(item, Dropped)]
    assert PersonNames("7@A", ("JANE DOE",)) in items
    assert StaffNames(("GREG HOUSE",)) in items


def test_a_folder_is_read_with_all_suffixes_and_other_files_are_counted(tmp_path):
    for name, data in (
        ("a/one.HL7", MDM),
        ("a/two", ORU),
        ("b/three.20240101", ADT),
        ("b/notes.csv", "a,b"),
        ("b/empty.hl7", ""),
        (".git/x.hl7", MDM),
        ("__MACOSX/x.hl7", MDM),
    ):
        read(tmp_path / name, data) if data.startswith("MSH") else (tmp_path / name).write_text(data)
    items = read(tmp_path)
    assert texts(items) == TEXTS
    dropped = Counter((item.reason, item.place) for item in items if isinstance(item, Dropped))
    assert dropped == Counter(
        {
            (HIDDEN, ".git/x.hl7"): 1,
            (HIDDEN, "__MACOSX/x.hl7"): 1,
            (NOT_HL7, "b/notes.csv"): 1,
            (NOT_HL7, "b/empty.hl7"): 1,
        }
    )


def test_raw_line_breaks_and_other_encodings(tmp_path):
    raw = MDM.replace(r"today.\.br\Feels", "today.\nFeels")
    items = read(tmp_path / "a", raw)
    assert texts(items) == TEXTS[:1]
    assert next(item.reason for item in items if isinstance(item, Remark)) == CONTINUED_LINE
    for encoding in ("utf-16", "utf-32"):
        assert texts(read(tmp_path / "a", (MDM + ORU).encode(encoding))) == TEXTS
    assert texts(read(tmp_path / "a", MDM.encode("utf-16-le"), "utf-16-le")) == TEXTS[:1]
    damaged = read(tmp_path / "a", (MDM + ORU).encode("utf-16")[:-1])
    assert damaged[-1] == Dropped(UNDECODABLE, "a")
    umlaut = MDM.replace("today", "heute Ärger")
    assert texts(read(tmp_path / "a", umlaut.encode("cp1252"), "cp1252"))[0].startswith("Seen heute Ärger")


def test_a_damaged_message_does_not_touch_its_neighbours(tmp_path):
    items = read(tmp_path / "a", MDM + "MSH|\rPID|1||9\r" + ORU)
    assert texts(items) == TEXTS
    assert [(i.reason, i.place) for i in items if isinstance(i, Dropped)] == [(UNREADABLE_HEADER, "a, message 2")]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
def test_a_pipe_is_counted(tmp_path):
    os.mkfifo(tmp_path / "p")
    assert Dropped(UNREADABLE, "p") in read(tmp_path / "a", MDM) + read(tmp_path)


def test_errors_name_the_cause_and_no_content(tmp_path):
    for path, arguments, message in (
        (tmp_path / "none", {}, "does not exist"),
        (tmp_path, {}, "no readable HL7 v2 file"),
        (tmp_path, {"person": "patient"}, "source.fields cannot be used"),
        (tmp_path, {"encoding": "no such set"}, "is not a known encoding"),
        (tmp_path, {"encoding": "rot13"}, "is not a known encoding"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            read(path, None, **arguments)
        assert caught.value.hint
    with pytest.raises(DataError, match="no readable HL7 v2 file"):
        read(tmp_path / "a.txt", "secret")


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), min_size=1), min_size=1, max_size=5
    )
)
def test_any_text_that_is_escaped_comes_back(tmp_path_factory, lines):
    escapes = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}
    written = "\\.br\\".join("".join(escapes.get(c, c) for c in line) for line in lines)
    data = MDM.replace(r"Seen today.\.br\Feels \H\better\N\.~No fever", written + ".").replace("ED", "NM")
    (text,) = texts(read(tmp_path_factory.mktemp("h") / "a", data))
    wanted = "\n".join([*lines[:-1], lines[-1] + "."])
    assert text == "\n".join(line.rstrip() for line in wanted.split("\n")).strip("\n")


def mutated(data, random):
    data = bytearray(data)
    kind = random.randrange(8)
    at = random.randrange(len(data))
    if kind == 0:
        del data[at:]
    elif kind == 1:
        for _ in range(20):
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    elif kind == 2:
        del data[at : at + random.randrange(1, 40)]
    elif kind == 3:
        data[at:at] = data[: random.randrange(len(data))]
    elif kind == 4:
        data[at:at] = random.choice([b"|", b"^", b"~", b"\\", b"&", b"\r", b"\x0b", b"\x1c", b"MSH", b"ADD|"]) * 3000
    elif kind == 5:
        data[at : at + 1] = random.choice(
            [b"\\X", b"\\.sp99999999999\\", b"\\X0D\\", b"\xff\xfe", b"\0", b"9" * 6000]
        )
    elif kind == 6:
        data = bytearray(
            data.decode("utf-8", "replace").encode(random.choice(["utf-16", "cp037", "utf-7"]), "replace")
        )
    else:
        lines = data.split(b"\r")
        random.shuffle(lines)
        data = bytearray(b"\r".join(lines))
    return bytes(data)


def survives(path, data, encoding="utf-8"):
    """Return whether reading the file gives items, and not a DataError."""
    found = []
    with suppress(DataError):
        found = read(path, data, encoding)
    return _are_items(found)


def _are_items(items):
    assert all(isinstance(i, Note | Dropped | Remark | MergedPerson | PersonNames | StaffNames) for i in items)
    assert not any("JANE" in repr(item) for item in items if not isinstance(item, PersonNames | StaffNames))
    return bool(items)


def test_200_damaged_files_end_in_items_or_one_error(tmp_path):
    source = random.Random(7)
    base = (MDM + ORU + ADT).encode()
    ends = Counter()
    for _ in range(200):
        data = mutated(base, source)
        data = mutated(data, source) if data and source.random() < 0.5 else data
        ends[survives(tmp_path / "a", data, source.choice(["utf-8", "cp1252", "utf-16"]))] += 1
    assert ends[True] > 100


@pytest.mark.skipif("SYNTHGEN_DATA" not in os.environ, reason="SYNTHGEN_DATA is not set")
def test_the_sample_messages_give_items_also_if_they_are_damaged(tmp_path):
    folder = Path(os.environ["SYNTHGEN_DATA"]) / "hospital_formats" / "hl7v2"
    if not folder.is_dir():
        pytest.skip("the sample messages are not in SYNTHGEN_DATA")
    items = read(folder)
    files = sorted(file.name for file in folder.iterdir())
    places = {item.place.partition(",")[0] for item in items if isinstance(item, Note | Dropped)}
    of_merges = {*files} - places  # these files only merge patients
    assert of_merges <= {name for name in files if name.startswith("ADT-A")}
    assert len(of_merges) <= sum(isinstance(item, MergedPerson) for item in items)
    notes = {item.place.partition(",")[0]: item for item in items if isinstance(item, Note)}
    assert sorted(notes) == ["LRI_2.0-NG_CBC_Typ_Message.hl7", "MDM-T02-02.hl7"]
    assert notes["MDM-T02-02.hl7"].person == "987654321"
    assert notes["LRI_2.0-NG_CBC_Typ_Message.hl7"].person == "PATID1234@NIST MPI"
    source = random.Random(3)
    of_damaged = [
        survives(tmp_path / "a", mutated((folder / name).read_bytes(), source)) for name in files for _ in range(3)
    ]
    assert 2 * sum(of_damaged) > len(of_damaged)
