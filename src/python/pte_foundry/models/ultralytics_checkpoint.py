"""Read ultralytics' pickled checkpoints as data: the classes that they name never run.

Such a file (`yolo11n.pt`) pickles whole modules. Allowing the real classes would not be safe:
constructing `DetectionModel` with arguments of the file's choice evaluates text of the file. So each
class that a detection checkpoint names is replaced by an inert *record*, which has no constructor
arguments and no behaviour, and only keeps the attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from pte_foundry.models.checkpoints.pickle_reader import InertRecord, record_class
from pte_foundry.models.checkpoints.pickled_values import children_of_record, tensors_of_record
from pte_foundry.models.checkpoints.refusal import shown

_CLASSES: Mapping[str, tuple[str, ...]] = {
    # The modules of YOLOv5u, YOLOv8 and YOLO11 detectors, with or without key points.
    "torch.nn.modules.activation": ("SiLU",),
    "torch.nn.modules.batchnorm": ("BatchNorm2d",),
    "torch.nn.modules.container": ("ModuleList", "Sequential"),
    "torch.nn.modules.conv": ("Conv2d",),
    "torch.nn.modules.linear": ("Identity",),
    "torch.nn.modules.pooling": ("MaxPool2d",),
    "torch.nn.modules.upsampling": ("Upsample",),
    "ultralytics.nn.modules.block": (
        "Attention",
        "Bottleneck",
        "C2f",
        "C2PSA",
        "C3",
        "C3k",
        "C3k2",
        "DFL",
        "PSABlock",
        "SPPF",
    ),
    "ultralytics.nn.modules.conv": ("Concat", "Conv", "DWConv"),
    "ultralytics.nn.modules.head": ("Detect", "Pose"),
    "ultralytics.nn.tasks": ("DetectionModel", "PoseModel"),
    # Settings of the training, and the loss that some releases leave on the model. Not used.
    "torch.nn.modules.loss": ("BCEWithLogitsLoss",),
    "ultralytics.utils": ("IterableSimpleNamespace",),
    "ultralytics.utils.loss": (
        "BboxLoss",
        "DFLoss",
        "KeypointLoss",
        "v8DetectionLoss",
        "v8PoseLoss",
    ),
    "ultralytics.utils.tal": ("TaskAlignedAssigner",),
}


RECORD_CLASSES: tuple[Callable[..., object], ...] = (
    *(record_class(module, name) for module, names in _CLASSES.items() for name in names),
    set,  # Every pickled module has one: the names of its buffers that are not saved.
)
"""For `ModelDefinition.checkpoint_globals`."""


_NO_SETTINGS = frozenset({"export", "inplace", "momentum", "np", "p", "shape", "training", "type"})
"""What layers keep beside what they compute with in eval mode: of training, of exports, of their description."""


def state_of_checkpoint(
    content: object, structure: nn.Module, settings: bool = False
) -> Mapping[str, Tensor]:
    """The state_dict of the checkpoint's model, of the element types that the file has.

    Like ultralytics, takes `ema`, the averaged weights, if the file has them, else `model`.

    Args:
        content: what `load_checkpoint` returned, given `RECORD_CLASSES`.
        structure: the freshly built model. Every module of it must be in the file, under the same
            path and with a class of the same name: a state_dict alone would also fit a model with
            another activation function.
        settings: also compare the numbers and texts that both keep on a module, such as strides, or the layers that one
            reads: a model that was changed by hand may have the same modules.

    Raises:
        TypeError: if `content` is not of this form.
        ValueError: if the modules are not those of `structure`, naming the first that differ; for
            instance when batch norm is folded into the convolutions.
    """
    if not isinstance(content, Mapping) or "model" not in content:
        raise TypeError("expected ultralytics' checkpoint, a dict with the key 'model'")
    averaged = content.get("ema")
    model = content["model"] if averaged is None else averaged
    if not isinstance(model, InertRecord):
        raise TypeError(f"expected a pickled model, found a {type(model).__name__}")
    records, differences = _alike(model, structure)
    if settings:
        differences += _other_settings(records, structure)
    if differences:
        raise ValueError(
            f"{len(differences)} modules differ from those of the architecture: "
            f"{'; '.join(sorted(differences)[:3])}"
        )
    return {
        f"{path}.{name}" if path else name: value
        for path, record in records
        for name, value in tensors_of_record(record, f"{path}.")
    }


def _alike(
    model: InertRecord, structure: nn.Module
) -> tuple[list[tuple[str, InertRecord]], list[str]]:
    """The records by their paths, and how they differ from `structure`.

    Both trees are walked in step, so that a record that holds itself, or one that occurs on a million
    paths, ends where the structure does.
    """
    records, differences = [], []
    waiting: list[tuple[str, InertRecord | None, nn.Module | None]] = [("", model, structure)]
    while waiting:
        path, record, module = waiting.pop()
        if record is None or module is None or type(record).__name__ != type(module).__name__:
            differences.append(
                f"{shown(path) or 'the model'} is {_kind(record)} instead of {_kind(module)}"
            )
        if record is None or module is None:
            continue
        records.append((path, record))
        children = children_of_record(record)
        expected = {name: one for name, one in module._modules.items() if one is not None}
        for name in reversed([*expected, *(name for name in children if name not in expected)]):
            below = f"{path}.{name}" if path else name
            waiting.append((below, children.get(name), expected.get(name)))
    return records, differences


def _other_settings(records: list[tuple[str, InertRecord]], structure: nn.Module) -> list[str]:
    modules = dict(structure.named_modules(remove_duplicate=False))
    return [
        f"{shown(path) or 'the model'} has {name} {shown(found)} instead of {expected}"
        for path, record in records
        for name, expected in _settings(vars(modules[path])).items()
        if (found := _settings(vars(record)).get(name, expected)) != expected
    ]


def _settings(attributes: Mapping[str, object]) -> dict[str, object]:
    """Numbers, texts and lists of them, by name."""
    found: dict[str, object] = {}
    for name, value in attributes.items():
        parts = tuple(value) if isinstance(value, (list, tuple)) else (value,)
        if (
            not name.startswith("_")
            and name not in _NO_SETTINGS
            and all(isinstance(part, (bool, int, float, str)) for part in parts)
        ):
            found[name] = parts if len(parts) != 1 else parts[0]
    return found


def _kind(found: object) -> str:
    return "absent" if found is None else type(found).__name__
