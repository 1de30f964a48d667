"""The files of what devices measured: one for each program, at `models/FAMILY/device_results/NAME.json`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from pte_foundry.errors import PteError
from pte_foundry.records.device_result import LARGEST_RESULT, DeviceResult
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import canonical_json, parse_json

FOLDER = "device_results"
"""In a family's folder."""
SCHEMA_VERSION = 1
MOST_RESULTS = 100
"""In a file."""


def read_result(path: Path) -> DeviceResult:
    """A file with one result, as somebody sent it.

    Raises:
        PteError: `bad-device-result` naming the file, the field and what is wrong with it.
    """
    try:
        return DeviceResult.read(_object(path, str(path), LARGEST_RESULT))
    except PteError as error:
        raise PteError("bad-device-result", error.message) from error


def read_results(file: str, content: Path) -> tuple[DeviceResult, ...]:
    """A file that `results_text` wrote.

    Args:
        file: its path in the repository; its name is that of the program.
        content: where it can be read.

    Raises:
        PteError: `bad-device-result` naming the file, the field and what is wrong with it.
    """
    try:
        fields = _object(content, file, LARGEST_RESULT * MOST_RESULTS)
        fields.only("schema_version", "results")
        if fields.count("schema_version") != SCHEMA_VERSION:
            raise fields.error("schema_version", f"is not {SCHEMA_VERSION}")
        results = tuple(map(DeviceResult.read, fields.objects("results")))
        if not 0 < len(results) <= MOST_RESULTS:
            raise fields.error(
                "results", f"has {len(results)} results, and not 1 to {MOST_RESULTS}"
            )
        expected = f"{PurePosixPath(file).stem}.pte"
        for number, result in enumerate(results):
            if result.program.name != expected:
                raise fields.error(f"results[{number}]", f"is of another program than {expected}")
    except PteError as error:
        raise PteError(
            "bad-device-result",
            f"{error.message}. Remove it, and record the results again with `./foundry record RESULT.json`",
        ) from error
    return results


def results_text(results: Iterable[DeviceResult]) -> str:
    """The content of a file: each result once, in an order that depends on nothing else.

    Raises:
        PteError: `bad-device-result` if there are more than `MOST_RESULTS`.
    """
    ordered = _ordered(results)
    if len(ordered) > MOST_RESULTS:
        raise PteError(
            "bad-device-result",
            f"{ordered[0].program.name} has {len(ordered)} results: a file takes {MOST_RESULTS}. Remove old ones",
        )
    return canonical_json(
        {"schema_version": SCHEMA_VERSION, "results": [result.to_json() for result in ordered]}
    )


def _ordered(results: Iterable[DeviceResult]) -> Sequence[DeviceResult]:
    texts = {canonical_json(result.to_json()): result for result in results}
    return [result for _, result in sorted(texts.items(), key=lambda item: _key(*item))]


def _key(text: str, result: DeviceResult) -> tuple[str, ...]:
    """By device, then by day."""
    device = result.device
    return (device.model, device.chip, str(result.system), result.source.date, text)


def _object(path: Path, where: str, largest: int) -> Fields:
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise PteError("bad-device-result", f"{where} cannot be read: {error.strerror}") from error
    if len(content) > largest:
        raise PteError("bad-device-result", f"{where} is larger than {largest} bytes")
    try:
        value = parse_json(content)
    except ValueError as error:
        raise PteError("bad-device-result", f"{where} is not valid JSON: {error}") from error
    return Fields.of(value, where)
