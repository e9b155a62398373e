"""The report and the review page in a real browser.

The tests check both colour schemes, several window widths, the printed page, and navigation by keyboard. No content
may be cut off.
"""

import io
import shutil
import unicodedata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pypdf
import pytest
from lxml import html as markup
from matplotlib.image import imread

from audits.report import render_report
from synthgen.pipeline.pipeline import Pipeline
from synthgen.release.review.page import write_review
from synthgen.release.run import load_run

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]


@pytest.fixture(scope="session")
def reviews(tmp_path_factory, module_at, tiny):
    """The review pages of a run with tiny random models, after a release and after a refusal, by name."""
    folder = tmp_path_factory.mktemp("review")
    project = module_at("tests/unit/synthgen/conftest.py").make_project(folder / "trial", tiny)
    Pipeline(project.config()).run()
    run = load_run(project.config())
    run.release(run.decide(), key=project.folder / "keys" / "releaser.pem", out=project.folder / "out")
    found = {"review-released": write_review(run).read_text(encoding="utf-8")}
    policy = project.folder / "lenient.yaml"
    policy.write_text(policy.read_text().replace("limit: 7", "limit: 700"))
    return {**found, "review-refused": write_review(load_run(project.config())).read_text(encoding="utf-8")}


REPORTS, REVIEWS = ("released", "refused", "private"), ("review-released", "review-refused")


@pytest.fixture(scope="module", params=[*REPORTS, *REVIEWS])
def page_file(request, tmp_path_factory, module_at):
    if request.param in REVIEWS:
        file = tmp_path_factory.mktemp("page") / "review.html"
        file.write_text(request.getfixturevalue("reviews")[request.param], encoding="utf-8")
        return file
    pages = module_at("tests/unit/audits/report/pages.py")
    file = tmp_path_factory.mktemp("report") / "report.html"
    private = request.param == "private"
    content = pages.private_content(independent=False) if private else pages.content(request.param)
    file.write_text(render_report(content), encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def browser(tmp_path_factory, module_at):
    """A page in one Chromium process, which all tests use in turn."""
    command = (
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    )
    with module_at("tests/browser/chromium.py").chromium(command) as page:
        yield page


@pytest.mark.parametrize("width", [1280, 900, 780, 720, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_renders_in_a_browser(page_file, browser, width, scheme):
    browser.open(page_file, width=width, scheme=scheme)
    pixels = imread(io.BytesIO(browser.screenshot()))[..., :3]
    assert pixels.shape[:2] == (1600, width)
    paper = pixels[-1, 2]
    assert paper.mean() > 0.9 if scheme == "light" else paper.mean() < 0.2
    inked = np.abs(pixels - paper).max(axis=2) > 0.2
    assert 0.01 < inked.mean() < 0.6
    assert inked.any(axis=1).mean() > 0.4  # the content is not one block at the top of the page
    assert not inked[:, -4:].any()  # nothing runs over the right edge


@pytest.mark.parametrize("page_file", REPORTS, indirect=True)
def test_closed_tables_are_printed(page_file, browser, tmp_path):
    """The printed page includes closed tables: without the style rule that shows them, its pdf file is smaller."""
    sizes = []
    source = page_file.read_text(encoding="utf-8")
    for name, removed in (("whole", "no such rule"), ("closed", "content-visibility: visible")):
        page = tmp_path / f"{name}.html"
        page.write_text(source.replace(removed, ""), encoding="utf-8")
        browser.open(page)
        sizes.append(len(browser.printed()))
    assert sizes[0] > sizes[1] + 2000


def words_on_paper(pdf):
    """Return the printed text without white space; text that begins outside the page is left out."""
    parts = []
    for page in pypdf.PdfReader(io.BytesIO(pdf)).pages:
        width = float(page.mediabox.width)

        def visit(text, cm, tm, *_, width=width):
            x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
            parts.append(text if 0 <= x < width else "")

        page.extract_text(visitor_text=visit)
    return joined("".join(parts))


def joined(text):
    """Return the text without white space and ligatures."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def test_the_last_column_of_each_table_is_printed(page_file, browser):
    browser.open(page_file)
    found = words_on_paper(browser.printed())
    tables = markup.parse(page_file).findall(".//table")
    assert tables
    for table in tables:
        for row in table.iter("tr"):
            for text in row[-1].xpath(".//text()[not(ancestor::svg)]"):
                assert joined(text) in found, text


def test_each_link_and_each_closed_part_is_reached_by_the_tab_key(page_file, browser):
    every = "Array.from(document.querySelectorAll(\"a[href], summary, [tabindex='0']\"))"
    browser.open(page_file)
    browser.open_details()
    n = browser.value(f"{every}.length")
    reached = []
    for _ in range(n):
        browser.press_tab()
        reached.append(browser.value(f"{every}.indexOf(document.activeElement)"))
        if len(reached) == 1:
            assert browser.value("document.activeElement.className") == "skip"
            assert browser.value("document.activeElement.getBoundingClientRect().left >= 0")
    assert reached == list(range(n))
    assert n > 5


# `violations` and `passes` are results of axe-core, which checks accessibility; the other values are computed here
CHECK = """
axe.run(document, {resultTypes: ["violations", "incomplete"]}).then(found => ({
  violations: found.violations.map(v => [v.id, v.nodes.map(n => n.target.join(" ") + ": " + n.failureSummary)]),
  passes: found.passes.length,
  width: document.documentElement.clientWidth,
  wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  closed: [...document.querySelectorAll(".scroll")].filter(
    e => e.tabIndex !== 0 || e.getAttribute("role") !== "region" || !e.getAttribute("aria-label")).length,
}))
"""


def looked_at(page_file, browser, width, scheme):
    """Return what axe-core finds on the page with every table open."""
    package = find_spec("axe_core_python")
    if package is None or package.origin is None:
        pytest.skip("axe-core-python is not installed")
    browser.open(page_file, width=width, scheme=scheme)
    browser.open_details()
    browser.value((Path(package.origin).parent / "axe.min.js").read_text(encoding="utf-8"))
    return browser.value(CHECK)


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (1200, "dark"), (760, "light"), (390, "dark")])
def test_axe_core_finds_no_violation(page_file, browser, width, scheme):
    found = looked_at(page_file, browser, width, scheme)
    assert found["violations"] == []
    assert found["passes"] > 20
    assert (found["width"], found["wide"], found["closed"]) == (width, 0, 0)


def test_axe_core_would_find_low_contrast_and_a_missing_name(page_file, browser, tmp_path):
    source = page_file.read_text(encoding="utf-8")
    bad = tmp_path / "bad.html"
    bad.write_text(
        source.replace("--soft: #55606d", "--soft: #c5c9cf").replace('<html lang="en">', "<html>"), encoding="utf-8"
    )
    assert {"color-contrast", "html-has-lang"} <= {
        id_ for id_, _ in looked_at(bad, browser, 1200, "light")["violations"]
    }
