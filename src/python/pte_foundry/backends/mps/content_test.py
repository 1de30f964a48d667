from __future__ import annotations

from pte_foundry.backends.mps.program import interpret
from pte_foundry.testing.lowered import lower


def test_a_payload_describes_itself() -> None:
    content = interpret(*lower("mps", "block")).content()
    assert content.inputs == (((1, 3, 8, 8), "float32"),)
    assert content.outputs == (((1, 10), "float32"),)
    assert (content.convolutions, content.products) == (2, 1)
    assert content.keeps_batch_norms and content.operators["MPSBatchNorm"] == 2
    assert list(content.float_types) == ["float16"]
    # Four vectors of the second batch norm, and its convolution's bias.
    sizes = sorted(one.values.numel() for one in content.constants if one.values.numel() >= 16)
    assert sizes == [16] * 5 + [8 * 16, 10 * 16, 8 * 27]
