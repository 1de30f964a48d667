from __future__ import annotations

import pytest

from pte_build.errors import PteBuildError
from pte_build.toolchain.composition import check_locks_agree, pinned_versions, toolchain_name

LOCK = """# a comment
ruamel_yaml==0.19.1 \\
    --hash=sha256:aa
numpy==2.4.6 ; python_version >= "3.11" \\
    --hash=sha256:bb
"""


def test_a_toolchain_is_named_after_its_resolves() -> None:
    assert toolchain_name(("executorch", "torchvision")) == "executorch+torchvision"


def test_versions_are_read_from_a_lockfile() -> None:
    assert pinned_versions(LOCK) == {"ruamel-yaml": "0.19.1", "numpy": "2.4.6"}


def test_locks_that_agree_or_share_nothing_compose() -> None:
    check_locks_agree({"a.lock": LOCK, "b.lock": "numpy==2.4.6\n", "c.lock": "pillow==1\n"})


def test_two_versions_of_one_package_are_refused_with_both_files() -> None:
    with pytest.raises(PteBuildError) as caught:
        check_locks_agree({"a.lock": LOCK, "b.lock": "NumPy==2.0\n"})
    message = str(caught.value)
    assert "numpy is locked at 2.4.6 in a.lock and at 2.0 in b.lock" in message
    assert "./pants run tools/locks" in message
