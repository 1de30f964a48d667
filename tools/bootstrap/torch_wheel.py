"""The CPU build of torch, which the Python package index does not carry on Linux."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cache_folder import matches, publish, require_match, scratch_folder
from messages import NoSpaceError, PreparationError, note
from pins import TORCH_CPU_INDEX, Wheel
from pip_command import run_pip


def ensure_torch_wheel(
    cache: Path, wheel: Wheel, python311: Path, environment: Mapping[str, str]
) -> Path:
    """Fetches the wheel into `<cache>/wheels` unless it is there with the pinned hash.

    From pip's own sources first, so that a mirror or a find-links folder suffices where PyTorch's host
    cannot be reached; then with PyTorch's CPU index added.

    Returns:
        The folder, to be used as find-links.

    Raises:
        NoSpaceError: the disk is full.
        PreparationError: no source has the wheel, or it has the wrong hash.
    """
    folder = cache / "wheels"
    final = folder / wheel.file_name
    if matches(final, wheel.sha256, wheel.size):
        return folder
    note(f"Fetching {wheel.file_name} ({wheel.size // 1_000_000} MB, once)")
    task = f"fetching {wheel.requirement}"
    with scratch_folder(cache) as scratch:
        fetch = ["download", "--no-deps", "--only-binary", ":all:", "-d", str(scratch)]
        failures = []
        for sources in ([], ["--extra-index-url", TORCH_CPU_INDEX]):
            command = [*fetch, *sources, wheel.requirement]
            try:
                run_pip(python311, command, scratch, environment, task)
                break
            except NoSpaceError:
                raise
            except PreparationError as error:
                failures.append(str(error))
        else:
            raise PreparationError(f"\nThen, with {TORCH_CPU_INDEX} added:\n".join(failures))
        fetched = scratch / wheel.file_name
        if not fetched.is_file():
            found = ", ".join(sorted(path.name for path in scratch.glob("*.whl"))) or "nothing"
            raise PreparationError(
                f"{task} gave {found} instead of {wheel.file_name}.\n"
                "Use a CPython 3.11 of this platform (PTE_PYTHON311)."
            )
        require_match(
            fetched,
            wheel.sha256,
            wheel.size,
            "A package source serves another build. Check the sources in `pip config debug`.",
        )
        publish(fetched, final)
    return folder
