from __future__ import annotations

from pathlib import Path

from pte_foundry.records.json_fields import Fields
from pte_foundry.testing.provenance import sample_index
from pte_foundry.tree.provenance.checkpoint import checkpoints


def test_programs_of_one_checkpoint_are_told_together(tmp_path: Path) -> None:
    models = Fields(sample_index(tmp_path), "index.json").objects("models")
    (found,) = checkpoints(models)
    assert found.name == "models/mobilenet:mobilenet_v3_small_weights"
    assert found.models == ("mobilenet_v3_small_portable.pte", "mobilenet_v3_small_xnnpack.pte")


def test_another_source_is_another_checkpoint(tmp_path: Path) -> None:
    index = sample_index(tmp_path)
    index["models"][0]["weights"].update(source="seeded", sha256=None)
    found = checkpoints(Fields(index, "index.json").objects("models"))
    assert sorted(each.weights.source for each in found) == ["official", "seeded"]
