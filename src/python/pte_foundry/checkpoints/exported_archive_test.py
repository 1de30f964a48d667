from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from pte_foundry.checkpoints.exported_archive import load_exported_archive
from pte_foundry.errors import PteError


class _Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 2)
        self.register_buffer("scale", torch.tensor([2.0, 3.0]))

    def forward(self, values: Tensor) -> Tensor:
        half = values.reshape(values.shape[0] * 2, -1)
        scores: Tensor = self.head(torch.cat([half, half], 1)) * self.scale + torch.tensor(
            [0.5, 1.5]
        )
        return scores


@pytest.fixture(scope="module")
def archive() -> bytes:
    rows = Dim("rows", min=2, max=9)
    program = torch.export.export(
        _Scaled().eval(), (torch.randn(4, 4),), dynamic_shapes=({0: rows},), strict=False
    )
    content = io.BytesIO()
    torch.export.save(program, content, extra_files={"note.txt": "kept out"})
    return content.getvalue()


def _changed(archive: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    """The archive with its files, by path below the top folder, changed."""
    with zipfile.ZipFile(io.BytesIO(archive)) as read:
        files = {name.partition("/")[2]: read.read(name) for name in read.namelist()}
    change(files)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        for name, data in files.items():
            made.writestr(f"m/{name}", data)
    return content.getvalue()


def _edit(name: str, edit: Callable[[Any], None]) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        data = json.loads(files[name])
        edit(data)
        files[name] = json.dumps(data).encode()

    return change


def _error(path: Path, content: bytes) -> PteError:
    path.write_bytes(content)
    with pytest.raises(PteError) as caught:
        load_exported_archive(path)
    assert path.name in caught.value.message
    return caught.value


def test_what_torch_saved_is_loaded(archive: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.pt2").write_bytes(archive)
    program = load_exported_archive(tmp_path / "m.pt2")
    values = torch.randn(3, 4)
    expected = torch.export.load(io.BytesIO(archive)).module()(values)
    assert torch.equal(program.module(check_guards=False)(values), expected)


def _target(name: str) -> Callable[[Any], None]:
    return lambda data: data["graph_module"]["graph"]["nodes"][0].update(target=name)


def _size(text: str) -> Callable[[Any], None]:
    def edit(data: Any) -> None:
        waiting, found = [data], 0
        while waiting:
            one = waiting.pop()
            if isinstance(one, dict):
                if "expr_str" in one:
                    one["expr_str"], found = text, found + 1
                waiting += one.values()
            elif isinstance(one, list):
                waiting += one
        assert found

    return edit


def _container(kind: str) -> Callable[[Any], None]:
    def edit(data: Any) -> None:
        signature = data["graph_module"]["module_call_graph"][0]["signature"]
        signature["in_spec"] = signature["in_spec"].replace("builtins.tuple", kind, 1)

    return edit


def _pickled(data: Any) -> None:
    next(iter(data["config"].values()))["use_pickle"] = True


def _object(data: Any) -> None:
    entry = next(iter(data["config"].values()))
    data["config"]["scale"] = {**entry, "path_name": "opaque_obj_0", "use_pickle": False}


_MODEL = "models/model.json"
_WEIGHTS = "data/weights/model_weights_config.json"
_CONSTANTS = "data/constants/model_constants_config.json"


@pytest.mark.parametrize(
    ("file", "edit", "named"),
    [
        (_MODEL, _target("torch.os.system"), "torch.os.system"),
        (_MODEL, _target("torch.ops.load_library"), "torch.ops.load_library"),
        (_MODEL, _target("torch.ops._x.y.z"), "torch.ops._x"),
        (_MODEL, _target("_operator.methodcaller"), "methodcaller"),
        (_MODEL, _target("torch.ops.higher_order.call_torchbind"), "call_torchbind"),
        (_MODEL, _target("#anything"), "#anything"),
        (_MODEL, _size("__import__('os').system('true')"), "__import__"),
        (_MODEL, _size("Symbol('s0').func"), "func"),
        (_MODEL, _size("s0.__class__"), "__class__"),
        (_MODEL, _container("collections.defaultdict"), "defaultdict"),
        (_WEIGHTS, _pickled, "pickled"),
        (_CONSTANTS, _object, "object"),
    ],
)
def test_what_could_run_code_is_refused(
    archive: bytes, tmp_path: Path, file: str, edit: Callable[[Any], None], named: str
) -> None:
    error = _error(tmp_path / "m.pt2", _changed(archive, _edit(file, edit)))
    assert error.kind == "forbidden-pickle" and named in error.message


@pytest.mark.parametrize(
    "name", ["data/aotinductor/model/x.so", "data/weights/model.pt", "data/constants/opaque_obj_0"]
)
def test_strange_files_are_refused(archive: bytes, tmp_path: Path, name: str) -> None:
    content = _changed(archive, lambda files: files.update({name: b""}))
    error = _error(tmp_path / "m.pt2", content)
    assert error.kind == "forbidden-pickle" and name in error.message


class _Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("the samples were unpickled",))


def test_samples_are_not_unpickled(archive: bytes, tmp_path: Path) -> None:
    trap = pickle.dumps(_Trap())
    content = _changed(archive, lambda files: files.update({"data/sample_inputs/model.pt": trap}))
    (tmp_path / "m.pt2").write_bytes(content)
    load_exported_archive(tmp_path / "m.pt2")


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_damaged_files(archive: bytes, tmp_path: Path, keep: float) -> None:
    error = _error(tmp_path / "m.pt2", archive[: int(len(archive) * keep)])
    assert error.kind == "bad-checkpoint"


def test_another_archive(tmp_path: Path) -> None:
    torch.save(nn.Linear(1, 1).state_dict(), tmp_path / "state.pt")
    error = _error(tmp_path / "m.pt2", (tmp_path / "state.pt").read_bytes())
    assert error.kind == "bad-checkpoint" and "torch.export.save" in error.message


def test_a_file_that_is_named_twice(archive: bytes, tmp_path: Path) -> None:
    content = io.BytesIO(archive)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(content, "a") as made:
        name = next(name for name in made.namelist() if name.endswith("model.json"))
        made.writestr(name, b"{}")
    assert "twice" in _error(tmp_path / "m.pt2", content.getvalue()).message
