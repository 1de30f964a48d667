"""`./pants publish` of a `model_tree`: one process of the library for all of the tree's repositories."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from pants.backend.python.util_rules.interpreter_constraints import InterpreterConstraints
from pants.backend.python.util_rules.pex_environment import PythonExecutable
from pants.base.build_root import BuildRoot
from pants.core.goals.publish import (
    PublishFieldSet,
    PublishOutputData,
    PublishPackages,
    PublishProcesses,
    PublishRequest,
)
from pants.engine.addresses import Address
from pants.engine.env_vars import EnvironmentVars, EnvironmentVarsRequest
from pants.engine.fs import CreateDigest, Digest, MergeDigests
from pants.engine.process import InteractiveProcess
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.engine.unions import UnionRule

from pte_build.aggregate.tree_subsystem import TreeSubsystem
from pte_build.command_line import NamedAddresses
from pte_build.errors import PteBuildError
from pte_build.library.run_main import request_file
from pte_build.publishing.environment import PASSED_ON
from pte_build.sources import PUBLISH_MAIN, LibrarySources, LibrarySourcesRequest
from pte_build.targets.model_tree import TreeRepositoriesField
from pte_build.toolchain.interpreter import CONSTRAINTS
from pte_foundry.records.publish_request import Permissions, RequestedRelease

_REQUEST = "publish_request.json"


class PublishTreeRequest(PublishRequest["PublishTreeFieldSet"]):
    pass


@dataclass(frozen=True)
class PublishTreeFieldSet(PublishFieldSet[PublishTreeRequest]):
    publish_request_type = PublishTreeRequest
    required_fields = (TreeRepositoriesField,)

    repositories: TreeRepositoriesField

    def get_output_data(self) -> PublishOutputData:
        return PublishOutputData(
            {"repositories": self.repositories.value or (), **super().get_output_data()}
        )


def requested_release(
    tree: Address,
    folder: str,
    repositories: tuple[str, ...],
    build_root: str,
    options: TreeSubsystem,
) -> RequestedRelease:
    """The request for the library's publisher. Paths are relative to its sandbox, except `build_root`."""
    return RequestedRelease(
        tree=tree.spec,
        folder=folder,
        scratch="scratch",
        build_root=build_root,
        repositories=repositories,
        git_lfs=options.git_lfs,
        allow=Permissions(
            unofficial=options.allow_unofficial,
            changed=options.allow_changed,
            removed=options.allow_removed,
        ),
    )


@rule
async def publish_tree(
    request: PublishTreeRequest,
    subsystem: TreeSubsystem,
    build_root: BuildRoot,
    named: NamedAddresses,
) -> PublishProcesses:
    address = request.field_set.address
    # Whoever names a tree expects it to be published. A glob may skip it.
    is_named = named.include(address)
    repositories = request.field_set.repositories.value or (
        tuple(subsystem.repositories) if is_named else ()
    )
    # One artifact of the packages is the tree.
    (folder,) = (
        artifact.relpath
        for package in request.packages
        for artifact in package.artifacts
        if artifact.relpath
    )
    if not repositories:
        missing = f"{address} has no `{TreeRepositoriesField.alias}` to publish to"
        if is_named:
            raise PteBuildError(
                f"{missing}. Add them, or set --tree-repositories. See `./pants help model_tree`."
            )
        return PublishProcesses([PublishPackages((folder,), description=f"({missing})")])
    body = requested_release(address, folder, repositories, build_root.path, subsystem)
    python, sources, written, environment = await MultiGet(
        Get(PythonExecutable, InterpreterConstraints, CONSTRAINTS),
        Get(LibrarySources, LibrarySourcesRequest(PUBLISH_MAIN)),
        Get(Digest, CreateDigest([request_file(_REQUEST, body)])),
        Get(EnvironmentVars, EnvironmentVarsRequest((*PASSED_ON, *subsystem.extra_env_vars))),
    )
    inputs = await Get(
        Digest,
        MergeDigests([sources.digest, written, *(package.digest for package in request.packages)]),
    )
    process = InteractiveProcess(
        (python.path, "-m", "pte_foundry.publishing.main", _REQUEST),
        input_digest=inputs,
        env={
            **environment,
            "PYTHONPATH": os.pathsep.join(sources.source_roots),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    return PublishProcesses(
        [PublishPackages((folder,), process=process, description=", ".join(repositories))]
    )


def rules() -> Iterable[Rule | UnionRule]:
    return [*collect_rules(), *PublishTreeFieldSet.rules()]
