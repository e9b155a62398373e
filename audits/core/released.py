"""What a file that is to be released may hold besides its texts: every byte is audited or refused."""

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
from scipy.stats import poisson

from audits.core.plain_parquet import CREATED_BY, parquet_bytes
from audits.core.types import Table

MAX_LABEL_CHARACTERS = 64
MAX_NAME_CHARACTERS = 64
_NAME = re.compile(r"[\w.:+-]+", re.ASCII)
_LEAST_ID_CHARACTERS = 5  # shorter ids stand in others by chance
_QUOTINGS: tuple[Literal[0, 1], ...] = (csv.QUOTE_MINIMAL, csv.QUOTE_ALL)
_SCHEMA = b"ARROW:schema"
_PANDAS = b"pandas"
# runs of characters that may be a digest: in hexadecimal with the usual separators, and in base 32 or 64
_HEX = re.compile(r"[0-9a-f](?:[-:.]?[0-9a-f]){7,}")
_BASE32 = re.compile(r"[A-Za-z2-7]*")
_BASE = re.compile(r"[A-Za-z0-9+/]{16,}")
_WINDOW = 16  # characters of a digest that stand nowhere by chance: 64 bits and more
_LEVEL = 0.001  # of finding, by chance, as many digests cut shorter than that
_NAMESPACES = (uuid.NAMESPACE_DNS, uuid.NAMESPACE_URL, uuid.NAMESPACE_OID, uuid.NAMESPACE_X500)
_ALGORITHMS: tuple[Callable[[bytes], Any], ...] = (
    *(getattr(hashlib, name) for name in sorted(hashlib.algorithms_guaranteed) if not name.startswith("shake")),
    *(partial(hashlib.blake2b, digest_size=size) for size in (8, 16, 20, 32)),
)


def no_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object of which no key stands twice: a reader keeps the last and never sees the first.

    Raises:
        ValueError: a key stands twice.
    """
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")
    return made


def file_problems(path: Path, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a sentence if a file is not, byte for byte, what a plain writer makes of its rows.

    What stands between pages or rows, in metadata, indexes, statistics, dictionaries, blanks, escapes or behind the
    end is read by no audit. So the rows are written again, in each of the few usual ways, and one must give the file.

    Args:
        path: a readable file of a table whose columns are all audited.
        rows: as read from it, in its order; a parquet file is read again.
    """
    data = path.read_bytes()
    spellings = {".parquet": _parquet_spellings, ".jsonl": _jsonl_spellings, ".csv": _csv_spellings}
    try:
        if any(data == made for made in spellings[path.suffix](data, rows)):
            return []
    except (pa.ArrowException, ValueError, TypeError, OSError, KeyError):
        pass  # a table that cannot be written is not as a writer wrote it
    message = (
        "the file is not what a plain writer known here makes of its rows (metadata, indexes, categories, blanks,"
        " escapes, another writer): write it anew with `audits rewrite`"
    )
    return [message]


def plain_file(suffix: str, rows: Sequence[Mapping[str, str]]) -> bytes:
    """Return the rows as a file of that suffix that `file_problems` has nothing against."""
    if suffix == ".parquet":
        return _written(pa.Table.from_pylist(list(rows)))
    spelling = _jsonl_spellings if suffix == ".jsonl" else _csv_spellings
    return next(iter(spelling(b"", rows)))


def _parquet_spellings(data: bytes, _rows: object) -> Iterator[bytes]:
    """Yield the files that a release, this library, and pandas where it is installed, write of a file's columns."""
    file = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False)
    table, meta = file.read(use_threads=False).replace_schema_metadata(None), file.metadata
    if meta.created_by == CREATED_BY.decode():
        yield parquet_bytes([(name, table[name].to_pylist()) for name in table.column_names])
    if any(pa.types.is_dictionary(field.type) or field.metadata for field in table.schema):
        return
    stored = meta.metadata or {}
    options = _options(meta, has_schema=_SCHEMA in stored)
    if _PANDAS not in stored:
        yield _written(table, **options)
    elif importlib.util.find_spec("pandas") is not None:
        frame = table.to_pandas()
        for index in (None, False):
            like = pa.Table.from_pandas(frame, preserve_index=index).schema.metadata
            yield _written(table.replace_schema_metadata(like), **options)


