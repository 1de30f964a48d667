from __future__ import annotations

from _pytest.terminal import TerminalReporter

from mutants.check import CAUGHT


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    if CAUGHT:
        terminalreporter.section("mutants: program | mutant | expected | caught by")
        for one in CAUGHT:
            terminalreporter.write_line(one.row())
