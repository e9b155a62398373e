import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from synthgen.core.errors import InternalError
from synthgen.report import render_report
from synthgen.report.render import MAX_REPORT_BYTES, label, number

HOSTILE = "</script><img src=x onerror=alert(1)>\x1b]0;x\x07\u202e'\"{{7*7}}"


@pytest.fixture(scope="module", params=["released", "refused"])
def page(request, pages):
    return pages.Page(render_report(pages.content(request.param)))


def test_nothing_runs_and_nothing_is_fetched(page):
    assert not page.all("script")
    for tag, attributes, _ in page.elements:
        assert tag not in {"script", "iframe", "object", "embed", "link", "base", "form", "img"}
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name != "src"
            if name.endswith("href"):
                assert value.startswith("#")
            assert "url(http" not in (value or "")
    styles = "".join(data for data, where in page.texts if "style" in where)
    assert "@import" not in styles
    assert "url(" not in styles


def test_the_content_policy_is_the_strict_one(page):
    policies = [m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_every_picture_has_a_title_and_every_header_a_scope(page):
    n_svg = len(page.all("svg"))
    titles = [where for tag, _, where in page.elements if tag == "title" and where and where[-1] == "svg"]
    assert n_svg == len(titles) > 4
    assert all(th.get("scope") in {"row", "col"} for th in page.all("th"))
    for figure in page.all("figure"):
        assert figure["role"] == "img"
        assert figure["aria-labelledby"]
    plots = [where for tag, _, where in page.elements if tag == "desc"]
    assert len(plots) == 2
    assert page.all("html")[0]["lang"] == "en"


def test_ids_are_unique_and_every_reference_has_its_target(page):
    ids = Counter(a["id"] for _, a, _ in page.elements if "id" in a)
    assert max(ids.values()) == 1
    wanted = [i for _, a, _ in page.elements for i in a.get("aria-labelledby", "").split()]
    wanted += [a[k][1:] for _, a, _ in page.elements for k in a if k.endswith("href")]
    wanted += [m for _, a, _ in page.elements for m in re.findall(r"url\(#(.*?)\)", a.get("clip-path", ""))]
    assert set(wanted) <= set(ids)


def test_headings_do_not_skip_a_level(page):
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_a_failed_audit_that_gates_nothing_is_shown_as_failed(pages):
    shown = pages.Page(render_report(pages.content("released")))
    text = shown.text()
    banner = text[text.index("Released: all 3 gates passed") : text.index("Verify it yourself")]
    assert "membership ✕ FAIL" in banner
    beside = text[text.index("Measured, gating nothing") : text.index("Class balance")]
    assert "FAIL membership" in beside
    assert "PASS" not in beside.replace("what is not PASS", "")
    gates = text[text.index("Every rule of the policy") : text.index("Measured, gating nothing")]
    assert "membership.passed" not in gates


def test_the_first_words_are_verdict_and_statement(pages):
    for verdict, words in [
        ("released", "Released: all 3 gates passed"),
        ("refused", "Refused: 2 of 5 gates did not"),
    ]:
        text = pages.Page(render_report(pages.content(verdict))).text()
        assert text.index(words) < text.index("Not shown to be safe outside") < text.index("What was made")
        assert text.count("would have said: For use inside") == (verdict == "refused")
    assert "Not passed: useful (FAIL), balance (INSUFFICIENT)" in text
    assert "synthgen verify" not in text


def test_a_release_says_how_to_verify_it(pages):
    text = pages.Page(render_report(pages.content())).text()
    assert "synthgen verify release-clinic-synthetic-2026-11-20-a1b2c3 --trust trust.json" in text


def test_audits_not_run_are_named(pages):
    text = pages.Page(render_report(pages.content())).text()
    start = text.index("Not tested here")
    for name in ("identifiers", "parent_recovery", "linkage", "canaries", "accounting", "differencing"):
        assert name in text[start:]
    assert "memorization: Does" not in text[start:]
    assert "1,717 independent records would decide it." in text


@pytest.mark.parametrize("where", ["label", "title"])
def test_hostile_names_stay_words(pages, where):
    html = render_report(pages.content("refused", **{where: HOSTILE}))
    page = pages.Page(html)
    assert not page.all("img")
    assert not page.all("script")
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert "</script><img src=x onerror=alert(1)>" in page.text()
    assert "{{7*7}}" in page.text()


def test_hostile_words_of_an_audit_stay_words(pages):
    audit = {**pages.audits()[1], "reason": HOSTILE, "name": HOSTILE}
    page = pages.Page(
        render_report(replace(pages.content("refused"), audits=(audit,), provenance={HOSTILE: HOSTILE}))
    )
    assert not page.all("img")


def test_the_same_content_gives_the_same_bytes_in_another_process(pages):
    here = render_report(pages.content())
    assert render_report(pages.content()) == here
    code = (
        f"import sys; sys.path.insert(0, {str(Path(pages.__file__).parent)!r})\n"
        "import pages; from synthgen.report import render_report\n"
        "sys.stdout.buffer.write(render_report(pages.content()).encode())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert there == here.encode()


def test_a_page_of_a_hundred_classes_is_under_the_limit(pages):
    labels = [f"class {i}" for i in range(101)]
    content = pages.content()
    big = replace(content, balance=tuple((x, 7, 8, 9) for x in labels), utility=pages.utility(labels))
    assert len(render_report(big).encode()) < MAX_REPORT_BYTES


def test_a_page_over_the_limit_is_refused(pages):
    content = replace(pages.content(), limitations=("x" * MAX_REPORT_BYTES,))
    with pytest.raises(InternalError, match="at most 2000000"):
        render_report(content)


def test_a_policy_without_gates_and_nothing_else_still_renders(pages):
    bare = replace(
        pages.content("refused"),
        gates=(),
        balance=(),
        audits=(),
        utility={},
        filters={},
        stages=(),
        provenance={},
        limitations=(),
    )
    assert "nothing is released without one" in pages.Page(render_report(bare)).text()


def test_a_histogram_of_few_records_is_not_drawn(pages):
    audit = {**pages.audits()[1], "details": {"histogram": pages.histogram([0, 1, 2], [3, 2], [1, 1])}}
    text = pages.Page(render_report(replace(pages.content(), audits=(audit,)))).text()
    assert "Too few records to draw" in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "not measured"),
        (float("nan"), "not a finite number"),
        (0, "0"),
        (1717, "1,717"),
        (0.0, "0"),
        (0.61, "0.610"),
        (0.00042, "4.2e-04"),
        (-0.5, "-0.500"),
        ((0.47, 0.53), "0.470 to 0.530"),
        ("n/a", "n/a"),
    ],
)
def test_number(value, shown):
    assert number(value) == shown


def test_long_labels_are_cut():
    assert len(label("x" * 500)) == 60
    assert label("x" * 60) == "x" * 60
