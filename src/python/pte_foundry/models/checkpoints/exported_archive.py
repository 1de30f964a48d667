"""Load `.pt2` files of `torch.export.save` without what `torch.export.load` would run of them.

Such a file is a zip archive of JSON and raw tensors, and torch 2.13 runs what it says in many ways
(torch/export/pt2_archive/_package.py, torch/_export/serde/serialize.py, torch/fx/graph.py): it unpickles
tensors, objects and samples, imports the modules that a tree spec names, looks up what calls name from
`torch` down, evaluates sizes and guards as Python, and writes names into Python source. So torch never
sees the file. It is read field by field into checked JSON (`exported/`), and torch gets a new archive
that is written from that, with the bytes of the tensors.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.export import ExportedProgram
from torch.export.pt2_archive._package import load_pt2

from pte_foundry.errors import PteError, reason_of
from pte_foundry.models.checkpoints.exported.archive import MODEL, open_archive
from pte_foundry.models.checkpoints.exported.fields import Misfit, inside, shown
from pte_foundry.models.checkpoints.exported.payloads import rebuilt
from pte_foundry.models.checkpoints.exported.programs import read_program


def load_exported_archive(path: Path, operators: Set[str] = frozenset()) -> ExportedProgram:
    """The program of a `.pt2` file.

    Args:
        operators: names of the operators, beyond torch's own, that it may call, e.g. `my::clip`.

    Raises:
        PteError: `bad-checkpoint` if it is not such a file, is damaged, or lacks some of its tensors;
            `forbidden-pickle` if it has something that could run code. Both name the place.
    """
    copy = _rebuilt(path, operators)
    with torch_refusals(path.name):
        # `torch.export.load` is this, and on errors logs a traceback and tries its older formats.
        return load_pt2(copy).exported_programs["model"]


@contextmanager
def torch_refusals(file: str) -> Iterator[None]:
    """Whatever torch raises over a rebuilt program is a fault of the file.

    Raises:
        PteError: `bad-checkpoint`.
    """
    try:
        yield
    except PteError:
        raise
    except Exception as error:  # A program that torch did not write fails in many ways.
        raise PteError(
            "bad-checkpoint",
            f"{file}: torch {torch.__version__.split('+')[0]} cannot load this exported program: "
            f"{shown(reason_of(error))}. Save it again with torch.export.save of the same version of torch",
        ) from error


def _rebuilt(path: Path, operators: Set[str]) -> io.BytesIO:
    try:
        with open_archive(path) as archive:
            with inside(MODEL):
                program = read_program(archive.json(MODEL), operators)
            return rebuilt(archive, program, _no_samples())
    except Misfit as misfit:
        place = f"{misfit.place}: " if misfit.place else ""
        if misfit.runs_code:
            raise PteError(
                "forbidden-pickle",
                f"{path.name}: {place}it has {misfit.what}, which is not allowed: loading it could run code "
                "from the file. Export the model again without it, or write a Python builder for its "
                "state_dict",
            ) from None
        raise PteError(
            "bad-checkpoint",
            f"{path.name}: {place}it has {misfit.what}. Fetch it again, or save the model anew with "
            "torch.export.save",
        ) from None
    except Exception as error:  # Where an archive is damaged decides what zipfile raises.
        raise PteError(
            "bad-checkpoint",
            f"{path.name}: the archive is damaged ({shown(str(error) or type(error).__name__)}). Fetch it "
            "again",
        ) from error


def _no_samples() -> bytes:
    content = io.BytesIO()
    torch.save(((), {}), content)
    return content.getvalue()
