"""What the last lines of a session say about tests that it left out."""

from __future__ import annotations

from typing import Any

from pte_build.progress.left_out import LeftOutTests


def decided(address: str, tag: str | None) -> dict[str, Any]:
    return {"name": "find_tier", "metadata": {"left_out_by_tag": tag, "address": address}}


def test_a_line_for_each_tag_with_the_folders() -> None:
    tests = LeftOutTests()
    tests.add([{"name": "other"}, decided("models/yolo:a_test", "full"), decided("a:b", None)])
    tests.add(
        [
            decided("models/pe_core:b_test", "full"),
            decided("models/pe_core:c_test", "full"),
            decided("tests/end_to_end/d_test.py:late", "nightly"),
            decided("src/python/pte_foundry/e_test.py:late", "nightly"),
            decided("//:index_test", "full"),
        ]
    )
    assert tests.lines() == [
        "Left out: 4 tests tagged `full` (// 1, models/pe_core 2, models/yolo 1). "
        "Add `--tag=full` to run them instead.",
        "Left out: 2 tests tagged `nightly` (src/python 1, tests/end_to_end 1). "
        "Add `--tag=nightly` to run them instead.",
    ]


def test_nothing_to_say() -> None:
    assert LeftOutTests().lines() == []
