"""The tree of a `model_tree`: put together from digests, never by copying files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from pants.core.goals.package import BuiltPackage, BuiltPackageArtifact, PackageFieldSet
from pants.engine.addresses import Address, Addresses, UnparsedAddressInputs
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.fs import (
    AddPrefix,
    CreateDigest,
    Digest,
    DigestEntries,
    FileContent,
    FileEntry,
    GlobMatchErrorBehavior,
    MergeDigests,
    PathGlobs,
)
from pants.engine.process import FallibleProcessResult
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.engine.target import WrappedTarget, WrappedTargetRequest
from pants.engine.unions import UnionRule
from pants.util.frozendict import FrozenDict

from pte_build.addresses import exactly_one
from pte_build.aggregate.index import BuiltIndex, IndexRequest, family_labels
from pte_build.errors import PteBuildError
from pte_build.process_failure import describe_failure
from pte_build.program.sources import TREE_MAIN, LibrarySources, LibrarySourcesRequest
from pte_build.targets.model_tree import TreeIndexField, TreeLicensesField, TreeOutputPathField
from pte_build.toolchain.interpreter import ToolchainInterpreter
from pte_build.toolchain.library_run import LibraryRun
from pte_build.toolchain.process import library_process

# Written by the library's tree writer, which also lists every file in SHA256SUMS.
_WRITTEN = ("README.md", "SHA256SUMS", "index.schema.json", "versions.json")


@dataclass(frozen=True)
class TreeRequest(EngineAwareParameter):
    tree: Address

    def debug_hint(self) -> str:
        return self.tree.spec


@dataclass(frozen=True)
class BuiltTree:
    digest: Digest
    index: BuiltIndex


def needed_licenses(
    tree: Address, index: BuiltIndex, declared: FrozenDict[str, str]
) -> dict[str, str]:
    """SPDX identifier to file, of the licences that the tree's programs have.

    Raises PteBuildError for a program whose licence the tree has no text of.
    """
    needed = {}
    for built in index.programs:
        license_id = built.exported.weights.license
        if license_id not in declared:
            raise PteBuildError(
                f"{tree}: {built.declaration.address} is under {license_id}, but "
                f"`{TreeLicensesField.alias}` has no file with that licence's text. Add it, or "
                "leave the program out of the index."
            )
        needed[license_id] = declared[license_id]
    return dict(sorted(needed.items()))


@rule
async def build_tree(request: TreeRequest) -> BuiltTree:
    wrapped = await Get(
        WrappedTarget, WrappedTargetRequest(request.tree, description_of_origin="the tree")
    )
    target = wrapped.target
    addresses = await Get(
        Addresses, UnparsedAddressInputs, target[TreeIndexField].to_unparsed_address_inputs()
    )
    index = await Get(
        BuiltIndex,
        IndexRequest(exactly_one(addresses, TreeIndexField.alias, request.tree), request.tree),
    )
    licenses = needed_licenses(request.tree, index, target[TreeLicensesField].value or FrozenDict())
    texts = await Get(
        Digest,
        PathGlobs(
            licenses.values(),
            glob_match_error_behavior=GlobMatchErrorBehavior.error,
            description_of_origin=f"the `{TreeLicensesField.alias}` of {request.tree}",
        ),
    )
    text_entries = await Get(DigestEntries, Digest, texts)
    license_files = {e.path: e.file_digest for e in text_entries if isinstance(e, FileEntry)}
    files = [
        FileEntry("index.json", index.content),
        FileEntry(f"{index.version}/index.json", index.content),
        *(
            FileEntry(f"{index.version}/{built.declaration.tree_path}", built.exported.pte)
            for built in index.programs
        ),
        *(
            FileEntry(f"{index.version}/{family}/{labels.name}", labels.content)
            for family, labels in family_labels(index.programs).items()
        ),
        *(
            FileEntry(f"LICENSES/{license_id}.txt", license_files[path])
            for license_id, path in licenses.items()
        ),
    ]
    body = {
        "index": "index.json",
        "files": [
            {"path": file.path, "sha256": file.file_digest.fingerprint}
            for file in sorted(files, key=lambda file: file.path)
        ],
    }
    content, sources, request_digest, _ = await MultiGet(
        Get(Digest, CreateDigest(files)),
        Get(LibrarySources, LibrarySourcesRequest(TREE_MAIN)),
        Get(
            Digest,
            CreateDigest(
                [
                    FileContent("tree_request.json", (json.dumps(body, indent=2) + "\n").encode()),
                    FileEntry("index.json", index.content),
                ]
            ),
        ),
        Get(ToolchainInterpreter),
    )
    inputs = await Get(Digest, MergeDigests([sources.digest, request_digest]))
    result = await Get(
        FallibleProcessResult,
        LibraryRun(
            library_process(
                ("-m", "pte_foundry.indexing.tree_main", "tree_request.json"),
                input_digest=inputs,
                output_files=_WRITTEN,
                description=f"Write the table of contents of {request.tree}",
            )
        ),
    )
    if result.exit_code != 0:
        raise PteBuildError(describe_failure(f"{request.tree}: not written", result))
    digest = await Get(Digest, MergeDigests([content, result.output_digest]))
    return BuiltTree(digest, index)


@dataclass(frozen=True)
class ModelTreeFieldSet(PackageFieldSet):
    required_fields = (TreeIndexField,)

    output_path: TreeOutputPathField


@rule
async def package_tree(field_set: ModelTreeFieldSet) -> BuiltPackage:
    built = await Get(BuiltTree, TreeRequest(field_set.address))
    path = field_set.output_path.value or TreeOutputPathField.default
    digest = await Get(Digest, AddPrefix(built.digest, path))
    lines = (
        f"  {len(built.index.programs)} programs for ExecuTorch {built.index.version}",
        *built.index.conditions.summary(),
    )
    return BuiltPackage(digest, (BuiltPackageArtifact(path, lines),))


def rules() -> Iterable[Rule | UnionRule]:
    return [*collect_rules(), UnionRule(PackageFieldSet, ModelTreeFieldSet)]
