import json
from collections import Counter
from types import SimpleNamespace
from zlib import crc32

import numpy as np
import pytest

from synthgen.core.digest import sha256_file
from synthgen.core.errors import ConfigError, DataError
from synthgen.core.types import Candidate
from synthgen.decode.loading import backend_of
from synthgen.pipeline import rounds
from synthgen.pipeline.rounds import Round, next_round
from synthgen.pipeline.workspace import DONE


def state(number, have):
    labels = [(label, i) for label, n in have.items() for i in range(n)]
    kept = tuple(Candidate(latent_id=f"{x}{i}", index=0, text="t", label=x, finish="stop") for x, i in labels)
    requested, none = {"a": 100, "b": 100}, np.zeros((0, 2))
    return Round(number=number, requested=requested, candidates=kept, vectors=none, embeddings=(), kept=kept)


@pytest.mark.parametrize(
    ("number", "before", "after", "continues"),
    [
        (1, {}, {"a": 70, "b": 70}, False),  # no class lacks records
        (1, {}, {"a": 0, "b": 70}, True),  # the first round is never the last if a class lacks records
        (4, {"a": 60, "b": 70}, {"a": 66, "b": 70}, True),  # 6 of 10 missing records were added
        (5, {"a": 20, "b": 70}, {"a": 25, "b": 70}, True),  # 5 of 50 missing records were added: a tenth
        (5, {"a": 20, "b": 70}, {"a": 24, "b": 70}, False),  # 4 of 50: less than a tenth
        (5, {"a": 20, "b": 70}, {"a": 19, "b": 70}, False),  # newly fitted filters may keep fewer
        (5, {"a": 69, "b": 70}, {"a": 69, "b": 70}, False),
        (rounds.MAX_ROUNDS - 1, {"a": 0, "b": 70}, {"a": 60, "b": 70}, True),
        (rounds.MAX_ROUNDS, {"a": 0, "b": 70}, {"a": 60, "b": 70}, False),
    ],
)
def test_a_further_round_needs_a_gain(number, before, after, continues):
    setup = SimpleNamespace(wanted={"a": 70, "b": 70})
    following = next_round(setup, state(number, before), state(number, after))
    assert (following is not None) == continues
    if following is not None:
        assert following.number == number + 1
        assert following.requested["a"] > 100
        assert following.requested["b"] == 100


ROUND = ("interpolate", "decode", "re-embed", "filter")
RECONSTRUCTION = ("decode-reconstruction", "re-embed-reconstruction")


def made(writer):
    """Write and return the names of the stages that were computed, not reused."""
    writer.write()
    return {s.name for s in writer.stages if not s.reused}


def shards(writer, mark=""):
    (stage,) = [s for s in writer.stages if s.name == "decode" + mark]
    return stage.folder, {p.name: sha256_file(p) for p in sorted(stage.folder.glob("shard-*"))}


def test_exactly_the_wanted_records_are_written_with_their_vectors(bench):
    writer = bench.writer(bench.job())
    written = writer.write()
    assert written.wanted == {"cardiology": 5, "gastroenterology": 5, "pulmonology": 5}
    assert Counter(c.label for c in written.records) == written.wanted
    assert len({c.latent_id for c in written.records}) == 15
    assert all(c.passed for c in written.records)
    sizes = {ids[0].startswith("echo-"): len(ids) for ids in bench.decoder.decoded[::-1]}
    assert sizes == {True: 8, False: 4}  # a shard has two batches of 4 texts; one candidate each, or two
    np.testing.assert_array_equal(written.vectors, bench.encoder.encode([c.text for c in written.records]))
    assert [s.name for s in writer.stages] == [*RECONSTRUCTION, *ROUND]
    other = bench.writer(bench.job(seed=8))
    assert not {c.text for c in written.records} & {c.text for c in other.write().records}
    assert not any(s.reused for s in other.stages)


