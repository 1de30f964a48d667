from __future__ import annotations

from pathlib import Path

from doctor.facts.memory import available_memory


def test_the_smaller_of_machine_and_container_counts(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:       9000 kB\nMemAvailable:   4000 kB\n")
    assert available_memory(meminfo, tmp_path) == 4000 * 1024
    (tmp_path / "memory.current").write_text("1000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory(meminfo, tmp_path) == 4000 * 1024
    (tmp_path / "memory.max").write_text("3000\n")
    assert available_memory(meminfo, tmp_path) == 2000
    (tmp_path / "memory.max").write_text("900\n")
    assert available_memory(meminfo, tmp_path) == 0


def test_elsewhere_it_is_all_memory(tmp_path: Path) -> None:
    assert available_memory(tmp_path / "absent", tmp_path) > 1 << 20
