"""Which packages two lockfiles pin, and what is said when they disagree."""

from __future__ import annotations

import pytest

from pte_build.errors import PteBuildError
from pte_build.toolchain.composition import check_locks_agree, pinned_versions, toolchain_name

LOCK = """\
# comment==1.0
--index-url https://example.org
Torch==2.13.0+cpu \\
    --hash=sha256:00
typing_extensions==4.3.0 ; python_version < "3.12"
zope.event[extra,more]==5.0
"""


def test_pinned_versions() -> None:
    assert pinned_versions(LOCK) == {
        "torch": "2.13.0+cpu",
        "typing-extensions": "4.3.0",
        "zope-event": "5.0",
    }


def test_toolchain_name() -> None:
    assert toolchain_name(("executorch",)) == "executorch"
    assert toolchain_name(("executorch", "torchvision")) == "executorch+torchvision"


def test_locks_that_agree() -> None:
    check_locks_agree({"a.lock": LOCK, "b.lock": "typing-extensions==4.3.0\nnumpy==2.0\n"})


def test_locks_that_disagree() -> None:
    with pytest.raises(PteBuildError) as caught:
        check_locks_agree({"a.lock": LOCK, "b.lock": "Typing-Extensions==4.4.0\n"})
    message = str(caught.value)
    assert "typing-extensions is locked at 4.3.0 in a.lock and at 4.4.0 in b.lock" in message
    assert "./foundry locks" in message
