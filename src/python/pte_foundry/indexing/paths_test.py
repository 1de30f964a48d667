from __future__ import annotations

import pytest

from pte_foundry.errors import PteError
from pte_foundry.indexing.paths import check_path


@pytest.mark.parametrize(
    "path", ["a", "1.4.1/mobilenet/x_xnnpack.pte", "LICENSES/AGPL-3.0-only.txt"]
)
def test_plain_relative_paths_pass(path: str) -> None:
    assert check_path(path, "here") == path


@pytest.mark.parametrize(
    "path", ["", "/a", "a/", "a//b", "../a", "a/../b", ".a", "a b", "a\n", "a\\b", "-a", "é", "a?b"]
)
def test_everything_else_is_refused(path: str) -> None:
    with pytest.raises(PteError, match="here") as caught:
        check_path(path, "here")
    assert caught.value.kind == "bad-path"
