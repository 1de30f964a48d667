"""Read `.pt2` files of `torch.export.save` without what `torch.export.load` would run of them.

Such a file is a zip archive of JSON and raw tensors, and may hold more (torch 2.13,
torch/export/pt2_archive/_package.py and torch/_export/serde/serialize.py): pickled tensors and objects,
which are loaded with `weights_only=False`; compiled libraries; targets of calls that are looked up from
`torch` by name, be it `torch.os.system`; and expressions for sizes, which go through `eval`. So only files
of a known form are taken, each target and expression is checked, and torch gets an archive with nothing
else in it.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram

from pte_foundry.errors import PteError

_NEEDED = (
    "models/model.json",
    "data/weights/model_weights_config.json",
    "data/constants/model_constants_config.json",
)
_SAMPLES = "data/sample_inputs/model.pt"
_ALLOWED_FILES = re.compile(
    r"models/model\.json|data/weights/(model_weights_config\.json|weight_\d+)"
    r"|data/constants/(model_constants_config\.json|tensor_\d+)"
    r"|archive_format|archive_version|byteorder|version|\.data/(version|serialization_id)",
    re.ASCII,
)
_SAFE_TARGETS = re.compile(
    r"torch\.ops\.(?!_)\w+\.\w+\.\w+"
    r"|torch\.ops\.higher_order\.(cond|map_impl|scan|while_loop|wrap_with_set_grad_enabled)"
    r"|torch\.sym_(float|int|ite|max|min|not|sqrt|sum)|torch\._sym_sqrt"
    r"|math\.(ceil|floor|trunc|sqrt|pow)"
    r"|_operator\.(add|and_|eq|floordiv|ge|getitem|gt|le|lt|mod|mul|ne|neg|not_|or_|pos|pow|sub|truediv)",
    re.ASCII,
)
_WORDS = re.compile(r"[A-Za-z_]\w*|'[A-Za-z_]\w*'|[0-9.]+|[-+*/%(),=<>& |~]", re.ASCII)
_SAFE_WORDS = re.compile(
    r"'[suz]\w*\d+'|[suz]\d+|[0-9.]+|[-+*/%(),=<>& |~]"
    r"|Symbol|Integer|Float|Rational|Add|Mul|Pow|Max|Min|Mod|PythonMod|FloorDiv|CeilDiv|CleanDiv|IntTrueDiv"
    r"|FloatTrueDiv|ModularIndexing|PowByNatural|CeilToInt|FloorToInt|TruncToInt|ToFloat|Abs|floor|ceiling"
    r"|Eq|Ne|Ge|Gt|Le|Lt|And|Or|Not|Equality|Unequality|GreaterThan|LessThan|StrictGreaterThan|StrictLessThan"
    r"|true|false|True|False|integer|positive|nonnegative|real|precision|evaluate",
    re.ASCII,
)
_CONTAINERS = (None, "builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict")


def load_exported_archive(path: Path) -> ExportedProgram:
    """The program of a `.pt2` file.

    Raises:
        PteError: `bad-checkpoint` if it is no such file or is damaged; `forbidden-pickle` if it has
            something in it that could run code, naming it.
    """
    checked = _checked_copy(path)
    try:
        # The copy has no samples: torch would unpickle them without restrictions.
        return torch.export.load(checked)
    except Exception as error:  # Damaged archives end in many ways, by where the damage is.
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PteError(
            "bad-checkpoint",
            f"{path.name}: torch {torch.__version__.split('+')[0]} cannot load this exported program: "
            f"{reason[:200]}. Save it again with torch.export.save of the same version of torch",
        ) from error


def _checked_copy(path: Path) -> io.BytesIO:
    """An archive in memory of the files that are needed, all of which were looked at."""
    try:
        archive = zipfile.ZipFile(path)
        entries = {_inner(info.filename): info for info in archive.infolist()}
        count = len(archive.infolist())
    except (OSError, zipfile.BadZipFile) as error:
        raise PteError(
            "bad-checkpoint", f"{path.name} is no .pt2 archive ({error}). Fetch it again"
        ) from error
    with archive:
        missing = [name for name in _NEEDED if name not in entries]
        if missing or count != len(entries):
            raise PteError(
                "bad-checkpoint",
                f"{path.name} is no program of torch.export.save: it "
                f"{'has no ' + missing[0] if missing else 'names a file twice'}. Save it with torch.export.save",
            )
        # What a person gave as an example, and files of theirs: never read.
        kept = [name for name in entries if name != _SAMPLES and not name.startswith("extra/")]
        strange = sorted(name for name in kept if not _ALLOWED_FILES.fullmatch(name))
        if strange:
            raise _forbidden(path, f"the file {strange[0]}")
        try:
            contents = {name: archive.read(entries[name]) for name in kept}
            graph, *configs = (json.loads(contents[name]) for name in _NEEDED)
        except (ValueError, zipfile.BadZipFile, OSError, RecursionError) as error:
            raise PteError(
                "bad-checkpoint", f"{path.name}: the archive is damaged ({error}). Fetch it again"
            ) from error
    for config in configs:
        _check_payloads(path, config)
    _check_graph(path, graph)
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w") as made:
        for name, content in contents.items():
            made.writestr(f"model/{name}", content)
        made.writestr(f"model/{_SAMPLES}", _no_samples())
    copy.seek(0)
    return copy


def _inner(name: str) -> str:
    """The path below the archive's top folder, whatever that is called."""
    return name.partition("/")[2]


def _no_samples() -> bytes:
    content = io.BytesIO()
    torch.save(((), {}), content)
    return content.getvalue()


def _check_payloads(path: Path, config: Any) -> None:
    for name, entry in config.get("config", {}).items():
        if entry.get("use_pickle") is not False:
            raise _forbidden(path, f"{name}, which is pickled")
        if not re.fullmatch(r"(weight|tensor)_\d+", str(entry.get("path_name")), re.ASCII):
            raise _forbidden(path, f"{name}, which is an object and no tensor")


def _check_graph(path: Path, graph: Any) -> None:
    for key, value in _fields(graph):
        if key == "target" and not _SAFE_TARGETS.fullmatch(str(value)):
            raise _forbidden(path, f"a call of {str(value)[:80]}")
        if key == "expr_str" and not _is_arithmetic(str(value)):
            raise _forbidden(path, f"the size {str(value)[:80]!r}")
        if key in ("in_spec", "out_spec", "treespec") and isinstance(value, str):
            for name, kind in _fields(json.loads(value)):
                if name == "type" and kind not in _CONTAINERS:
                    raise _forbidden(path, f"a container {str(kind)[:80]}")
                if name == "__enum__":
                    raise _forbidden(path, "an enumeration")


def _is_arithmetic(text: str) -> bool:
    words = _WORDS.findall(text)
    return "".join(words) == text and all(_SAFE_WORDS.fullmatch(word) for word in words)


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key and its value, at all depths."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield from one.items()
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _forbidden(path: Path, what: str) -> PteError:
    return PteError(
        "forbidden-pickle",
        f"{path.name}: it has {what}, which is not allowed: loading it could run code from the file. Export "
        "the model again without it, or write a Python builder for its state_dict",
    )
