from __future__ import annotations

from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields
from pte_foundry.testing.indexes import LOCK, read_origin, sample_index
from pte_foundry.tree.provenance.checkpoint import checkpoints


def test_each_lockfile_is_listed_once() -> None:
    assert read_origin().lockfiles == (LOCK,)
    assert read_origin(source_commit="0a" * 20).source_commit == "0a" * 20


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"source_commit": "main"}, "`source_commit` is 'main'"),
        ({"source_commit": "0A" * 20}, "hexadecimal digits"),
        ({"source_commit": "0" * 41}, "hexadecimal digits"),
        ({"builder": "my machine"}, "`builder` is 'my machine', not a URI"),
        ({"target": ""}, "`target`"),
        ({"locks": {"models/a:b": ["../x"]}}, "not a plain relative path"),
    ],
)
def test_a_wrong_origin_is_refused(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(PteError, match=reason):
        read_origin(**changes)


def test_programs_of_one_checkpoint_are_listed_together(tmp_path: Path) -> None:
    models = Fields(sample_index(tmp_path), "index.json").objects("models")
    (found,) = checkpoints(models)
    assert found.name == "models/mobilenet:mobilenet_v3_small_weights"
    backends = ("portable", "xnnpack")
    assert found.programs == tuple(f"models/mobilenet:mobilenet_v3_small_{x}" for x in backends)


def test_another_source_is_another_checkpoint(tmp_path: Path) -> None:
    index = sample_index(tmp_path)
    index["models"][0]["weights"].update(source="seeded", sha256=None)
    found = checkpoints(Fields(index, "index.json").objects("models"))
    assert sorted(each.weights.source for each in found) == ["official", "seeded"]
