"""A backend added by a folder and a target, as in docs/adding-a-backend.md, up to a published program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from documentation.made_up_backend import NAME, folder_files, target
from end_to_end.clone import UserClone, make_clone
from pte_foundry.client.catalogue import open_catalogue

MODEL = "mobilenet_v3_small"
PROGRAM = f"models/mobilenet:{MODEL}_{NAME}"
TREE = f"""

model_index(name="{NAME}_index", programs=["{PROGRAM}"], output_path="{NAME}/index.json")

model_tree(
    name="{NAME}_tree",
    index=[":{NAME}_index"],
    licenses={{"BSD-3-Clause": "models/mobilenet/LICENSE"}},
    model_cards=["models/mobilenet/README.md"],
    output_path="{NAME}/tree",
)
"""


@pytest.fixture()
def extended(tmp_path: Path) -> Iterator[UserClone]:
    """A clone with the backend, a program of it, and a tree of that program."""
    clone = make_clone(tmp_path / "pte-foundry")
    for path, text in folder_files().items():
        (clone.root / path).parent.mkdir(parents=True, exist_ok=True)
        (clone.root / path).write_text(text)
    with (clone.root / "BUILD").open("a") as file:
        file.write(TREE)
    clone.edit("toolchains/BUILD", "pte_backend(", f"{target()}\npte_backend(")
    # A line in the programs of both models of the family.
    clone.edit(
        "models/mobilenet/BUILD", '"portable": {},', f'"{NAME}": {{}},\n    "portable": {{}},'
    )
    yield clone
    clone.stop()


def test_a_folder_and_a_target_are_a_backend(extended: UserClone, tmp_path: Path) -> None:
    tested = extended.run("--weights-source=seeded", "test", f"{PROGRAM}_test")
    assert tested.exit_code == 0, tested.output
    assert f"✓ {PROGRAM}_test succeeded" in tested.output, tested.output
    packaged = extended.run(
        "--weights-source=seeded", "package", f"//:{NAME}_index", f"//:{NAME}_tree"
    )
    assert packaged.exit_code == 0, packaged.output
    dist = extended.root / "dist" / NAME

    index = json.loads((dist / "index.json").read_text())
    (entry,) = index["models"]
    assert (entry["backend"], entry["validation"]["evidence"]) == (NAME, "executed")
    assert entry["delegation"]["delegates"].keys() == {"XnnpackBackend"}
    assert index["backends"].keys() == {NAME}

    tree = dist / "tree"
    assert f"<option>{NAME}</option>" in (tree / "index.html").read_text()
    assert f"{MODEL}_{NAME}.pte" in (tree / f"models/{MODEL}.html").read_text()
    catalogue = open_catalogue(tree, cache=tmp_path / "cache")
    fetched = catalogue.fetch(catalogue.best(MODEL, "linux", backends=[NAME]))
    assert fetched.read_bytes()[4:6] == b"ET"
