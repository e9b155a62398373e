"""Divide long records into segments (such as sections), encode them, and write new records segment by segment.

A new record is written from a latent: a vector that was interpolated from the vectors of several train records, the
parents of the latent.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from synthgen.core.digest import sha256_json
from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate, Corpus, Embedded, Latents, Segments
from synthgen.decode.base import Decoder, Settings
from synthgen.decode.prompts import label_prompt
from synthgen.embed import Encoder
from synthgen.embed.segmented import SegmentedEncoder
from synthgen.pipeline.job import Job
from synthgen.segment import Splitter, align, learn_splitter, record_vectors
from synthgen.segment.config import SegmentsConfig

WRITER_VERSION = 2  # increase this number if a change of the code changes the segments or the texts of new records
HEADING_TOKENS = 16  # assumed number of tokens of a heading and its line breaks


def encoder_for(job: Job, train: Corpus) -> Encoder:
    """Return the encoder of the run; if records are segmented, it encodes segments."""
    config, encoder = job.config.segments, job.encoder()
    return encoder if config is None else SegmentedEncoder(encoder, _splitter(config, train))


def _splitter(config: SegmentsConfig, train: Corpus) -> Splitter:
    return learn_splitter(config, train.texts, [r.group for r in train.records])


def writer_for(job: Job, train: Corpus, embedded: Embedded) -> "SegmentWriter | None":
    """Return the object that writes new records segment by segment; None if records are not segmented."""
    config = job.config.segments
    if config is None:
        return None
    if embedded.parts is None:
        raise InternalError("records are segmented, but their segments have no vectors")
    return SegmentWriter(
        splitter=_splitter(config, train),
        parents=embedded.parts,
        context_tokens=config.context_tokens,
        seeds=job.seeds.child("segments"),
    )


def parts_with_prompts(encoder: Encoder, train: Corpus, prompt: str) -> list[list[tuple[str, str]]]:
    """Return, for each record, the pairs (text, prompt) of its segments; an unsegmented record is one segment."""
    prompts = [label_prompt(prompt, r.label) for r in train.records]
    if not isinstance(encoder, SegmentedEncoder):
        return [[(r.text, label_text)] for r, label_text in zip(train.records, prompts, strict=True)]
    return [
        [(part.text, section_prompt(label_text, part.heading)) for part in encoder.split(r.text)]
        for r, label_text in zip(train.records, prompts, strict=True)
    ]


def parts_of(encoder: Encoder) -> Callable[[str], list[str]]:
    """Return a function that returns the texts of a record's segments; an unsegmented record is one segment."""
    if not isinstance(encoder, SegmentedEncoder):
        return lambda text: [text]
    return lambda text: [part.text for part in encoder.split(text)]


