"""Find content of a table to be released that no attack reads and that may disclose train or control data.

Examples are hidden bytes, labels and names that identify persons, and unkeyed digests of person ids or texts (hashes
without a secret key).
"""

import base64
import csv
import hashlib
import importlib.util
import io
import json
import re
import unicodedata
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, product
from pathlib import Path
from typing import Any, Literal

import ahocorasick  # type: ignore[import-not-found] # ships no types
import pyarrow as pa
import pyarrow.parquet as pq

from audits.core.errors import counted
from audits.core.files import MAX_TABLE_BYTES, read_regular
from audits.core.plain_parquet import CREATED_BY, parquet_bytes
from audits.core.strictjson import canonical
from audits.core.types import Table

MAX_LABEL_CHARACTERS = 64  # largest length of a label of a synthetic table
_PERSON = re.compile(r"([a-z]{0,9}[_-]?)\d+", re.ASCII | re.IGNORECASE)  # an invented name, such as "person_12"
_MIN_ID_CHARACTERS = 5  # shortest person id that is searched for inside synthetic names; shorter ids match by chance
INDEX = "__index_level_0__"  # column of a Parquet file in which pandas writes an index
# columns that may number the rows; pandas writes the index of a csv file as "" and reads this column as "Unnamed: 0"
NUMBERINGS = {"id", "index", INDEX, "", "Unnamed: 0"}
ID_DIGITS = 16  # number of hexadecimal digits of a record id
_QUOTINGS: tuple[Literal[0, 1], ...] = (csv.QUOTE_MINIMAL, csv.QUOTE_ALL)
_SCHEMA = b"ARROW:schema"  # metadata key under which pyarrow stores the schema
_PANDAS = b"pandas"  # metadata key under which pandas stores its description of the columns
_HEX = re.compile(r"[0-9a-f](?:[-:.]?[0-9a-f]){7,}")  # at least 8 hexadecimal digits, also with separators
_BASE32 = re.compile(r"[A-Za-z2-7]*")  # a string in the alphabet of base 32
_BASE_32_OR_64 = re.compile(r"[A-Za-z0-9+/]{16,}")  # a string in the alphabet of base 64, which contains base 32
# number of characters of a window (`_parts_of_digests`); a window has at least 64 bits, so it cannot match by chance
_WINDOW = 16
_LEVEL = 0.001  # significance level of the test whether more short parts of digests match than expected by chance
_NAMESPACES = (uuid.NAMESPACE_DNS, uuid.NAMESPACE_URL, uuid.NAMESPACE_OID, uuid.NAMESPACE_X500)
# hash algorithms whose digests are searched for: all that `hashlib` guarantees, without SHAKE, and shorter BLAKE2b
_ALGORITHMS: tuple[Callable[[bytes], Any], ...] = (
    *(getattr(hashlib, name) for name in sorted(hashlib.algorithms_guaranteed) if not name.startswith("shake")),
    *(partial(hashlib.blake2b, digest_size=size) for size in (8, 16, 20, 32)),
)


