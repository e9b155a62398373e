from pathlib import Path

from audits.ledger.places import data_folder, ledger_folder, memory_of


def test_the_ledger_lies_where_the_institution_says_or_with_the_users_data(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert ledger_folder() == tmp_path / "synthgen" / "ledger"
    monkeypatch.setenv("SYNTHGEN_LEDGER", "/institution/ledger")
    assert ledger_folder() == Path("/institution/ledger")
    monkeypatch.delenv("XDG_DATA_HOME")
    assert data_folder() == Path.home() / ".local" / "share" / "synthgen"


def test_each_ledger_has_a_memory_of_its_own_wherever_it_is_named_from(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert memory_of(Path("a")) == memory_of(tmp_path / "a") == memory_of(tmp_path / "b" / ".." / "a")
    assert memory_of(Path("a")) != memory_of(Path("b"))
