"""Implement `synthgen preview`: write a few texts from a part of the source, without filters and audits."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from synthgen.config import Config
from synthgen.core.errors import ConfigError, DataError
from synthgen.core.files import read_json, write_json
from synthgen.core.progress import Progress
from synthgen.core.tables import read_corpus
from synthgen.core.types import Candidate, Corpus, Embedded, Latents
from synthgen.decode.base import Settings
from synthgen.decode.prompting.endpoint import EndpointDecoder
from synthgen.decode.prompting.local import PromptDecoder
from synthgen.decode.stage import settings_of
from synthgen.deidentify import finder_of_generated, with_placeholders
from synthgen.deidentify.deidentify import deidentify
from synthgen.deidentify.engines import engine_of
from synthgen.dp.planned_queries import check_budget
from synthgen.embed import Encoder, with_ids
from synthgen.embed.segmented import SegmentedEncoder
from synthgen.pipeline import prepare, rounds
from synthgen.pipeline.decoders import open_bridge
from synthgen.pipeline.institution import policy_of
from synthgen.pipeline.job import Job
from synthgen.pipeline.segments import encoder_for
from synthgen.pipeline.stage_order import models_of
from synthgen.pipeline.style_choice import check_own_examples, check_server, check_style, check_style_training
from synthgen.pipeline.workspace import StageResult, Workspace
from synthgen.plan.source_summary import length_warning
from synthgen.segment import record_vectors

FILE = "preview.json"  # file of the workspace with the written texts
FOLDER = "preview"  # folder of the workspace with results for the first notes of a hospital source
N_TEXTS = 10  # largest number of texts
MAX_TEXTS_PER_CLASS = 2
MIN_PERSONS = 12  # number of persons per class whose records are always used; interpolation needs several persons
MAX_RECORDS = 300  # largest number of records used, unless the first `MIN_PERSONS` persons of each class have more
FIRST_NOTES = 3000  # number of notes of a hospital source that are read first
PART_READ = (
    f"Only the first {FIRST_NOTES} notes of the source were read. Classes with fewer than {MIN_PERSONS} train "
    "persons among these notes are left out."
)
# key: de-identification engine; value: number of characters that it reads in about 15 seconds (`off`: as for `rules`)
MAX_CHARACTERS = {"rules": 600_000, "rules+ner": 60_000, "off": 600_000}
WARNING = "Not audited and not filtered: these texts can contain passages of single records. Keep them private."


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Unfiltered and unaudited texts, which are as private as the source."""

    texts: tuple[Candidate, ...]
    prompts: tuple[str, ...]  # last message of each prompt; empty without `writer: prompt`, or with `segments`
    n_records: int  # number of train records that were used
    is_part: bool = False  # whether only the first notes of a hospital source were read
    length_warning: str | None = None  # see `source_summary.length_warning`

    def to_json(self) -> dict[str, object]:
        """Return the preview as JSON-compatible data."""
        texts = [{"label": candidate.label, "text": candidate.text} for candidate in self.texts]
        if self.prompts:
            texts = [{**text, "prompt": prompt} for text, prompt in zip(texts, self.prompts, strict=True)]
        part = {"first_notes": FIRST_NOTES} if self.is_part else {}
        length = {} if self.length_warning is None else {"length_warning": self.length_warning}
        return {"warning": WARNING, "records_read": self.n_records, **part, **length, "texts": texts}

    def to_text(self) -> str:
        """Return the preview as text for a terminal."""
        lines = [WARNING, f"{len(self.texts)} texts from {self.n_records} records of train"]
        lines += [PART_READ] if self.is_part else []
        lines += [] if self.length_warning is None else [f"WARNING {self.length_warning}"]
        for i, candidate in enumerate(self.texts):
            lines += ["", f"--- {candidate.label}"]
            lines += [f"prompt: {self.prompts[i]}", ""] if self.prompts else []
            lines.append(candidate.text or "(empty)")
        return "\n".join(lines)


def make_preview(config: Config, progress: Progress) -> Preview:
    """Write at most two texts per class, and ten in all, from a few hundred records of train.

    The texts are also written to `FILE` in the workspace. If the source is a table, a later run reuses the loaded and
    split records. Of a hospital export, only the first `FIRST_NOTES` notes are read, or all notes if the first have
    too few persons. The style `auto` counts as `plain`, because choosing a style takes a minute.

    Raises:
        ConfigError: the configuration has a privacy budget, or the policy does not accept the style or the server.
        SynthGenError, AuditError: the source, the policy or a model cannot be used, or the model wrote no text.

    Privacy: reads train and adds no noise. A run draws different random numbers, so no run releases these texts. The
        result is as private as the source.
    """
    if config.interpolate.is_dp:
        raise ConfigError(
            "a preview reads records without noise, so it is not allowed if the configuration has a privacy budget",
            hint="Copy the configuration, set source.path to public records, choose another interpolate.method, "
            "remove `dp`, and preview the copy.",
        )
    policy = policy_of(config)
    check_style(config, policy)
    check_server(config, policy)
    check_budget(config, policy)
    job = Job(config, Workspace(config.resolve(config.workspace)), progress)
    models_of(job)  # a missing model or server is reported before the source is read
    with job.workspace.locked():
        loaded, train, is_part = _train(job)
        check_style_training(config, train)
        check_own_examples(config, train)
        prepare.check_language(config.decode, train.texts)
        preview_job = replace(job, root=job.seeds.child("preview"))
        sample = sample_of(train, MAX_CHARACTERS[engine_of(config.deidentify.engine)])
        preview = _write(preview_job, sample, *(read_json(loaded / name) for name in ("names.json", "staff.json")))
        too_long = length_warning(config.for_texts(train.texts), train)
        preview = replace(preview, is_part=is_part, length_warning=too_long)
        write_json(job.workspace.root / FILE, preview.to_json())
    return preview


