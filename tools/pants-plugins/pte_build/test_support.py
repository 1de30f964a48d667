"""Pants with this plugin, in a repository of stand-in programs: what the rule tests share."""

from __future__ import annotations

import json
import os
import shutil
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pants.backend.python import register as python_backend
from pants.backend.python import target_types_rules
from pants.backend.python.dependency_inference import rules as python_inference
from pants.backend.python.goals import lockfile
from pants.backend.python.util_rules import pex, python_sources
from pants.core import register as core_backend
from pants.core import target_types as core_targets
from pants.core.goals import package, publish, test
from pants.core.util_rules import (
    archive,
    config_files,
    environments,
    external_tool,
    source_files,
    stripped_source_files,
    subprocess_environment,
)
from pants.engine.addresses import Address
from pants.engine.fs import CreateDigest, Digest, DigestContents, FileDigest, FileEntry
from pants.engine.internals.scheduler import ExecutionError
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import PYTHON_BOOTSTRAP_ENV, RuleRunner
from pants.util.dirutil import safe_mkdtemp
from pants.util.logging import LogLevel

from pte_build import register
from pte_build.aggregate.index import BuiltIndex, BuiltIndexRequest
from pte_build.aggregate.selection import SelectedPrograms, SelectProgramsRequest
from pte_build.aggregate.tree import BuiltTree, BuiltTreeRequest
from pte_build.errors import PteBuildError
from pte_build.program.declaration import DeclarationRequest, ProgramDeclaration
from pte_build.program.export import ExportedProgram, ExportedProgramRequest
from pte_build.program.report import BuiltProgram, ProgramRequest
from pte_build.stand_in_repository import repository_files
from pte_build.toolchain.environment import ReadyToolchain
from pte_build.toolchain.locks import ToolchainRequest
from pte_build.validation.validate import ProgramValidationRequest, Validation

T = TypeVar("T")

SEEDED = "--weights-source=seeded"
ALPHA_FAST = Address("models/alpha", target_name="alpha_fast")
ALPHA_SLOW = Address("models/alpha", target_name="alpha_slow")
QUANTIZED = Address("models/delta", target_name="delta_int8_fast")
GAMMA_CHIP = Address("models/gamma", target_name="gamma_chip")
BETA_SLOW = Address("models/beta", target_name="beta_slow")

# Only what the plugin needs: the rule graph of whole backends takes ten seconds.
_RULE_MODULES: tuple[Any, ...] = (
    archive,
    config_files,
    core_targets,
    environments,
    external_tool,
    lockfile,
    package,
    pex,
    publish,
    python_inference,
    python_sources,
    register,
    source_files,
    stripped_source_files,
    subprocess_environment,
    target_types_rules,
    test,
)
_TARGET_MODULES: tuple[Any, ...] = (core_backend, python_backend, register)
_QUERIES: tuple[tuple[type[Any], tuple[type[Any], ...]], ...] = (
    (BuiltIndex, (BuiltIndexRequest,)),
    (BuiltProgram, (ProgramRequest,)),
    (BuiltTree, (BuiltTreeRequest,)),
    (ProgramDeclaration, (DeclarationRequest,)),
    (DigestContents, (CreateDigest,)),
    (DigestContents, (Digest,)),
    (ExportedProgram, (ExportedProgramRequest,)),
    (SelectedPrograms, (SelectProgramsRequest,)),
    (Validation, (ProgramValidationRequest,)),
)

# This machine's package sources and interpreters, if the launcher or the shell has set them.
_MACHINE_OPTIONS = (
    "PANTS_PEX_CLI_KNOWN_VERSIONS",
    "PANTS_PEX_CLI_URL_TEMPLATE",
    "PANTS_PEX_CLI_VERSION",
    "PANTS_PYTHON_BOOTSTRAP_SEARCH_PATH",
    "PANTS_PYTHON_REPOS_FIND_LINKS",
    "PANTS_PYTHON_REPOS_INDEXES",
)
_REPOSITORY_OPTIONS = (
    "--python-interpreter-constraints=['CPython==3.11.*']",
    "--python-enable-resolves",
    "--python-default-resolve=dev",
    "--python-resolves={'dev': 'locks/dev.lock', 'engine': 'locks/engine.lock',"
    " 'extra': 'locks/extra.lock', 'hugging_face': 'locks/hugging_face.lock',"
    " 'provenance': 'locks/provenance.lock'}",
    "--python-pip-version=23.1.2",
    "--python-infer-use-rust-parser",
    "--source-root-patterns=['/src/python']",
    "--pex-executable-search-paths=['/usr/local/bin', '/usr/bin', '/bin']",
)


