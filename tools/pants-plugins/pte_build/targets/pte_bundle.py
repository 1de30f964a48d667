"""The `pte_bundle` target: a program with the inputs and expected outputs of its test."""

from __future__ import annotations

from pants.engine.target import COMMON_TARGET_FIELDS, SpecialCasedDependencies, Target
from pants.util.strutil import help_text


class BundleProgramField(SpecialCasedDependencies):
    alias = "program"
    required = True
    help = "The `pte_program` to bundle, one address. It needs a `pte_test`."


class PteBundle(Target):
    alias = "pte_bundle"
    core_fields = (*COMMON_TARGET_FIELDS, BundleProgramField)
    help = help_text(
        """
        A program in one file with the inputs on which its test judges parity, and what the eager model makes of them:
        ExecuTorch's BundledProgram. `./pants package ADDRESS_bundle` writes it beside the program, as
        `<program>_bundle.bpte`, with the tolerance of the test in `<program>_bundle.json`. Runners of ExecuTorch check
        it on a device; where the runtime here has the program's delegates, it does so before the file is written.
        Globs such as `package ::` leave bundles out.
        """
    )
