"""A bundle with private notes in any of its files is refused, even if a key holder signed it again."""

import hashlib
import json
import os
import re
from importlib.metadata import version

import pytest

from audits.core.strictjson import canonical
from audits.verify.contents import ALLOWED, JSONL, PARQUET, REPORT_HTML, REPORT_JSON, REQUIRED
from audits.verify.derived import bundle_files, release_id
from audits.verify.statement import SCHEMA_VERSION

NOTE = "John Doe, ward 7, has HIV"


def appended(text):
    return lambda data: data + text.encode()


def inserted(before, text):
    """Return a change that inserts a text before the first occurrence of another one."""

    def change(data):
        assert before.encode() in data
        return data.replace(before.encode(), (text + before).encode(), 1)

    return change


def replaced(before, after):
    def change(data):
        assert before.encode() in data
        return data.replace(before.encode(), after.encode(), 1)

    return change


def as_json(change):
    def apply(data):
        value = json.loads(data)
        change(value)
        return canonical(value)

    return apply


def keys_reversed(data):
    def turned(value):
        return {key: turned(value[key]) for key in reversed(value)} if isinstance(value, dict) else value

    return json.dumps(turned(json.loads(data)), indent=2).encode() + b"\n"


def key_twice(data):
    return data.replace(b"{", b'{"note": "' + NOTE.encode() + b'", ', 1).replace(b'"note"', b'"$schema"', 1)


def in_result(**changes):
    return as_json(lambda value: value.update(changes))


CHANGES = {
    "readme": ("README.md", appended(NOTE)),
    "readme-comment": ("README.md", inserted("# clinic", f"<!-- {NOTE} -->")),
    "license": ("LICENSE", appended(NOTE)),
    "citation": ("CITATION.cff", appended(f"abstract: {NOTE}\n")),
    "sums-comment": ("SHA256SUMS", appended(f"# {NOTE}\n")),
    "croissant-field": ("croissant.json", as_json(lambda v: v.update(keywords=[NOTE]))),
    "croissant-description": ("croissant.json", as_json(lambda v: v.update(description=NOTE))),
    "croissant-order": ("croissant.json", keys_reversed),
    "schema-comment": ("schema/record.schema.json", as_json(lambda v: v.update({"$comment": NOTE}))),
    "schema-example": ("schema/record.schema.json", as_json(lambda v: v["properties"]["id"].update(examples=[NOTE]))),
    "schema-key-twice": ("schema/record.schema.json", key_twice),
    "schema-whitespace": ("schema/record.schema.json", appended(" \t\t \n")),
    "policy-comment": ("policy/policy.yaml", appended(f"# {NOTE}\n")),
    "policy-spaces": ("policy/policy.yaml", inserted("\n", " \t ")),
    "policy-key": ("policy/policy.yaml", appended(f"note: {NOTE}\n")),
    "config-comment": ("provenance/config.redacted.yaml", appended(f"# {NOTE}\n")),
    "config-key": ("provenance/config.redacted.yaml", appended(f"note: {NOTE}\n")),
    "config-value": ("provenance/config.redacted.yaml", appended(f"secret: {NOTE}\n")),
    "config-number": ("provenance/config.redacted.yaml", inserted("  total", "  noise: 0.74111104510532\n")),
    **{
        f"config-{after}": ("provenance/config.redacted.yaml", replaced(before, after))
        for before, after in (
            ("method: smote", "method: 123456789"),
            ("candidates: 4", "candidates: 65"),
            ("temperature: 0.8", "temperature: 0.8741111"),
            ("language: source", "language: true"),
            ("  batch: 128\n", ""),
            ("max_records: null", "max_records: 74111104"),
        )
    },
    "run-key": ("provenance/run.json", as_json(lambda v: v.update(note=NOTE))),
    "run-stage": ("provenance/run.json", as_json(lambda v: v["written"].update({NOTE: "1-9"}))),
    "run-count": ("provenance/run.json", as_json(lambda v: v["written"].update(decode=337))),
    "run-bucket": ("provenance/run.json", as_json(lambda v: v["written"].update(decode="10-20"))),
    "run-rejected": ("provenance/run.json", as_json(lambda v: v["rejected"].update(empty="1-9"))),
    "run-seconds": ("provenance/run.json", as_json(lambda v: v.update(seconds="1-9"))),
    "run-whitespace": ("provenance/run.json", appended("\n" * 9)),
    "sbom-package": ("provenance/sbom.cdx.json", as_json(lambda v: v["components"].append({"name": NOTE}))),
    "html-script": (REPORT_HTML, inserted("</body>", f"<script>{NOTE}</script>")),
    "html-comment": (REPORT_HTML, appended(f"<!-- {NOTE} -->")),
    "html-attribute": (REPORT_HTML, inserted("lang", f'data-note="{NOTE}" ')),
    "html-policy": (REPORT_HTML, inserted("'none'", "*; script-src ")),
    "html-hidden": (REPORT_HTML, inserted("</main>", f"<p hidden>{NOTE}</p>")),
    "evidence-notes": ("evidence/memorization.json", in_result(notes=[NOTE] * 200)),
    "evidence-count": ("evidence/memorization.json", in_result(n_persons=337)),
    "evidence-digits": ("evidence/membership.json", in_result(details={"digits": [74, 111, 104, 110] * 50})),
    "evidence-whitespace": ("evidence/membership.json", appended("\t \t")),
}


