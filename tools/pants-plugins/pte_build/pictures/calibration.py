"""The pictures or samples of a `calibration_set` in one folder, wherever they come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath

from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import EMPTY_DIGEST, CreateDigest, Digest, DigestEntries, FileDigest, FileEntry
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.engine.target import HydratedSources, HydrateSourcesRequest

from pte_build.addresses import KnownTarget, TargetRequest
from pte_build.cache_entry import plain_files
from pte_build.errors import PteBuildError
from pte_build.pictures.photographs import Photographs, PhotographsRequest
from pte_build.pictures.samples import Samples, SamplesRequest
from pte_build.targets.pictures import (
    CalibrationPhotographsField,
    CalibrationSamplesField,
    CalibrationSet,
    CalibrationSourcesField,
)
from pte_build.targets.pte_program import ProgramCalibrationField

FOLDER = "calibration"


@dataclass(frozen=True)
class CalibrationRequest(EngineAwareParameter):
    """`calibration_set` is None for a recipe that uses no files. `program` names the set, for messages."""

    calibration_set: Address | None
    program: Address

    def debug_hint(self) -> str:
        return self.program.spec


@dataclass(frozen=True)
class Calibration:
    """The pictures or samples below FOLDER; `paths` is sorted."""

    digest: Digest
    paths: tuple[str, ...]


NO_PICTURES = Calibration(EMPTY_DIGEST, ())


def flatten(
    owner: Address, files: Mapping[str, FileDigest], folder: str, what: str = "files"
) -> dict[str, FileDigest]:
    """The files by path below `folder`, sorted. Raises PteBuildError if two of them share a file name.

    files: content by path; the path says where a file comes from.
    what: they are, for the message.
    """
    origins: dict[str, str] = {}
    found = {}
    for path, content in sorted(files.items()):
        name = PurePath(path).name
        # File systems differ in whether A.jpg is a.jpg.
        other = origins.setdefault(name.casefold(), path)
        if other != path:
            raise PteBuildError(
                f"{owner}: {other} and {path} have the same file name. Rename one of them: {what} are "
                "used in the order of their names, and reports refer to them by name."
            )
        found[f"{folder}/{name}"] = content
    return dict(sorted(found.items()))


@rule
async def gather_calibration(request: CalibrationRequest) -> Calibration:
    if request.calibration_set is None:
        return NO_PICTURES
    target = await Get(
        KnownTarget,
        TargetRequest(
            request.calibration_set,
            CalibrationSet,
            (CalibrationPhotographsField, CalibrationSamplesField),
            ProgramCalibrationField.alias,
            request.program.spec,
        ),
    )
    address, sets = target.address, target.all(CalibrationPhotographsField)
    sources_field = target[CalibrationSourcesField]
    sources = await Get(HydratedSources, HydrateSourcesRequest(sources_field))
    if sources_field.globs and not sources.snapshot.files:
        raise PteBuildError(
            f"{address}: no file matches its `{CalibrationSourcesField.alias}`, {', '.join(sources_field.globs)}. Put "
            "pictures there that git does not ignore, or remove the field."
        )
    photographs = await MultiGet(
        Get(Photographs, PhotographsRequest(each, address)) for each in sets
    )
    own, *extracted = await MultiGet(
        Get(DigestEntries, Digest, digest)
        for digest in (sources.snapshot.digest, *(each.digest for each in photographs))
    )
    pictures = plain_files(own)
    for origin, entries in zip(sets, extracted):
        # Not a real path: the address says where a picture comes from, for messages only.
        pictures.update(
            {f"{origin} {path}": content for path, content in plain_files(entries).items()}
        )
    samples = await MultiGet(
        Get(Samples, SamplesRequest(each, address)) for each in target.all(CalibrationSamplesField)
    )
    if samples and pictures:
        raise PteBuildError(
            f"{address}: it has pictures and `{CalibrationSamplesField.alias}`. A model is calibrated on one kind: "
            "make two sets of them."
        )
    if samples:
        merged = {path: content for each in samples for path, content in each.files.items()}
        files = flatten(address, merged, FOLDER, "samples")
    else:
        files = flatten(address, pictures, FOLDER, "pictures")
    if not files:
        raise PteBuildError(
            f"{address}: it has no pictures. Name `photograph_set` targets in `{CalibrationPhotographsField.alias}` or "
            f"files of the repository in `{CalibrationSourcesField.alias}`; or `sample_set` targets in "
            f"`{CalibrationSamplesField.alias}`."
        )
    digest = await Get(
        Digest, CreateDigest([FileEntry(path, content) for path, content in files.items()])
    )
    return Calibration(digest, tuple(files))


def rules() -> Iterable[Rule]:
    return collect_rules()
