import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from studies.smotext.figures import write_smotext_figures


@pytest.fixture(scope="module")
def made_up(module_at):
    return module_at("tests/unit/studies/smotext/test_tables.py").made_up


def test_both_figures_are_written_as_vectors_and_as_pixels(made_up, tmp_path, svg_texts):
    paths = write_smotext_figures(made_up(("d", "e")), tmp_path)
    assert [p.name for p in paths] == ["accuracy.svg", "accuracy.png", "privacy-utility.svg", "privacy-utility.png"]
    curves, trade = svg_texts(paths[0]), svg_texts(paths[2])
    assert {"smotext", "label-only", "real alone", "d", "e", "synthetic records", "10", "20"} <= set(curves)
    assert {"smotext", "label-only", "d", "e"} <= set(trade)


def test_the_axis_that_panels_share_names_every_size_of_every_set(made_up, tmp_path, svg_texts):
    measures = pa.concat_tables([made_up(("d",)), made_up(("e",)).filter(pc.field("n") < 20)])
    assert {"10", "20"} <= set(svg_texts(write_smotext_figures(measures, tmp_path)[0]))


def test_lines_differ_in_more_than_colour(made_up, tmp_path):
    svg = write_smotext_figures(made_up(), tmp_path)[0].read_text(encoding="utf-8")
    styles = re.findall(r'<path d="[^"]*" clip-path="[^"]*" style="([^"]*stroke-width: 1.4[^"]*)"', svg)
    assert len({re.search(r"stroke-dasharray: ([^;]*)|$", style).group(1) for style in styles}) >= 2


def test_figures_of_one_seed_are_written(made_up, tmp_path):
    assert len(write_smotext_figures(made_up(seeds=1), tmp_path)) == 4