def test_a_second_run_reuses_all_stages_and_loads_no_decoder(bench, monkeypatch):
    first = bench.writer(bench.job())
    records = first.write()
    bench.encoder.seen.clear()
    monkeypatch.setattr("synthgen.pipeline.decoders.open_decoder", lambda *_: pytest.fail("the decoder was loaded"))
    second = bench.writer(bench.job())
    again = second.write()
    assert {s.name for s in first.stages if not s.reused} == {*RECONSTRUCTION, *ROUND}
    assert all(s.reused for s in second.stages)
    assert bench.encoder.seen == []
    assert again.records == records.records
    np.testing.assert_array_equal(again.vectors, records.vectors)


AFTER_DECODE = {*RECONSTRUCTION, "decode", "re-embed", "filter"}


CHANGED = [
    ({"filter": {"repetition": 0.9}}, {"filter"}),
    ({"decode": {"temperature": 0.7}}, AFTER_DECODE),
    ({"decode": {"bridge": "own"}}, AFTER_DECODE),
    ({"decode": {"candidates": 3}}, AFTER_DECODE),
    ({"interpolate": {"total": 18}}, {*ROUND}),
    ({"audit": {"confidence": 0.99}}, set()),
]


def test_a_changed_configuration_recomputes_only_dependent_stages(bench):
    bench.writer(bench.job()).write()
    for changes, expected in CHANGED:
        assert made(bench.writer(bench.job(**changes))) == expected, changes
    assert made(bench.writer(bench.job())) == set()


class WordTokens:
    """A tokenizer whose tokens are hashes of words."""

    def __len__(self):
        return 4096

    def __call__(self, texts, *, add_special_tokens):
        assert not add_special_tokens
        return SimpleNamespace(input_ids=[[crc32(word.encode()) % 4096 for word in text.split()] for text in texts])


def test_words_of_train_that_distinguish_a_class_reach_the_decoder(bench, monkeypatch):
    monkeypatch.setattr("synthgen.pipeline.decoders.load_tokenizer", lambda _folder: WordTokens())
    monkeypatch.setattr("synthgen.decode.class_words.MIN_PERSONS", 2)
    without = bench.writer(bench.job())
    without.write()
    assert bench.decoder.settings.token_biases is None
    writer = bench.writer(bench.job(decode={"class_words": True}))
    assert made(writer) == AFTER_DECODE
    biases = bench.decoder.settings.token_biases
    assert set(biases.biases) == {"cardiology", "gastroenterology", "pulmonology"}
    (row,) = biases.rows(["cardiology"])
    (typical,) = [biases.tokens[i] for i in np.argsort(-row)[:1]]
    notes = [json.loads(line) for line in (bench.root / "notes.jsonl").read_text().splitlines()]
    users = Counter(n["specialty"] for n in notes if typical in {crc32(w.encode()) % 4096 for w in n["note"].split()})
    assert users["cardiology"] > 2 * max(users["pulmonology"], users["gastroenterology"])


def test_another_backend_model_or_bridge_of_the_same_name_decodes_again(bench, monkeypatch):
    first = bench.writer(bench.job())
    first.write()
    (decoded,) = [s for s in first.stages if s.name == "decode"]
    assert decoded.counts["backend"] == backend_of("cpu")
    with monkeypatch.context() as patch:
        patch.setattr("synthgen.pipeline.decoders.decode_backend", lambda _folder, _placement, own_loop: "cuda")
        again = bench.writer(bench.job())
        assert made(again) == {*AFTER_DECODE, *RECONSTRUCTION}
    assert {s.counts["backend"] for s in again.stages if s.name.startswith("decode")} == {"cuda"}
    monkeypatch.setattr("synthgen.pipeline.decoders.digest_of", lambda _folder: "other weights")
    assert made(bench.writer(bench.job())) == AFTER_DECODE
    other = SimpleNamespace(digest="trained on")
    monkeypatch.setattr("synthgen.pipeline.decoders.load_bridge", lambda _name, _base: other)
    assert made(bench.writer(bench.job())) == AFTER_DECODE


def test_an_interrupted_decode_continues_where_it_stopped(bench):
    whole = bench.writer(bench.job(workspace="./whole"))
    written = whole.write()
    calls = list(bench.decoder.decoded)
    bench.decoder.decoded.clear()
    bench.decoder.stop_after = len(calls) - 3
    with pytest.raises(KeyboardInterrupt):
        bench.writer(bench.job()).write()
    assert bench.decoder.decoded == calls[:-3]
    bench.decoder.stop_after = None
    resumed = bench.writer(bench.job())
    assert resumed.write().records == written.records
    assert bench.decoder.decoded == calls  # each shard is decoded once
    assert shards(resumed)[1] == shards(whole)[1]
    assert shards(resumed, "-reconstruction")[1] == shards(whole, "-reconstruction")[1]