@pytest.mark.parametrize("case", sorted(CHANGES))
def test_note_in_a_file_is_refused_although_signed(case, copy, releases, reissue, judge):
    name, change = CHANGES[case]
    (copy / name).write_bytes(change((copy / name).read_bytes()))
    if name == "SHA256SUMS":
        releases.edit(copy, lambda _: None)
    else:
        reissue(copy, (), lambda v: _restate(v, copy, name))
    found = judge(copy)
    assert (found.ok, found.checks[-1].id in {"gates", "manifest", "policy"}) == (False, True), found.failure
    assert NOTE not in found.to_text()


def _restate(value, copy, name):
    if name.endswith("config.redacted.yaml"):
        (digest,) = [one["digest"] for one in value["subject"] if one["name"] == name]
        value["predicate"]["config"]["digest"] = digest


def result(number, **changes):
    return lambda report: report["audit"]["results"][number].update(changes)


def page(**changes):
    return lambda report: report["page"].update(changes)


ROW = {"label": "cardiology", "real": "200-500", "requested": 4, "released": 4}
CELL = {"value": 0.85, "low": 0.81, "high": 0.9, "n": 200}
CONTROL = {**CELL, "confidence": 0.96}
SCORES = {
    "tfidf-linear": {"real": {"macro_f1": CELL}, "synthetic": {"macro_f1": {**CELL, "value": 0.765, "low": 0.7}}}
}
REPORTS = {
    "unknown-key": lambda report: report.update(note=NOTE),
    "note-in-details": result(0, details={"note": NOTE}),
    "list-in-details": result(0, details={"counts": [74, 111, 104] * 40}),
    "reason": result(0, reason=NOTE),
    "direction": result(0, direction=NOTE),
    "name": result(0, name="john_doe"),
    "threshold": result(0, threshold=0.74111104510532),
    "list-of-thresholds": result(0, threshold=[0.1] * 40),
    "confidence-of-a-control": result(0, control={**CONTROL, "confidence": 0.9674111104}),
    "control-of-text": result(0, control=NOTE),
    "control-without-a-confidence": result(0, control=CELL),
    "confidence-of-text": result(0, control={**CONTROL, "confidence": [NOTE]}),
    "large-control": result(0, control={**CONTROL, "high": 74111104.0}),
    "large-threshold": result(0, threshold=741111.045),
    "histogram-of-another-audit": result(0, details={"histogram": {"bins": []}}),
    "mechanisms-of-another-audit": result(0, details={"mechanisms": []}),
    "audits-in-another-order": lambda report: report["audit"]["results"].reverse(),
    "exact-control": result(0, control={**CONTROL, "n": 337}),
    "fine-control": result(0, control={**CONTROL, "value": 0.8474111}),
    "fine-bins": result(0, details={"histogram": {"bins": [{"low": 0, "high": 0.74111, "train": 1, "control": 1}]}}),
    "many-bins": result(
        0, details={"histogram": {"bins": [{"low": 0, "high": 0.025, "train": 0.74, "control": 0.11}] * 40}}
    ),
    "free-rates": result(0, details={"roc": {"fpr": [0, 0.74, 1], "tpr": [0, 0.11, 1]}}),
    "fine-curve": lambda report: report["audit"]["results"][1]["details"]["roc"]["tpr"].__setitem__(3, 0.74111),
    "kinds-repeated": result(0, details={"outside_reads": ["other", "retries"] * 40}),
    "unknown-class": page(balance=[{**ROW, "label": NOTE}]),
    "class-twice": page(balance=[ROW, ROW]),
    "wrong-number-of-a-class": page(balance=[{**ROW, "released": 5}]),
    "exact-number-of-a-class": page(balance=[{**ROW, "real": 337}]),
    "free-bucket": page(balance=[{**ROW, "real": "7411-1104"}]),
    **{f"bucket-{text}": page(filters={"copy": text}) for text in ("1-1", "1-8", "1-337", "5-10", "10-15", "0-10")},
    "seconds": page(seconds="1-734"),
    "round-99": page(stages=[{"name": "filter-99", "n_in": "1-9", "n_out": "1-9"}]),
    "load-twice": page(stages=[{"name": "load-2", "n_in": "1-9", "n_out": "1-9"}]),
    "stages-in-another-order": page(
        stages=[{"name": name, "n_in": "1-9", "n_out": "1-9"} for name in ("filter", "decode")]
    ),
    "stage-repeated": page(stages=[{"name": "decode", "n_in": "1-9", "n_out": "1-9"}] * 2),
    "unknown-stage": page(stages=[{"name": NOTE, "n_in": "1-9", "n_out": "1-9"}]),
    "unknown-reason": page(filters={NOTE: "1-9"}),
    "unknown-classifier": page(utility={"classifiers": {NOTE: {}}}),
    "score-of-an-unknown-class": page(
        utility={"classifiers": {"tfidf-linear": {"real": {"per_class": {NOTE: {"f1": CELL}}}}}}
    ),
    **{
        f"score-{name}": page(utility={"classifiers": {"tfidf-linear": {"real": {"accuracy": {**CELL, **wrong}}}}})
        for name, wrong in (
            ("above-1", {"high": 1e9}),
            ("below-0", {"low": -0.5}),
            ("with-a-confidence", {"confidence": 0.974111104}),
            ("of-many-digits", {"value": 0.8574111}),
            ("of-exact-persons", {"n": 337}),
        )
    },
    "style-gap": page(utility={"style_gap": {"value": 7e5, "low": 0.0, "high": 8e5, "n": 200}}),
    "unknown-share": page(utility={"style": {"real": {NOTE: 0.5}}}),
}


