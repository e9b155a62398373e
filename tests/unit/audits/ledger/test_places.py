from pathlib import Path

from audits.ledger.places import data_folder, ledger_folder, seen_at, seen_of


def test_the_ledger_lies_where_the_institution_says_or_with_the_users_data(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert ledger_folder() == tmp_path / "synthgen" / "ledger"
    monkeypatch.setenv("SYNTHGEN_LEDGER", "/institution/ledger")
    assert ledger_folder() == Path("/institution/ledger")
    monkeypatch.delenv("XDG_DATA_HOME")
    assert data_folder() == Path.home() / ".local" / "share" / "synthgen"


def test_each_ledger_has_a_memory_of_its_own_wherever_it_is_named_from(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert seen_at(Path("a")) == seen_at(tmp_path / "a") == seen_at(tmp_path / "b" / ".." / "a")
    assert seen_at(Path("a")) != seen_at(Path("b"))


def test_a_chain_is_remembered_by_its_id_with_the_users_data(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert seen_of("a" * 32) == tmp_path / "synthgen" / "ledgers-seen" / f"{'a' * 32}.json"
