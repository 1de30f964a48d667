from __future__ import annotations

import json
import platform

from bench.command.machine import cpu_model, this_machine


def test_the_cpu_is_the_first_one_that_linux_names() -> None:
    text = "processor\t: 0\nmodel name\t: One: 2 GHz\n\nprocessor\t: 1\nmodel name\t: Two\n"
    assert cpu_model(text) == "One: 2 GHz"


def test_a_cpu_without_a_name_is_shown_by_its_kind() -> None:
    assert cpu_model("processor\t: 0\n") in (platform.processor(), platform.machine())
    assert cpu_model("")


def test_this_machine_is_described_without_its_name() -> None:
    facts = this_machine()
    assert facts.cpus >= 1 and 0.1 < facts.memory_gb < 1e5
    assert platform.node() not in json.dumps(facts.to_json()).split('"')
