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
from pte_build.publishing.environment import passed_on
from pte_build.sources import PUBLISH_MAIN, LibrarySources, LibrarySourcesRequest
from pte_build.targets.model_tree import TreeRepositoriesField
from pte_build.toolchain.interpreter import CONSTRAINTS
from pte_build.toolchain.locks import ToolchainRequest
from pte_build.toolchain.toolchain import PEX_NAME, Toolchain
from pte_foundry.records.publish_request import HUGGING_FACE, Permissions, RequestedRelease

_REQUEST = "publish_request.json"
# The resolve with the library of the Hugging Face Hub. All other places need the standard library alone.
_HUB_RESOLVE = "hugging_face"


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
        Get(
            EnvironmentVars,
            EnvironmentVarsRequest((*passed_on(repositories), *subsystem.extra_env_vars)),
        ),
    )
    contents = [sources.digest, written, *(package.digest for package in request.packages)]
    roots = os.pathsep.join(sources.source_roots)
    pex: tuple[str, ...] = ()
    own = {"PYTHONPATH": roots, "PYTHONDONTWRITEBYTECODE": "1"}
    if any(repository.startswith(f"{HUGGING_FACE}:") for repository in repositories):
        hub = await Get(Toolchain, ToolchainRequest((_HUB_RESOLVE,), needed_by=address.spec))
        contents.append(hub.digest)
        pex = (PEX_NAME,)
        own = {
            "PEX_EXTRA_SYS_PATH": roots,
            "PEX_IGNORE_RCFILES": "1",
            "PEX_ROOT": ".pex_root",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
    process = InteractiveProcess(
        (python.path, *pex, "-m", "pte_foundry.publishing.main", _REQUEST),
        input_digest=await Get(Digest, MergeDigests(contents)),
        env={**environment, **own},
        append_only_caches={"pex_root": ".pex_root"} if pex else None,
    )
    return PublishProcesses(
        [PublishPackages((folder,), process=process, description=", ".join(repositories))]
    )


def rules() -> Iterable[Rule | UnionRule]:
    return [*collect_rules(), *PublishTreeFieldSet.rules()]