def remake(copy, releases, reissue, change):
    """Change report.json, update the audit files, the sums and the signature; the page is not rendered again."""
    reissue(copy, {REPORT_JSON: change})
    for one in json.loads((copy / REPORT_JSON).read_bytes())["audit"]["results"]:
        if (copy / f"evidence/{one['name']}.json").is_file():
            (copy / f"evidence/{one['name']}.json").write_bytes(canonical(one))
    reissue(copy)


@pytest.mark.parametrize("case", sorted(REPORTS))
def test_note_or_free_number_in_the_results_is_refused_although_signed(case, copy, releases, reissue, judge):
    remake(copy, releases, reissue, REPORTS[case])
    found = judge(copy)
    assert not found.ok
    reasons = (
        "has content that a bundle may not contain, under ",
        "its audits or numbers differ from the evidence",
        "the confidence of a number for control is not among",
        "its classes or numbers",
        "`audit`, `releaseId`, `verdict` or `gates` is missing or malformed",
    )
    assert any(reason in found.failure for reason in reasons), found.failure
    assert NOTE not in found.to_text()


def test_scores_and_plots_in_the_closed_form_only_fail_because_the_page_was_not_rendered(
    copy, releases, reissue, judge
):
    remake(copy, releases, reissue, page(utility={"classifiers": SCORES}))
    assert "differs from the file that the verifier rebuilds from" in judge(copy).failure


