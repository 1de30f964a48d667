from __future__ import annotations

from pathlib import Path

from doctor.checks.finding import State, can_build
from doctor.checks.package_sources import (
    check_package_sources,
    check_torch_wheel,
    without_password,
)


def test_one_source_that_answers_is_enough() -> None:
    why_not = {"https://a": "no answer", "file:///b": ""}
    findings = check_package_sources(["https://a"], ["file:///b"], why_not.__getitem__)
    assert [each.state for each in findings] == [State.missing, State.ok]
    assert "pip config debug" in findings[0].remedy
    assert can_build(findings)


def test_no_source_that_answers_is_a_failure() -> None:
    assert not can_build(check_package_sources(["https://a"], [], lambda _: "no answer"))
    assert not can_build(check_package_sources([], [], lambda _: ""))


def test_a_password_is_not_shown() -> None:
    url = "https://name:secret@example.org/simple/"
    assert without_password(url) == "https://example.org/simple/"
    assert without_password("file:///folder") == "file:///folder"
    (finding,) = check_package_sources([url], [], lambda _: "")
    assert "secret" not in finding.subject


def test_the_wheel_of_torch(tmp_path: Path) -> None:
    wheel = tmp_path / "torch.whl"
    assert check_torch_wheel(None, 3).state == State.ok
    assert check_torch_wheel(wheel, 3).state == State.limited
    wheel.write_bytes(b"12")
    assert check_torch_wheel(wheel, 3).state == State.limited
    wheel.write_bytes(b"123")
    assert check_torch_wheel(wheel, 3).state == State.ok
