"""Whether a file ends where its program ends.

The extended header tells where the segments (payloads, weights) begin and how long they are together. The
deserializer takes what there is: a file that lacks its last byte parses, with a weight that is short of one.
"""

from __future__ import annotations

from executorch.exir._serialize._program import (  # type: ignore[import-untyped]
    _get_extended_header,
)

from pte_foundry.validation.case import Outcome


def extent_outcome(pte: bytes) -> Outcome:
    """Compare the length of the file with that of the program and its segments."""
    header = _get_extended_header(pte)
    if header is None or not header.segment_data_size:
        return Outcome("it has no segments")
    end = header.segment_base_offset + header.segment_data_size
    problem = (
        f"the file has {len(pte)} bytes, its header says {end}: it was cut off, or something was added. "
        "Build or download it again"
    )
    return Outcome("it ends with its last segment", (problem,) if end != len(pte) else ())
