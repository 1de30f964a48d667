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
        ({"base_url": "https://example.org/?x=1"}, "`base_url` .* has a query"),
        ({"base_url": "http://example.org"}, "`base_url` .* is not https"),
        ({"base_url": "file:/srv/models"}, "`base_url` .* is not https"),
        ({"artifacts": [artifact(9, "a/b_c.pte")]}, "reports/9.json"),
        ({"artifacts": [artifact(0, "../b_c.pte")]}, "not a plain relative path"),
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


@pytest.mark.parametrize("base_url", ["https://example.org/models", "http://127.0.0.1:8000"])
def test_a_trailing_slash_is_dropped(tmp_path: Path, base_url: str) -> None:
    write_reports(tmp_path)
    assert read_request(tmp_path, base_url=f"{base_url}/").base_url == base_url
