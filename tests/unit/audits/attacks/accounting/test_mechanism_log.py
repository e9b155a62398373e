"""The format of a mechanism log: every mistake is listed by its path, without its value."""

import copy
import hashlib
import json
import typing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.attacks.accounting.mechanism_log import (
    MAX_LEADING,
    READS,
    RecordRead,
    person_set_digest,
    read_log,
    read_mechanism,
    rounded_down,
)
from audits.core.errors import InputError

RUN = ("mechanisms", 0, "dry_run")
EARLIER = {"release": "2026-11", "person_set": "0" * 64, "persons": "same", "cost": {"epsilon": 1, "delta": 1e-9}}


@pytest.fixture(scope="module")
def clean(logs):
    rng = np.random.default_rng(5)
    return logs.log(logs.sgd(rng), logs.vote(rng), logs.vote(rng, kind="laplace"))


def changed(value, *path, to):
    """Return a copy with the value at the path changed."""
    value = copy.deepcopy(value)
    place = value
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return value


def test_log_file_is_read(clean, tmp_path):
    path = tmp_path / "log.json"
    path.write_text(json.dumps(clean))
    assert read_log(read_mechanism(path)) == read_log(clean)
    assert typing.get_args(RecordRead.model_fields["kind"].annotation) == READS


@pytest.mark.parametrize(
    ("path", "to", "message"),
    [
        (("schema_version",), 1, "schema_version: must be 2"),
        (("replay", "sums"), "perhaps", "replay.sums: must be 'holds' or 'broken'"),
        ((*RUN, "leading"), [[]], "mechanisms.0.dry_run.leading.0: must have at least 1 item"),
        ((*RUN, "largest_row"), -1.0, "mechanisms.0.dry_run.largest_row: must be greater than"),
        (
            ("mechanisms", 0, "normaliser", "value"),
            None,
            "mechanisms.0.normaliser: if `source` is `constant`, `value`",
        ),
        (("n_persons",), 0, "n_persons: must be greater than or equal to 1"),
        (("n_persons",), 10**9 + 1, "n_persons: must be less than or equal to 1000000000"),
        (("claim", "delta"), 0.0, "claim.delta: must be greater than 0"),
        ((*RUN, "batches"), [[-1]], "mechanisms.0.dry_run.batches.0.0: must be greater than"),
        (("person_set",), "abc", "person_set: must match"),
        (("claim", "delta"), 1.0, "claim.delta: must be less than 1"),
        (("claim", "epsilon"), "2", "claim.epsilon: must be a number"),
        (("mechanisms",), [], "mechanisms: must have at least 1 item"),
        (("mechanisms", 0, "noise_multiplier"), 0, "mechanisms.0.noise_multiplier: must be greater than"),
        (("mechanisms", 0, "noise_multiplier"), 2e6, "mechanisms.0.noise_multiplier: must be less than"),
        (("mechanisms", 0, "sampling_rate"), 1.5, "mechanisms.0.sampling_rate: must be less than or equal"),
        (("mechanisms", 0, "sampling_rate"), 1e-10, "mechanisms.0.sampling_rate: must be greater than"),
        (("mechanisms", 0, "steps"), 0, "mechanisms.0.steps: must be greater than or equal to 1"),
        (("mechanisms", 0, "steps"), 10**7 + 1, "mechanisms.0.steps: must be less than or equal to 10000000"),
        ((*RUN, "leading"), [[0.5] * (MAX_LEADING + 1)], "dry_run.leading.0: must have at most 131072 items"),
        (("mechanisms", 0, "sampling_rate"), 1, "mechanisms.0: `sampling_rate` is 1, so `sampling` must be `all`"),
        (("mechanisms", 1, "sampling"), "poisson", "mechanisms.1: `sampling_rate` is 1, so"),
        (("mechanisms", 0, "sampling"), "all", "mechanisms.0: `sampling` is `all`, so `sampling_rate` must be 1"),
        (("mechanisms", 2, "sampling_rate"), 0.5, "mechanisms.2: `sampling_rate` must be 1 if `kind` is `laplace`"),
        (("mechanisms", 0, "kind"), "magic", "mechanisms.0.kind: must be 'dp-sgd', 'gaussian', 'vote' or"),
        ((*RUN, "batches"), [[0, 120]], "mechanisms.0.dry_run: `batches` has a number that is not from 0"),
        (
            ("mechanisms", 1, "dry_run", "dimension"),
            None,
            "mechanisms.1.dry_run: `noise` is not empty, so `dimension`",
        ),
        ((*RUN, "max_norm"), -1.0, "mechanisms.0.dry_run.max_norm: must be greater than"),
        ((*RUN, "noise"), [-1.0], "mechanisms.0.dry_run.noise.0: must be greater than"),
        (("mechanisms", 0, "normaliser", "value"), 0.0, "mechanisms.0.normaliser.value: must be greater"),
        (("reads", 0, "status"), "accounted", "reads.0: `status` is `accounted`, so `cost` (epsilon and delta, or"),
        (("reads", 0, "cost"), "mechanism", "reads.0: only a read with the status `accounted` may have a `cost`"),
        (
            ("reads", 0, "status"),
            "outside",
            "reads.0: only reads of the kinds hyper-parameters, retries, input-checks",
        ),
        (
            ("reads", -1, "status"),
            "outside",
            f"reads.{len(READS) - 1}: only reads of the kinds hyper-parameters, retries",
        ),
        (("reads", 1, "kind"), "label-counts", "`reads`: a kind of read is listed twice"),
        (("releases",), [EARLIER], "`releases`: two releases have the same id"),
    ],
)
def test_each_mistake_is_listed_by_its_path(clean, path, to, message):
    with pytest.raises(InputError, match="the mechanism log has 1 mistake") as caught:
        read_log(changed(clean, *path, to=to))
    assert message in str(caught.value)


