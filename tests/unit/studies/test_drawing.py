from itertools import pairwise

import pytest
from PIL import Image

from studies.drawing import LOOKS, file_name, sheet, write_figure

PAGE_CM = 17


def draw(folder, number):
    with sheet(2.0, 1, 2) as (figure, panels):
        panels[number].plot([1, 2], [3, number], label="a$_1$")
        panels[number].legend()
        return write_figure(figure, folder, "x")


def test_a_figure_is_as_wide_as_the_page_and_its_text_is_text(tmp_path):
    svg, png = draw(tmp_path / "new", 0)
    with Image.open(png) as image:
        assert image.size[0] / 300 * 2.54 == pytest.approx(PAGE_CM, abs=0.05)
    text = svg.read_text(encoding="utf-8")
    assert "a$_1$" in text  # a method's name is not typeset as mathematics
    assert "dc:date" not in text


def test_same_numbers_same_bytes(tmp_path):
    one, again, other = (draw(tmp_path / name, number) for name, number in (("a", 1), ("b", 1), ("c", 0)))
    for a, b, c in zip(one, again, other, strict=True):
        assert a.read_bytes() == b.read_bytes() != c.read_bytes()


def test_series_differ_in_colour_mark_and_dash_and_the_first_four_in_grey_too():
    for part in ("color", "marker", "dash"):
        assert len({getattr(look, part) for look in LOOKS}) == len(LOOKS)
    colours = [[int(look.color[i : i + 2], 16) for i in (1, 3, 5)] for look in LOOKS[:4]]
    tones = sorted(0.299 * r + 0.587 * g + 0.114 * b for r, g, b in colours)  # brightness, 0 to 255 (Rec. 601)
    assert all(b - a > 15 for a, b in pairwise(tones))


def test_file_names_hold_no_spaces_or_slashes():
    assert file_name("UMAP", "ag_news, smote: n = 64/../x") == "umap-ag_news-smote-n-64-x"
    assert file_name("gains", "données") == "gains-données"
