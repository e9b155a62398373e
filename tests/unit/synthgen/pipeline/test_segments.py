import json
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree
from synthgen.core.tables import read_segments
from synthgen.core.types import Segments
from synthgen.decode.base import Settings
from synthgen.decode.bridge import load_bridge
from synthgen.decode.class_words import TokenBiases
from synthgen.decode.xrag import XragDecoder
from synthgen.embed.segmented import SegmentedEncoder
from synthgen.evaluate.stage import SECTIONS
from synthgen.pipeline.segments import HEADING_TOKENS, SegmentWriter, encoder_for, parts_with_prompts, writer_for
from synthgen.segment import Splitter

SEGMENTS = {"by": "headings", "words": 40, "least_persons": 4, "context_tokens": 77}
TITLES = ("COMPLAINT", "HISTORY", "PLAN")


def sectioned(note, number):
    """Return a note's sentences under headings; every third note lacks one, and one has a heading of its own."""
    sentences = [s for s in re.split(r"(?<=[.;])\s+", note.strip()) if s]
    titles = [*TITLES, "MRS HELEN ODD"] if number == 4 else TITLES[: 2 + (number % 3 > 0)]
    size = -(-len(sentences) // len(titles))
    blocks = [f"{t}\n{' '.join(sentences[i * size : (i + 1) * size]) or 'None.'}" for i, t in enumerate(titles)]
    return "\n\n".join(blocks)


@pytest.fixture
def notes(bench):
    """The bench with notes in sections."""
    rows = [{k: v for k, v in row.items() if k != "key"} for row in bench.rows]
    rows = [{**row, "note": sectioned(row["note"], i)} for i, row in enumerate(rows)]
    (bench.root / "notes.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    bench.decoder.n_phrases = 3
    return bench


def job(notes, **changes):
    return notes.job(segments={**SEGMENTS, **changes.pop("segments", {})}, **changes)


def headings(text):
    return [line for line in text.split("\n") if line.isupper()]


def test_records_are_encoded_whole_without_segments(bench):
    prepared, _, embedded = bench.prepare(bench.job())
    assert encoder_for(bench.job(), prepared.train) is bench.encoder
    assert embedded.parts is None
    assert writer_for(bench.job(), prepared.train, embedded) is None


def test_segments_of_train_are_stored_with_the_vectors_of_whole_records(notes):
    prepared, result, embedded = notes.prepare(job(notes))
    assert result.counts["headings"] == len(TITLES)  # without the heading of a single person
    assert result.counts["segments"] == len(embedded.parts) > 2 * len(prepared.train)
    stored = read_segments(result.folder)
    assert stored.record_ids == embedded.parts.record_ids
    np.testing.assert_array_equal(stored.vectors, embedded.parts.vectors)
    encoder = encoder_for(job(notes), prepared.train)
    assert isinstance(encoder, SegmentedEncoder)
    np.testing.assert_allclose(embedded.vectors, encoder.encode(prepared.train.texts), atol=1e-6)


def test_the_parts_of_a_record_are_its_segments_with_their_prompts(notes):
    prepared, _, _ = notes.prepare(job(notes))
    whole = parts_with_prompts(notes.encoder, prepared.train, "a note of {label}")
    assert whole == [[(r.text, f"a note of {r.label}")] for r in prepared.train.records]
    cut = parts_with_prompts(encoder_for(job(notes), prepared.train), prepared.train, "a note of {label}")
    first = prepared.train.records[0]
    titles = [title.lower() for title in headings(first.text) if title in TITLES]
    prompts = dict.fromkeys(prompt for _, prompt in cut[0])  # a long section is several segments of one heading
    assert list(prompts) == [f"a note of {first.label} {title}" for title in titles]
    assert all(text in first.text for text, _ in cut[0])


def test_vectors_without_segments_are_refused(notes):
    prepared, _, embedded = notes.prepare(notes.job())
    with pytest.raises(InternalError, match="no vectors"):
        writer_for(job(notes), prepared.train, embedded)


def test_written_records_have_the_sections_that_both_parents_have(notes):
    writer = notes.writer(job(notes))
    written = writer.write()
    assert Counter(c.label for c in written.records) == written.wanted
    text_of = {r.id: r.text for r in writer.train.records}
    latents, _ = writer.interpolate(dict.fromkeys(writer.setup.wanted, 60))
    parents = dict(zip(latents.ids, latents.parent_ids, strict=True))
    for record in written.records:
        found, (a, b) = headings(record.text), [headings(text_of[p]) for p in parents[record.latent_id]]
        assert found == [t for t in a if t in b] or found == [t for t in b if t in a]
        assert len(found) >= 2
        assert record.text.startswith("COMPLAINT\n")
        assert "\n\nHISTORY\n" in record.text
    assert not any("ODD" in c.text for c in written.records)


def test_a_segment_is_written_after_the_text_so_far_of_its_record(notes, monkeypatch):
    # no masking here, because the mask of a name can depend on the rest of the record
    monkeypatch.setattr("synthgen.pipeline.rounds.with_placeholders", lambda text, _: text)
    writer, seen, decode, limits = notes.writer(job(notes)), {}, notes.decoder.decode, set()

    def spy(latents, settings, seeds, advance, contexts=()):
        limits.add((bool(contexts), settings.context_tokens))
        texts = decode(latents, settings, seeds, advance, contexts)
        for i, text in enumerate(texts):
            seen[latents.ids[i]] = (contexts[i] if contexts else None, latents.labels[i], text.text)
        return texts

    notes.decoder.decode = spy
    written = writer.write()
    settings = notes.decoder.settings
    assert settings.candidates == 1
    # a context that can have fewer tokens than `context_tokens` is not padded to `context_tokens`
    of_one_segment = settings.max_new_tokens + HEADING_TOKENS
    assert limits == {(False, 1), (True, min(77, of_one_segment)), (True, min(77, 2 * of_one_segment))}
    assert settings.prompts["cardiology\nplan"] == "cardiology plan"
    assert settings.prompts["cardiology\n"] == "cardiology"
    for record in written.records:
        stem = f"{record.latent_id}/{record.index}/"
        assert seen[stem + "0"][:2] == (None, f"{record.label}\ncomplaint")
        n = sum(key.startswith(stem) for key in seen)
        for j in range(1, n):
            context, _, text = seen[f"{stem}{j}"]
            assert record.text.startswith(context)
            assert seen[f"{stem}{j - 1}"][2] in context
            assert text in record.text


def test_a_text_does_not_depend_on_other_records(notes):
    few, many = job(notes, workspace="./few"), job(notes)
    texts = [{(c.latent_id, c.index): c.text for c in decoded(notes, one, n)} for one, n in ((few, 3), (many, 8))]
    assert len(texts[0]) == 2 * 3 * 3
    assert texts[0].items() <= texts[1].items()


def decoded(notes, one, n):
    writer = notes.writer(one)
    latents, made = writer.interpolate(dict.fromkeys(writer.setup.wanted, n))
    texts = writer.decode(latents, made.digest, 2)[0]
    assert len({c.text for c in texts}) == len(texts)
    return texts


def test_targets_are_the_combined_vectors_of_the_segments(notes):
    writer = notes.writer(job(notes))
    latents, _ = writer.interpolate({"cardiology": 5})
    segments = writer.setup.segment_writer.segments(latents)
    for i, name in enumerate(latents.ids):
        own = segments.vectors[[record_id == name for record_id in segments.record_ids]].astype(np.float64)
        mean = (own / np.linalg.norm(own, axis=1, keepdims=True)).sum(axis=0)
        np.testing.assert_allclose(latents.vectors[i], mean / np.linalg.norm(mean), atol=1e-6)
    none = replace(latents, vectors=latents.vectors[:0], ids=(), labels=(), parent_ids=(), weights=())
    assert writer.setup.segment_writer.with_target_vectors(none) is none


def test_changed_segments_recompute_only_dependent_stages(notes):
    def made(**segments):
        writer = notes.writer(job(notes, segments=segments))
        assert writer.write().records
        return {s.name for s in writer.stages if not s.reused}, {s.name for s in writer.stages}

    made()
    computed, stages = made(words=20)
    assert computed == stages
    computed, _ = made(context_tokens=20)
    assert "decode" in computed
    assert "interpolate" not in computed
    assert made()[0] == set()


def test_the_audit_encodes_control_by_segments(notes):
    one = job(notes)
    prepared, _, embedded = notes.prepare(one)
    writer = notes.writer(one)
    written = writer.write()
    notes.encoder.seen.clear()
    _, evaluated, _ = notes.judge(one, prepared, embedded, written)
    known = encoder_for(one, prepared.train).splitter
    seen = set(notes.encoder.seen)
    assert seen >= {s.text for text in prepared.control.texts for s in known.split(text)}
    assert not seen & set(prepared.control.texts)
    found = json.loads((evaluated.folder / SECTIONS).read_bytes())
    assert set(found) == {"train", "synthetic"}
    assert 2 < found["train"]["sections"] < 3
    assert found["synthetic"]["words"] == np.mean([len(c.text.split()) for c in written.records])


def test_a_real_decoder_writes_each_record_independently(tiny, tmp_path):
    """The model has random weights. A record's text must not depend on the other records of the call."""
    made = tiny.latents(5)
    parents = Segments(
        vectors=np.concatenate([made.vectors, -made.vectors]),
        headings=(*["plan"] * 5, "", "plan", "", "plan", "plan"),
        record_ids=(*(f"r{i}" for i in range(8)), "r8", "r8"),
        sections=(0,) * 10,
    )
    ids = tuple((f"r{i}", f"r{8 - i}") for i in range(5))
    made = replace(made, parent_ids=ids, weights=((0.25, 0.75),) * 5)
    writer = SegmentWriter(
        splitter=Splitter(40, {"plan": "PLAN"}), parents=parents, context_tokens=20, seeds=SeedTree(1).child("s")
    )
    bridge = tiny.write_bridge(tmp_path / "bridge", tiny.info(), tiny.bridge_tensors(tiny.info()))
    model, names = tiny.save_model(tmp_path, "llama"), {"decoder": "tiny", "encoder": "tiny-encoder"}
    decoder = XragDecoder(model, load_bridge(str(bridge)), **names, dim=7)
    sampling = {"temperature": 0.9, "top_p": 0.9, "top_k": 40}
    prompts = dict.fromkeys(made.labels, "ant")
    settings = Settings(prompts=prompts, candidates=2, max_new_tokens=8, batch=3, **sampling)

    def write(rows):
        parents = {"parent_ids": tuple(ids[i] for i in rows), "weights": ((0.25, 0.75),) * len(rows)}
        some = replace(tiny.rows_of(made, rows), **parents)
        return writer.decode(decoder, some, settings, SeedTree(1).child("d"), lambda _: None)

    whole = write(range(5))
    assert [(c.latent_id, c.index) for c in whole] == [(name, c) for name in made.ids for c in range(2)]
    assert writer.sizes(made) == [2, 1, 1, 1, 1]
    assert write([3, 0]) == whole[6:8] + whole[0:2]
    assert len({c.text for c in whole}) > 5
    biases = TokenBiases((5,), {label: np.full(1, 90, np.float32) for label in set(made.labels)})
    settings = replace(settings, token_biases=biases)
    written = "".join(c.text for c in write(range(5))).replace("PLAN", "")
    assert set("".join(written.split())) == {decoder.tokenizer.decode([5])}


def test_records_without_headings_are_written_as_windows(bench):
    one = bench.job(segments={"by": "auto", "words": 20, "least_persons": 4, "context_tokens": 50})
    bench.decoder.n_phrases = 3
    written = bench.writer(one).write()
    assert Counter(c.label for c in written.records) == written.wanted
    assert all("\n\n" not in c.text for c in written.records)
    assert bench.decoder.contexts
