"""Long records as sequences of segments: sections by their headings, windows of sentences, aligned across parents."""

from synthgen.segment.align import align
from synthgen.segment.split import Segment, Splitter, learn_splitter
from synthgen.segment.vectors import record_vectors

__all__ = ["Segment", "Splitter", "align", "learn_splitter", "record_vectors"]
