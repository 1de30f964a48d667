from pte_foundry.testing.fast_lowering import fast_lowering
from pte_foundry.testing.fast_quantization import fast_quantization

__all__ = ["fast_lowering", "fast_quantization"]
