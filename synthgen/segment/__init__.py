"""Cut long records into segments at headings or between sentences, and interpolate segments of several records."""

from synthgen.segment.align import align, record_vectors
from synthgen.segment.split import Segment, Splitter, learn_splitter

__all__ = ["Segment", "Splitter", "align", "learn_splitter", "record_vectors"]
