"""The files of a `sample_set`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import Digest, DigestEntries, FileDigest
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.engine.target import HydratedSources, HydrateSourcesRequest
from pants.util.frozendict import FrozenDict

from pte_build.addresses import KnownTarget, TargetRequest
from pte_build.cache_entry import plain_files
from pte_build.errors import PteBuildError
from pte_build.targets.samples import SampleSet, SamplesSourcesField

FOLDER = "samples"


@dataclass(frozen=True)
class SamplesRequest(EngineAwareParameter):
    """`owner` is the target that names the set, in its `samples`; for messages."""

    sample_set: Address
    owner: Address

    def debug_hint(self) -> str:
        return self.sample_set.spec


@dataclass(frozen=True)
class Samples:
    """The content of each file, by its path in the repository."""

    files: FrozenDict[str, FileDigest]


@rule
async def gather_samples(request: SamplesRequest) -> Samples:
    target = await Get(
        KnownTarget,
        TargetRequest(request.sample_set, SampleSet, field="samples", owner=request.owner.spec),
    )
    field = target[SamplesSourcesField]
    sources = await Get(HydratedSources, HydrateSourcesRequest(field))
    if not sources.snapshot.files:
        raise PteBuildError(
            f"{target.address}: no file matches its `{SamplesSourcesField.alias}`, {', '.join(field.globs)}. Put "
            "samples there that git does not ignore: one file for each set of inputs, .npy, .npz or .safetensors."
        )
    entries = await Get(DigestEntries, Digest, sources.snapshot.digest)
    return Samples(FrozenDict(plain_files(entries)))


def rules() -> Iterable[Rule]:
    return collect_rules()
