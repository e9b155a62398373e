import shutil

import pytest

from synthgen.core.errors import ModelError
from synthgen.models import shipped
from synthgen.models.shipped import PACKAGE, SHIPPED, check_shipped, shipped_folders


def test_shipped_files_have_the_recorded_digests():
    assert shipped_folders() == SHIPPED
    check_shipped()


def test_added_changed_and_missing_folders_are_listed(tmp_path, monkeypatch):
    for folder in SHIPPED:
        shutil.copytree(PACKAGE / folder, tmp_path / folder)
    monkeypatch.setattr(shipped, "PACKAGE", tmp_path)
    check_shipped()
    shutil.copytree(tmp_path / "decode/styles/letter", tmp_path / "decode/styles/house")
    (tmp_path / "decode/styles/linked").symlink_to(tmp_path / "decode/styles/letter")
    shutil.rmtree(tmp_path / "decode/styles/question")
    weights = tmp_path / "decode/builtin/bridge.safetensors"
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(ModelError, match="shipped model files were changed") as caught:
        check_shipped()
    assert list(caught.value.problems) == [
        "decode/styles/question: missing",
        "decode/styles/house: not a part of the package",
        "decode/styles/linked: not a part of the package",
        "decode/builtin: was changed",
    ]
