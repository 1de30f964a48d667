from __future__ import annotations

import pytest

from mutants.caught import CAUGHT


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if CAUGHT:
        terminalreporter.section("mutants: program | mutant | expected | caught by")
        for one in CAUGHT:
            terminalreporter.write_line(one.row())
