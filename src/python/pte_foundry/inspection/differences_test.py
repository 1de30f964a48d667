from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from executorch.exir._serialize._program import (  # type: ignore[import-untyped]
    PTEFile,
    deserialize_pte_binary,
    serialize_pte_binary,
)
from torch import Tensor, nn

from pte_foundry.backends.coreml.container import Container, write_container
from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.portable import lowering as portable
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.inspection.compare_main import main
from pte_foundry.inspection.differences import first_difference


class _Interrupted(nn.Module):
    """XNNPACK has no cumulative sum: the program has two delegates and an operator between them."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(8, 8)
        self.two = nn.Linear(8, 8)
        self.register_buffer("offset", torch.arange(8.0))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.two(torch.cumsum(self.one(x), 1)) + self.offset
        return result


def _lower(change: Callable[[_Interrupted], None] = lambda module: None) -> tuple[bytes, bytes]:
    """For the portable kernels, and for XNNPACK."""
    torch.manual_seed(0)
    module = _Interrupted().eval()
    with torch.no_grad():
        change(module)
        program = torch.export.export(module, (torch.ones(2, 8),), strict=False)
    request = LoweringRequest(program, "fp32", {})
    return tuple(  # type: ignore[return-value]
        bytes(backend.lower(request).program.buffer) for backend in (portable, xnnpack)
    )


@pytest.fixture(scope="module")
def ptes() -> tuple[bytes, bytes]:
    return _lower()


def _written(pte: bytes, change: Callable[[PTEFile], None] = lambda file: None) -> bytes:
    """The program, read, changed and serialized again."""
    file = copy.deepcopy(deserialize_pte_binary(pte))
    change(file)
    return bytes(
        serialize_pte_binary(
            file, extract_delegate_segments=True, segment_alignment=128, constant_tensor_alignment=1
        )
    )


def test_equal_bytes(ptes: tuple[bytes, bytes]) -> None:
    for pte in ptes:
        assert first_difference(pte, bytes(bytearray(pte))) is None


def test_a_weight_in_a_delegates_data(ptes: tuple[bytes, bytes]) -> None:
    def change(module: _Interrupted) -> None:
        module.two.bias[3] += 1

    portable_text, xnnpack_text = (
        first_difference(one, other) for one, other in zip(ptes, _lower(change))
    )
    assert portable_text is not None and portable_text.startswith("constant ")
    # XNNPACK names its data by a digest of the content, and the payload refers to the name.
    assert xnnpack_text is not None
    assert xnnpack_text.startswith("payload of delegate 1 (XnnpackBackend) of the method forward, ")


def _rename_operator(file: PTEFile) -> None:
    file.program.execution_plan[0].operators[1].name = "aten::other"


def _drop_instruction(file: PTEFile) -> None:
    file.program.execution_plan[0].chains[0].instructions.pop()


def _grow_arena(file: PTEFile) -> None:
    file.program.execution_plan[0].non_const_buffer_sizes[1] += 16


def _transpose_input(file: PTEFile) -> None:
    plan = file.program.execution_plan[0]
    plan.values[plan.inputs[0]].val.sizes.reverse()


def _change_constant(file: PTEFile) -> None:
    constant = file.program.constant_buffer[2]
    constant.storage = constant.storage[:5] + b"\xff" + constant.storage[6:]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            _rename_operator,
            "program, execution plan 0, operator 1, name: 'aten::addmm' in one, "
            "'aten::other' in the other",
        ),
        (_drop_instruction, "program, execution plan 0, chain 0, instructions: "),
        (_grow_arena, "program, execution plan 0, non_const_buffer_sizes 1: "),
        (
            _transpose_input,
            "program, execution plan 0, value 5, val, sizes 0: 2 in one, 8 in the other",
        ),
        (_change_constant, "constant 2, byte 5 of "),
    ],
)
def test_parts_of_a_portable_program(
    ptes: tuple[bytes, bytes], change: Callable[[PTEFile], None], expected: str
) -> None:
    found = first_difference(_written(ptes[0]), _written(ptes[0], change))
    assert found is not None and found.startswith(expected), found


def _coreml(files: dict[str, bytes]) -> Callable[[PTEFile], None]:
    """Makes the second delegate one of CoreML with this folder in its payload."""

    def change(file: PTEFile) -> None:
        delegate = file.program.execution_plan[0].delegates[1]
        delegate.id = "CoreMLBackend"
        data = file.program.backend_delegate_data[delegate.processed.index]
        data.data = write_container(Container("lowered_module", files))

    return change


_FILES = {"metadata.json": b"digest 1", "a.mlmodel": b"graph", "weight.bin": b"01234567"}


@pytest.mark.parametrize(
    ("files", "part"),
    [
        ({**_FILES, "weight.bin": b"0123x567"}, "file weight.bin, byte 4 of 8"),
        # The digest in metadata.json follows from the rest.
        (
            {**_FILES, "weight.bin": b"012", "metadata.json": b"digest 2"},
            "file weight.bin, byte 3 (8 bytes in one, 3 in the other)",
        ),
        ({**_FILES, "metadata.json": b"digest 2"}, "file metadata.json, byte 7 of 8"),
        ({**_FILES, "another": b""}, "file another: in one only"),
    ],
)
def test_files_of_a_coreml_payload(
    ptes: tuple[bytes, bytes], files: dict[str, bytes], part: str
) -> None:
    first, second = (_written(ptes[1], _coreml(each)) for each in (_FILES, files))
    where = "payload of delegate 1 (CoreMLBackend) of the method forward"
    assert first_difference(first, second) == f"{where}, {part}"


def test_named_data(ptes: tuple[bytes, bytes]) -> None:
    def change(file: PTEFile) -> None:
        key = sorted(file.named_data.pte_data)[0]
        index = file.named_data.pte_data[key].buffer_index
        data = file.named_data.buffers[index]
        file.named_data.buffers[index] = data[:-1] + bytes([data[-1] ^ 1])

    key = sorted(deserialize_pte_binary(ptes[1]).named_data.pte_data)[0]
    found = first_difference(_written(ptes[1]), _written(ptes[1], change))
    assert found is not None and found.startswith(f"named data {key}, byte "), found


def test_padding(ptes: tuple[bytes, bytes]) -> None:
    pte = ptes[1]
    found = first_difference(pte, pte + b"\0")
    assert found is not None and found.startswith(f"byte {len(pte)} ("), found
    assert found.endswith("of the file, in padding or the order of segments")


@pytest.mark.parametrize("place", [0, 65_535, 65_536, 131_072, 199_999])
def test_bytes_that_are_not_a_program(place: int) -> None:
    first = bytes(200_000)
    found = first_difference(first, first[:place] + b"\1" + first[place + 1 :])
    assert found is not None
    assert found.startswith(
        f"byte {place} of 200000 of the file, which is not a readable program ("
    )


def test_exit_codes_and_lines_of_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in (("a", b"one"), ("b", b"one"), ("c", b"oxe")):
        (tmp_path / name).write_bytes(content)
    a, b, c, d = (str(tmp_path / name) for name in "abcd")
    assert main([a, b]) == 0
    assert capsys.readouterr().out == "equal\n"
    assert main([a, c]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("byte 1 of 3 of the file")
    assert main([a, d]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and d in captured.err
