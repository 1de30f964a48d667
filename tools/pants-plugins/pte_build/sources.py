"""The Python files of an export or a validation: import closures of single files, not the whole library."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from pants.backend.python.util_rules.python_sources import (
    PythonSourceFiles,
    PythonSourceFilesRequest,
)
from pants.engine.addresses import Address, Addresses, UnparsedAddressInputs
from pants.engine.fs import Digest
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.engine.target import TransitiveTargets, TransitiveTargetsRequest
from pants.source.source_root import SourceRoot, SourceRootRequest

from pte_build.errors import PteBuildError

# The entry modules of the library.
FETCH_MAIN = "src/python/pte_foundry/fetching/main.py"
EXPORT_MAIN = "src/python/pte_foundry/exporting/main.py"
REPORT_MAIN = "src/python/pte_foundry/records/report_main.py"
VALIDATION_MAIN = "src/python/pte_foundry/validation/main.py"
BUNDLING_MAIN = "src/python/pte_foundry/bundling/main.py"
PHOTOGRAPHS_MAIN = "src/python/pte_foundry/photographs/main.py"
INDEX_MAIN = "src/python/pte_foundry/index/main.py"
COMPARE_MAIN = "src/python/pte_foundry/index/compare_main.py"
TREE_MAIN = "src/python/pte_foundry/tree/tree_main.py"
PUBLISH_MAIN = "src/python/pte_foundry/publishing/main.py"


@dataclass(frozen=True)
class LibrarySourcesRequest:
    """An entry module of the library, and the files that it loads by name (builder, lowering, rewrites)."""

    main: str
    plugins: tuple[Address, ...] = ()


@dataclass(frozen=True)
class LibrarySources:
    digest: Digest
    source_roots: tuple[str, ...]


@dataclass(frozen=True)
class ModuleRequest:
    """The dotted module name of a Python file; `owner` and `field` are for messages."""

    file: Address
    owner: Address
    field: str


@dataclass(frozen=True)
class Module:
    name: str


def module_name(path: str, source_root: str) -> str:
    """`src/python/a/b.py` below the source root `src/python` is `a.b`."""
    return ".".join(PurePath(path).relative_to(source_root).with_suffix("").parts)


@rule
async def find_module(request: ModuleRequest) -> Module:
    if not request.file.is_file_target or not request.file.filename.endswith(".py"):
        raise PteBuildError(
            f"{request.owner}: `{request.field}` must name one Python file, such as "
            f"`src/python/pte_foundry/models/mobilenet.py`, not {request.file}."
        )
    path = request.file.filename
    root = await Get(SourceRoot, SourceRootRequest, SourceRootRequest.for_file(path))
    return Module(module_name(path, root.path))


@rule
async def gather_library_sources(request: LibrarySourcesRequest) -> LibrarySources:
    main = await Get(
        Addresses,
        UnparsedAddressInputs(
            (f"//{request.main}",),
            owning_address=None,
            description_of_origin="the pte_build plugin",
        ),
    )
    closure = await Get(TransitiveTargets, TransitiveTargetsRequest((*main, *request.plugins)))
    sources = await Get(PythonSourceFiles, PythonSourceFilesRequest(closure.closure))
    return LibrarySources(
        sources.source_files.snapshot.digest, tuple(sorted(set(sources.source_roots)))
    )


def rules() -> Iterable[Rule]:
    return collect_rules()
