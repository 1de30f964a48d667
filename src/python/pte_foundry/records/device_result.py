"""What somebody measured when a program ran on a device, as JSON (standard library only).

The file comes from outside: from an app on a phone, or from a person. So unknown fields are refused, numbers and texts
have limits, and no number is taken without the device, its system, the runtime and who measured it.
"""

from __future__ import annotations

from dataclasses import dataclass

from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.measured_accuracy import MeasuredAccuracy
from pte_foundry.records.outside_fields import count, day, number, only, words
from pte_foundry.records.outside_text import shown
from pte_foundry.records.paths import check_path

SCHEMA_VERSION = 2
"""Raised when a field is added, too: readers refuse those that they do not know."""

LARGEST_RESULT = 64 * 1024
"""Bytes of a file with one result."""
LONGEST_WORDS = 1_000
"""Characters of `source.how` and `latency_ms.what`. Names and versions have `LONGEST_NAME`."""
MOST_CASES = 256

_MOST_BYTES = 2**50
_MOST_RUNS = 10**9
_MOST_THREADS = 10_000

_BEHIND_A_NUMBER = ("program", "device", "os", "runtime", "source")
_MEASURED = ("parity", "latency_ms", "peak_memory_bytes", "load_ms", "accuracy")


@dataclass(frozen=True)
class MeasuredProgram:
    """name: of the file, e.g. `yolo11n_coreml.pte`. sha256: of its bytes."""

    name: str
    sha256: str

    @staticmethod
    def read(fields: Fields) -> MeasuredProgram:
        """Raises PteError `bad-request` or `bad-path` naming the field that is missing or wrong."""
        only(fields, "name", "sha256")
        name = check_path(words(fields, "name"), fields.where)
        if "/" in name:
            raise fields.error("name", f"is {shown(name)}: give the file's name alone")
        return MeasuredProgram(name, fields.sha256("sha256"))

    def to_json(self) -> dict[str, object]:
        return {"name": self.name, "sha256": self.sha256}


@dataclass(frozen=True)
class Device:
    """model: as its maker calls it. chip: what computes."""

    model: str
    chip: str

    @staticmethod
    def read(fields: Fields) -> Device:
        """Raises PteError `bad-request` naming the field that is missing or wrong."""
        only(fields, "model", "chip")
        return Device(words(fields, "model"), words(fields, "chip"))

    def to_json(self) -> dict[str, object]:
        return {"model": self.model, "chip": self.chip}


@dataclass(frozen=True)
class Versioned:
    """An operating system or a runtime."""

    name: str
    version: str

    @staticmethod
    def read(fields: Fields) -> Versioned:
        """Raises PteError `bad-request` naming the field that is missing or wrong."""
        only(fields, "name", "version")
        return Versioned(words(fields, "name"), words(fields, "version"))

    def to_json(self) -> dict[str, object]:
        return {"name": self.name, "version": self.version}

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class CaseParity:
    """How one case of the program's bundle ended: one of the two is given.

    Attributes:
        case: its name in the bundle's JSON, e.g. `fixed-0`.
        max_abs_difference: the largest absolute difference from the expected outputs, in their unit.
        passed: whether the outputs were within the bundle's `atol`, where the runner says no more.
    """

    case: str
    max_abs_difference: float | None
    passed: bool | None

    @staticmethod
    def read(fields: Fields) -> CaseParity:
        """Raises PteError `bad-request` naming the field that is missing or wrong."""
        only(fields, "case", "max_abs_difference", "passed")
        case = words(fields, "case")
        if fields.has("max_abs_difference") == fields.has("passed"):
            raise fields.error(
                "max_abs_difference", "and `passed`: one of the two is needed, and not both"
            )
        if fields.has("passed"):
            return CaseParity(case, None, fields.flag("passed"))
        return CaseParity(case, number(fields, "max_abs_difference"), None)

    def to_json(self) -> dict[str, object]:
        return _given(
            case=self.case, max_abs_difference=self.max_abs_difference, passed=self.passed
        )

    def holds(self, bound: float) -> bool:
        """Whether the outputs were close enough. bound: on `max_abs_difference`."""
        if self.max_abs_difference is None:
            return bool(self.passed)
        return self.max_abs_difference <= bound


@dataclass(frozen=True)
class MeasuredLatency:
    """Attributes:
    median: milliseconds of one run.
    runs: how many.
    threads: None where that means nothing.
    what: a run is, e.g. whether it includes the preparation of a picture.
    """

    median: float
    runs: int
    threads: int | None
    what: str

    @staticmethod
    def read(fields: Fields) -> MeasuredLatency:
        """Raises PteError `bad-request` naming the field that is missing or wrong."""
        only(fields, "median", "runs", "threads", "what")
        return MeasuredLatency(
            number(fields, "median", above_zero=True),
            count(fields, "runs", _MOST_RUNS),
            count(fields, "threads", _MOST_THREADS) if fields.has("threads") else None,
            words(fields, "what", LONGEST_WORDS),
        )

    def to_json(self) -> dict[str, object]:
        return _given(median=self.median, runs=self.runs, threads=self.threads, what=self.what)


