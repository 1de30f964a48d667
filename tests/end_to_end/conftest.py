from __future__ import annotations

from collections.abc import Iterator

import pytest

from end_to_end.clone import UserClone, make_clone


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UserClone]:
    """A clone that shares the user's caches. Tests undo their edits."""
    made = make_clone(tmp_path_factory.mktemp("clone") / "pte-foundry")
    yield made
    made.stop()
