"""The report in a real browser: it draws, in light and in dark, wide and narrow, with nothing cut off."""

import shutil
import subprocess

import numpy as np
import pytest
from matplotlib.image import imread

from audits.report import render_report

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]
LIGHT, DARK = 1, 0  # Blink's numbers for a preferred colour scheme


@pytest.fixture(scope="module", params=["refused", "private"])
def page_file(request, tmp_path_factory, module_at):
    pages = module_at("tests/unit/audits/report/pages.py")
    file = tmp_path_factory.mktemp("report") / "report.html"
    content = pages.content("refused") if request.param == "refused" else pages.private_content(independent=False)
    file.write_text(render_report(content), encoding="utf-8")
    return file


COMMAND = (
    *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--hide-scrollbars"),
)


def screenshot(page_file, tmp_path, width, scheme):
    picture = tmp_path / "page.png"
    command = [
        *COMMAND,
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={width},1600",
        f"--blink-settings=preferredColorScheme={scheme}",
        f"--screenshot={picture}",
        page_file.as_uri(),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return imread(picture)[..., :3]


@pytest.mark.parametrize("width", [1280, 900, 780, 720, 360])
@pytest.mark.parametrize("scheme", [LIGHT, DARK])
def test_the_report_renders_in_a_browser(page_file, tmp_path, width, scheme):
    pixels = screenshot(page_file, tmp_path, width, scheme)
    assert pixels.shape[:2] == (1600, width)
    paper = pixels[-1, 2]
    assert paper.mean() > 0.9 if scheme == LIGHT else paper.mean() < 0.2
    inked = np.abs(pixels - paper).max(axis=2) > 0.2
    assert 0.01 < inked.mean() < 0.6
    assert inked.any(axis=1).mean() > 0.4  # not one block at the top of an empty page
    assert not inked[:, -4:].any()  # nothing runs over the right edge


def test_closed_tables_are_printed(page_file, tmp_path):
    """The printed page contains the tables that a reader on a screen opens, so it is longer than without them."""
    sizes = []
    html = page_file.read_text(encoding="utf-8")
    for name, removed in (("whole", "no such rule"), ("closed", "content-visibility: visible")):
        page, printed = tmp_path / f"{name}.html", tmp_path / f"{name}.pdf"
        page.write_text(html.replace(removed, ""), encoding="utf-8")
        options = (f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={printed}", page.as_uri())
        subprocess.run([*COMMAND, *options], check=True, capture_output=True, timeout=120)
        sizes.append(printed.stat().st_size)
    assert sizes[0] > sizes[1] + 2000
