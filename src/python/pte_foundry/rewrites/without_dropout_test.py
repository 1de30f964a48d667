from __future__ import annotations

import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from pte_foundry.rewrites.without_dropout import rewrite


def _kinds(module: nn.Module) -> list[type[nn.Module]]:
    return [type(child) for child in module.modules() if isinstance(child, _DropoutNd)]


def test_every_kind_goes_values_names_and_the_original_stay() -> None:
    shared = nn.Dropout()
    inner = nn.Sequential(shared, nn.Dropout2d(), nn.AlphaDropout())
    module = nn.Sequential(nn.Conv2d(3, 4, 1), shared, inner, nn.Conv2d(4, 2, 1)).eval()
    x = torch.arange(48.0).reshape(1, 3, 4, 4)
    rewritten = rewrite(module, (x,))
    assert len(_kinds(module)) == 3 and _kinds(rewritten) == []
    with torch.no_grad():
        assert torch.equal(rewritten(x), module(x))
    assert rewritten.state_dict().keys() == module.state_dict().keys()


def test_a_bare_module() -> None:
    assert isinstance(rewrite(nn.Dropout(), ()), nn.Identity)
