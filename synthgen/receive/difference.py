"""Compare two bundles (release folders): statements, files, numbers and records. No signature is verified.

The statement is the signed description of a release. A gate is a condition of the policy, stated with its result.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from audits.verify.outcome import printable
from synthgen.receive.received import ReceivedBundle

# fields of the statement that differ between any two releases, even of one run
_OF_ONE_RELEASE = ("releaseId", "timeCreated", "expires", "attempts", "inputs")
_COMPARED_ELSEWHERE = ("gates", "config", "evidence")  # fields whose content `difference` compares item by item
_NUMBERS = ("value", "low", "high", "confidence", "n")  # compared fields of a measured number
Pairs = dict[str, list[Any]]  # for each name, the value in bundle A and in bundle B; None for a missing value


@dataclass(frozen=True, slots=True)
class Difference:
    """The comparison of two bundles A and B."""

    fields: dict[str, Any]  # JSON data: "equal", then one entry for each compared part, such as "settings" or "files"

    @property
    def is_equal(self) -> bool:
        """Whether statement, settings, gates, measured numbers and records are equal."""
        return bool(self.fields["equal"])

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as JSON-compatible data."""
        return self.fields

    def to_text(self) -> str:
        """Return the comparison as lines, with the value of A before the value of B."""
        fields = self.fields
        about = "{0}: {name}, release {releaseId}, digest {digest}"
        lines = [about.format(bundle.upper(), **fields[bundle]) for bundle in ("a", "b")]
        for part in ("release", "statement", "settings"):
            lines += [f"{part}: {name}: {_shown(a)} | {_shown(b)}" for name, (a, b) in fields[part].items()]
        for state, meaning in _FILE_STATES.items():
            lines += [f"file {meaning}: {name}" for name in fields["files"][state]]
        for part in ("gates", "measured"):
            lines += [_side_by_side(part, name, *pair) for name, pair in fields[part].items()]
        lines += ["records: {a} in A, {b} in B".format(**fields["records"])]
        lines += ["texts: {equal} in both, {onlyA} only in A, {onlyB} only in B".format(**fields["records"])]
        lines += ["texts in both, but with different labels: {otherLabel}".format(**fields["records"])]
        lines += [f"{'EQUAL' if self.is_equal else 'DIFFERENT'} in content; nothing was verified"]
        return "\n".join(map(printable, lines))


_FILE_STATES = {"onlyA": "only in A", "onlyB": "only in B", "changed": "with different content"}


def difference(a: ReceivedBundle, b: ReceivedBundle) -> Difference:
    """Return the comparison of two bundles; it contains no text of a record.

    Bundles are equal if statement, settings, gates, measured numbers and records are equal. Some fields of the
    statement, such as date and id, differ between any two releases. They are listed under "release", but do not make
    bundles unequal. Different files do not make bundles unequal either, because some, such as README.md, contain the
    date.
    """
    stated = [bundle.statement.predicate.model_dump(mode="json", by_alias=True) for bundle in (a, b)]
    release = _differing(*({k: fields[k] for k in _OF_ONE_RELEASE} for fields in stated))
    left_out = {*_OF_ONE_RELEASE, *_COMPARED_ELSEWHERE}
    statement = _differing(*({k: v for k, v in fields.items() if k not in left_out} for fields in stated))
    settings = _differing(a.settings, b.settings)
    gates = _paired(*({gate["id"]: gate for gate in fields["gates"]} for fields in stated))
    measured = _paired(_metrics(a), _metrics(b))
    records = _compared_records(a, b)
    # the last condition: each record of A has the text and the label of a record of B; the sizes are compared below
    is_equal = not statement and not settings and records["equal"] - records["otherLabel"] == records["a"]
    numbers = [*gates.values(), *measured.values()]
    is_equal = is_equal and records["a"] == records["b"] and all(left == right for left, right in numbers)
    sides = {name: _identity(bundle) for name, bundle in (("a", a), ("b", b))}
    parts = {"release": release, "statement": statement, "settings": settings, "files": _compared_files(a, b)}
    return Difference({"equal": is_equal, **sides, **parts, "gates": gates, "measured": measured, "records": records})


def _identity(bundle: ReceivedBundle) -> dict[str, str]:
    stated = bundle.statement.predicate
    return {"name": stated.dataset.name, "releaseId": stated.release_id, "digest": bundle.digest}


def _metrics(bundle: ReceivedBundle) -> dict[str, dict[str, Any]]:
    metrics = bundle.evidence.metrics
    return {name: {field: getattr(number, field) for field in _NUMBERS} for name, number in metrics.items()}


def _compared_files(a: ReceivedBundle, b: ReceivedBundle) -> dict[str, list[str]]:
    in_a, in_b = ({s.name: s.digest.sha256 for s in bundle.statement.subject} for bundle in (a, b))
    return {
        "onlyA": sorted(in_a.keys() - in_b.keys()),
        "onlyB": sorted(in_b.keys() - in_a.keys()),
        "changed": sorted(name for name in in_a.keys() & in_b.keys() if in_a[name] != in_b[name]),
    }


def _compared_records(a: ReceivedBundle, b: ReceivedBundle) -> dict[str, int]:
    texts = [Counter(text for _, text, _ in bundle.rows) for bundle in (a, b)]
    labelled = [Counter((text, label) for _, text, label in bundle.rows) for bundle in (a, b)]
    equal = (texts[0] & texts[1]).total()
    return {
        "a": len(a.rows),
        "b": len(b.rows),
        "equal": equal,
        "onlyA": len(a.rows) - equal,
        "onlyB": len(b.rows) - equal,
        "otherLabel": equal - (labelled[0] & labelled[1]).total(),
    }


def _paired(a: Mapping[str, Any], b: Mapping[str, Any]) -> Pairs:
    return {name: [a.get(name), b.get(name)] for name in {**a, **b}}


def _differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> Pairs:
    pairs = _paired(dict(_flat(a)), dict(_flat(b)))
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each scalar with its path, such as "models.decoder.name"; a list item is named by its role or index."""
    if isinstance(value, Mapping):
        items = list(value.items())
    elif isinstance(value, list | tuple):
        roles = [item.get("role") if isinstance(item, Mapping) else None for item in value]
        names = roles if None not in roles and len(set(roles)) == len(roles) else range(len(roles))
        items = list(zip(map(str, names), value, strict=True))
    else:
        yield path, value
        return
    for name, item in items:
        yield from _flat(item, f"{path}.{name}" if path else str(name))


def _shown(value: Any) -> str:
    return "–" if value is None else str(value)


def _side_by_side(part: str, name: str, a: Mapping[str, Any] | None, b: Mapping[str, Any] | None) -> str:
    def shown(entry: Mapping[str, Any] | None) -> str:
        if entry is None:
            return "–"
        if part == "gates":
            return f"{_shown(entry['value'])} {entry['op']} {entry['threshold']} {entry['verdict']}"
        return f"{entry['value']:.6g} [{entry['low']:.6g}, {entry['high']:.6g}], n {entry['n']}"

    return f"{part.removesuffix('s')}{'' if a == b else ' (differs)'}: {name}: {shown(a)} | {shown(b)}"