def file_problems(path: Path, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return one problem, or none if a known writer produces exactly this file from its rows.

    A file can hide data between pages or rows, in metadata, dictionaries, whitespace or escapes, or after the rows.
    Therefore, the rows are written again in the usual forms of SynthGen, pyarrow, pandas, JSON and csv. One result
    must equal the checked file. For a Parquet file, `rows` is ignored: the rows are read from `path`.
    """
    data = read_regular(path, MAX_TABLE_BYTES)
    writers = {".parquet": _parquet_files, ".jsonl": _jsonl_files, ".csv": _csv_files}
    try:
        if any(data == plain for plain in writers[path.suffix](data, rows)):
            return []
    except (pa.ArrowException, ValueError, TypeError, OSError, KeyError):
        pass  # a table that cannot be written again is not the output of a known writer
    reason = "the file contains bytes that no audit reads, such as metadata, categories, whitespace or escapes"
    return [f"{reason}: no known writer produces exactly this file from its rows; rewrite it with `audits rewrite`"]


def plain_file(suffix: str, rows: Sequence[Mapping[str, str]]) -> bytes:
    """Return the rows as a file of the given suffix that `file_problems` accepts."""
    if suffix == ".parquet":
        return _written(pa.Table.from_pylist(list(rows)))
    return next(_jsonl_files(b"", rows) if suffix == ".jsonl" else _csv_files(b"", rows))


def _parquet_files(data: bytes, _rows: object) -> Iterator[bytes]:
    """Yield the rows of the Parquet file `data` as SynthGen, pyarrow or pandas would write them.

    Dictionaries and metadata of a column can hide data. A file with either of them is therefore not yielded in a form
    of pyarrow or pandas.
    """
    file = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False)
    table, meta = file.read(use_threads=False).replace_schema_metadata(None), file.metadata
    if meta.created_by == CREATED_BY.decode():
        yield parquet_bytes([(name, table[name].to_pylist()) for name in table.column_names])
    if any(pa.types.is_dictionary(field.type) or field.metadata for field in table.schema):
        return
    stored = meta.metadata or {}
    options = _writer_options(meta, has_schema=_SCHEMA in stored)
    if _PANDAS not in stored:
        yield _written(table, **options)
    elif importlib.util.find_spec("pandas") is not None:
        frame = table.to_pandas()
        if INDEX in frame:
            frame = frame.set_index(INDEX).rename_axis(None)
        for index in (None, False):
            like = pa.Table.from_pandas(frame, preserve_index=index).schema.metadata
            yield _written(table.replace_schema_metadata(like), **options)


def _writer_options(meta: "pq.FileMetaData", *, has_schema: bool) -> dict[str, Any]:
    """Return the options with which `pq.write_table` wrote a file with this metadata."""
    group = meta.row_group(0)
    columns = [group.column(i) for i in range(group.num_columns)]
    return {
        "row_group_size": group.num_rows,
        "compression": {c.path_in_schema: c.compression.replace("UNCOMPRESSED", "NONE") for c in columns},
        "use_dictionary": [c.path_in_schema for c in columns if c.has_dictionary_page],
        "write_statistics": [c.path_in_schema for c in columns if c.is_stats_set],
        "write_page_index": any(c.has_offset_index for c in columns),
        "version": meta.format_version,
        "store_schema": has_schema,
    }


def _written(table: pa.Table, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


def _jsonl_files(data: bytes, rows: Sequence[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield each usual JSON-lines form of the rows; if `data` is not empty, only forms with its first line."""
    if len({tuple(row) for row in rows}) > 1:  # rows with different keys have no usual form
        return
    for is_ascii, separators, slash in product((False, True), ((", ", ": "), (",", ":")), ("/", "\\/")):

        def line(row: Mapping[str, Any], a: Any = is_ascii, b: Any = separators, c: str = slash) -> bytes:
            text = json.dumps(dict(row), ensure_ascii=a, separators=b).replace("/", c)
            return text.encode("utf-8", "surrogatepass")

        if data and not data.startswith(line(rows[0])):
            continue
        lines = [line(row) for row in rows]
        for end in (b"\n", b"\r\n"):
            yield end.join([*lines, b""])
            yield end.join(lines)


def _csv_files(_data: bytes, rows: Sequence[Mapping[str, str]]) -> Iterator[bytes]:
    """Yield each usual csv form of the rows."""
    for quoting, end in product(_QUOTINGS, ("\n", "\r\n")):
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, quoting=quoting, lineterminator=end)
        writer.writerows([list(rows[0]), *(list(row.values()) for row in rows)])
        data = buffer.getvalue().encode("utf-8", "surrogateescape")
        yield data
        yield data.removesuffix(end.encode())


def is_numbering(values: list[Any], rows: Sequence[tuple[str, str | int | None]]) -> bool:
    """Return whether the values of a column follow from the `rows` (text, label) and thus add no information.

    The values must be the numbers of the rows in order, from 0 or 1 (integers or strings), or the ids of
    `record_ids`. In a table that is sorted by id, rows with equal text and label may have exchanged their ids.
    """
    kinds, n = set(map(type, values)), len(values)
    if kinds == {int}:
        return values in ([*range(n)], [*range(1, n + 1)])
    if kinds != {str}:
        return False
    ids = record_ids(rows)
    pairs = [Counter((str(row), value) for row, value in zip(rows, column, strict=False)) for column in (values, ids)]
    is_sorted = len(ids) == n and values == sorted(values) and pairs[0] == pairs[1]
    return is_sorted or values in ([*map(str, range(n))], [*map(str, range(1, n + 1))], ids)


