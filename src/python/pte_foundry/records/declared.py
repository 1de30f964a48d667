"""What the BUILD files declare about a program, as the plugin passes it on (standard library only)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from pte_foundry.records.checks import Checks
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.model_request import SEEDED, WEIGHT_SOURCES
from pte_foundry.records.promise import Promise
from pte_foundry.records.quantization import QuantizationFloor

PLATFORMS = ("android", "ios", "linux", "macos", "web", "windows")


@dataclass(frozen=True)
class Weights:
    """The checkpoint behind a program.

    Attributes:
        address: of the `model_weights` target.
        source: one of `WEIGHT_SOURCES`.
        file: name of the checkpoint.
        sha256: of the checkpoint that was used; None for seeded weights, set for all others.
        size: bytes of the checkpoint; None if unknown.
        license: SPDX identifier.
        source_page: where a person reads about the checkpoint.
        description: of a substitute: what it is.
    """

    address: str
    source: str
    file: str
    sha256: str | None
    size: int | None
    license: str
    source_page: str | None
    description: str | None

    @staticmethod
    def read(fields: Fields) -> Weights:
        """Raises PteError `bad-request`, also for a source that contradicts the hash."""
        source = fields.text("source")
        if source not in WEIGHT_SOURCES:
            raise fields.error("source", f"is {source!r}, not one of {', '.join(WEIGHT_SOURCES)}")
        if (source == SEEDED) != fields.is_null("sha256"):
            raise fields.error("sha256", "has to be null for seeded weights, and only for them")
        return Weights(
            fields.text("address"),
            source,
            fields.text("file"),
            None if fields.is_null("sha256") else fields.sha256("sha256"),
            fields.optional_count("size"),
            fields.text("license"),
            fields.optional_text("source_page"),
            fields.optional_text("description"),
        )

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class LabelFile:
    """A file of class names, one per line: its name, SHA-256 and size in bytes."""

    file: str
    sha256: str
    size: int

    @staticmethod
    def read(fields: Fields) -> LabelFile:
        return LabelFile(fields.text("file"), fields.sha256("sha256"), fields.count("size"))

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Declared:
    """A program as the BUILD files declare it.

    Attributes:
        address: of the `pte_program`, e.g. `models/mobilenet:mobilenet_v3_small_xnnpack`.
        family: folder of the family, e.g. `mobilenet`.
        backend: short name of the backend, without `_`: consumers take a file name's last `_` part.
        default_precision: the precision that the backend's file names leave out.
        platforms: subset of `PLATFORMS`, sorted.
        model_card: the README of the program's folder, which says how an app prepares inputs and reads outputs; a path
            in the repository; None if the folder has none.
        quantization_floor: None for a program in a float precision.
        checks: what the program's test applies; None for a program without a test.
    """

    address: str
    model: str
    family: str
    backend: str
    backend_description: str
    precision: str
    default_precision: str
    platforms: tuple[str, ...]
    weights: Weights
    labels: LabelFile | None
    model_card: str | None
    promise: Promise
    quantization_floor: QuantizationFloor | None
    checks: Checks | None

    @staticmethod
    def read(fields: Fields) -> Declared:
        """Raises PteError `bad-request` naming the field that is missing or wrong."""
        labels = fields.optional_nested("labels")
        floor = fields.optional_nested("quantization_floor")
        checks = fields.optional_nested("checks")
        backend = fields.text("backend")
        if "_" in backend:
            raise fields.error("backend", f"is {backend!r}: a backend's name has no `_`")
        platforms = fields.texts("platforms")
        unknown = sorted(set(platforms) - set(PLATFORMS))
        if unknown or not platforms or len(set(platforms)) != len(platforms):
            raise fields.error(
                "platforms", f"is {list(platforms)}: list some of {', '.join(PLATFORMS)}, each once"
            )
        return Declared(
            address=fields.text("address"),
            model=fields.text("model"),
            family=fields.text("family"),
            backend=backend,
            backend_description=fields.text("backend_description"),
            precision=fields.text("precision"),
            default_precision=fields.text("default_precision"),
            platforms=tuple(sorted(platforms)),
            weights=Weights.read(fields.nested("weights")),
            labels=None if labels is None else LabelFile.read(labels),
            model_card=fields.optional_text("model_card"),
            promise=Promise.read(fields),
            quantization_floor=None if floor is None else QuantizationFloor.read(floor),
            checks=None if checks is None else Checks.read(checks),
        )

    def to_json(self) -> dict[str, object]:
        """The object that `read` takes."""
        return {
            "address": self.address,
            "model": self.model,
            "family": self.family,
            "backend": self.backend,
            "backend_description": self.backend_description,
            "precision": self.precision,
            "default_precision": self.default_precision,
            "platforms": list(self.platforms),
            "weights": self.weights.to_json(),
            "labels": None if self.labels is None else self.labels.to_json(),
            "model_card": self.model_card,
            **self.promise.to_json(),
            "quantization_floor": self.quantization_floor and self.quantization_floor.to_json(),
            "checks": None if self.checks is None else self.checks.to_json(),
        }
