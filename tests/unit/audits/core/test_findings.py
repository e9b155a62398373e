import hashlib
import hmac
import json
import stat

import pytest

from audits.core.errors import InputError
from audits.core.findings import pseudonym, write_findings
from audits.core.report import AuditReport
from audits.core.types import AuditResult, Finding

PLANTED = [f"planted-person-{i:02d}-Wojciechowska" for i in range(50)]
KEY = bytes(range(32))


def result(*found, name="memorization"):
    return AuditResult(
        name=name, verdict="fail", status="measured", direction="lower_is_safer", reason="one", findings=found
    )


def finding(row, person, kind="run"):
    return Finding(row=row, start=3, end=17, kind=kind, person=person)


@pytest.fixture
def planted():
    return [result(*(finding(i, p) for i, p in enumerate(PLANTED[:40]))), result(finding(7, PLANTED[45]), name="f")]


def test_a_pseudonym_is_the_truncated_hmac():
    # the keys of the test vectors in RFC 4231 have other lengths
    assert pseudonym(KEY, "Jan É") == hmac.new(KEY, "Jan É".encode(), hashlib.sha256).hexdigest()[:32]
    assert pseudonym(KEY, "Jan") != pseudonym(KEY, "Jan "), "another person"
    assert pseudonym(KEY, "Jan") != pseudonym(KEY[::-1], "Jan"), "another key"
    assert len(pseudonym(KEY, "\udc80")) == 32
    for key in (b"", KEY[:31], KEY + b"x"):
        with pytest.raises(InputError, match="32 bytes"):
            pseudonym(key, "Jan")


def test_reports_and_reprs_do_not_contain_persons(planted):
    report = AuditReport(results=tuple(planted), inputs={"train": "ab" * 32}, tool="t 1")
    shown = report.to_json().decode() + repr(report) + str(planted) + repr(planted[0].findings)
    assert "findings=" not in shown
    assert "findings" not in json.loads(report.to_json())["results"][0]
    assert [p for p in PLANTED if p in shown] == []


def test_the_list_contains_pseudonyms_that_the_key_resolves(planted, tmp_path):
    path = tmp_path / "findings.jsonl"
    path.write_text("older")
    path.chmod(0o644)
    assert write_findings(path, KEY, planted) == 41
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p for p in PLANTED if p in path.read_text()] == []
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    person = pseudonym(KEY, PLANTED[45])
    assert lines[40] == {"audit": "f", "row": 8, "start": 3, "end": 17, "kind": "run", "person": person}
    found = {pseudonym(KEY, p): p for p in PLANTED}
    assert [found[line["person"]] for line in lines] == [*PLANTED[:40], PLANTED[45]]
    assert [p.name for p in tmp_path.iterdir()] == ["findings.jsonl"]


def test_an_empty_list_is_written_and_a_failed_write_raises(tmp_path):
    assert write_findings(tmp_path / "f", KEY, [result()]) == 0
    assert (tmp_path / "f").read_bytes() == b""
    with pytest.raises(InputError, match="cannot be written"):
        write_findings(tmp_path / "nowhere" / "f", KEY, [result()])