def record_ids(rows: Sequence[tuple[str, str | int | None]]) -> list[str]:
    """Return an id of 16 hexadecimal digits for each of the `rows` (text, label); the rows determine the ids.

    id = first 16 digits of sha256(RFC 8785 bytes of [label, text, k]),   k = number of equal rows above this row
    """
    n_above: Counter[tuple[str, str | None]] = Counter()
    ids = []
    for text, label in rows:
        name = None if label is None else str(label)
        ids.append(hashlib.sha256(canonical([name, text, n_above[text, name]])).hexdigest()[:ID_DIGITS])
        n_above[text, name] += 1
    return ids


def released_problems(synthetic: Table, train: Table, control: Table) -> list[str]:
    """Return the problems with the labels, person names and digests of a synthetic table, without quoting a value.

    A label must occur in train, belong to two or more persons of train and control, and have at most 64 characters.

    A synthetic table that was loaded from a file has no person names (`groups`). In a table from Python, the names
    must number the rows (`is_numbering`), or number the persons in order of first appearance, from 0 or 1. The
    numbers may follow a prefix of at most nine letters and optionally "_" or "-", such as "p0", "p1". A name must not
    equal the id of a train or control person, and must not contain such an id of at least five characters. Names and
    ids are compared in the spelling of `_plain`.

    No column may contain an unkeyed digest of a person id or text of train or control (`digests_found`), because
    anyone who guesses the id or text can compute its digest.
    """
    faults = []
    if synthetic.labels is not None:
        allowed = set(train.labels or ())
        unknown = set(synthetic.labels) - allowed
        if unknown:
            faults.append(
                f"{len(unknown)} labels of the synthetic table do not occur in train; use only labels of train"
            )
        if any(len(label) > MAX_LABEL_CHARACTERS for label in synthetic.labels):
            faults.append(
                f"some labels of the synthetic table have more than {MAX_LABEL_CHARACTERS} characters; shorten them"
            )
        pairs = {pair for table in (train, control) for pair in zip(table.labels or (), table.groups, strict=False)}
        n_persons = Counter(label for label, _ in pairs)
        unique = sum(n_persons[label] == 1 for label in set(synthetic.labels))
        if unique > 0:
            faults.append(
                f"{unique} labels of the synthetic table belong to only one person of train and control; merge these "
                "classes with others"
            )
    if synthetic.has_groups:
        rows = list(zip(synthetic.texts, synthetic.labels or [None] * len(synthetic), strict=True))
        if not (is_numbering(list(synthetic.groups), rows) or _are_numbered(synthetic.groups)):
            faults.append(
                "the persons of the synthetic table are not numbered in order; remove the column of persons"
            )
        faults += _person_problems(set(synthetic.groups), {*train.groups, *control.groups})
    ids = {name for table in (train, control) if table.has_groups for name in table.groups}
    columns = (synthetic.texts, set(synthetic.labels or ()), synthetic.groups if synthetic.has_groups else ())
    n_digests = digests_found(chain(*columns), ids, chain(train.texts, control.texts))
    if n_digests > 0:
        what = f"the synthetic table contains {n_digests} unkeyed digests of person ids or texts of train or control"
        faults.append(f"{what}; anyone who guesses an id or text can compute its digest, so number the rows instead")
    return faults


def _are_numbered(groups: Sequence[str]) -> bool:
    names = list(dict.fromkeys(groups))
    match = _PERSON.fullmatch(names[0])
    prefix = "" if match is None else match[1]
    return any(names == [f"{prefix}{number}" for number in range(first, first + len(names))] for first in (0, 1))


def _person_problems(synthetic: set[str], real: set[str]) -> list[str]:
    ids = {_plain(name) for name in real} - {""}
    long_ids = ahocorasick.Automaton()
    for id_ in ids:
        if len(id_) >= _MIN_ID_CHARACTERS:
            long_ids.add_word(id_, True)
    long_ids.make_automaton()
    n_real = sum(name in ids or (len(long_ids) > 0 and any(long_ids.iter(name))) for name in map(_plain, synthetic))
    has = f"the synthetic table has ids of {counted(n_real, 'person')} of train or control"
    return [f"{has}; remove the column of persons"] if n_real > 0 else []


def _plain(name: str) -> str:
    """Return a name in lower case with only its letters and digits, without leading zeros: `P-07b` -> `p07b`."""
    return re.sub(r"[\W_]", "", name.casefold()).lstrip("0")


