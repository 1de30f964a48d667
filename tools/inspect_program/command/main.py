"""Show what is in a `.pte` file, whoever built it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import mmap
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from inspect_program.command.contract_lines import contract_of, contract_rows
from inspect_program.command.flat_tables import NotReadable
from inspect_program.command.program_file import Method, ProgramFile, read_program
from pte_foundry.client.content import hint
from pte_foundry.records.contract import GET_CONTRACT
from pte_foundry.records.outside_text import plain
from workspace.errors import ToolError
from workspace.tool_command import ToolCommand

app = typer.Typer(add_completion=False)

_LONGEST_TEXT = 60


@app.command("inspect", cls=ToolCommand)
def main(
    file: Annotated[Path, typer.Argument(help="A `.pte` file, from here or from anywhere.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for other tools.")] = False,
) -> None:
    """Show what is in a .pte file, whoever built it.

    Lists methods, inputs, outputs, planned memory, delegates, the operators outside of them, and constants; and how to
    use the program, if it says so itself as programs of this repository do. Reads the
    file alone: no ExecuTorch is needed, and nothing is run. For any program of ExecuTorch's format ET12, ours or not.
    Planned memory is what the program asks the runtime for; delegates allocate more.
    """
    program, sha256 = read_file(file)
    output = Console(soft_wrap=True, markup=False, highlight=False)
    if as_json:
        contract = contract_of(program)
        stated = None if contract is None else contract.to_json()
        content = {"sha256": sha256, "contract": stated, **dataclasses.asdict(program)}
        output.print(json.dumps(content, indent=2))
        return
    for line in description(file.name, sha256, program):
        output.print(line)


def read_file(path: Path) -> tuple[ProgramFile, str]:
    """The program, and the file's SHA-256.

    Raises:
        ToolError: the file cannot be read, or is no program.
    """
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if not file.tell():
            raise ToolError(f"{path} is empty. Download or build it again")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            view = memoryview(mapped)
            try:
                return read_program(view), sha256
            except NotReadable as reason:
                guess = hint(bytes(view[:64])) or " Download or build it again."
                raise ToolError(
                    f"{path} is no readable ExecuTorch program: {reason}.{guess}"
                ) from None
            finally:
                view.release()


def description(name: str, sha256: str, program: ProgramFile) -> list[str]:
    """The lines for a person."""
    lines = [plain(f"{name}: {size_text(program.size)}, sha256 {sha256}")]
    computed = [method for method in program.methods if method.constant is None]
    contract = contract_of(program)
    hidden = None if contract is None else GET_CONTRACT
    stated = [
        method
        for method in program.methods
        if method.constant is not None and method.name != hidden
    ]
    for method in computed:
        lines += ["", *_method(method)]
    if contract is not None:
        lines += ["", "contract", *(_row(title, text) for title, text in contract_rows(contract))]
    if stated:
        lines += ["", "constant methods"]
        lines += [_row(method.name, _short(method.constant or "")) for method in stated]
    lines += ["", _row("constants", size_text(program.constant_bytes))]
    if program.named_data:
        total = size_text(sum(program.named_data.values()))
        lines.append(_row("shared data", f"{len(program.named_data)} entries, {total}"))
    if program.external:
        names = ", ".join(program.external[:3]) + (", ..." if len(program.external) > 3 else "")
        lines.append(
            _row("external", f"{len(program.external)} tensors are in another file: {names}")
        )
    return lines


def _method(method: Method) -> list[str]:
    lines = [plain(method.name)]
    for title, values in (("input", method.inputs), ("output", method.outputs)):
        for value in values:
            bound = " at most" if value.dynamic else ""
            lines.append(_row(title, _short(value.text) + bound))
    lines.append(_row("planned memory", size_text(method.planned_bytes)))
    for delegate in method.delegates:
        calls = f"{delegate.calls} call{'' if delegate.calls == 1 else 's'}"
        options = ", ".join(f"{name}={value}" for name, value in delegate.options.items())
        lines.append(
            _row(
                "delegate",
                f"{delegate.name}: {calls}, {size_text(delegate.payload_bytes)}"
                + (f" ({options})" if options else ""),
            )
        )
    if not method.operators:
        lines.append(_row("operators", "none outside of delegates"))
    lines += [
        _row("operators" if index == 0 else "", f"{count:4} {name}")
        for index, (name, count) in enumerate(method.operators.items())
    ]
    return lines


def _row(title: str, text: str) -> str:
    return plain(f"  {title:15} {text}".rstrip())


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."


def size_text(size: int) -> str:
    """Bytes for people: `512 bytes`, `10.6 MB`."""
    if size < 1000:
        return f"{size} bytes"
    for unit in ("kB", "MB"):
        size_in_unit = size / (1e3 if unit == "kB" else 1e6)
        if size_in_unit < 1000:
            return f"{size_in_unit:.1f} {unit}"
    return f"{size / 1e9:.2f} GB"
