"""What `new` says when it is done."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from new_model.command.contents import shared, summary
from new_model.command.recognise import Recognised
from new_model.command.request import Request
from pte_foundry.models.checkpoints.refusal import shown

_PUT_BEFORE = {"module", "_orig_mod", "_fsdp_wrapped_module", "model"}
"""What wrappers, and Lightning's modules, put before every name."""


def tell_timm(
    output: Console, request: Request, texts: dict[str, str], programs: Sequence[str]
) -> None:
    folder = f"models/{request.name}"
    lines = [
        *(f"wrote {folder}/{name}" for name in texts),
        *programs,
        "its weights are not pinned yet: seeded ones do until you fetch them. Next:",
        f"    ./pants --weights-source=seeded test {folder}::",
        f"    ./foundry pin {folder}:{request.name}_weights",
        f"    ./pants test {folder}::",
    ]
    output.print("\n".join(lines), markup=False, highlight=False)


def _choices(found: Recognised) -> list[str]:
    """What was chosen of the file, and what else is there."""
    taken = found.taken
    if taken is None:
        return []
    lines = [f"took {taken.key or 'all of it'}: {summary(taken.tensors)}"]
    if taken.others:
        lines.append(f"left in the file: {', '.join(taken.others)}; --key takes another one")
    first = {name.partition(".")[0] for name in taken.tensors}
    if len(first) == 1 and first <= _PUT_BEFORE:
        lines.append(
            f"all names begin with {first.pop()}., which they lose unless the model has such a part"
        )
    pairs = shared(taken.tensors)
    if pairs:
        more = f", and {len(pairs) - 1} more pairs" if len(pairs) > 1 else ""
        lines.append(
            f"{' and '.join(map(shown, pairs[0]))} are one tensor{more}: tie them in the builder"
        )
    if found.classes:
        lines.append(f"not read, and never run: {', '.join(map(shown, found.classes[:5]))}")
    return lines


def _trained(found: Recognised) -> str:
    """Of ultralytics, which model it is."""
    one = found.trained
    if one is None:
        return ""
    named = f", {', '.join(one.labels[:3])}{', ...' * (len(one.labels) > 3)}" if one.labels else ""
    return f": {one.architecture}, a {one.about} with {one.classes} classes{named}. Its modules are read as data"


def tell(
    output: Console,
    request: Request,
    found: Recognised,
    texts: dict[str, str],
    programs: Sequence[str],
) -> None:
    """`programs` are lines about them."""
    folder = f"models/{request.name}"
    lines = [
        f"recognised as {found.form.value}" + _trained(found),
        *_choices(found),
        *(f"wrote {folder}/{name}" for name in texts),
        *programs,
    ]
    if found.taken is not None and request.architecture is None:
        lines.append(f"next, fill in {folder}/builder.py: a state_dict has no architecture. Then:")
    else:
        lines.append("next:")
    lines += [
        f"    ./pants test {folder}::",
        f"    ./foundry new --floors {request.name}",
        f"    ./pants package {folder}:{request.name}_{request.programs[0]}",
        "    ./foundry update-index",
    ]
    output.print("\n".join(lines), markup=False, highlight=False)
