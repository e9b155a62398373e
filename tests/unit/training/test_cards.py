from pathlib import Path

import pytest
from cards import main
from corpora import MANNERS, STEPS

from synthgen.stages.decode.bridge import load_bridge
from synthgen.stages.decode.config import PLAIN
from synthgen.stages.decode.manner import load_manner, of_shelf, on_shelf

ROOT = Path(__file__).parents[3]


def test_the_page_of_the_shelf_is_what_its_cards_say(capsys):
    main()
    assert (ROOT / "docs" / "manners.md").read_text(encoding="utf-8") == capsys.readouterr().out


def test_what_is_trained_is_what_is_on_the_shelf():
    assert on_shelf() == (PLAIN, *sorted(MANNERS))


@pytest.mark.parametrize("name", sorted(MANNERS))
def test_a_manner_of_the_shelf_fits_the_shipped_bridge_and_says_where_it_is_from(name):
    manner = load_manner(name, Path)
    card = manner.card
    assert of_shelf(manner)
    assert card.name == name
    assert card.bridge == load_bridge("builtin").digest
    assert {s.name: s.licence for s in card.sources} == {f"{s.name}.parquet": s.licence for s in MANNERS[name]}
    assert card.steps == STEPS.get(name, 100)
    assert card.heldout_after < card.heldout_before - 0.5
    assert len(set(card.samples)) >= 10


def test_what_is_shipped_stays_under_sixty_megabytes():
    packed = [p for top in ("synthgen", "audits", "policies", "examples") for p in (ROOT / top).rglob("*")]
    assert sum(p.stat().st_size for p in packed if p.is_file() and "__pycache__" not in p.parts) < 60_000_000
