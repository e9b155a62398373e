from dataclasses import replace
from importlib.metadata import version
from types import SimpleNamespace

import pytest

from synthgen.core import made_by
from synthgen.core.errors import InternalError
from synthgen.core.progress import silent
from synthgen.core.seeds import SeedTree
from synthgen.core.stage import ROOT, Sources, Stage, StageContext, StageInput, plain_value

DECLARED = {"config": ("decode.style", "split"), "inputs": ("load",), "models": ("embedder",)}
DECLARED |= {"streams": ("paint", ROOT), "libraries": ("python", "numpy")}
STAGE = Stage(name="paint", version=3, run=lambda _: {}, **DECLARED)
CONFIG = SimpleNamespace(decode=SimpleNamespace(style="plain", batch=4), split={"train": 0.5}, filter=None)


def sources(**changes):
    given = {"config": CONFIG, "seeds": SeedTree(7), "progress": silent}
    given |= {"inputs": {"load": StageInput("rows", "digest of rows")}}
    given |= {"models": {"embedder": SimpleNamespace(digest="digest of weights")}}
    return Sources(**(given | changes))


def context(tmp_path):
    return StageContext(STAGE, sources(), tmp_path, "paint-2")


def test_context_returns_declared_values(tmp_path):
    given = context(tmp_path)
    assert (given.config("decode.style"), given.config("split")) == ("plain", {"train": 0.5})
    assert (given.input("load"), given.model("embedder").digest) == ("rows", "digest of weights")
    assert (given.stream("paint"), given.stream(ROOT)) == (SeedTree(7).child("paint"), SeedTree(7))
    assert (given.folder, given.name, given.progress) == (tmp_path, "paint-2", silent)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("config", "decode"), ("config", "decode.batch"), ("input", "split"), ("model", "decoder"), ("stream", "load")],
)
def test_context_rejects_undeclared_values(tmp_path, kind, name):
    with pytest.raises(InternalError, match=r"does not declare '.+' in its"):
        getattr(context(tmp_path), kind)(name)


def test_unused_returns_declared_values_that_were_not_read(tmp_path):
    given = context(tmp_path)
    given.config("split")
    given.stream(ROOT)
    unused = {"config": "decode.style", "inputs": "load", "models": "embedder", "streams": "paint"}
    assert given.unused() == set(unused.items())


def test_a_value_is_computed_once_for_each_name(tmp_path):
    one, calls = context(tmp_path), []
    for name in ("a", "a", "b"):
        assert one.once(name, lambda: calls.append(1) or len(calls)) == {"a": 1, "b": 2}[name]
    assert len(calls) == 2


@pytest.mark.parametrize(
    "changes", [{"inputs": {}}, {"inputs": {"load": StageInput(1, "x"), "split": StageInput(1, "y")}}, {"models": {}}]
)
def test_key_rejects_undeclared_and_missing_inputs(changes):
    with pytest.raises(InternalError, match="declares"):
        STAGE.key(sources(**changes))


def test_key_contains_exactly_the_declared_values():
    wanted = {"version": 3, "inputs": {"load": "digest of rows"}, "models": {"embedder": "digest of weights"}}
    wanted["libraries"] = {"python": made_by.versions_of(["python"])["python"], "numpy": version("numpy")}
    wanted["config"] = {"decode.style": "plain", "split": {"train": 0.5}}
    wanted["streams"] = {"paint": SeedTree(7).child("paint").key().hex(), ROOT: SeedTree(7).key().hex()}
    assert STAGE.key(sources()) == wanted


def test_key_of_a_paid_stage_does_not_depend_on_the_program_version():
    paid = replace(STAGE, libraries=(), is_paid=True)
    assert paid.key(sources()) == replace(paid, version=4).key(sources())
    assert paid.code_digest == replace(paid, version=4).code_digest
    assert STAGE.code_digest != replace(STAGE, version=4).code_digest
    with pytest.raises(InternalError, match="must not declare libraries"):
        replace(STAGE, is_paid=True)


def test_equal_plain_values_have_equal_digests():
    assert plain_value({"a": (1, 2)}).digest == plain_value({"a": [1, 2]}).digest != plain_value({"a": [2, 1]}).digest
    assert plain_value(None).digest == plain_value(None).digest
