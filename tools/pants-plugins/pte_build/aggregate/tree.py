"""The tree of a `model_tree`: assembled from digests, without copying files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pants.core.goals.package import BuiltPackage, BuiltPackageArtifact, PackageFieldSet
from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import (
    AddPrefix,
    CreateDigest,
    Digest,
    DigestEntries,
    FileDigest,
    FileEntry,
    GlobExpansionConjunction,
    GlobMatchErrorBehavior,
    MergeDigests,
    PathGlobs,
)
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.engine.target import HydratedSources, HydrateSourcesRequest
from pants.engine.unions import UnionRule
from pants.util.frozendict import FrozenDict

from pte_build.addresses import KnownTarget, TargetRequest
from pte_build.aggregate.index import BuiltIndex, BuiltIndexRequest, family_labels
from pte_build.aggregate.program_locks import ProgramLocks, ProgramLocksRequest
from pte_build.aggregate.tree_subsystem import TreeSubsystem
from pte_build.cache_entry import plain_files
from pte_build.errors import PteBuildError
from pte_build.library.run_main import MainResult, MainRun, request_file
from pte_build.program.report import MODEL_CARD, BuiltProgram
from pte_build.sources import TREE_MAIN
from pte_build.targets.model_tree import (
    ModelTree,
    TreeDeviceResultsField,
    TreeIndexField,
    TreeLatenciesField,
    TreeLicensesField,
    TreeModelCardsField,
    TreeOutputPathField,
    TreeProvenanceResolveField,
)
from pte_build.toolchain.locks import ToolchainRequest
from pte_foundry.records.tree_request import Listed, Origin, TreeRequest

# Written by the library's tree writer, which also lists every other file in SHA256SUMS.
_WRITTEN = (
    "README.md",
    "SHA256SUMS",
    "bom.cdx.json",
    "index.html",
    "index.schema.json",
    "provenance.intoto.json",
    "versions.json",
)

# Where the library's tree writer looks for the files that the request calls by these names.
_LATENCIES = "latencies"
_DEVICE_RESULTS = "device_results"


@dataclass(frozen=True)
class BuiltTreeRequest(EngineAwareParameter):
    tree: Address

    def debug_hint(self) -> str:
        return self.tree.spec


@dataclass(frozen=True)
class BuiltTree:
    """`indexes` has one for each ExecuTorch version, the latest version's first."""

    digest: Digest
    indexes: tuple[BuiltIndex, ...]


def needed_licenses(
    tree: Address, programs: Iterable[BuiltProgram], declared: FrozenDict[str, str]
) -> dict[str, str]:
    """SPDX identifier to file, of the licences that the tree's programs have.

    Raises PteBuildError for a program whose licence has no text in the tree.
    """
    needed = {}
    for built in programs:
        license_id = built.exported.weights.license
        if license_id not in declared:
            raise PteBuildError(
                f"{tree}: {built.declaration.address} is under {license_id}, but "
                f"`{TreeLicensesField.alias}` has no file with that licence's text. Add it, "
                "correct `license` of its `model_weights`, or leave the program out of the index."
            )
        needed[license_id] = declared[license_id]
    return dict(sorted(needed.items()))


def needed_model_cards(
    tree: Address, index: BuiltIndex, cards: Mapping[str, FileDigest]
) -> dict[str, FileDigest]:
    """Family to model card, for the families in the tree. `cards` is keyed by path in the repository.

    Raises PteBuildError for a family without one.
    """
    needed = {}
    for built in index.programs:
        path = f"{built.declaration.address.spec_path}/{MODEL_CARD}"
        if path not in cards:
            raise PteBuildError(
                f"{tree}: {built.declaration.address} has no model card: `{TreeModelCardsField.alias}` matches no "
                f"{path}. Write one: inputs and outputs, the licence, what the model is for."
            )
        needed[built.declaration.family] = cards[path]
    return dict(sorted(needed.items()))


def named_files(paths: Iterable[str], field: str, tree: Address) -> PathGlobs:
    """Files that a field of the tree names. A missing one is an error that names the field."""
    return PathGlobs(
        sorted({*paths}),
        glob_match_error_behavior=GlobMatchErrorBehavior.error,
        conjunction=GlobExpansionConjunction.all_match,
        description_of_origin=f"the `{field}` of {tree}",
    )


def matching_files(paths: Iterable[str], field: str, tree: Address) -> tuple[PathGlobs, PathGlobs]:
    """The same of a field that may have patterns: those with `*` may match nothing."""
    paths = sorted({*paths})
    plain = [path for path in paths if "*" not in path]
    return named_files(plain, field, tree), PathGlobs(path for path in paths if "*" in path)


def written_files(programs: Iterable[BuiltProgram]) -> tuple[str, ...]:
    """The tree writer's output files. Each is listed: caches handle output folders less well."""
    models = {built.declaration.model for built in programs}
    pages = (f"models/{model}.html" for model in models)
    pictures = (f"measured/{model}.svg" for model in models)
    return tuple(sorted((*_WRITTEN, *pages, *pictures)))


