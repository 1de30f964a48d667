"""A workspace of many stand-in programs: ten backends, ten models per family, a program for each pair."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pte_build.stand_in_library import ROOT, library_files
from pte_build.stand_in_repository import program_text, target_text
from pte_build.stand_in_workspace import write_workspace
from workspace.clone import Clone
from workspace.repository import Repository

BACKENDS = 10
_MODELS_OF_A_FAMILY = 10
_OPTIONS = ("--no-pantsrc", "--no-dynamic-ui", "--no-colors", "--level=info")


@dataclass(frozen=True)
class ScaleWorkspace:
    """programs: how many there are. checkpoints: the folder with the checkpoints of all models."""

    clone: Clone
    programs: int
    checkpoints: Path

    @contextmanager
    def changed_checkpoint(self) -> Iterator[None]:
        """The first model gets other values, as from a maintainer: a new file, and its hash in the BUILD file."""
        old, new = _checkpoint(0, 1), _checkpoint(0, 2)
        (self.checkpoints / "changed").write_bytes(new)
        with self._replaced("models/family_0/BUILD", _sha256(old), _sha256(new)):
            yield

    @contextmanager
    def changed_backend(self) -> Iterator[None]:
        """The first backend, which has a program of every model, gets another lowering module."""
        with self._replaced(_module(0), "backend 0", "another backend"):
            yield

    @contextmanager
    def _replaced(self, path: str, old: str, new: str) -> Iterator[None]:
        file = self.clone.root / path
        text = file.read_text()
        file.write_text(text.replace(old, new))
        try:
            yield
        finally:
            file.write_text(text)


@contextmanager
def scale_workspace(
    repository: Repository, folder: Path, environment: dict[str, str], programs: int
) -> Iterator[ScaleWorkspace]:
    """Below `folder`, with a store of its own; its daemon is stopped at the end. programs: a multiple of BACKENDS."""
    checkpoints = folder / "checkpoints"
    checkpoints.mkdir(parents=True)
    for model in range(programs // BACKENDS):
        (checkpoints / str(model)).write_bytes(_checkpoint(model, 1))
    root = (folder / "workspace").resolve()
    write_workspace(repository.root, root, workspace_files(programs))
    options = (*_OPTIONS, f"--weights-distdirs={checkpoints}")
    own_store = {**environment, "PANTS_LOCAL_STORE_DIR": str(folder / "store")}
    clone = Clone(root, own_store, options)
    try:
        yield ScaleWorkspace(clone, programs, checkpoints)
    finally:
        clone.stop()


def workspace_files(programs: int) -> dict[str, str]:
    """Path to text of every file except those that come from the repository."""
    locks = {f"locks/{name}.lock": "" for name in ("dev", "engine", "extra", "provenance")}
    files = {**library_files(), **locks, "toolchains/BUILD": ""}
    for backend in range(BACKENDS):
        module = _module(backend)
        files[module] = f"NAME = 'backend {backend}'\n"
        files["toolchains/BUILD"] += target_text(
            "pte_backend",
            f"backend_{backend}",
            resolve="engine",
            lowering=[module],
            platforms=["linux"],
            summary="One of many.",
        )
    for model in range(programs // BACKENDS):
        family = f"family_{model // _MODELS_OF_A_FAMILY}"
        files[f"{ROOT}/models/{family}.py"] = f"CONTENT = '{family}'\n"
        build = f"models/{family}/BUILD"
        files[build] = files.get(build, "") + _model_text(model, f"{ROOT}/models/{family}.py")
    return files


def _model_text(model: int, builder: str) -> str:
    content = _checkpoint(model, 1)
    weights = target_text(
        "model_weights",
        f"model_{model}_weights",
        file=f"model_{model}.pth",
        sha256=_sha256(content),
        size=len(content),
        license="MIT",
        source_page="https://example.org/model",
    )
    return weights + "".join(
        program_text(
            f"model_{model}_backend_{backend}",
            model=f"model_{model}",
            weights=[f":model_{model}_weights"],
            builder=[builder],
            backend=[f"toolchains:backend_{backend}"],
        )
        for backend in range(BACKENDS)
    )


def _module(backend: int) -> str:
    return f"{ROOT}/backends/backend_{backend}.py"


def _checkpoint(model: int, version: int) -> bytes:
    return f"values of model {model}, version {version}".encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
