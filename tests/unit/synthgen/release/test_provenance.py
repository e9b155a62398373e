import json

from ruamel.yaml import YAML

from synthgen.release.provenance import HIDDEN, producer, public_name, redact_config, sbom, to_yaml


def test_redaction_hides_paths_and_keeps_names():
    config = {"version": 1, "workspace": "./ws", "policy": "mine.yaml", "dp": {"ledger": "./ledger", "epsilon": None}}
    config |= {"source": {"path": "notes.jsonl", "text": "note"}, "embed": {"model": "minilm"}}
    config |= {"decode": {"model": "/models/x", "bridge": "builtin"}}
    config |= {"release": {"key": "keys/r.pem", "out": "out", "name": "n"}}
    public = redact_config(config)
    assert public["source"] == {"path": HIDDEN, "text": "note"}
    assert public["decode"] == {"model": HIDDEN, "bridge": "builtin"}
    assert (public["workspace"], public["policy"], public["embed"]["model"]) == (HIDDEN, HIDDEN, "minilm")
    assert (public["release"], config["workspace"]) == ({"key": HIDDEN, "out": HIDDEN, "name": "n"}, "./ws")
    config["decode"]["style"] = ["letter", "styles/ward-7"]
    assert redact_config(config)["decode"]["style"] == ["letter", HIDDEN]
    private = ("/srv/models/x", "models/x", "..\\x", "~x", "mine.yaml", "${WARD_7_BRIDGE}")  # and a variable's name
    assert {public_name(name) for name in private} == {HIDDEN}
    assert public_name("minilm") == "minilm"


def test_yaml_is_read_back():
    value = {"a": {"b": (1, "no: x")}, "c": None}
    assert YAML(typ="safe", pure=True).load(to_yaml(value)) == {"a": {"b": [1, "no: x"]}, "c": None}


def test_packages_are_sorted_and_unique():
    made = sbom()
    names = [component["name"] for component in made["components"]]
    assert names == sorted(set(names))
    assert "cryptography" in names
    assert json.dumps(made) == json.dumps(sbom())
    made = producer({"python": "3.11.7", "numpy": "2.3.0"})
    assert (made["tool"], made["python"], made["madeBy"]) == ("synthgen", "3.11.7", {"numpy": "2.3.0"})
