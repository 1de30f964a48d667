from __future__ import annotations

import json

from pte_build.validation.goal import skip_notes


def test_each_skipped_case_is_told_with_its_reason() -> None:
    cases = [
        {"name": "run", "status": "passed", "message": "fine"},
        {"name": "task:cat", "status": "skipped", "message": "seeded weights"},
    ]
    content = json.dumps({"cases": cases}).encode()
    assert skip_notes(content) == ["task:cat skipped: seeded weights"]