NAMES = ("report/appendix.jsonl", "CON", ".hidden", "run me.exe", "notes.txt", "data/notes.csv", "README.md ")
NAMES += ("README.MD", "evidence/replay.json", "evidence/linkage.json", "data/train-00001-of-00001.jsonl", "LICENSE.")
NAMES += ("README\u200b.md", "R\u0415ADME.md", "provenance/NUL.json", "policy/policy.yml", "report/report.html.asc")


@pytest.mark.parametrize("name", NAMES)
def test_further_file_is_refused_although_signed(name, copy, add_file, judge):
    add_file(copy, name, json.dumps([NOTE] * 200).encode())
    assert judge(copy).code in {10, 12, 15}, judge(copy).failure
    assert judge(copy).failure[:9] in {"E_EXTRA '", "E_UNSAFE ", "E_GATE re"}


def test_links_sparse_files_and_further_folders_are_refused(copy, judge, tmp_path):
    readme = (copy / "README.md").read_bytes()
    for change in (
        lambda file: file.symlink_to(tmp_path / "elsewhere"),
        lambda file: file.hardlink_to(tmp_path / "elsewhere"),
        lambda file: (file.touch(), os.truncate(file, 1 << 40)),
    ):
        (tmp_path / "elsewhere").write_bytes(readme)
        (copy / "README.md").unlink()
        change(copy / "README.md")
        assert judge(copy).failure.startswith("E_UNSAFE README.md"), judge(copy).failure
    (copy / "README.md").unlink()
    (copy / "README.md").write_bytes(readme)
    assert judge(copy).ok
    (copy / "notes").mkdir()
    assert judge(copy).failure.startswith("E_EXTRA notes")


def test_every_name_is_written_or_a_data_file(clean):
    written = {path.relative_to(clean).as_posix() for path in clean.rglob("*") if path.is_file()}
    assert written >= {*REQUIRED, JSONL, PARQUET}
    assert written - {"attestation/release.dsse.json"} <= ALLOWED
    assert callable(bundle_files)


def test_written_files_change_only_with_the_schema_version(clean, releases, tmp_path):
    """The verifier generates these files again, so a change of them requires a new SCHEMA_VERSION."""
    private = releases.bundle(tmp_path, releases.DP_POLICY, privacy=releases.DP_PRIVACY)
    names = ("README.md", REPORT_HTML, "croissant.json", "LICENSE", "schema/record.schema.json")
    written = "".join((bundle / name).read_text() for bundle in (clean, private) for name in names)
    written = re.sub(r"[0-9a-f]{64}|2026-11-20-[0-9a-f]{6}|\"contentSize\": \"[^\"]*\"", "", written)
    written = written.replace(f"synthgen {version('synthgen')}", "synthgen")
    assert written.count("written at 2026-11-20T07:00:00Z") == 2
    assert (SCHEMA_VERSION, hashlib.sha256(written.encode()).hexdigest()[:16]) == ("5.8.0", "a6d30f8d51883c71")


def test_release_id_depends_on_every_part():
    parts = ["2026-11-20T07:00:00Z", "a" * 64, "b" * 64, {JSONL: "c" * 64}]
    one = release_id(*parts)
    assert one.startswith("2026-11-20-")
    for place, other in enumerate(("2026-11-21T07:00:00Z", "d" * 64, "d" * 64, {JSONL: "d" * 64})):
        assert release_id(*parts[:place], other, *parts[place + 1 :]) != one


# --- files that are changed without signing them again


def test_libraries_are_listed_in_the_form_of_cyclonedx(copy, releases):
    found, producer = (
        json.loads((copy / "provenance/sbom.cdx.json").read_bytes()),
        releases.statement(copy)["predicate"]["producer"],
    )
    about = {"type": "application", "name": producer["tool"], "version": producer["version"]}
    libraries = [(name, found) for name, found in sorted(producer["madeBy"].items()) if found != "absent"]
    packages = {name: f"pkg:pypi/{name}@{found}" for name, found in libraries if name not in {"source", "audits"}}
    assert found == {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": about, "properties": [{"name": "python", "value": producer["python"]}]},
        "components": [
            {
                "type": "library",
                "name": name,
                "version": producer["madeBy"][name],
                "purl": package,
                "bom-ref": package,
            }
            for name, package in packages.items()
        ],
    }
