"""A small encoder of sentences: what a builder of a text model looks like."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pte_foundry.models.definition import InputContract, ModelDefinition, OutputContract
from pte_foundry.models.own.state_dict import plain_state_dict

_VOCABULARY, _LENGTH, _WIDTH, _CLASSES = 500, 32, 32, 5


class _Sentence(nn.Module):
    """One layer of attention, and the mean over the tokens that the mask marks."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(_VOCABULARY, _WIDTH)
        self.positions = nn.Embedding(_LENGTH, _WIDTH)
        self.query = nn.Linear(_WIDTH, _WIDTH)
        self.key = nn.Linear(_WIDTH, _WIDTH)
        self.value = nn.Linear(_WIDTH, _WIDTH)
        self.classes = nn.Linear(_WIDTH, _CLASSES)

    def forward(self, tokens: Tensor, mask: Tensor) -> dict[str, Tensor]:
        words = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]
        seen = mask.to(words.dtype)
        scores = self.query(words) @ self.key(words).transpose(1, 2) / _WIDTH**0.5
        # Not minus infinity: a sentence without a single marked token must not become NaN.
        weights = torch.softmax(scores + (1.0 - seen)[:, None, :] * -1e4, dim=-1)
        mixed = words + weights @ self.value(words)
        count = seen.sum(1, keepdim=True).clamp(min=1.0)
        embedding = (mixed * seen[:, :, None]).sum(1) / count
        return {"embedding": embedding, "token_scores": self.classes(mixed)}


def build(model: str) -> ModelDefinition:
    """Inputs `tokens`, `mask`: int64 [1, length]. Outputs: float32 [1, 32] and [1, length, 5]."""
    return ModelDefinition(
        module=_Sentence().eval(),
        inputs=(
            InputContract("tokens", (1, _LENGTH), "batch, token"),
            InputContract("mask", (1, _LENGTH), "batch, token"),
        ),
        outputs=(
            OutputContract("embedding", "the mean of the marked tokens"),
            OutputContract("token_scores", "one score per class for each token"),
        ),
        adapt_checkpoint=plain_state_dict,
    )
