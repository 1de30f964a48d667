"""Exports: what the process is asked for, what it gives, and how its failures are told."""

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
    FileDigest,
    FileEntry,
    MergeDigests,
    PathGlobs,
    Snapshot,
)
from pants.engine.process import Process
from pants.engine.rules import QueryRule
from pants.testutil.option_util import create_goal_subsystem
from pants.testutil.rule_runner import MockGet, RuleRunner, run_rule_with_mocks

from pte_build.errors import PteBuildError
from pte_build.library.run_main import MainResult, MainRun, RemoteCacheUse, run_main
from pte_build.pictures.calibration import Calibration, CalibrationRequest
from pte_build.program.availability import Availability, AvailabilityRequest
from pte_build.program.export import (
    ExportedProgram,
    ExportedProgramRequest,
    check_facts,
    export_program,
)
from pte_build.result_cache.toolchain_run import ToolchainResult, ToolchainRun
from pte_build.sdk.files import Sdk, SdkRequest
from pte_build.sources import LibrarySources, LibrarySourcesRequest, Module, ModuleRequest
from pte_build.stand_in_repository import chip_text, program_text
from pte_build.test_support import (
    ALPHA_FAST,
    GAMMA_CHIP,
    SEEDED,
    make_runner,
    refusal,
    set_options,
    write_sdk,
)
from pte_build.weights.resolution import ResolvedWeights, ResolvedWeightsRequest

MODELS = "src/python/pte_foundry/models"


@pytest.mark.parametrize(
    ("sha256", "size", "accepted"),
    [("0a" * 32, 7, True), ("0b" * 32, 7, False), ("0a" * 32, 8, False)],
)
def test_check_facts(sha256: str, size: int, accepted: bool) -> None:
    facts = {"pte": {"sha256": "0a" * 32, "size": 7}}
    pte = FileDigest(sha256, size)
    if accepted:
        check_facts(ALPHA_FAST, facts, pte)
        return
    with pytest.raises(PteBuildError) as caught:
        check_facts(ALPHA_FAST, facts, pte)
    message = str(caught.value)
    assert message.startswith("models/alpha:alpha_fast: a cache returned a .pte")
    assert f"{sha256} and {size} bytes" in message
    assert f"{'0a' * 32} and 7 bytes" in message


@pytest.mark.parametrize("facts", [{}, {"pte": None}, {"pte": "0a" * 32}, {"pte": {"size": 7}}])
def test_facts_that_say_nothing_of_the_bytes(facts: dict[str, Any]) -> None:
    with pytest.raises(PteBuildError, match="a cache returned a .pte"):
        check_facts(ALPHA_FAST, facts, FileDigest("0a" * 32, 7))


