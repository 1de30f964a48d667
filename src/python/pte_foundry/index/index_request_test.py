from __future__ import annotations

from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.testing.indexes import artifact, read_request, write_reports

_UNAVAILABLE = {
    "address": "a:b",
    "model": "m",
    "backend": "qnn",
    "precision": "fp32",
    "reason": "no SDK",
}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"generated": "yesterday"}, "`generated`"),
        ({"generated": "1970-01-01T00:00:00+00:00"}, "`generated`"),
        ({"base_url": "models"}, "`base_url`"),
        ({"base_url": "https://example.org/a b"}, "`base_url`"),
        ({"base_url": "https://example.org/?x=1"}, "`base_url`"),
        ({"artifacts": [artifact(9, "a/b_c.pte")]}, "reports/9.json"),
        ({"artifacts": [artifact(0, "../b_c.pte")]}, "no plain relative path"),
        ({"artifacts": [artifact(0, "a/b_c.pte", validation={"verdict": "passed"})]}, "`evidence`"),
        ({"labels": [{"category": "a", "name": "x/../y", "sha256": "0" * 64, "size": 1}]}, "plain"),
        ({"unavailable": [{**_UNAVAILABLE, "reason": ""}]}, "`reason`"),
        ({"unavailable": [{**_UNAVAILABLE, "backend": None}]}, "`backend`"),
    ],
)
def test_a_wrong_request_is_refused(
    tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    write_reports(tmp_path)
    with pytest.raises(PteError, match=reason):
        read_request(tmp_path, **changes)


def test_a_file_url_and_a_trailing_slash_are_fine(tmp_path: Path) -> None:
    write_reports(tmp_path)
    assert read_request(tmp_path, base_url="file:/srv/models/").base_url == "file:/srv/models"
