"""`./pants package` on a `pte_bundle`: the program with its test's inputs and expected outputs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from pants.core.goals.package import BuiltPackage, BuiltPackageArtifact, PackageFieldSet
from pants.engine.fs import EMPTY_DIGEST, CreateDigest, Digest, FileEntry
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.engine.unions import UnionRule

from pte_build.addresses import KnownTarget, TargetRequest
from pte_build.command_line import NamedAddresses
from pte_build.library.run_main import MainResult, MainRun
from pte_build.sources import BUNDLING_MAIN
from pte_build.targets.pte_bundle import BundleProgramField, PteBundle
from pte_build.validation.inputs import TestInputs, TestInputsRequest


@dataclass(frozen=True)
class PteBundleFieldSet(PackageFieldSet):
    required_fields = (BundleProgramField,)


@rule
async def package_bundle(field_set: PteBundleFieldSet, named: NamedAddresses) -> BuiltPackage:
    if not named.include(field_set.address):
        # A bundle runs the eager model on every input. Who packages a folder wants its programs.
        return BuiltPackage(EMPTY_DIGEST, ())
    target = await Get(
        KnownTarget, TargetRequest(field_set.address, PteBundle, (BundleProgramField,))
    )
    inputs = await Get(TestInputs, TestInputsRequest(target.one(BundleProgramField)))
    result = await Get(
        MainResult,
        MainRun,
        inputs.run(
            BUNDLING_MAIN,
            ("--bundle", "program.bpte", "--description", "bundle.json"),
            failed="bundling failed",
            description=f"Bundle {inputs.built.declaration.address}",
            output_files=("program.bpte", "bundle.json"),
        ),
    )
    program = PurePath(inputs.built.declaration.pte_path)
    paths = {
        suffix: str(program.with_name(f"{program.stem}_bundle.{suffix}"))
        for suffix in ("bpte", "json")
    }
    bundle = result.files["program.bpte"]
    digest = await Get(
        Digest,
        CreateDigest(
            [
                FileEntry(paths["bpte"], bundle),
                FileEntry(paths["json"], result.files["bundle.json"]),
            ]
        ),
    )
    lines = (
        f"  {bundle.serialized_bytes_length} bytes, sha256 {bundle.fingerprint}",
        f"  weights: {inputs.built.exported.weights.source}",
    )
    return BuiltPackage(
        digest,
        (BuiltPackageArtifact(paths["bpte"], lines), BuiltPackageArtifact(paths["json"])),
    )


def rules() -> Iterable[Rule | UnionRule]:
    return [*collect_rules(), UnionRule(PackageFieldSet, PteBundleFieldSet)]
