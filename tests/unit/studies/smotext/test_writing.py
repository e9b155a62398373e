from dataclasses import replace
from functools import partial

import pytest

from studies.smotext import writing
from studies.smotext.writing import (
    Maker,
    TextRequest,
    Writing,
    bridge_decoder,
    label_only_decoder,
    latents_of,
    missing_tokens,
    read_texts,
    write_texts,
)
from synthgen.core.digest import sha256_texts
from synthgen.core.errors import InternalError, StorageError
from synthgen.core.progress import silent
from synthgen.core.seeds import SeedTree
from synthgen.decode.base import Settings

WRITTEN = {"one": "d1d7e3ca72f9c349", "two": "5f33990656109e07"}
PROMPTS = {"ant": "the", "bee.hive": "a"}
SETTINGS = Settings(prompts=PROMPTS, candidates=2, max_new_tokens=5, temperature=0.8, top_p=0.95, top_k=20, batch=3)


@pytest.fixture
def makers(llama_folder, bridge_folder):
    behind = partial(bridge_decoder, llama_folder, str(bridge_folder), "tiny", "tiny-encoder", 7)
    label_only = partial(label_only_decoder, llama_folder, "tiny", "See {label}.")
    return {"bridge": Maker(open=behind, digest="b"), "label-only": Maker(open=label_only, digest="a")}


@pytest.fixture
def wanted(tiny):
    one = TextRequest(**rows(tiny.latents(7)), name="one", maker="bridge", settings=SETTINGS, seeds=SeedTree(1))
    two = replace(one, name="two", maker="label-only", settings=replace(SETTINGS, candidates=1))
    return [Writing(request=request, latents=tiny.latents(7)) for request in (one, two)]


def rows(latents):
    return {"ids": latents.ids, "labels": latents.labels}


def asking(writing, **changes):
    return replace(writing, request=replace(writing.request, **changes))


def decoded(wanted, makers):
    """Return what the decoder of a writing writes for it in this process."""
    request = wanted.request
    return makers[request.maker].open().decode(wanted.latents, request.settings, request.seeds, lambda _: None)


@pytest.mark.slow
def test_shards_are_those_of_the_decoder_itself(tmp_path, makers, wanted):
    write_texts(wanted, makers, tmp_path, silent)  # in real processes
    for w in wanted:
        assert read_texts(w, makers, tmp_path) == decoded(w, makers)
    assert missing_tokens(wanted, makers, tmp_path) == 0
    assert not list(tmp_path.rglob("*.partial"))


def test_a_stopped_writing_continues_with_the_missing_shards(tmp_path, makers, wanted, in_this_process):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder in (whole, cut):
        folder.mkdir()
    in_this_process(writing, "_open", [])
    write_texts(wanted, makers, whole, silent)
    in_this_process(writing, "_open", [], stop_after=2)
    with pytest.raises(SystemExit):
        write_texts(wanted, makers, cut, silent)
    kept = {p: p.stat().st_mtime_ns for p in cut.rglob("*.parquet")}
    assert len(kept) == 2
    with pytest.raises(StorageError, match="cannot be read"):
        read_texts(wanted[0], makers, cut)
    # one: shards of 3, 3, 1 latents, two candidates each; two: shards of 6 and 1
    assert missing_tokens(wanted, makers, cut) == 5 * (2 * 1 + 7)
    made = []
    in_this_process(writing, "_open", made)
    write_texts(wanted, makers, cut, silent)
    assert len(made) == 3
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    for w in wanted:
        assert read_texts(w, makers, cut) == read_texts(w, makers, whole)
    write_texts(wanted, makers, cut, silent)
    assert len(made) == 3


def test_everything_that_determines_the_texts_is_in_the_key(tiny, makers, wanted):
    one = wanted[0]
    other = replace(makers["bridge"], digest="c")
    named = tiny.latents(7, labels=("bee.hive", "ant"))
    changed = [
        (replace(one, latents=tiny.latents(7, seed=3)), makers),
        (replace(one, latents=named, request=replace(one.request, **rows(named))), makers),
        (asking(one, settings=replace(SETTINGS, temperature=0.7)), makers),
        (asking(one, settings=replace(SETTINGS, prompts={"ant": "a", "bee.hive": "a"})), makers),
        (asking(one, seeds=SeedTree(2)), makers),
        (one, {**makers, "bridge": other}),
    ]
    keys = {w.key(m) for w, m in [(one, makers), *changed]}
    assert len(keys) == 1 + len(changed)
    assert asking(one, name="else").key(makers) == one.key(makers)


def test_texts_are_requested_under_the_names_of_their_vectors(tiny, wanted):
    with pytest.raises(InternalError, match="differ from those of the vectors"):
        replace(wanted[0], latents=tiny.latents(7, labels=("bee.hive", "ant")))


def test_a_damaged_shard_is_reported_with_the_remedy(tmp_path, makers, wanted, in_this_process):
    in_this_process(writing, "_open", [])
    write_texts(wanted[:1], makers, tmp_path, silent)
    next(tmp_path.rglob("shard-00001.parquet")).write_bytes(b"PAR1 no")
    with pytest.raises(StorageError, match="shard-00001") as caught:
        read_texts(wanted[0], makers, tmp_path)
    assert "Delete the file" in caught.value.hint


def test_a_process_holds_one_decoder_at_a_time(tmp_path, makers, wanted, in_this_process):
    in_this_process(writing, "_open", [])
    write_texts(wanted, makers, tmp_path, silent)
    assert list(writing._open) == ["label-only"]


def test_rows_of_latents(tiny):
    some = latents_of(tiny.latents(5), [3, 1])
    assert some.ids == ("x3", "x1")
    assert some.labels == ("bee.hive", "bee.hive")
    assert (some.vectors == tiny.latents(5).vectors[[3, 1]]).all()


def test_texts_change_only_with_the_version_of_the_texts(makers, wanted):
    """The key of a writing does not depend on the code, so a change of the texts requires a new TEXTS_VERSION."""
    for w in wanted:
        digest = sha256_texts([c.text for c in decoded(w, makers)])
        assert digest[:16] == WRITTEN[w.request.name], "raise studies.smotext.writing.TEXTS_VERSION"
