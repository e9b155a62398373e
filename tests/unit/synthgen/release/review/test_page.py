import hashlib
import json
import re
import stat
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from markupsafe import escape

from audits.gate.shipped import load_policy
from synthgen.config import Config
from synthgen.core.errors import DataError
from synthgen.release.remedies import ANOTHER_ATTEMPT
from synthgen.release.review.link import page_digest
from synthgen.release.review.page import write_review
from synthgen.release.review.released import released_bundle
from synthgen.release.review.tables import read_tables
from synthgen.release.run import Run, load_run

VOID = {"meta", "br"}


class Outline(HTMLParser):
    """The tags and the text of a page; fails if tags are not closed in order."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.open, self.words, self.attributes = [], [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def run(finished):
    return load_run(finished.config())


def test_without_person_ids_the_page_says_that_persons_are_records(run, monkeypatch):
    sentence = "The source has no person ids"
    assert sentence not in write_review(run).read_text()
    monkeypatch.setattr(type(run.config.source), "has_persons", property(lambda _: False))
    assert sentence in write_review(run).read_text()


def release(finished, run):
    return run.release(run.decide(), key=finished.folder / "keys" / "releaser.pem", out=finished.folder / "out")


def replace_column(path, column, change):
    table = pq.read_table(path)
    values = [change(value) for value in table[column].to_pylist()]
    pq.write_table(table.set_column(table.schema.get_field_index(column), column, pa.array(values)), path)


def test_the_page_of_a_release_names_it_and_shows_every_part(finished, run):
    bundle = release(finished, run)
    path = write_review(run)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = Outline(path.read_text())
    assert f"Released as {bundle.release_id}" in found.text
    names = [result["name"] for result in read_tables(run).results]
    ids = [value for tag, key, value in found.attributes if key == "id" and tag in {"h2", "h3"}]
    assert ids == ["verdict", *(f"audit-{name}" for name in names), "sample", "identifiers", "rejected", "stages"]
    assert "memorization" in names
    assert (
        page_digest(path, released_bundle(run, run.decide()).digest) == hashlib.sha256(path.read_bytes()).hexdigest()
    )
    before = path.read_bytes()
    assert write_review(run).read_bytes() == before


def test_a_refusal_leads_to_the_row_and_the_words_of_an_identifier(finished):
    run = load_run(Config.load(finished.write_config()))
    refused = replace(run, policy=load_policy("research"))
    assert f"`synthgen review {run.workspace.root}`" in refused.explain()
    tables, row = read_tables(run), 7
    text = tables.synthetic.records[row].text
    one = {"audit": "identifiers", "row": row, "start": 0, "end": len(text), "kind": "name"}
    findings = [{**one, "person": tables.train.records[0].group}]
    (run.folder("audit") / "findings.json").write_text(json.dumps(findings))
    page = write_review(refused).read_text()
    assert re.search("<li>input-checks: FAIL: .* <= 0 does not hold .*exactly [0-9].: [^;]", unescape(page))
    section = page[page.index('id="audit-identifiers"') :].split("</section>")[0]
    assert f"Record {tables.released_ids[row][:12]}" in section
    assert "row 8 of the synthetic table" in section
    assert f"<mark>{escape(text)}<small>name</small></mark>" in section
    assert "the audit found text of one training person: name" in section
    assert section.count("<article") == 1
    assert pq.read_table(run.folder("audit") / "synthetic.parquet")["text"][row].as_py() == text
    assert f"{run.folder('audit') / 'synthetic.parquet'}" in page


def test_the_bundle_contains_nothing_of_the_page(finished, run):
    bundle = release(finished, run)
    tables = read_tables(run)
    write_review(run)
    texts = [record.text for record in tables.train.records]
    files = [path.read_bytes().decode("utf-8", "replace") for path in bundle.path.rglob("*") if path.is_file()]
    assert not any(text[:40] in file for text in texts for file in files)
    assert not list(bundle.path.rglob("*review*"))


def test_the_page_of_a_run_that_is_not_released_or_refused_says_so(finished, run):
    found = Outline(write_review(run).read_text())
    assert "Not released: the policy allows the release, but there is no bundle of this run" in found.text
    assert ANOTHER_ATTEMPT not in found.text
    policy = finished.folder / "lenient.yaml"
    policy.write_text(policy.read_text().replace("limit: 7", "limit: 700"))
    path = write_review(load_run(finished.config()))
    found = Outline(path.read_text())
    assert "Refused: 1 rule is not met" in found.text
    assert ANOTHER_ATTEMPT in found.text
    assert "records.synthetic" in found.text
    with pytest.raises(DataError, match="a run that was not released"):
        page_digest(path, "0" * 64)


def test_under_an_independent_policy_the_page_warns_against_deciding_by_it(finished, run, releases):
    warning = "Warning. Do not base the decision to release on this page."
    assert warning not in Outline(write_review(run).read_text()).text
    alone = replace(run, policy=releases.policy_of(releases.INDEPENDENT_POLICY))
    found = Outline(write_review(alone).read_text())
    assert warning in found.text
    assert ("section", "role", "alert") in found.attributes
    assert "Refused: " in found.text
    assert "rules are not met" in found.text
    assert "An approval that was signed" not in found.text


def test_the_decision_of_a_page_is_made_once(run, monkeypatch):
    made, decide = [], Run.decide
    monkeypatch.setattr(Run, "decide", lambda run: made.append(decide(run)) or made[-1])
    write_review(run)
    assert len(made) == 1


def test_there_is_no_script_and_records_are_escaped(finished, run):
    attack = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    for stage, name in (("deidentify", "train"), ("split", "train"), ("filter", "judged"), ("audit", "synthetic")):
        replace_column(run.folder(stage) / f"{name}.parquet", "text", lambda text: text + attack)
    page = write_review(run).read_text()
    found = Outline(page)
    assert not {"script", "img", "iframe", "object", "form", "link"} & set(found.tags)
    assert not [a for a in found.attributes if a[1].startswith("on") or a[1] == "src"]
    assert all(value.startswith(("#", "report.private.html")) for _, key, value in found.attributes if key == "href")
    assert ("meta", "http-equiv", "Content-Security-Policy") in found.attributes
    assert attack in found.text
    assert page.count("&lt;script&gt;") >= 20


def test_replaced_identifiers_are_marked_and_counted(finished, run):
    tables = read_tables(run)
    kinds = [kind for found in tables.replaced["train"].values() for kind, _ in found]
    found = Outline(write_review(run).read_text())
    assert f"name {kinds.count('name'):,d}" in found.text
    known = {text for pairs in tables.replaced["train"].values() for _, text in pairs}
    page = write_review(run).read_text()
    marked = re.findall(r"<mark>([^<]*)<small>name</small></mark>", page)
    assert marked
    assert set(marked) <= known


def test_rejected_candidates_are_counted_by_reason_with_three_examples(finished, run):
    path = run.folder("filter") / "judged.parquet"
    tables = read_tables(run)
    audited = {record.group for record in tables.synthetic.records}
    spare = [i for i, c in enumerate(tables.candidates) if c.latent_id not in audited]
    assert len(spare) >= 4
    rejected = json.dumps([["empty", True, 1.0, ""], ["length", False, 3.25, "length_low"]])
    table = pq.read_table(path)
    outcomes = [rejected if i in spare else o for i, o in enumerate(table["outcomes"].to_pylist())]
    pq.write_table(table.set_column(table.schema.get_field_index("outcomes"), "outcomes", pa.array(outcomes)), path)
    text = Outline(write_review(run).read_text()).text
    assert f"length: length low {len(spare)} rejected" in text
    assert text.count("score 3.25") == 3


def test_a_run_without_an_audit_is_one_clear_error(finished):
    record = finished.folder / "ws" / "run.json"
    content = json.loads(record.read_text())
    content["stages"] = [stage for stage in content["stages"] if not stage["name"].startswith("audit")]
    record.write_text(json.dumps(content))
    with pytest.raises(DataError, match="the run has not reached the stage 'audit' yet"):
        write_review(load_run(finished.config()))