def _train(job: Job) -> tuple[Path, Corpus, bool]:
    """Return the folder of the loaded source, its train records, and whether only the first notes were read."""
    if job.config.source.kind != "table":
        with suppress(DataError):  # the first notes alone can have too few records or persons
            # a separate workspace, so that no run uses these results
            first = replace(job, workspace=Workspace(job.workspace.root / FOLDER), root=job.seeds)
            extracted = prepare.extract_notes(first, FIRST_NOTES)
            loaded, train = _split(first, extracted)
            if extracted is None or extracted.counts["is_whole"]:
                return loaded, train, False
            return loaded, _of_large_classes(train), True
    return *_split(job, prepare.extract_notes(job)), False


def _split(job: Job, extracted: StageResult | None) -> tuple[Path, Corpus]:
    loaded = prepare.load_source(job, extracted)
    parts = prepare.split_source(job, loaded)
    return loaded.folder, read_corpus(parts.folder / "train.parquet", "train")


def _of_large_classes(train: Corpus) -> Corpus:
    pairs = {(record.label, record.group) for record in train.records}
    persons = Counter(label for label, _ in pairs)
    kept = tuple(record for record in train.records if persons[record.label] >= MIN_PERSONS)
    if not kept:
        raise DataError(f"preview: no class has {MIN_PERSONS} persons", hint="Add records, or merge small classes.")
    return replace(train, records=kept)


def sample_of(train: Corpus, most_characters: int) -> Corpus:
    """Return all records of the first `MIN_PERSONS` persons of each class, and some records of further persons.

    Further records are added up to `MAX_RECORDS` records and `most_characters` characters.
    """
    rank_of: dict[tuple[str, str], int] = {}  # position of each person in the class
    n_persons: Counter[str] = Counter()
    ranked = []
    for i, record in enumerate(train.records):
        person = record.label, record.group
        if person not in rank_of:
            rank_of[person] = n_persons[record.label]
            n_persons[record.label] += 1
        ranked.append((rank_of[person], i))
    kept: list[int] = []
    total = 0
    for rank, i in sorted(ranked):
        total += len(train.records[i].text)
        if rank >= MIN_PERSONS and (len(kept) >= MAX_RECORDS or total > most_characters):
            break
        kept.append(i)
    return replace(train, records=tuple(train.records[i] for i in sorted(kept)))


def counts_of(train: Corpus) -> dict[str, int]:
    """Return the number of texts by class: two for at most five classes, else one for each of the ten largest."""
    by_size = sorted(train.counts().items(), key=lambda item: (-item[1], item[0]))
    each = MAX_TEXTS_PER_CLASS if MAX_TEXTS_PER_CLASS * len(by_size) <= N_TEXTS else 1
    return {label: each for label, _ in by_size[: N_TEXTS // each]}


def _write(job: Job, sample: Corpus, names: Mapping[str, list[str]], staff: list[str]) -> Preview:
    config, progress = job.config, job.progress
    with progress.stage("deidentify", total=len(sample), unit="records") as advance:
        seeds = job.seeds.child("deidentify")
        clean = deidentify(sample, config.deidentify, names, seeds, shares_names=True, staff=staff, advance=advance)
    encoder = encoder_for(job, clean.corpus)
    embedded = _embedded(encoder, clean.corpus, progress)
    replaced = {text for found in clean.replaced.values() for kind, text in found if kind in {"name", "place"}}
    view = rounds.fitted_on(job, clean.corpus, embedded, "preview", tuple(sorted(replaced)))
    setup = rounds.set_up(job, view, encoder, open_bridge(job))
    latents = view.draws(config.interpolate).sample(counts_of(sample), job.seeds.child("interpolate"))
    labels = sorted(set(embedded.labels))
    settings = settings_of(config.decode, labels, 1, setup.avoided, setup.max_new_tokens, setup.token_biases)
    texts, prompts = _decoded(setup, latents, settings, job)
    find = finder_of_generated(config.deidentify.engine, view.names)
    masked = tuple(replace(candidate, text=with_placeholders(candidate.text, find)) for candidate in texts)
    if not any(candidate.text for candidate in masked):
        raise DataError("preview: the language model wrote no text", hint="Check decode.model and decode.prompt.")
    return Preview(texts=masked, prompts=prompts, n_records=len(sample))


def _embedded(encoder: Encoder, train: Corpus, progress: Progress) -> Embedded:
    with progress.stage("embed", total=len(set(train.texts)), unit="texts") as advance:
        if not isinstance(encoder, SegmentedEncoder):
            return with_ids(train, encoder.encode(train.texts, advance), encoder)
        parts = encoder.segments([r.id for r in train.records], train.texts, advance)
    return replace(with_ids(train, np.asarray(record_vectors(parts)[1]), encoder), parts=parts)


def _decoded(
    setup: rounds.Setup, latents: Latents, settings: Settings, job: Job
) -> tuple[tuple[Candidate, ...], tuple[str, ...]]:
    """Return the texts and the last message of each prompt; no messages without `writer: prompt` or with segments."""
    decoder, seeds = setup.decoder.open(), job.seeds.child("decode")
    with job.progress.stage("decode", total=len(latents), unit="texts") as advance:
        if setup.segment_writer is not None:
            return setup.segment_writer.decode(decoder, latents, settings, seeds, advance), ()
        texts = decoder.decode(latents, settings, seeds, advance)
    if not isinstance(decoder, PromptDecoder | EndpointDecoder):
        return texts, ()
    return texts, tuple(turns[-1][1] for turns in decoder.prompter.conversations(latents, settings, seeds))