def digests_found(public: Iterable[str], ids: Iterable[str], texts: Iterable[str]) -> int:
    """Return the number of digests of private strings (`ids` and `texts`) in `public` strings.

    Each text, and each id in its usual spellings, is hashed with all _ALGORITHMS. Name-based UUIDs of an id count as
    digests, too. A digest counts if a public string contains its first 16 characters in hexadecimal, base 32 or base
    64, or its last 16 in hexadecimal. Shorter parts are the first or last n hexadecimal digits, 8 <= n < 16. A part
    counts if it is a complete run of hexadecimal digits in a public string, and if more parts of n digits match than
    chance explains.
    """
    windows, tokens = _parts_of_digests(public)
    if not windows and not tokens:
        return 0
    from scipy.stats import poisson  # here, because scipy.stats takes half a second to import

    of_ids = ((data, _uuids(data)) for name in ids for data in _spellings(name))
    no_uuids: list[bytes] = []
    of_texts = ((text.encode("utf-8", "surrogatepass"), no_uuids) for text in texts)
    matches: dict[int, set[bytes | str]] = defaultdict(set)  # n -> found digests (n = 16), or found parts of n digits
    n_digests = 0
    for data, uuids in chain(of_ids, of_texts):
        digests = [*(algorithm(data).digest() for algorithm in _ALGORITHMS), *uuids]
        n_digests += len(digests)
        for digest in digests:
            if any(digest[:n] in of_size or digest[-n:] in of_size for n, of_size in windows.items()):
                matches[_WINDOW].add(digest)
            digits = digest.hex() if tokens else ""
            for length, of_length in tokens.items():
                matches[length].update({digits[:length], digits[-length:]} & of_length)
    total = 0
    for length, matching in matches.items():
        by_chance = 2 * n_digests * len(tokens[length]) / 16**length if length < _WINDOW else 0.0
        if poisson.sf(len(matching) - 1, by_chance) < _LEVEL:
            total += len(matching)
    return total


def _parts_of_digests(public: Iterable[str]) -> tuple[dict[int, set[bytes]], dict[int, set[str]]]:
    """Return the parts of the public strings that may be parts of digests: windows and tokens.

    A window is any 16 consecutive characters in hexadecimal, base 32 or base 64, decoded to bytes. Windows are
    grouped by the number of bytes. A token is a run of 8 to 15 hexadecimal digits, without the separators "-", ":"
    and "." between them. Tokens are grouped by the number of digits.
    """
    of_size: dict[int, set[bytes]] = defaultdict(set)
    of_length: dict[int, set[str]] = defaultdict(set)
    for value in set(public):
        plain = value if value.isascii() else unicodedata.normalize("NFKC", value)
        for run in _HEX.findall(plain.lower()):
            digits = re.sub("[-:.]", "", run)
            if len(digits) < _WINDOW:
                of_length[len(digits)].add(digits)
            for window in _windows(digits):
                of_size[_WINDOW // 2].add(bytes.fromhex(window))
        for run in _BASE_32_OR_64.findall(plain.replace("-", "+").replace("_", "/")):
            for window in _windows(run):
                of_size[_WINDOW * 6 // 8].add(base64.b64decode(window))
                if _BASE32.fullmatch(window):
                    of_size[_WINDOW * 5 // 8].add(base64.b32decode(window, casefold=True))
    return of_size, of_length


def _windows(characters: str) -> Iterator[str]:
    return (characters[i : i + _WINDOW] for i in range(len(characters) - _WINDOW + 1))


def _spellings(name: str) -> set[bytes]:
    digits = re.sub(r"\D", "", name)
    forms = {name, name.strip(), name.lower(), name.upper(), _plain(name), digits, digits.lstrip("0"), f"{name}\n"}
    return {form.encode("utf-8", "surrogatepass") for form in forms - {""}}


def _uuids(data: bytes) -> list[bytes]:
    """Return the name-based UUIDs (versions 3 and 5) of `data` in the four namespaces of RFC 9562."""
    uuids = []
    for version, algorithm in ((3, hashlib.md5), (5, hashlib.sha1)):
        for space in _NAMESPACES:
            made = bytearray(algorithm(space.bytes + data, usedforsecurity=False).digest()[:16])
            made[6] = version << 4 | made[6] & 0x0F  # faster than uuid.UUID(bytes=..., version=...)
            made[8] = 0x80 | made[8] & 0x3F
            uuids.append(bytes(made))
    return uuids
