"""Meta's Perception Encoder checkpoints: which of their tensors belong to the vision tower."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from pte_foundry.models.torchvision_cpu import prepare_torchvision

prepare_torchvision()

from timm.models.eva import checkpoint_filter_fn  # noqa: E402

# Meta's `VisionTransformer.load_ckpt` and `CLIP.load_ckpt` (perception_models, pe.py) take the
# state_dict from these keys, or the file's whole content.
_WRAPPERS = ("state_dict", "weights")
_VISION = "visual."
# The first part of every name in `CLIP` that is not `visual`. `transformer` and
# `positional_embedding` are names of a bare vision tower too, so they count only beside `visual.`.
_TEXT_TOWER = frozenset(
    {
        "ln_final",
        "logit_scale",
        "positional_embedding",
        "text_projection",
        "token_embedding",
        "transformer",
    }
)


def vision_state(content: object, module: nn.Module) -> Mapping[str, Tensor]:
    """State_dict of timm's tower `module`, from the content of one of Meta's files.

    PE-Core's files hold two towers: the names of the vision tower begin with `visual.`, the text
    tower is left out. PE-Spatial's files hold a bare vision tower. timm's own converter renames.

    Raises:
        TypeError: if `content` is not a state_dict.
        ValueError: for names that belong to neither tower.
    """
    if not isinstance(content, Mapping):
        raise TypeError(f"expected a state_dict, found a {type(content).__name__}")
    for wrapper in _WRAPPERS:
        inner = content.get(wrapper)
        if isinstance(inner, Mapping):
            content = inner
            break
    state = {str(name).removeprefix("module."): value for name, value in content.items()}
    if any(name.startswith(_VISION) for name in state):
        tower = {
            name.removeprefix(_VISION): value
            for name, value in state.items()
            if name.startswith(_VISION)
        }
        unknown = sorted(
            name
            for name in state
            if not name.startswith(_VISION) and name.partition(".")[0] not in _TEXT_TOWER
        )
        if unknown:
            raise ValueError(f"names of neither tower: {', '.join(unknown[:5])}")
    else:
        tower = state
    if "conv1.weight" not in tower:
        # timm's converter would take this for another family's checkpoint, and guess.
        raise ValueError("no patch embedding `conv1.weight`, with or without `visual.`")
    converted: Mapping[str, Tensor] = checkpoint_filter_fn(tower, module)
    return converted