@pytest.mark.parametrize("path", [(), ("claim",), ("replay",), ("mechanisms", 0), ("mechanisms", 0, "dry_run")])
def test_unknown_field_is_refused_without_its_name(clean, path):
    wrong = changed(clean, *path, "zebra patient Ann", to="zebra record")
    with pytest.raises(InputError, match="1 mistake") as caught:
        read_log(wrong)
    assert "a field that is not in the format" in str(caught.value)
    assert "zebra" not in str(caught.value)


@pytest.mark.parametrize("path", [("release",), ("person_set",), ("mechanisms", 0, "kind"), ("reads", 0, "kind")])
def test_error_contains_no_value(clean, path):
    with pytest.raises(InputError) as caught:
        read_log(changed(clean, *path, to="zebra patient Ann"))
    assert "zebra" not in str(caught.value)


def test_nan_is_refused_and_all_mistakes_are_listed(clean):
    with pytest.raises(InputError, match="cannot be written as canonical JSON"):
        read_log(changed(clean, "claim", "epsilon", to=float("nan")))
    with pytest.raises(InputError, match="has 2 mistakes"):
        read_log(changed(changed(clean, "n_persons", to=-3), "claim", "delta", to=2.0))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[1]", "must be a JSON object"),
        (b'{"a": 1, "a": 2}', "duplicate key"),
        (b'{"a": NaN}', "a number is NaN or infinite, which JSON does not allow"),
        (b"\xff", "not UTF-8"),
        (b"{}", "has 9 mistakes"),
    ],
)
def test_malformed_file_is_refused(tmp_path, content, message):
    path = tmp_path / "log.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_mechanism(path)


def test_missing_or_large_file_is_refused(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="cannot be read"):
        read_mechanism(tmp_path / "none.json")
    path = tmp_path / "log.json"
    path.write_bytes(b"{}")
    monkeypatch.setattr("audits.attacks.accounting.mechanism_log.MAX_LOG_BYTES", 1)
    with pytest.raises(InputError, match="the limit is 1"):
        read_mechanism(path)


def test_digest_of_persons_is_the_documented_one():
    expected = hashlib.sha256(b"audits/persons/v1\0" + b"\0" * 7 + b"\1a" + b"\0" * 7 + b"\2bo").hexdigest()
    assert person_set_digest(["bo", "a", "bo"]) == expected


@given(st.lists(st.text(max_size=5), max_size=8))
def test_digest_of_persons_depends_on_the_set(names):
    assert person_set_digest(names) == person_set_digest(sorted([*names, *names[:2]], reverse=True))
    assert person_set_digest([*names, "one more person"]) != person_set_digest(names)


@given(st.integers(0, 10**12))
def test_rounded_down_numbers_have_two_significant_digits(n):
    lower = rounded_down(n)
    assert lower <= n
    assert len(str(lower).rstrip("0")) <= 2
    assert n < 10 or n - lower < lower / 10 + 1  # at most about a tenth is lost
    assert rounded_down(lower) == lower


@pytest.mark.parametrize(
    ("n", "lower"), [(0, 0), (9, 9), (10, 10), (99, 99), (101, 100), (2513, 2500), (20_999, 20_000)]
)
def test_rounded_down_keeps_the_first_two_digits(n, lower):
    assert rounded_down(n) == lower


def test_a_log_has_at_most_64_mechanisms(clean):
    with pytest.raises(InputError) as caught:
        read_log(changed(clean, "mechanisms", to=clean["mechanisms"] * 22))
    assert "mechanisms: must have at most 64 items" in caught.value.problems[0]