@dataclass(frozen=True)
class MeasuredBy:
    """who: a person or an organisation. date: `2026-11-30`. how: with which app, in which state of the device."""

    who: str
    date: str
    how: str

    @staticmethod
    def read(fields: Fields) -> MeasuredBy:
        """Raises PteError `bad-request` naming the field that is missing or wrong."""
        only(fields, "who", "date", "how")
        return MeasuredBy(
            words(fields, "who"), day(fields, "date"), words(fields, "how", LONGEST_WORDS)
        )

    def to_json(self) -> dict[str, object]:
        return {"who": self.who, "date": self.date, "how": self.how}


@dataclass(frozen=True)
class DeviceResult:
    """Attributes:
    parity: one for each case that ran, by name; empty if none did.
    latency: None if it was not measured.
    peak_memory_bytes: of the app while the program ran; None if it was not measured.
    load_ms: milliseconds from the file to a program that is ready to run; None if it was not measured.
    accuracy: on somebody's data; None if it was not measured.
    """

    program: MeasuredProgram
    device: Device
    system: Versioned
    runtime: Versioned
    parity: tuple[CaseParity, ...]
    latency: MeasuredLatency | None
    peak_memory_bytes: int | None
    load_ms: float | None
    accuracy: MeasuredAccuracy | None
    source: MeasuredBy

    @staticmethod
    def read(fields: Fields) -> DeviceResult:
        """Read a result.

        Raises:
            PteError: `bad-request` or `bad-path` naming the field that is missing, wrong or unknown.
        """
        only(fields, "schema_version", *_BEHIND_A_NUMBER, *_MEASURED)
        if fields.count("schema_version") != SCHEMA_VERSION:
            raise fields.error(
                "schema_version",
                f"is {shown(fields.get('schema_version'))}; this version reads {SCHEMA_VERSION}",
            )
        for name in _BEHIND_A_NUMBER:
            if not fields.has(name):
                raise fields.error(
                    name,
                    f"is missing. A number needs {', '.join(f'`{each}`' for each in _BEHIND_A_NUMBER)} behind it",
                )
        if not any(fields.has(name) for name in _MEASURED):
            raise PteError(
                "bad-request",
                f"{fields.where}: nothing was measured. Give one of "
                f"{', '.join(f'`{each}`' for each in _MEASURED)}",
            )
        return DeviceResult(
            MeasuredProgram.read(fields.nested("program")),
            Device.read(fields.nested("device")),
            Versioned.read(fields.nested("os")),
            Versioned.read(fields.nested("runtime")),
            _parity(fields) if fields.has("parity") else (),
            MeasuredLatency.read(fields.nested("latency_ms")) if fields.has("latency_ms") else None,
            (
                count(fields, "peak_memory_bytes", _MOST_BYTES)
                if fields.has("peak_memory_bytes")
                else None
            ),
            number(fields, "load_ms", above_zero=True) if fields.has("load_ms") else None,
            MeasuredAccuracy.read(fields.nested("accuracy")) if fields.has("accuracy") else None,
            MeasuredBy.read(fields.nested("source")),
        )

    def to_json(self) -> dict[str, object]:
        """What was not measured is left out."""
        return {
            "schema_version": SCHEMA_VERSION,
            **_given(
                program=self.program.to_json(),
                device=self.device.to_json(),
                os=self.system.to_json(),
                runtime=self.runtime.to_json(),
                parity=[each.to_json() for each in self.parity] or None,
                latency_ms=None if self.latency is None else self.latency.to_json(),
                peak_memory_bytes=self.peak_memory_bytes,
                load_ms=self.load_ms,
                accuracy=None if self.accuracy is None else self.accuracy.to_json(),
                source=self.source.to_json(),
            ),
        }


def _parity(fields: Fields) -> tuple[CaseParity, ...]:
    cases = fields.objects("parity")
    if not 0 < len(cases) <= MOST_CASES:
        raise fields.error("parity", f"has {len(cases)} cases: give 1 to {MOST_CASES}")
    found: dict[str, CaseParity] = {}
    for each in map(CaseParity.read, cases):
        if found.setdefault(each.case, each) is not each:
            raise fields.error("parity", f"has the case {shown(each.case)} twice")
    return tuple(found[case] for case in sorted(found))


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
