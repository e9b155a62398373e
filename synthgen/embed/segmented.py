"""Encode long records segment by segment. A segment is a part of a record, such as the text under one heading."""

from collections.abc import Sequence

import numpy as np

from synthgen.core.digest import sha256_json
from synthgen.core.types import Float32, Segments
from synthgen.embed.base import Encoder, Progress
from synthgen.segment import Segment, Splitter, record_vectors


class SegmentedEncoder:
    """Encoder that computes the vector of a record from the vectors of the record's segments.

    The vector of a record is the mean of the segments' unit vectors, scaled to unit length (`record_vectors`). The
    inner `encoder` encodes each segment without its heading.
    """

    normalized = True

    def __init__(self, encoder: Encoder, splitter: Splitter) -> None:
        self.encoder, self.splitter = encoder, splitter
        self.name, self.dim = encoder.name, encoder.dim
        self.max_tokens = encoder.max_tokens  # largest number of tokens of one segment
        self.digest = sha256_json({"kind": "segmented", "encoder": encoder.digest, "splitter": splitter.digest})

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Float32:
        """Return the unit vectors of n records, float32 (n, d).

        Raise ModelError if the vector of a segment, or the mean over the segments of a record, is zero.
        """
        if not texts:
            return np.empty((0, self.dim), dtype=np.float32)
        row = {text: i for i, text in enumerate(sorted(set(texts)))}
        _, vectors = record_vectors(self.segments(list(map(str, row.values())), list(row), progress))
        return vectors[[row[text] for text in texts]]

    def segments(self, ids: Sequence[str], texts: Sequence[str], progress: Progress | None = None) -> Segments:
        """Return the non-empty segments of records, each with its vector.

        The ids of the records must be distinct, and no text may be empty. `progress` is called with the estimated
        number of records encoded since its previous call; segments of several records are encoded together.
        """
        parts = [(id_, part) for id_, text in zip(ids, texts, strict=True) for part in self.split(text)]
        n_distinct = len({part.text for _, part in parts})
        n_encoded = reported = 0  # numbers of encoded distinct segments, and of records reported to `progress`

        def advance(n: int) -> None:
            nonlocal n_encoded, reported
            n_encoded += n
            done = len(texts) * n_encoded // n_distinct
            if progress is not None and done > reported:
                progress(done - reported)
            reported = done

        return Segments(
            vectors=self.encoder.encode([part.text for _, part in parts], advance),
            record_ids=tuple(id_ for id_, _ in parts),
            headings=tuple(part.heading for _, part in parts),
            sections=tuple(part.section for _, part in parts),
        )

    def split(self, text: str) -> list[Segment]:
        """Return the segments of a record that contain text, or the whole record if no segment contains text."""
        with_text = [part for part in self.splitter.split(text) if part.text]
        return with_text or [Segment(heading="", section=0, opening="", text=text)]
