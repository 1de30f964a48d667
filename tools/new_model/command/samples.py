"""A folder of samples, on which int8 programs are calibrated and judged: checked before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.models.checkpoints.refusal import shown
from pte_foundry.records.tensor_spec import TensorSpec
from pte_foundry.samples.arrays import SUFFIXES, has_arrays
from pte_foundry.samples.sample import read_sample
from workspace.errors import ToolError

_PICTURES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
_MOST_JUDGED = 8
_SHARE_JUDGED = 4


@dataclass(frozen=True)
class SampleFiles:
    """Files of a folder, each with one set of inputs.

    Attributes:
        calibration, judged: disjoint, in the order of their names; the same file if there is one only. The first is
            empty where no program is calibrated on files.
    """

    calibration: tuple[Path, ...]
    judged: tuple[Path, ...]

    @property
    def shared(self) -> bool:
        return self.calibration == self.judged

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(path.stat().st_size for path in {*self.calibration, *self.judged})

    def only_judged(self) -> SampleFiles:
        return SampleFiles((), self.judged)

    def places(self) -> dict[str, Path]:
        """Path below the model's folder -> the file."""
        groups = {"calibration": self.calibration, "judged": self.judged}
        return {
            f"samples/{group}/{path.stem}{path.suffix.lower()}": path
            for group, paths in groups.items()
            for path in paths
        }


def read_samples(folder: Path, inputs: Sequence[TensorSpec]) -> SampleFiles:
    """Read all samples of a folder, and keep every fourth, eight at most, to judge by.

    Raises:
        ToolError: for a folder without samples, for anything else in it, and for what `read_sample` refuses.
    """
    name = shown(folder, 200)
    if not folder.is_dir():
        raise ToolError(f"--calibration: {name} is no folder")
    files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    kinds = ", ".join(SUFFIXES)
    if not files:
        raise ToolError(
            f"--calibration: {name} is empty. Put samples there, one file for each set of inputs: {kinds}"
        )
    seen: dict[str, Path] = {}
    for path in files:
        called = f"--calibration: {shown(path, 200)}"
        if path.suffix.lower() in _PICTURES:
            raise ToolError(
                f"{called} is a picture, and only the builder of a family knows how pictures are prepared for its "
                'model. Save what the model takes: np.save("1.npy", array), of the declared shape'
            )
        if not path.is_file() or not has_arrays(path.name):
            raise ToolError(f"{called} is no sample: {kinds}. Take it out of the folder")
        other = seen.setdefault(path.name.casefold(), path)
        if other != path:
            raise ToolError(f"{called} and {shown(other.name)} have one name. Rename one of them")
        try:
            read_sample(inputs, path, called)
        except PteError as error:
            raise ToolError(error.message) from None
    return _split(files)


def _split(files: Sequence[Path]) -> SampleFiles:
    if len(files) == 1:
        return SampleFiles(tuple(files), tuple(files))
    count = min(_MOST_JUDGED, max(1, len(files) // _SHARE_JUDGED))
    # In the middle of equal parts, so that samples in some order are judged from end to end.
    judged = {(2 * number + 1) * len(files) // (2 * count) for number in range(count)}
    return SampleFiles(
        tuple(path for place, path in enumerate(files) if place not in judged),
        tuple(path for place, path in enumerate(files) if place in judged),
    )