@rule
async def build_tree(request: BuiltTreeRequest, subsystem: TreeSubsystem) -> BuiltTree:
    target = await Get(KnownTarget, TargetRequest(request.tree, ModelTree))
    # Before anything is built, so that a missing file is reported at once.
    latencies = await Get(
        Digest,
        PathGlobs,
        named_files(target[TreeLatenciesField].value or (), TreeLatenciesField.alias, request.tree),
    )
    measured_on_devices = await MultiGet(
        Get(Digest, PathGlobs, globs)
        for globs in matching_files(
            target[TreeDeviceResultsField].value or (), TreeDeviceResultsField.alias, request.tree
        )
    )
    device_results = await Get(Digest, MergeDigests(measured_on_devices))
    named = await Get(KnownTarget, TargetRequest(request.tree, ModelTree, (TreeIndexField,)))
    indexes = await MultiGet(
        Get(BuiltIndex, BuiltIndexRequest(index, request.tree))
        for index in named.all(TreeIndexField)
    )
    if not indexes:
        raise PteBuildError(
            f"{request.tree}: `{TreeIndexField.alias}` names nothing. Name an index."
        )
    programs = tuple(built for index in indexes for built in index.programs)
    licenses = needed_licenses(
        request.tree, programs, target[TreeLicensesField].value or FrozenDict()
    )
    texts, cards = await MultiGet(
        Get(
            Digest,
            PathGlobs,
            named_files(licenses.values(), TreeLicensesField.alias, request.tree),
        ),
        Get(HydratedSources, HydrateSourcesRequest(target[TreeModelCardsField])),
    )
    program_locks = await MultiGet(
        Get(ProgramLocks, ProgramLocksRequest(built.declaration)) for built in programs
    )
    (
        text_entries,
        card_entries,
        latency_entries,
        latency_inputs,
        device_entries,
        device_inputs,
    ) = await MultiGet(
        Get(DigestEntries, Digest, texts),
        Get(DigestEntries, Digest, cards.snapshot.digest),
        Get(DigestEntries, Digest, latencies),
        Get(Digest, AddPrefix(latencies, _LATENCIES)),
        Get(DigestEntries, Digest, device_results),
        Get(Digest, AddPrefix(device_results, _DEVICE_RESULTS)),
    )
    license_files, card_files = plain_files(text_entries), plain_files(card_entries)
    files = [
        FileEntry("index.json", indexes[0].content),
        *(
            file
            for index in indexes
            for file in _version_files(index, needed_model_cards(request.tree, index, card_files))
        ),
        *(
            FileEntry(f"LICENSES/{license_id}.txt", license_files[path])
            for license_id, path in licenses.items()
        ),
    ]
    locks = {
        built.declaration.address.spec: found.paths for built, found in zip(programs, program_locks)
    }
    body = TreeRequest(
        indexes=tuple(_index_path(index) for index in indexes),
        files={
            file.path: file.file_digest.fingerprint
            for file in sorted(files, key=lambda file: file.path)
        },
        listed=tuple(
            Listed(
                built.declaration.address.spec,
                built.declaration.model,
                built.declaration.task,
                f"validations/{number}.json",
            )
            for number, built in enumerate(programs)
        ),
        latencies=tuple(sorted(plain_files(latency_entries))),
        device_results=tuple(sorted(plain_files(device_entries))),
        origin=Origin(request.tree.spec, subsystem.builder_id, subsystem.source_commit, locks),
    )
    resolve = target[TreeProvenanceResolveField].value or ""
    content, lockfiles = await MultiGet(
        Get(Digest, CreateDigest(files)),
        Get(Digest, PathGlobs({path for paths in locks.values() for path in paths})),
    )
    result = await Get(
        MainResult,
        MainRun(
            TREE_MAIN,
            request_file("tree_request.json", body),
            (),
            owner=request.tree,
            failed="not written",
            description=f"Write the table of contents of {request.tree}",
            output_files=written_files(programs),
            files=(
                *(FileEntry(_index_path(index), index.content) for index in indexes),
                *(
                    FileEntry(f"validations/{number}.json", measured)
                    for number, measured in enumerate(
                        measured for index in indexes for measured in index.measured
                    )
                ),
            ),
            inputs=(lockfiles, latency_inputs, device_inputs),
            toolchain=ToolchainRequest((resolve,), needed_by=request.tree.spec),
            trusted=True,
        ),
    )
    digest = await Get(Digest, MergeDigests([content, result.process.output_digest]))
    return BuiltTree(digest, indexes)


def _index_path(index: BuiltIndex) -> str:
    return f"{index.version}/index.json"


def _version_files(index: BuiltIndex, cards: Mapping[str, FileDigest]) -> list[FileEntry]:
    """The folder of one ExecuTorch version."""
    folder = index.version
    return [
        FileEntry(_index_path(index), index.content),
        *(
            FileEntry(f"{folder}/{built.declaration.tree_path}", built.exported.pte)
            for built in index.programs
        ),
        *(
            FileEntry(f"{folder}/{family}/{labels.name}", labels.content)
            for family, labels in family_labels(index.programs).items()
        ),
        *(FileEntry(f"{folder}/{family}/{MODEL_CARD}", card) for family, card in cards.items()),
    ]


@dataclass(frozen=True)
class ModelTreeFieldSet(PackageFieldSet):
    required_fields = (TreeIndexField,)

    output_path: TreeOutputPathField


@rule
async def package_tree(field_set: ModelTreeFieldSet) -> BuiltPackage:
    built = await Get(BuiltTree, BuiltTreeRequest(field_set.address))
    path = field_set.output_path.value or TreeOutputPathField.default
    digest = await Get(Digest, AddPrefix(built.digest, path))
    lines = tuple(
        line
        for index in built.indexes
        for line in (
            f"  {len(index.programs)} programs for ExecuTorch {index.version}",
            *index.conditions.summary(),
        )
    )
    return BuiltPackage(digest, (BuiltPackageArtifact(path, lines),))


def rules() -> Iterable[Rule | UnionRule]:
    return [*collect_rules(), UnionRule(PackageFieldSet, ModelTreeFieldSet)]