def make_runner(
    *options: str,
    store: str | None = None,
    named_caches: str | None = None,
    queries: tuple[QueryRule, ...] = (),
) -> RuleRunner:
    """Pants in a new repository with `repository_files()`.

    store: the folder of the local store, for example `store_with_toolchain()`; a new one if left out, so that nothing
        is cached yet.
    named_caches: the folder of the named caches; one for all runners of the process if left out, since Pex takes
        seconds to prepare pip in a new one.
    queries: what `RuleRunner.request` is asked for beyond the plugin's own results.
    """
    runner = RuleRunner(
        rules=[
            *(rule for module in _RULE_MODULES for rule in module.rules()),
            *(QueryRule(output, inputs) for output, inputs in _QUERIES),
            *queries,
        ],
        target_types=[kind for module in _TARGET_MODULES for kind in module.target_types()],
        ca_certs_path=os.environ.get("PANTS_CA_CERTS_PATH"),
        bootstrap_args=[
            f"--local-store-dir={store or safe_mkdtemp()}",
            f"--named-caches-dir={named_caches or _shared_named_caches()}",
        ],
    )
    runner.write_files(repository_files())
    set_options(runner, *options)
    return runner


@cache
def _shared_named_caches() -> str:
    return safe_mkdtemp()


def store_with_toolchain() -> str:
    """A new local store, in which nothing is cached but the toolchains of the stand-in programs: they take seconds."""
    store = os.path.join(safe_mkdtemp(), "store")
    shutil.copytree(_first_store_with_toolchain(), store)
    return store


@cache
def _first_store_with_toolchain() -> str:
    store = safe_mkdtemp()
    runner = make_runner(store=store, queries=(QueryRule(ReadyToolchain, (ToolchainRequest,)),))
    # The second one extracts pictures.
    for resolves in (("engine", "extra"), ("extra",)):
        runner.request(ReadyToolchain, [ToolchainRequest(resolves)])
    return store


def set_options(runner: RuleRunner, *options: str) -> None:
    """Begin a new session, with these options besides those of the repository and of the machine."""
    arguments, environment = session_settings(*options)
    runner.set_options(arguments, env=environment, env_inherit=set(PYTHON_BOOTSTRAP_ENV))


def session_settings(*options: str) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment for a Pants run with these options."""
    machine = {name: os.environ[name] for name in _MACHINE_OPTIONS if name in os.environ}
    return [*_REPOSITORY_OPTIONS, *options], machine


def read_json(runner: RuleRunner, file: FileDigest) -> Any:
    """The JSON in a file of the store."""
    (found,) = runner.request(DigestContents, [CreateDigest([FileEntry("file", file)])])
    return json.loads(found.content)


def write_sdk(folder: Path, version: str = "2.37.0.250724", library: str = "compiler") -> str:
    """Writes a made-up SDK; returns the option that names its folder."""
    libraries = folder / "lib/x86_64-linux-clang"
    libraries.mkdir(parents=True, exist_ok=True)
    (folder / "sdk.yaml").write_text(f"name: qairt\nversion: {version}\n")
    (libraries / "libQnnHtp.so").write_text(library)
    (libraries / "libc++.so.1").write_text("runtime")
    return f"--qnn-sdk-root={folder}"


def processes_run(runner: RuleRunner) -> list[str]:
    """The descriptions of the processes that ran and succeeded since the last call; cache hits are not among them."""
    prefix = "Scheduling: "
    completed = runner.scheduler.poll_workunits(LogLevel.DEBUG)["completed"]
    return sorted(
        workunit["description"][len(prefix) :]
        for workunit in completed
        if workunit["name"] == "process"
        and workunit["metadata"].get("source") == "Ran"
        and workunit["metadata"].get("exit_code") == 0
    )


def exports_run(runner: RuleRunner) -> list[str]:
    """The addresses that were exported since the last call of this or of `processes_run`."""
    prefix = "Export "
    return [name[len(prefix) :] for name in processes_run(runner) if name.startswith(prefix)]


def refusal(runner: RuleRunner, output: type[T], *request: object) -> str:
    """The message of the PteBuildError that ends this request."""
    error = failure(runner, output, *request)
    assert isinstance(error, PteBuildError), repr(error)
    return str(error)


def failure(runner: RuleRunner, output: type[T], *request: object) -> Exception:
    """The exception that ends this request."""
    with pytest.raises(ExecutionError) as caught:
        runner.request(output, request)
    errors: list[Exception] = list(caught.value.wrapped_exceptions)
    return errors[0]
