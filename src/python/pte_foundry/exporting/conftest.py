from pte_foundry.testing.fast_lowering import fast_lowering

__all__ = ["fast_lowering"]