def test_only_a_lost_shard_is_decoded_again_with_equal_bytes(bench):
    first = bench.writer(bench.job())
    written = first.write()
    folder, digests = shards(first)
    latents = [ids for ids in bench.decoder.decoded if not ids[0].startswith("echo-")]
    bench.decoder.decoded.clear()
    stopped = folder.with_name(folder.name + ".shards")  # the state after an interrupted stage
    folder.rename(stopped)
    (stopped / DONE).unlink()
    (stopped / sorted(digests)[4]).write_bytes(b"half a shard")
    (stopped / ".part-0.parquet").write_bytes(b"half a shard")
    again = bench.writer(bench.job())
    assert again.write().records == written.records
    assert bench.decoder.decoded == [latents[4]]
    assert shards(again) == (folder, digests)
    assert {p.name for p in folder.iterdir()} == {*digests, DONE}


def test_a_changed_decode_result_is_decoded_again_completely(bench):
    first = bench.writer(bench.job())
    first.write()
    folder, digests = shards(first)
    (folder / sorted(digests)[2]).write_bytes(b"altered")
    bench.decoder.decoded.clear()
    again = bench.writer(bench.job())
    assert made(again) == {"decode"}  # stages computed from the same texts are reused
    assert len(bench.decoder.decoded) == len(digests)
    assert shards(again)[1] == digests


def test_a_round_requests_more_latents_only_for_classes_that_lack_records(bench):
    spoiled = set()

    def spoil(latent_id, label):
        if label == "cardiology" and not latent_id.startswith("echo-") and len(spoiled) < 9:
            spoiled.add(latent_id)
        return latent_id in spoiled

    bench.decoder.spoil = spoil
    writer = bench.writer(bench.job())
    written = writer.write()
    stages = {s.name: s for s in writer.stages}
    assert list(stages) == [*RECONSTRUCTION, *ROUND, *(name + "-2" for name in ROUND)]
    first, second = stages["interpolate"].counts["requested"], stages["interpolate-2"].counts["requested"]
    assert first == dict.fromkeys(first, 9)  # ⌈1.3 · 5⌉ + 2
    assert second == {**first, "cardiology": 41}  # 0 of 9 kept, so .2 is assumed: ⌈1.2 · 5 / .2⌉ + 2 = 32 more
    assert stages["decode-2"].counts["in"] == 32
    ids = [id_ for call in bench.decoder.decoded for id_ in call]
    assert len(ids) == len(set(ids))  # nothing is decoded twice
    assert stages["filter-2"].counts["in"] == 2 * (27 + 32)  # all candidates so far are judged together
    assert Counter(c.label for c in written.records) == written.wanted
    assert not spoiled & {c.latent_id for c in written.records}
    np.testing.assert_array_equal(written.vectors, bench.encoder.encode([c.text for c in written.records]))


def test_rounds_end_without_gain_and_keep_the_written_records(bench):
    bench.decoder.spoil = lambda latent_id, label: label == "pulmonology" and not latent_id.startswith("echo-")
    writer = bench.writer(bench.job())
    written = writer.write()
    filtered = [s for s in writer.stages if s.name.startswith("filter")]
    assert [s.name for s in filtered] == ["filter", "filter-2"]
    assert Counter(c.label for c in written.records) == {"cardiology": 5, "gastroenterology": 5}
    assert written.wanted["pulmonology"] == 5
    assert filtered[-1].counts["kept"].get("pulmonology", 0) == 0