# All that the two rules ask the engine for, other than to run the process.
GETS: tuple[tuple[type[Any], tuple[type[Any], ...]], ...] = (
    (Availability, (AvailabilityRequest,)),
    (Calibration, (CalibrationRequest,)),
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
    return make_runner(SEEDED, queries=(*queries, QueryRule(Snapshot, (Digest,))))


class Captured(Exception):
    def __init__(self, request: Any) -> None:
        super().__init__()
        self.request = request


def capture(request: Any) -> Any:
    raise Captured(request)


def captured(runner: RuleRunner, rule: Any, arguments: list[Any], *captured_get: Any) -> Any:
    """What a rule asks for by the Get of this output and input."""
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
    # And the toolchain's PEX, if it has to run.
    assert {name for name in files if not name.endswith("/__init__.py")} == {
        "export_request.json",
        "src/python/pte_foundry/backends/fast.py",
        "src/python/pte_foundry/exporting/main.py",
        "src/python/pte_foundry/models/alpha.py",
        "src/python/pte_foundry/models/shared.py",
        "src/python/pte_foundry/rewrites/plain.py",
    }


def asked_for(runner: RuleRunner, process: Process) -> Any:
    digest = runner.request(
        Digest, [DigestSubset(process.input_digest, PathGlobs(["export_request.json"]))]
    )
    (content,) = runner.request(DigestContents, [digest])
    return json.loads(content.content)


def test_stock_exports_are_asked_for_and_are_no_part_of_other_keys(runner: RuleRunner) -> None:
    usual = asked_for(runner, export_process(runner, ALPHA_FAST))
    assert "stock" not in usual
    assert asked_for(runner, export_process(runner, ALPHA_FAST, stock=True)) == {
        **usual,
        "stock": True,
    }


def test_the_option_is_the_commands(runner: RuleRunner) -> None:
    try:
        set_options(runner, SEEDED, "--export-stock")
        exported = runner.request(ExportedProgram, [ExportedProgramRequest(ALPHA_FAST)])
    finally:
        set_options(runner, SEEDED)
    assert read_json(runner, exported.facts)["request"]["stock"] is True


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


def test_the_process_finds_the_sdk(runner: RuleRunner, tmp_path: Path) -> None:
    runner.write_files({"models/gamma/BUILD": chip_text()})
    set_options(runner, SEEDED, write_sdk(tmp_path, version="2.37.3"))
    exported = runner.request(ExportedProgram, [ExportedProgramRequest(GAMMA_CHIP)])
    assert read_json(runner, exported.facts)["versions"] == {"qnn_sdk": "2.37.3"}


def test_without_its_sdk_a_program_is_refused(runner: RuleRunner) -> None:
    runner.write_files({"models/gamma/BUILD": chip_text()})
    set_options(runner, SEEDED)
    message = refusal(runner, ExportedProgram, ExportedProgramRequest(GAMMA_CHIP))
    assert message.startswith("models/gamma:gamma_chip is unavailable: [qnn] sdk_root is not set")


def test_an_unavailable_program_is_refused(runner: RuleRunner) -> None:
    message = refusal(runner, ExportedProgram, export(runner, unavailable="it is too slow"))
    assert message.startswith("bad:p is unavailable: it is too slow. Its BUILD file declares so;")


def read_json(runner: RuleRunner, file: FileDigest) -> Any:
    digest = runner.request(Digest, [CreateDigest([FileEntry("file", file)])])
    (content,) = runner.request(DigestContents, [digest])
    return json.loads(content.content)


def test_an_exported_program(runner: RuleRunner) -> None:
    exported = runner.request(ExportedProgram, [ExportedProgramRequest(ALPHA_FAST)])
    content, lowering, _, rewrites, precision = read_json(runner, exported.pte)
    assert (content, lowering, rewrites, precision) == ("alpha", "fast", ["plain"], "fp32")
    model = {
        "name": "alpha",
        "builder": "pte_foundry.models.alpha",
        "inputs": {"image": "float32[1,3,8,8]"},
        "weights": {"source": "seeded"},
    }
    assert exported.request.model.to_json() == model
    assert read_json(runner, exported.facts)["request"] == {
        "model": model,
        "lowering": "pte_foundry.backends.fast",
        "precision": "fp32",
        "options": {"level": "1", "mode": "plain"},
        "rewrites": ["pte_foundry.rewrites.plain"],
    }


def export(runner: RuleRunner, **fields: object) -> ExportedProgramRequest:
    """The request for a program that has these fields."""
    runner.write_files({"bad/BUILD": program_text("p", **fields)})
    return ExportedProgramRequest(Address("bad", target_name="p"))


def test_the_library_refuses(runner: RuleRunner) -> None:
    request = export(runner, builder=[f"{MODELS}/refusing.py"])
    message = refusal(runner, ExportedProgram, request)
    cause, _, log = message.partition("\n\nThe whole log of the process:\n\n")
    assert cause == (
        "bad:p: export failed: bad-input-shape: image is float32[1,4]: give it 3 channels"
    )
    assert "Traceback or warnings come first" in log


def test_a_builder_that_breaks(runner: RuleRunner) -> None:
    runner.write_files({f"{MODELS}/breaking.py": "raise KeyError('a layer')\n"})
    message = refusal(runner, ExportedProgram, export(runner, builder=[f"{MODELS}/breaking.py"]))
    assert message.startswith("bad:p: export failed: KeyError: 'a layer'\n\n")
    assert "models/breaking.py" in message


def test_an_export_that_is_killed(runner: RuleRunner) -> None:
    text = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
    runner.write_files({f"{MODELS}/large.py": text})
    message = refusal(runner, ExportedProgram, export(runner, builder=[f"{MODELS}/large.py"]))
    assert message.startswith("bad:p: export failed: it was killed by SIGKILL, most likely for ")


def test_a_builder_that_does_not_exist(runner: RuleRunner) -> None:
    with pytest.raises(Exception, match=f"{MODELS}/nonesuch.py"):
        runner.request(ExportedProgram, [export(runner, builder=[f"{MODELS}/nonesuch.py"])])


def test_a_poisoned_result(runner: RuleRunner) -> None:
    message = refusal(runner, ExportedProgram, export(runner, options={"poison": "yes"}))
    assert message.startswith("bad:p: a cache returned a .pte with sha256 ")


def test_an_unpinned_checkpoint(runner: RuleRunner) -> None:
    other = make_runner()
    request = ExportedProgramRequest(Address("models/beta", target_name="beta_slow"))
    message = refusal(other, ExportedProgram, request)
    assert message.startswith("models/beta:beta_slow: its checkpoint models/beta:beta_weights")
    assert "./foundry pin models/beta:beta_weights" in message


def test_equal_programs_share_their_export(runner: RuleRunner) -> None:
    """Neither the address nor the floor is an input: they stand in the report."""
    loose = runner.request(ExportedProgram, [export(runner, max_undelegated_operators=7)])
    strict = runner.request(ExportedProgram, [export(runner, max_undelegated_operators=8)])
    runner.write_files({"more/BUILD": program_text("q")})
    other = runner.request(
        ExportedProgram, [ExportedProgramRequest(Address("more", target_name="q"))]
    )
    assert strict.declaration.floor != loose.declaration.floor
    assert (loose.pte, loose.facts) == (strict.pte, strict.facts) == (other.pte, other.facts)


def test_an_edited_builder_gives_another_program(runner: RuleRunner) -> None:
    builder = f"{MODELS}/edited.py"
    exported = []
    for content in ("one", "two", "one"):
        runner.write_files({builder: f"CONTENT = '{content}'\n"})
        set_options(runner, SEEDED)
        exported.append(runner.request(ExportedProgram, [export(runner, builder=[builder])]).pte)
    assert exported[0] == exported[2] != exported[1]


def test_an_unknown_resolve(runner: RuleRunner) -> None:
    request = export(runner, builder_resolve="nonesuch")
    message = refusal(runner, ExportedProgram, request)
    assert message.startswith("bad:p: there is no resolve 'nonesuch'")


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
