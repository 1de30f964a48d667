"""The process of an export: its inputs, its request, and nothing about the machine."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, cast

import pytest
from pants.core.goals.export import ExportSubsystem
from pants.engine.addresses import Address
from pants.engine.fs import (
    CreateDigest,
    Digest,
    DigestContents,
    DigestEntries,
    DigestSubset,
    MergeDigests,
    PathGlobs,
    Snapshot,
)
from pants.engine.process import Process
from pants.engine.rules import QueryRule
from pants.testutil.option_util import create_goal_subsystem
from pants.testutil.rule_runner import MockGet, RuleRunner, run_rule_with_mocks

from pte_build.library.run_main import MainResult, MainRun, RemoteCacheUse, run_main
from pte_build.pictures.calibration import Calibration, CalibrationRequest
from pte_build.program.availability import Availability, AvailabilityRequest
from pte_build.program.export import ExportedProgram, ExportedProgramRequest, export_program
from pte_build.program.labels import DeclaredLabels, DeclaredLabelsRequest
from pte_build.result_cache.toolchain_run import ToolchainResult, ToolchainRun
from pte_build.sdk.files import Sdk, SdkRequest
from pte_build.sources import LibrarySources, LibrarySourcesRequest, Module, ModuleRequest
from pte_build.stand_in_repository import chip_text, program_text
from pte_build.test_support import (
    ALPHA_FAST,
    GAMMA_CHIP,
    SEEDED,
    make_runner,
    set_options,
    store_with_toolchain,
    write_sdk,
)
from pte_build.weights.resolution import ResolvedWeights, ResolvedWeightsRequest

MODELS = "src/python/pte_foundry/models"

# Everything that the two rules ask the engine for, except to run the process.
GETS: tuple[tuple[type[Any], tuple[type[Any], ...]], ...] = (
    (Availability, (AvailabilityRequest,)),
    (Calibration, (CalibrationRequest,)),
    (DeclaredLabels, (DeclaredLabelsRequest,)),
    (Sdk, (SdkRequest,)),
    (ResolvedWeights, (ResolvedWeightsRequest,)),
    (Module, (ModuleRequest,)),
    (LibrarySources, (LibrarySourcesRequest,)),
    (Digest, (CreateDigest,)),
    (Digest, (MergeDigests,)),
    (Digest, (DigestSubset,)),
    (DigestEntries, (Digest,)),
    (DigestContents, (Digest,)),
)


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    queries = [QueryRule(output, inputs) for output, inputs in GETS]
    more = (*queries, QueryRule(Snapshot, (Digest,)))
    return make_runner(SEEDED, store=store_with_toolchain(), queries=more)


class Captured(Exception):
    def __init__(self, request: Any) -> None:
        super().__init__()
        self.request = request


def capture(request: Any) -> Any:
    raise Captured(request)


def captured(runner: RuleRunner, rule: Any, arguments: list[Any], *captured_get: Any) -> Any:
    """What a rule requests with the Get of this output and input."""
    output, request = captured_get
    gets = {(each.output_type, tuple(each.input_types)) for each in rule.rule.input_gets}
    with pytest.raises(Captured) as caught:
        run_rule_with_mocks(
            rule,
            rule_args=arguments,
            mock_gets=[
                *(
                    runner.do_not_use_mock(*get) if get in GETS else MockGet(*get, mock=capture)
                    for get in gets
                    if get != (output, (request,))
                ),
                MockGet(output, (request,), mock=capture),
            ],
        )
    assert isinstance(caught.value.request, request)
    return caught.value.request


def export_process(runner: RuleRunner, program: Address, stock: bool = False) -> Process:
    """The process that would export this program."""
    exports = create_goal_subsystem(ExportSubsystem, stock=stock)
    request = ExportedProgramRequest(program)
    run = captured(runner, export_program, [request, exports], MainResult, MainRun)
    asked = captured(runner, run_main, [run, RemoteCacheUse(False)], ToolchainResult, ToolchainRun)
    return cast("Process", asked.process)


def test_the_process_says_nothing_about_the_machine(runner: RuleRunner) -> None:
    process = export_process(runner, ALPHA_FAST)
    assert process.description == "Export models/alpha:alpha_fast"
    texts = [*process.argv, *process.env.values(), *dict(process.append_only_caches).values()]
    absolute = {text for text in texts if re.search(r"(^|[\s:=\"'])/", text)}
    assert absolute == {"/bin/sh", "/usr/bin:/bin"}
    said = "\0".join(texts)
    for value in (os.environ["HOME"], os.environ["PATH"], runner.build_root):
        assert value not in said


def test_the_process_gets_its_inputs_and_nothing_else(runner: RuleRunner) -> None:
    process = export_process(runner, ALPHA_FAST)
    files = runner.request(Snapshot, [process.input_digest]).files
    # The toolchain's PEX is added if it has to run.
    assert {name for name in files if not name.endswith("/__init__.py")} == {
        "export_request.json",
        "src/python/pte_foundry/backends/fast.py",
        "src/python/pte_foundry/exporting/main.py",
        "src/python/pte_foundry/models/alpha.py",
        "src/python/pte_foundry/models/shared.py",
        "src/python/pte_foundry/rewrites/plain.py",
    }


def export_request(runner: RuleRunner, process: Process) -> Any:
    digest = runner.request(
        Digest, [DigestSubset(process.input_digest, PathGlobs(["export_request.json"]))]
    )
    (content,) = runner.request(DigestContents, [digest])
    return json.loads(content.content)


def test_only_a_stock_export_has_stock_in_its_request(runner: RuleRunner) -> None:
    usual = export_request(runner, export_process(runner, ALPHA_FAST))
    assert "stock" not in usual
    assert export_request(runner, export_process(runner, ALPHA_FAST, stock=True)) == {
        **usual,
        "stock": True,
    }


def test_the_key_has_the_content_of_an_sdk_and_not_its_folder(
    runner: RuleRunner, tmp_path: Path
) -> None:
    runner.write_files({"models/gamma/BUILD": chip_text()})

    def process(option: str) -> Process:
        set_options(runner, SEEDED, option)
        return export_process(runner, GAMMA_CHIP)

    first = process(write_sdk(tmp_path / "first"))
    assert process(write_sdk(tmp_path / "moved")) == first
    assert process(write_sdk(tmp_path / "moved", library="another")) != first
    assert first.env["QNN_SDK_ROOT"] == "sdk/qnn"
    texts = "\0".join([*first.argv, *first.env.values()])
    assert str(tmp_path) not in texts
    set_options(runner, SEEDED)
    assert "QNN_SDK_ROOT" not in export_process(runner, ALPHA_FAST).env


def test_what_only_some_models_declare(runner: RuleRunner) -> None:
    set_options(runner, SEEDED)
    runner.write_files(
        {
            f"{MODELS}/operators.py": "NAME = 'registered'\n",
            "own/BUILD": program_text(
                "p",
                imports=[f"{MODELS}/operators.py"],
                outputs=["scores"],
                allowed_classes=["torch.nn.modules.linear.Linear"],
            ),
        }
    )
    own = Address("own", target_name="p")
    model = runner.request(ExportedProgram, [ExportedProgramRequest(own)]).request.model
    assert model.imports == ("pte_foundry.models.operators",)
    assert model.outputs == ("scores",)
    assert model.allowed_classes == ("torch.nn.modules.linear.Linear",)
    files = runner.request(Snapshot, [export_process(runner, own).input_digest]).files
    assert f"{MODELS}/operators.py" in files