def test_rounds_continue_while_they_add_a_tenth_of_the_missing_records(bench):
    """Only one of eleven latents of pulmonology gets texts that are not empty."""
    made = []

    def spoil(latent_id, label):
        if label != "pulmonology" or latent_id.startswith("echo-"):
            return False
        if latent_id not in made:
            made.append(latent_id)
        return made.index(latent_id) % 11 != 10

    bench.decoder.spoil = spoil
    writer = bench.writer(bench.job(interpolate={"total": 45}))
    written = writer.write()
    assert Counter(c.label for c in written.records) == written.wanted
    assert len([s for s in writer.stages if s.name.startswith("filter")]) > 4
    last = [s for s in writer.stages if s.name.startswith("interpolate")][-1].counts["requested"]
    assert {last["cardiology"], last["gastroenterology"]} == {22}  # full classes get no further latents


def test_an_error_counts_the_reasons_if_no_candidate_passes(bench):
    bench.decoder.spoil = lambda latent_id, _label: not latent_id.startswith("echo-")
    writer = bench.writer(bench.job())
    with pytest.raises(DataError, match=r"none of \d+ texts passed the filters") as refused:
        writer.write()
    n = writer.stages[-1].counts["in"]
    assert f"empty: {n} of {n} texts failed this filter" in refused.value.problems
    counts = [int(problem.split()[1]) for problem in refused.value.problems]
    assert counts == sorted(counts, reverse=True)  # the filter that rejects most comes first
    assert "." in bench.encoder.seen  # an empty text has no vector, so it gets the vector of "."
    assert "" not in bench.encoder.seen


def test_reconstructions_are_train_records_decoded_from_their_own_vectors(bench, monkeypatch):
    monkeypatch.setattr("synthgen.pipeline.rounds.RECONSTRUCTIONS", 23)
    given = {}
    decode = bench.decoder.decode

    def spy(latents, settings, *rest):
        given.update(zip(latents.ids, latents.vectors, strict=True))
        assert settings.candidates == 1
        return decode(latents, settings, *rest)

    monkeypatch.setattr(bench.decoder, "decode", spy)
    writer = bench.writer(bench.job())
    reconstructions = writer.reconstruction()
    row = {id_: i for i, id_ in enumerate(writer.embedded.ids)}
    assert len(set(reconstructions.record_ids)) == len(reconstructions.texts) == 23
    assert list(given) == [f"echo-{id_}" for id_ in reconstructions.record_ids]
    for id_ in reconstructions.record_ids:
        np.testing.assert_array_equal(given[f"echo-{id_}"], writer.embedded.vectors[row[id_]])
    np.testing.assert_array_equal(reconstructions.vectors, bench.encoder.encode(reconstructions.texts))
    assert bench.writer(bench.job(seed=8)).reconstruction().record_ids != reconstructions.record_ids


def test_reconstructions_are_not_written_and_limits_are_recorded(bench):
    writer = bench.writer(bench.job())
    reconstructions, written = writer.reconstruction(), writer.write()
    assert not {c.latent_id for c in written.records} & {f"echo-{id_}" for id_ in reconstructions.record_ids}
    assert not set(reconstructions.texts) & {c.text for c in written.records}
    counts = writer.stages[-1].counts
    assert set(counts["bounds"]) >= {"latent_distance", "class_distance", "language"}
    assert counts["out"] + counts["spare"] + sum(counts["rejected"].values()) == counts["in"]


def test_attributes_of_an_unknown_label_raise_an_error_before_decoding(bench):
    attributes = {"class_agreement": None, "attributes": {"astrology": [{"sex": "male"}]}}
    with pytest.raises(ConfigError, match="rules for unknown labels"):
        bench.writer(bench.job(filter=attributes)).write()
    assert bench.decoder.decoded == []


def test_no_record_contains_a_name_that_was_replaced_in_train(bench):
    """The model may know the name from its own training, but a reader cannot know where the name comes from."""
    writer = bench.writer(bench.job())
    names = sorted({name for name in writer.names if len(name.split()) == 2})
    assert names
    phrases = [f"{phrase} {name} agreed." for phrase, name in zip(bench.decoder.phrases, names * 99, strict=False)]
    bench.decoder.phrases, bench.decoder.n_phrases = phrases, 3
    written = writer.write()
    assert len(written.records) > 0  # other filters reject most of these odd texts
    assert all("[NAME] agreed" in record.text for record in written.records)
    assert not any(name in record.text for record in written.records for name in names)
