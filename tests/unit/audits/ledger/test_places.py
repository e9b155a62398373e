from pathlib import Path

from audits.ledger.places import chain_mark_path, data_folder, folder_mark_path, ledger_folder


def test_default_paths_follow_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert chain_mark_path("a" * 32) == tmp_path / "synthgen" / "ledgers-seen" / f"{'a' * 32}.json"
    assert ledger_folder() == tmp_path / "synthgen" / "ledger"
    monkeypatch.setenv("SYNTHGEN_LEDGER", "/institution/ledger")
    assert ledger_folder() == Path("/institution/ledger")
    monkeypatch.delenv("XDG_DATA_HOME")
    assert data_folder() == Path.home() / ".local" / "share" / "synthgen"


def test_each_ledger_folder_has_one_mark_under_any_spelling(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    paths = {folder_mark_path(folder) for folder in (Path("a"), tmp_path / "a", tmp_path / "b" / ".." / "a")}
    assert len(paths) == 1
    assert folder_mark_path(Path("b")) not in paths
