"""Long records as sequences of segments: sections by their headings, windows of sentences, aligned across parents."""

from synthgen.stages.segment.align import align
from synthgen.stages.segment.split import Segment, Splitter, learn_splitter
from synthgen.stages.segment.vectors import record_vectors

__all__ = ["Segment", "Splitter", "align", "learn_splitter", "record_vectors"]
