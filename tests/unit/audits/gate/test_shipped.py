import pytest

from audits.core.errors import PolicyError
from audits.gate.shipped import load_policy, shipped_policies


@pytest.mark.parametrize("name", sorted(file.stem for file in shipped_policies().glob("*.yaml")))
def test_edited_copy_needs_its_own_name(tmp_path, name):
    text = (shipped_policies() / f"{name}.yaml").read_text(encoding="utf-8")
    copy = tmp_path / "ours.yaml"
    copy.write_text(text + "# kept here\n", encoding="utf-8")
    assert load_policy(copy) == load_policy(name)
    edited = text.replace("validity_days: ", "validity_days: 1", 1)
    assert edited != text
    copy.write_text(edited, encoding="utf-8")
    with pytest.raises(PolicyError, match="name of the shipped policy"):
        load_policy(copy)
    copy.write_text(edited.replace(f"name: {name}", "name: ours", 1), encoding="utf-8")
    assert load_policy(copy).name == "ours"
