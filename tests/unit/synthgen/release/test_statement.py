import re
from dataclasses import replace

import pytest

from audits.core.errors import VerifyError
from synthgen.release.statement import bundle_parts, producer, release_id_of, release_payload


def test_release_id_depends_on_data_evidence_and_policy(releases):
    content = releases.content()
    one = release_id_of(content, {"data/a": b"x"}, releases.NOW)
    assert re.fullmatch(r"2026-11-20-[0-9a-f]{6}", one)
    assert one == release_id_of(content, {"data/a": b"x"}, releases.LATER)
    assert one != release_id_of(content, {"data/a": b"y"}, releases.NOW)
    assert one != release_id_of(releases.content(releases.APPROVED_POLICY), {"data/a": b"x"}, releases.NOW)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"models": [{"role": "magic"}]}, "E_PREDICATE"),
        ({"inputs": [{"role": "train", "sha256": "0" * 64}]}, "E_PREDICATE"),
        ({"privacy": {}}, "E_PREDICATE"),
        ({"license": "a note"}, "E_PREDICATE"),
        ({"page": {"stages": [{"name": "decode", "n_in": "1-9", "n_out": 337}]}}, "E_GATE the report"),
        ({"page": {"filters": {"a note": "1-9"}}}, "E_GATE the report"),
    ],
)
def test_content_that_a_verifier_would_refuse_is_not_signed(releases, changes, code):
    content, data = releases.content(), {"data/train-00000-of-00001.jsonl": b"x"}
    parts = bundle_parts(content, data, releases.NOW)
    assert b'"releaseId":"2026-11-20-' in release_payload(parts.predicate, {"README.md": "0" * 64})
    with pytest.raises(VerifyError, match=code):
        bundle_parts(replace(content, **changes), data, releases.NOW)


def test_producer_states_sources_and_versions_of_the_usual_form():
    made = producer(
        {"python": "3.11.7", "numpy": "2.3.0", "torch": "2.13.0+cpu", "gguf": "a note", "source": "e" * 64}
    )
    libraries = {"numpy": "2.3.0", "torch": "2.13.0+cpu", "gguf": "other", "source": "e" * 64}
    assert (made["tool"], made["python"], made["madeBy"]) == ("synthgen", "3.11.7", libraries)
