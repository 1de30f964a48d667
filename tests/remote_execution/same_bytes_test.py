"""What workers export has the bytes of the committed indexes: a program of each backend and of each family."""

from __future__ import annotations

import hashlib
from pathlib import Path

from remote_cache.machines import SEEDED, make_machine
from remote_cache.relay import running_relay
from remote_cache.server import Server
from remote_execution.choice import choose, read_models
from remote_execution.users import remote_settings

# An edit of it lets all programs be exported again.
_SOURCE = "src/python/pte_foundry/exporting/main.py"
_TOOLCHAIN_BYTES = 300_000_000


def test_workers_write_the_bytes_of_the_indexes(server: Server, folder: Path) -> None:
    models = read_models()
    programs = choose(models)
    with running_relay(server.address) as relay:
        address = relay.address.url
        machine = make_machine(folder / "maintainer", address, remote_settings(address))
        try:
            outcome = machine.package(SEEDED, "package", *programs)
            assert outcome.exports == list(programs)
            for program in programs:
                assert f"{program}: started on a worker" in outcome.output
            expected = {
                model["name"]: model["hash"] for model in models if model["address"] in programs
            }
            built = {
                Path(path).name: hashlib.sha256(content).hexdigest()
                for path, content in machine.clone.dist_files().items()
                if path.endswith(".pte")
            }
            assert built == expected
            outcome = machine.package(SEEDED, "test", *(f"{program}_test" for program in programs))
            for program in programs:
                assert f"{program}_test succeeded" in outcome.output
            # A toolchain and a checkpoint are sent once.
            assert relay.sent > _TOOLCHAIN_BYTES
            with (machine.clone.root / _SOURCE).open("a") as source:
                source.write("# Edited.\n")
            before = relay.sent
            outcome = machine.package(SEEDED, "package", *programs)
            assert outcome.exports == list(programs)
            assert relay.sent - before < _TOOLCHAIN_BYTES / 30
        finally:
            machine.stop()
        # Another machine, without workers, finds all of it.
        reader = make_machine(folder / "reader", address, {})
        try:
            outcome = reader.package(SEEDED, "package", *programs)
            assert outcome.exports == []
        finally:
            reader.stop()
