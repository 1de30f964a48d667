"""Random integers that are the same on every machine and in every version of NumPy.

NumPy guarantees the streams of its bit generators (NEP 19), unlike those of its distributions: so
only `random_raw` is used, and what follows are integer and IEEE-exact floating-point operations.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt


def raw_integers(key: str, count: int) -> npt.NDArray[np.uint64]:
    """`count` uniform 64-bit integers, uint64 [count], of the stream that `key` names.

    The generator is Philox4x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
    SC11), counter 0, its 128-bit key the first 16 bytes of SHA-256(key), little-endian.
    """
    digest = hashlib.sha256(key.encode("utf-8")).digest()
    generator = np.random.Philox(key=int.from_bytes(digest[:16], "little"))
    return generator.random_raw(count).astype(np.uint64, copy=False)


def uniform(key: str, count: int) -> npt.NDArray[np.float64]:
    """Uniform numbers of [-1, 1), float64 [count]: multiples of 2**-52, so every step is exact."""
    integers = raw_integers(key, count)
    integers >>= np.uint64(11)
    values = integers.astype(np.float64)
    values *= 2.0**-52
    values -= 1.0
    return values