def unsegmented(encoder: Encoder) -> Encoder:
    """Return the encoder that encodes a text as a whole, without segments."""
    return encoder.encoder if isinstance(encoder, SegmentedEncoder) else encoder


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentWriter:
    """Writes new records segment by segment."""

    splitter: Splitter  # knows the section headings and how to spell them
    parents: Segments  # segments of the train records
    context_tokens: int  # number of last tokens of the preceding text that the decoder reads before a segment
    seeds: SeedTree  # draws the parent that determines the order of the sections in a new record

    @property
    def layout_digest(self) -> str:
        """Digest of the rules that choose the segments of a new record."""
        # `parents` is left out, because another input of each stage adds the train records to its cache key
        return sha256_json([WRITER_VERSION, self.splitter.digest, self.seeds.key().hex()])

    @property
    def digest(self) -> str:
        """Digest of the rules that choose and write the segments of a new record."""
        return sha256_json([self.layout_digest, self.context_tokens])

    def with_target_vectors(self, latents: Latents) -> Latents:
        """Return the latents with the vectors that the filters compare with the vectors of the written texts.

        An interpolated vector covers all sections of the parents, but a new record omits some of these sections (see
        `align`). So the returned vector of a record is computed from the vectors of its own segments.
        """
        if len(latents) == 0:
            return latents
        return replace(latents, vectors=record_vectors(self.segments(latents))[1])

    def segments(self, latents: Latents) -> Segments:
        """Return the segments of the new records that will be written from `latents`; see `align`."""
        return align(latents, self.parents, self.seeds)

    def sizes(self, latents: Latents) -> list[int]:
        """Return the number of segments of each new record."""
        return np.diff(_bounds(self.segments(latents))).tolist()

    def usual_size(self, latents: Latents) -> int:
        """Return the median number of segments of a new record."""
        return int(median(self.sizes(latents)))

    def decode(
        self, decoder: Decoder, latents: Latents, settings: Settings, seeds: SeedTree, advance: Callable[[int], None]
    ) -> tuple[Candidate, ...]:
        """Return the candidates (new texts) of every latent, in the order of the latents.

        Step j writes segment j of all candidates that have one. The input of the decoder includes the end of the
        candidate's preceding text.

        Randomness: segment j of candidate c of latent x draws from the child "x/c/j" of `seeds`, so the text of one
            record does not depend on the other records.
        """
        segments = self.segments(latents)
        starts = _bounds(segments)
        written: dict[tuple[int, int], list[tuple[str, int, str]]] = {
            (i, c): [] for i in range(len(latents)) for c in range(settings.candidates)
        }
        is_truncated, surprisal = dict.fromkeys(written, False), dict.fromkeys(written, 0.0)
        settings = self._for_segments(settings)
        for j in range(max(np.diff(starts).tolist(), default=0)):
            unfinished = [(i, c) for i, c in written if starts[i] + j < starts[i + 1]]
            rows = [starts[i] + j for i, _ in unfinished]
            part = Latents(
                vectors=segments.vectors[rows],
                ids=tuple(f"{latents.ids[i]}/{c}/{j}" for i, c in unfinished),
                labels=tuple(_full_label(latents.labels[i], segments.headings[starts[i] + j]) for i, _ in unfinished),
                parent_ids=((),) * len(unfinished),
                weights=((),) * len(unfinished),
                method=latents.method,
                seed_path=latents.seed_path,
            )
            contexts = [self.splitter.join(written[key]) for key in unfinished] if j > 0 else []
            # the decoder pads each context to `context_tokens`, so `longest` is limited to about the length of the
            # segments that were written before
            longest = max(1, min(self.context_tokens, j * (settings.max_new_tokens + HEADING_TOKENS)))
            texts = decoder.decode(part, replace(settings, context_tokens=longest), seeds, advance, contexts)
            for key, row, candidate in zip(unfinished, rows, texts, strict=True):
                text = self.splitter.without_headings(candidate.text)
                written[key].append((segments.headings[row], segments.sections[row], text))
                is_truncated[key] |= candidate.finish == "length"
                surprisal[key] = max(surprisal[key], candidate.surprisal)
        return tuple(
            Candidate(
                latent_id=latents.ids[i],
                index=c,
                text=self.splitter.join(parts),
                label=latents.labels[i],
                finish="length" if is_truncated[i, c] else "stop",
                surprisal=surprisal[i, c],
            )
            for (i, c), parts in written.items()
        )

    def _for_segments(self, settings: Settings) -> Settings:
        # prompts of all headings, used or not, because the longest prompt determines the shape of the decoder's input
        pairs = [(label, heading) for label in settings.prompts for heading in ("", *self.splitter.headings)]
        prompts = {_full_label(*pair): section_prompt(settings.prompts[pair[0]], pair[1]) for pair in pairs}
        biases = settings.token_biases and settings.token_biases.for_labels({_full_label(*p): p[0] for p in pairs})
        return replace(
            settings, prompts=prompts, candidates=1, context_tokens=self.context_tokens, token_biases=biases
        )


def _bounds(segments: Segments) -> list[int]:
    """Return the number of the first row (segment) of each record, followed by the total number of rows."""
    return [*segments.starts().tolist(), len(segments)]


def section_prompt(prompt: str, heading: str) -> str:
    """Return the prompt of a segment: the prompt of the record, and the heading of the segment."""
    return f"{prompt} {heading}".strip()


def _full_label(label: str, heading: str) -> str:
    """Return the key of a segment's prompt in the settings of `_for_segments`."""
    return f"{label}\n{heading}"
