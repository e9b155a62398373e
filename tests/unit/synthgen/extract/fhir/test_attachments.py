import base64
import time

import pytest

from synthgen.extract.fhir import attachments as module
from synthgen.extract.fhir.attachments import Attachments, Texts, add_narrative, add_sections


def data(text, kind="text/plain"):
    return {"contentType": kind, "data": base64.b64encode(text.encode()).decode()}


def read(folder, *attachments, binaries=lambda _: None):
    texts = Texts()
    Attachments(folder, binaries).read(list(attachments), texts)
    return texts


def test_all_texts_are_joined_without_those_that_another_contains(tmp_path):
    whole = data("<p>Chest pain, since Monday.</p>", "text/html")
    found = read(tmp_path, data("Chest  pain, since\nMonday."), whole, data("Plan: rest."), data("Monday."))
    assert found.joined() == "Chest  pain, since\nMonday.\n\nPlan: rest."


def test_reasons_and_the_most_telling_one(tmp_path):
    url = {"url": "https://x.org/Binary/1"}
    found = read(tmp_path, {"contentType": "image/png", "data": "aGk="}, {"data": "?"}, {}, url)
    assert found.reasons == [
        "content type is not text, HTML, RTF or PDF; convert the attachment first",
        module.NOT_BASE64,
        module.NO_CONTENT,
        module.URL_ONLY,
    ]
    assert found.reason() == module.URL_ONLY
    assert Texts().reason() == module.NO_CONTENT


def test_downloaded_files_are_read_inside_the_folder_only(tmp_path):
    folder = tmp_path / "export"
    (folder / "attachments").mkdir(parents=True)
    (folder / "attachments" / "a b.txt").write_text("inside")
    (tmp_path / "secret.txt").write_text("secret")
    url = {"contentType": "text/plain", "url": "./attachments/a%20b.txt"}
    assert read(folder, url).joined() == "inside"
    assert read(folder, {**url, "url": f"file://{folder}/attachments/a%20b.txt"}).joined() == "inside"
    for outside in ("../secret.txt", str(tmp_path / "secret.txt"), "attachments/none.txt", "a%00b", "x" * 5000):
        assert read(folder, {**url, "url": outside}).reasons == [module.MISSING_FILE]


def test_a_binary_resource_of_the_export_is_read(tmp_path):
    binaries = {"7": (b"from binary", "text/plain")}.get
    found = read(tmp_path, {"url": "https://x.org/fhir/Binary/7"}, {"url": "Binary/8"}, binaries=binaries)
    assert (found.joined(), found.reasons) == ("from binary", [module.URL_ONLY])


@pytest.mark.parametrize(("status", "text"), [("additional", "a\nb"), ("", "a\nb"), ("generated", ""), ("empty", "")])
def test_a_narrative_that_software_generated_is_no_text(status, text):
    texts = Texts()
    add_narrative({"status": status, "div": "<div>a<br/>b</div>"}, texts)
    assert texts.joined() == text


def test_sections_have_their_titles_as_headings():
    texts = Texts()
    inner = {"title": "Inner", "text": {"div": "<div>two</div>"}}
    add_sections(
        [{"title": "Outer", "text": {"div": "<div>one</div>"}, "section": [inner]}, {"title": "Empty"}, 3], texts
    )
    assert texts.joined() == "Outer\none\n\nInner\ntwo"


HTML = "<p>HPI: chest pain, worse on exertion, no fever, no cough.</p><ul><li>Aspirin</li></ul><p>BP 120/80</p>"
RTF = r"{\rtf1 HPI: chest pain, worse on exertion, no fever, no cough.\par \bullet  Aspirin\par BP\cell 120/80}"


def test_formats_of_one_document_are_one_text_and_parts_of_one_format_are_not(tmp_path):
    assert read(tmp_path, data(HTML, "text/html"), data(RTF, "text/rtf")).joined().count("chest pain") == 1
    left, right = (data(f"{side} knee: no swelling, no redness, no pain, full range of motion.") for side in "LR")
    assert read(tmp_path, left, right).joined().count("knee") == 2


def test_many_attachments_take_linear_time():
    many = Texts([f"text {i}" for i in range(100_000)])
    start = time.process_time()
    assert many.joined().count("\n\n") == 99_999
    assert time.process_time() - start < 5


@pytest.mark.parametrize("url", ["a%00b", "x" * 400, "\ud800", "loop", "all.ndjson"])
def test_names_that_are_no_attachment_are_a_missing_file(tmp_path, url):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "all.ndjson").write_text("{}")
    assert read(tmp_path, {"contentType": "text/plain", "url": url}).reasons == [module.MISSING_FILE]


def test_a_binary_of_the_same_bundle_is_read_by_its_urn(tmp_path):
    found = read(tmp_path, {"url": "urn:uuid:7"}, binaries={"7": (b"from binary", "text/plain")}.get)
    assert found.joined() == "from binary"
