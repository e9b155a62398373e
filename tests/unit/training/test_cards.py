from pathlib import Path

import pytest
from cards import main
from corpora import STEPS, STYLES

from synthgen.decode.bridge import load_bridge
from synthgen.decode.config import PLAIN
from synthgen.decode.style_adapter import built_in_styles, is_built_in, load_style

ROOT = Path(__file__).parents[3]


def test_the_page_of_the_built_in_styles_agrees_with_their_cards(capsys):
    main()
    assert (ROOT / "docs" / "explanation" / "styles.md").read_text(encoding="utf-8") == capsys.readouterr().out
    assert built_in_styles() == (PLAIN, *sorted(STYLES))


@pytest.mark.parametrize("name", sorted(STYLES))
def test_a_built_in_style_fits_the_shipped_bridge_and_names_its_sources(name):
    style = load_style(name, Path)
    card = style.card
    assert is_built_in(style)
    assert card.name == name
    assert card.bridge == load_bridge("builtin").digest
    assert {s.name: s.licence for s in card.sources} == {f"{s.name}.parquet": s.licence for s in STYLES[name]}
    assert card.steps == STEPS.get(name, 100)
    assert card.heldout_after < card.heldout_before - 0.5
    assert len(set(card.samples)) >= 10


def test_the_shipped_files_stay_under_sixty_megabytes():
    packed = [p for top in ("synthgen", "audits", "policies", "examples") for p in (ROOT / top).rglob("*")]
    assert sum(p.stat().st_size for p in packed if p.is_file() and "__pycache__" not in p.parts) < 60_000_000