def _options(meta: "pq.FileMetaData", *, has_schema: bool) -> dict[str, Any]:
    """Return the choices a writer had, as far as a file tells of them."""
    first = meta.row_group(0)
    columns = [first.column(i) for i in range(first.num_columns)]
    return {
        "row_group_size": first.num_rows,
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


def _jsonl_spellings(data: bytes, rows: Sequence[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield the lines of the rows: escaped or not, with or without blanks, with either end of line, or none last."""
    if len({tuple(row) for row in rows}) > 1:
        return
    for is_ascii, separators, slash in product((False, True), ((", ", ": "), (",", ":")), ("/", "\\/")):

        def spelled(row: Mapping[str, Any], a: Any = is_ascii, b: Any = separators, c: str = slash) -> bytes:
            line = json.dumps(dict(row), ensure_ascii=a, separators=b).replace("/", c)
            return line.encode("utf-8", "surrogatepass")

        if data and not data.startswith(spelled(rows[0])):
            continue
        lines = [spelled(row) for row in rows]
        for end in (b"\n", b"\r\n"):
            yield end.join([*lines, b""])
            yield end.join(lines)


def _csv_spellings(_data: bytes, rows: Sequence[Mapping[str, str]]) -> Iterator[bytes]:
    """Yield the lines of the rows: quoted where needed or everywhere, with either end of a line, or none last."""
    for quoting, end in product(_QUOTINGS, ("\n", "\r\n")):
        buffer = io.StringIO(newline="")
        csv.writer(buffer, quoting=quoting, lineterminator=end).writerows(
            [list(rows[0]), *(list(row.values()) for row in rows)]
        )
        made = buffer.getvalue().encode("utf-8", "surrogateescape")
        yield made
        yield made.removesuffix(end.encode())


def released_problems(synthetic: Table, train: Table, control: Table) -> list[str]:
    """Return what stands against the labels and persons of a synthetic table, a sentence each, without any of them.

    A label must be one of train's, of two persons or more of train and control, and short; a person or id of the
    synthetic table a short name, and none of train or control, however it is written, nor hold one of those of five
    characters or more. No column may hold a digest without a key, whole or cut, of a person, id or text of train or
    control: who guesses the id makes the same.
    """
    found = []
    if synthetic.labels is not None:
        allowed = set(train.labels or ())
        strange = set(synthetic.labels) - allowed
        if strange:
            found.append(f"{len(strange)} labels of the synthetic table are none of train's")
        if any(len(label) > MAX_LABEL_CHARACTERS for label in synthetic.labels):
            found.append(f"labels of the synthetic table are longer than {MAX_LABEL_CHARACTERS} characters")
        alone = len(_of_one_person(train, control) & set(synthetic.labels))
        if alone > 0:
            found.append(f"{alone} labels of the synthetic table are those of one person alone: merge such classes")
    if synthetic.has_groups:
        found += _person_problems(set(synthetic.groups), {*train.groups, *control.groups})
    ids = {name for table in (train, control) if table.has_groups for name in table.groups}
    columns = (synthetic.texts, set(synthetic.labels or ()), synthetic.groups if synthetic.has_groups else ())
    n_digests = digests_found(chain(*columns), ids, chain(train.texts, control.texts))
    if n_digests > 0:
        found.append(
            f"{n_digests} digests without a key of persons or texts of train or control stand in the synthetic table:"
            " number the rows instead"
        )
    return found


def _of_one_person(train: Table, control: Table) -> set[str]:
    """Return the labels that only one person has."""
    pairs = {pair for table in (train, control) for pair in zip(table.labels or (), table.groups, strict=False)}
    return {label for label, n in Counter(label for label, _ in pairs).items() if n == 1}


def _person_problems(made: set[str], real: set[str]) -> list[str]:
    plain = {_plain(name) for name in real} - {""}
    held = ahocorasick.Automaton()
    for name in plain:
        if len(name) >= _LEAST_ID_CHARACTERS:
            held.add_word(name, True)
    held.make_automaton()
    found = []
    if any(len(name) > MAX_NAME_CHARACTERS or _NAME.fullmatch(name) is None for name in made):
        found.append("persons of the synthetic table are no names: leave the column out, or number the rows")
    n_real = sum(_plain(name) in plain or (len(held) > 0 and _holds(held, _plain(name))) for name in made)
    if n_real > 0:
        found.append(
            f"{n_real} persons of the synthetic table are called as persons of train or control: leave the column out"
        )
    return found


def _plain(name: str) -> str:
    """Return letters and digits of a name in lower case, without leading zeros."""
    return re.sub(r"[\W_]", "", name.casefold()).lstrip("0")


def _holds(names: ahocorasick.Automaton, text: str) -> bool:
    return next(iter(names.iter(text)), None) is not None


def digests_found(public: Iterable[str], ids: Iterable[str], texts: Iterable[str]) -> int:
    """Return how many digests of private strings stand in public ones.

    Looked for are the algorithms of `hashlib` and name-based UUIDs, in hexadecimal (also the first or last 8
    characters or more), base 32 and base 64, of an id as it is written and in its usual spellings, and of a text. Cut
    to fewer than 16 characters, digests count if there are more than chance would put there.

    Args:
        public: what leaves.
        ids: of persons.
        texts: of records.
    """
    long, short = _candidates(public)
    if not long and not short:
        return 0
    hits: dict[int, set[bytes | str]] = defaultdict(set)
    n_digests = 0
    for data in chain.from_iterable(map(_spellings_of, ids)):
        digests = [*(make(data).digest() for make in _ALGORITHMS), *_uuids(data)]
        n_digests += len(digests)
        _look(digests, long, short, hits)
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digests = [make(data).digest() for make in _ALGORITHMS]
        n_digests += len(digests)
        _look(digests, long, short, hits)
    total = 0
    for length, found in hits.items():
        by_chance = 2 * n_digests * len(short[length]) / 16**length if length < _WINDOW else 0.0
        if poisson.sf(len(found) - 1, by_chance) < _LEVEL:
            total += len(found)
    return total


def _candidates(public: Iterable[str]) -> tuple[dict[int, set[bytes]], dict[int, set[str]]]:
    """Return the bytes that windows of long runs stand for, by their number, and short hexadecimal runs by length."""
    long: dict[int, set[bytes]] = defaultdict(set)
    short: dict[int, set[str]] = defaultdict(set)
    for value in set(public):
        plain = value if value.isascii() else unicodedata.normalize("NFKC", value)
        for run in _HEX.findall(plain.lower()):
            token = re.sub("[-:.]", "", run)
            if len(token) < _WINDOW:
                short[len(token)].add(token)
            for window in _windows(token):
                long[_WINDOW // 2].add(bytes.fromhex(window))
        for token in _BASE.findall(plain.replace("-", "+").replace("_", "/")):
            for window in _windows(token):
                long[_WINDOW * 6 // 8].add(base64.b64decode(window))
                if _BASE32.fullmatch(window):
                    long[_WINDOW * 5 // 8].add(base64.b32decode(window, casefold=True))
    return long, short


def _windows(token: str) -> Iterator[str]:
    return (token[i : i + _WINDOW] for i in range(len(token) - _WINDOW + 1))


def _look(
    digests: Iterable[bytes],
    long: Mapping[int, set[bytes]],
    short: Mapping[int, set[str]],
    hits: dict[int, set[bytes | str]],
) -> None:
    """Note which of the digests stand among the candidates, by length."""
    for digest in digests:
        if any(digest[:n] in windows or digest[-n:] in windows for n, windows in long.items()):
            hits[_WINDOW].add(digest)
        if short:
            name = digest.hex()
            for length, tokens in short.items():
                for end in (name[:length], name[-length:]):
                    if end in tokens:
                        hits[length].add(end)


def _spellings_of(name: str) -> set[bytes]:
    """Return an id as it may have stood where its digest was made."""
    digits = re.sub(r"\D", "", name)
    spelled = {name, name.strip(), name.lower(), name.upper(), _plain(name), digits, digits.lstrip("0"), f"{name}\n"}
    return {one.encode("utf-8", "surrogatepass") for one in spelled - {""}}


def _uuids(data: bytes) -> list[bytes]:
    """Return the name-based UUIDs of a name (RFC 9562, versions 3 and 5) in the namespaces that it lists."""
    made = []
    for version, make in ((3, hashlib.md5), (5, hashlib.sha1)):
        for space in _NAMESPACES:
            digest = bytearray(make(space.bytes + data, usedforsecurity=False).digest()[:16])
            digest[6] = digest[6] & 0x0F | version << 4
            digest[8] = digest[8] & 0x3F | 0x80
            made.append(bytes(digest))
    return made
