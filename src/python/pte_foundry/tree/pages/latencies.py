"""How long programs take, from the results that `foundry bench` writes for its benchmarks `latency` and `int8`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json

_RIVALS = {"eager": "eager torch", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}
"""Name in the results of `foundry bench` -> name for people. Pictures show the first one."""
_PROGRAM = "executorch"


@dataclass(frozen=True)
class Circumstances:
    """Where and when a file of results was measured.

    Attributes:
        file: the file's path in the repository.
        memory_gb: 10^9 bytes.
        load: runnable processes, averaged over the minute before; about 0 on a quiet machine.
        commit: of the programs; `modified` if the checkout had other changes, too.
    """

    file: str
    system: str
    cpu: str
    cpus: int
    memory_gb: float
    load: float
    commit: str
    modified: bool

    @property
    def machine(self) -> str:
        """e.g. `Linux x86_64, AMD EPYC, 2 CPUs, 25.3 GB`."""
        cpus = f"{self.cpus} CPU{'s' * (self.cpus != 1)}"
        return f"{self.system}, {self.cpu}, {cpus}, {self.memory_gb:g} GB"


@dataclass(frozen=True)
class Baseline:
    """What a program was compared with, call by call, on the same machine and input; median milliseconds of a call."""

    name: str
    milliseconds: float


@dataclass(frozen=True)
class Latency:
    """Median milliseconds of one call of a program on `threads` threads.

    Attributes:
        baselines: at least one; pictures show the first.
        samples: the number of calls behind each median.
    """

    address: str
    threads: int
    milliseconds: float
    baselines: tuple[Baseline, ...]
    samples: int
    measured: Circumstances


def read_latencies(results: Sequence[Fields]) -> dict[str, tuple[Latency, ...]]:
    """Address of a program -> its latencies, by number of threads.

    Args:
        results: the content of each file, whose `where` is the file's path in the repository.

    Raises:
        PteError: `bad-latencies` naming the file and the field for what `foundry bench` does not write, for a file
            without any latency, and for a program whose times differ between two files.
    """
    found: dict[tuple[str, int], Latency] = {}
    for result in results:
        for each in _all_latencies(result):
            other = found.setdefault((each.address, each.threads), each)
            if other != each:
                raise PteError(
                    "bad-latencies",
                    f"{each.address} with {threads_text(each.threads)} is measured twice, in "
                    f"{other.measured.file} and {each.measured.file}. Name one of the two",
                )
    grouped: dict[str, list[Latency]] = {}
    for _, latency in sorted(found.items()):
        grouped.setdefault(latency.address, []).append(latency)
    return {address: tuple(those) for address, those in grouped.items()}


def read_results(file: str, content: Path) -> Fields:
    """A file of results, for `read_latencies`.

    Args:
        file: its path in the repository.
        content: where it can be read.

    Raises:
        PteError: `bad-latencies` if it is not JSON.
    """
    try:
        return Fields(read_json(content), file)
    except PteError as error:
        raise _bad(file, error) from error


def threads_text(threads: int) -> str:
    """e.g. `1 thread`."""
    return f"{threads} thread{'s' * (threads != 1)}"


def _all_latencies(result: Fields) -> tuple[Latency, ...]:
    try:
        found = tuple(_latencies(result))
        if not found:
            raise result.error("measurements", "has no latency of any program")
        return found
    except PteError as error:
        raise _bad(result.where, error) from error


def _latencies(result: Fields) -> Iterator[Latency]:
    measured = _circumstances(result)
    for row in result.objects("measurements"):
        benchmark, details = row.text("benchmark"), row.nested("details")
        # The other rows count differing outputs, and bytes.
        if row.text("unit") != "ratio" or "bytes" in details.values:
            continue
        if benchmark == "latency":
            medians = details.nested("median_ms")
            milliseconds = _milliseconds(medians, _PROGRAM)
            baselines = tuple(_rivals(medians, details.text_map("versions")))
        elif benchmark == "int8":
            milliseconds = _milliseconds(details, "int8_ms")
            baselines = (Baseline(row.text("baseline"), _milliseconds(details, "fp32_ms")),)
        else:
            continue
        yield Latency(
            details.text("program"),
            _positive(details, "threads"),
            milliseconds,
            baselines,
            _positive(details, "samples"),
            measured,
        )


def _circumstances(result: Fields) -> Circumstances:
    machine, modified = result.nested("machine"), result.get("modified")
    if not isinstance(modified, bool):
        raise result.error("modified", f"is {modified!r}, not true or false")
    return Circumstances(
        result.where,
        machine.text("system"),
        machine.text("cpu"),
        _positive(machine, "cpus"),
        machine.number("memory_gb"),
        machine.number("load"),
        result.text("commit"),
        modified,
    )


def _rivals(medians: Fields, versions: dict[str, str]) -> Iterator[Baseline]:
    """In the order of `_RIVALS`, each with its version if that is known."""
    for name, words in _RIVALS.items():
        named = f"{words} {versions[name]}" if name in versions else words
        yield Baseline(named, _milliseconds(medians, name))


def _milliseconds(fields: Fields, name: str) -> float:
    value = fields.number(name)
    if value <= 0:
        raise fields.error(name, f"is {value}, not a time above 0")
    return value


def _positive(fields: Fields, name: str) -> int:
    value = fields.count(name)
    if value == 0:
        raise fields.error(name, "is 0")
    return value


def _bad(file: str, cause: PteError) -> PteError:
    return PteError(
        "bad-latencies",
        f"{cause.message}. Measure again with `./foundry bench latency int8 --json {file}`, or remove the "
        "file from the tree's `latencies`",
    )
