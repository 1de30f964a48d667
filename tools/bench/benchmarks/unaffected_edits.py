"""`unaffected-edits`: whether a change rebuilds what it affects and nothing else."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from bench.benchmarks.edits import unique_comment
from bench.benchmarks.measurement import Goal, Measurement
from bench.benchmarks.setting import PACKAGE_ARTIFACTS, Setting
from workspace.clone import Clone
from workspace.errors import ToolError

NAME = "unaffected-edits"
ABOUT = "exports after edits that no program depends on, or only another family's"
NONE = Goal("at_most", 0)
SOME = Goal("at_least", 1)

# A small model family that the benchmark adds to its clone.
FAMILY = "bench_family"
FAMILY_BUILDER = f"src/python/pte_foundry/models/{FAMILY}.py"
# The smallest builder that the library has: its tests use it.
_TEMPLATE = "src/python/pte_foundry/testing/tiny_builder.py"
# Outside `models`, because the index and the tree need a licence and a model card for every family.
_BUILD = f"""\
model_weights(
    name="{FAMILY}_weights",
    file="{FAMILY}.pth",
    license="CC0-1.0",
)

pte_model(
    name="{FAMILY}",
    builder="{FAMILY_BUILDER}",
    inputs={{"image": "float32[1,3,8,8]"}},
    programs={{"portable": {{}}}},
)
"""


@dataclass(frozen=True)
class Edit:
    """family: the one whose programs depend on the file; None if no program does.

    validates: whether validations depend on the file.
    """

    what: str
    file: str
    family: str | None = None
    validates: bool = False


EDITS = (
    Edit("a comment in a BUILD file", "models/mobilenet/BUILD"),
    Edit(
        "an edit of the validator",
        "src/python/pte_foundry/validation/validate.py",
        validates=True,
    ),
    Edit("an edit of another family's builder", FAMILY_BUILDER, FAMILY),
    Edit(
        "an edit of MobileNet's builder",
        "src/python/pte_foundry/models/mobilenet.py",
        "models/mobilenet",
    ),
)


def run(setting: Setting) -> tuple[Measurement, ...]:
    with setting.clone("repository") as clone:
        add_family(clone.root)
        setting.progress("building everything once")
        clone.pants(*PACKAGE_ARTIFACTS)
        if left := clone.pants(*PACKAGE_ARTIFACTS).exports:
            raise ToolError(f"a second build without any edit exported {list(left)}")
        measurements: list[Measurement] = []
        for edit in EDITS:
            setting.progress(edit.what)
            measurements += _measure(clone, edit)
    return tuple(measurements)


def add_family(root: Path) -> None:
    """Add FAMILY to a clone. Raises ToolError if the library's smallest builder is no longer where it was."""
    template = root / _TEMPLATE
    if not template.is_file():
        raise ToolError(f"{_TEMPLATE} does not exist; name another small builder in this file")
    shutil.copyfile(template, root / FAMILY_BUILDER)
    folder = root / FAMILY
    folder.mkdir()
    (folder / "BUILD").write_text(_BUILD)


def of_family(addresses: tuple[str, ...], family: str) -> tuple[str, ...]:
    """The addresses in the family's folder."""
    return tuple(address for address in addresses if address.startswith(f"{family}:"))


def _measure(clone: Clone, edit: Edit) -> list[Measurement]:
    with unique_comment(clone.root / edit.file):
        done = clone.pants(*PACKAGE_ARTIFACTS)
    return count_exports(edit, done.exports, done.validations)


def count_exports(
    edit: Edit, exports: tuple[str, ...], validations: tuple[str, ...]
) -> list[Measurement]:
    """One row for the programs that must stay, and, if a family is affected, a control for its programs.

    exports, validations: the addresses that were exported and validated after the edit.
    Raises ToolError if an edit that must lead to validations led to none: then it edits the wrong file.
    """
    if edit.validates and not validations:
        raise ToolError(
            f"no program was validated after an edit of {edit.file}, so its 0 exports show nothing; "
            "name a file of the validator in this benchmark"
        )
    affected = of_family(exports, edit.family) if edit.family is not None else ()
    unaffected = tuple(address for address in exports if address not in affected)
    details = {"file": edit.file, "exports": list(exports), "validations": list(validations)}
    rows = [
        Measurement(
            NAME,
            f"{edit.what}: exports of other programs" if edit.family else edit.what,
            "a full build before",
            len(unaffected),
            "exports",
            NONE,
            details,
        )
    ]
    if edit.family is not None:
        rows.append(
            Measurement(
                NAME,
                f"{edit.what}: exports of {edit.family}",
                "a full build before (control)",
                len(affected),
                "exports",
                SOME,
                details,
            )
        )
    return rows
