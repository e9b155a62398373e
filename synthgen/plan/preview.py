"""Implement `synthgen preview`: write a few texts from a part of the source, without filters and without audits."""

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
from synthgen.embed import Encoder, embed
from synthgen.embed.segmented import SegmentedEncoder
from synthgen.pipeline import prepare, rounds
from synthgen.pipeline.decoders import open_bridge
from synthgen.pipeline.institution import policy_of
from synthgen.pipeline.job import Job
from synthgen.pipeline.segments import encoder_for
from synthgen.pipeline.stage_order import models_of
from synthgen.pipeline.style_choice import check_own_examples, check_server, check_style, check_style_training
from synthgen.pipeline.workspace import StageResult, Workspace
from synthgen.segment import record_vectors

FILE = "preview.json"  # in the workspace
FIRST = "preview"  # folder in the workspace, with the results of the first notes
N_TEXTS = 10
MOST_OF_CLASS = 2
LEAST_PERSONS = 12  # of a class, if it has so many; SMOTE needs one more than `interpolate.k_neighbors`
MOST_RECORDS = 300  # records of train that are read
FIRST_NOTES = 3000  # notes of a hospital source that are read, unless they are too few of a class
PART = (
    f"Only the first {FIRST_NOTES} notes of the source were read. Classes with fewer than {LEAST_PERSONS} persons in "
    "their train part are left out."
)
MOST_CHARACTERS = {"rules": 600_000, "rules+ner": 60_000, "off": 600_000}  # of them, by engine; for about 15 seconds
WARNING = "Not audited and not filtered: these texts can contain passages of single records. Keep them private."


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A few texts that no filter and no audit has seen.

    Privacy: as private as the source.
    """

    texts: tuple[Candidate, ...]
    prompts: tuple[str, ...]  # the last turn of each prompt; empty without `writer: prompt`
    n_records: int  # number of train records that were used
    is_part: bool = False  # whether only the first notes of a hospital source were read

    def to_json(self) -> dict[str, object]:
        """Return the preview as JSON-compatible data."""
        texts = [{"label": candidate.label, "text": candidate.text} for candidate in self.texts]
        if self.prompts:
            texts = [{**text, "prompt": prompt} for text, prompt in zip(texts, self.prompts, strict=True)]
        part = {"first_notes": FIRST_NOTES} if self.is_part else {}
        return {"warning": WARNING, "records_read": self.n_records, **part, "texts": texts}

    def to_text(self) -> str:
        """Return the preview as text for a terminal."""
        lines = [WARNING, f"{len(self.texts)} texts from {self.n_records} records of train"]
        lines += [PART] if self.is_part else []
        for i, candidate in enumerate(self.texts):
            lines += ["", f"--- {candidate.label}"]
            lines += [f"prompt: {self.prompts[i]}", ""] if self.prompts else []
            lines.append(candidate.text or "(empty)")
        return "\n".join(lines)


def make_preview(config: Config, progress: Progress) -> Preview:
    """Write at most two texts per class, and ten in all, from the first few hundred records of train.

    The texts are also written to `FILE` in the workspace. A run reuses the loaded and split source of a table. Of a
    hospital source, the first `FIRST_NOTES` notes are read. The style `auto` counts as `plain`, because choosing a
    style takes a minute.

    Raises:
        ConfigError: the configuration has a privacy budget, or the policy does not accept its style or server.
        SynthGenError: the source or a model cannot be used; the run would fail with the same error.

    Privacy: reads train without noise. The texts come from other random streams than those of a run, so none of them
        is ever released. The result is as private as the source.
    """
    if config.interpolate.is_private:
        raise ConfigError(
            "preview: it would read records outside the privacy budget",
            problems=["interpolate.method", "dp"],
            hint="Preview a copy of the configuration for public records, with another method and without `dp`.",
        )
    policy = policy_of(config)
    check_style(config, policy)
    check_server(config, policy)
    check_budget(config, policy)
    job = Job(config, Workspace(config.resolve(config.workspace)), progress)
    models_of(job)  # a missing model or server is reported before the source is read
    with job.workspace.locked():
        loaded, whole, is_part = _train(job)
        check_style_training(config, whole)
        check_own_examples(config, whole)
        prepare.check_language(config.decode, whole.texts)
        own = replace(job, root=job.seeds.child("preview"))
        few = sample_of(whole, MOST_CHARACTERS[engine_of(config.deidentify.engine)])
        found = _write(own, few, *(read_json(loaded / name) for name in ("names.json", "staff.json")))
        found = replace(found, is_part=is_part)
        write_json(job.workspace.root / FILE, found.to_json())
    return found


def _train(job: Job) -> tuple[Path, Corpus, bool]:
    """Return the folder of the loaded source, its train, and whether they are of the first notes only.

    The first notes are in a workspace of their own, so nothing of them can be used in a run. If the run would stop
    with an error on them alone, or if they have too few persons of each class, the whole source is read.
    """
    if job.config.source.kind != "table":
        with suppress(DataError):
            first = replace(job, workspace=Workspace(job.workspace.root / FIRST), root=job.seeds)
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
    """Return the records of classes of at least `LEAST_PERSONS` persons; raise DataError if there is none."""
    pairs = {(record.label, record.group) for record in train.records}
    persons = Counter(label for label, _ in pairs)
    kept = tuple(record for record in train.records if persons[record.label] >= LEAST_PERSONS)
    if not kept:
        raise DataError(f"preview: no class has {LEAST_PERSONS} persons", hint="Add records, or merge small classes.")
    return replace(train, records=kept)


def sample_of(train: Corpus, most_characters: int) -> Corpus:
    """Return the records of the first persons of each class in turn, up to `MOST_RECORDS` and so many characters.

    Each class has at least its first `LEAST_PERSONS` persons, so a method finds neighbours.
    """
    place: dict[tuple[str, str], int] = {}
    n_persons: Counter[str] = Counter()
    ranked = []
    for i, record in enumerate(train.records):
        person = record.label, record.group
        if person not in place:
            place[person] = n_persons[record.label]
            n_persons[record.label] += 1
        ranked.append((place[person], i))
    kept: list[int] = []
    total = 0
    for rank, i in sorted(ranked):
        total += len(train.records[i].text)
        if rank >= LEAST_PERSONS and (len(kept) >= MOST_RECORDS or total > most_characters):
            break
        kept.append(i)
    return replace(train, records=tuple(train.records[i] for i in sorted(kept)))


def counts_of(train: Corpus) -> dict[str, int]:
    """Return the number of texts of each class: `MOST_OF_CLASS` of the most frequent classes, `N_TEXTS` in all."""
    common = sorted(train.counts().items(), key=lambda item: (-item[1], item[0]))
    each = MOST_OF_CLASS if MOST_OF_CLASS * len(common) <= N_TEXTS else 1
    return {label: each for label, _ in common[: N_TEXTS // each]}


def _write(job: Job, few: Corpus, names: Mapping[str, list[str]], staff: list[str]) -> Preview:
    config, progress = job.config, job.progress
    with progress.stage("deidentify", total=len(few), unit="records") as advance:
        seeds = job.seeds.child("deidentify")
        clean = deidentify(few, config.deidentify, names, seeds, shares_names=True, staff=staff, advance=advance)
    encoder = encoder_for(job, clean.corpus)
    embedded = _embedded(encoder, clean.corpus, progress)
    replaced = {text for found in clean.replaced.values() for kind, text in found if kind in {"name", "place"}}
    view = rounds.fitted_on(job, clean.corpus, embedded, "preview", tuple(sorted(replaced)))
    setup = rounds.set_up(job, view, encoder, open_bridge(job))
    latents = view.draws(config.interpolate).sample(counts_of(few), job.seeds.child("interpolate"))
    labels = sorted(set(embedded.labels))
    settings = settings_of(config.decode, labels, 1, setup.avoided, setup.max_new_tokens)
    texts, prompts = _decoded(setup, latents, settings, job)
    find = finder_of_generated(config.deidentify.engine, view.names)
    masked = tuple(replace(candidate, text=with_placeholders(candidate.text, find)) for candidate in texts)
    if not any(candidate.text for candidate in masked):
        raise DataError("preview: the language model wrote no text", hint="Check decode.model and decode.prompt.")
    return Preview(texts=masked, prompts=prompts, n_records=len(few))


def _embedded(encoder: Encoder, train: Corpus, progress: Progress) -> Embedded:
    with progress.stage("embed", total=len(set(train.texts)), unit="texts") as advance:
        if not isinstance(encoder, SegmentedEncoder):
            return embed(train, encoder.encode(train.texts, advance), encoder)
        parts = encoder.segments([r.id for r in train.records], train.texts, advance)
    return replace(embed(train, np.asarray(record_vectors(parts)[1]), encoder), parts=parts)


def _decoded(
    setup: rounds.Setup, latents: Latents, settings: Settings, job: Job
) -> tuple[tuple[Candidate, ...], tuple[str, ...]]:
    """Return the texts, and the last turn of the prompt of each; no prompts if records are cut or a bridge writes."""
    decoder, seeds = setup.decoder.open(), job.seeds.child("decode")
    with job.progress.stage("decode", total=len(latents), unit="texts") as advance:
        if setup.sections is not None:
            return setup.sections.decode(decoder, latents, settings, seeds, advance), ()
        texts = decoder.decode(latents, settings, seeds, advance)
    if not isinstance(decoder, PromptDecoder | EndpointDecoder):
        return texts, ()
    return texts, tuple(turns[-1][1] for turns in decoder.prompter.conversations(latents, settings, seeds))
