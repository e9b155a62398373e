import pytest

from audits.core.errors import VerifyError
from audits.verify.contents import with_ids
from synthgen.release import open as module
from synthgen.release.open import Release


def test_verified_release_is_opened(releases, tmp_path):
    for formats in (("parquet", "jsonl"), ("jsonl",)):
        path = releases.bundle(tmp_path / formats[0], formats=formats)
        release = Release.open(path, releases.root(), now=releases.LATER)
        assert release.to_arrow().column_names == ["id", "text", "label"]
        assert [tuple(r.values()) for r in release.to_pandas().to_dict("records")] == with_ids(releases.records())
        assert repr(release).endswith("11 records)")


def test_data_changed_before_or_after_verification_is_refused(releases, tmp_path, monkeypatch):
    path, verify = releases.bundle(tmp_path), module.verify_bundle

    def then_swap(*given):
        found = verify(*given)
        (path / "data/train-00000-of-00001.parquet").write_bytes(b"other")
        return found

    monkeypatch.setattr(module, "verify_bundle", then_swap)
    with pytest.raises(VerifyError, match="changed after it was verified"):
        Release.open(path, releases.root(), now=releases.LATER)
    (path / "README.md").write_text("x")
    with pytest.raises(VerifyError, match="README") as caught:
        Release.open(path, releases.root(), now=releases.LATER)
    assert (caught.value.code, caught.value.exit_code) == ("E_DIGEST", 10)
