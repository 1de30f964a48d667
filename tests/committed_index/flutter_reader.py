"""How the `executorch_flutter` app reads an index and versions.json: which fields, of which types.

Its first parser casts every field that it needs; the later one lets some of them be null or absent. Dart's casts are
exact: a number with a decimal point is not an `int`, and nothing is converted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


class ReadError(Exception):
    """The app would throw here; the message names the field."""


@dataclass(frozen=True)
class ReaderModel:
    name: str
    model_name: str
    category: str
    backend: str
    hash: str | None
    size: int
    size_mb: float
    input_size: int | None
    remote_url: str
    platforms: tuple[str, ...]
    labels_remote_url: str | None

    @property
    def cache_key(self) -> str:
        """What the app stores a download under."""
        return f"{self.model_name}_{self.backend}"


@dataclass(frozen=True)
class ReaderIndex:
    """`labels` maps a category to the address of its label file: the first one that is listed."""

    version: str
    base_url: str
    models: tuple[ReaderModel, ...]
    labels: Mapping[str, str]

    def models_for(self, platform: str) -> tuple[ReaderModel, ...]:
        return tuple(model for model in self.models if platform in model.platforms)


@dataclass(frozen=True)
class ReaderVersions:
    versions: tuple[str, ...]
    latest: str


def read_index(document: object, *, strict: bool) -> ReaderIndex:
    """Read an index. Raises ReadError where the app would throw.

    strict: read like the first parser, else like the later one.
    """
    index = _object(document, "the index")
    _text(index, "generated", nullable=not strict)
    if strict or index.get("backends") is not None:
        _object(index.get("backends"), "backends")
    labels: dict[str, str] = {}
    for entry in _list(index, "labels", nullable=not strict):
        label = _object(entry, "labels[]")
        _text(label, "name")
        _text(label, "hash", nullable=not strict)
        _cast(label, "size", int)
        labels.setdefault(_text(label, "category"), _text(label, "remoteUrl"))
    models = tuple(_model(_object(entry, "models[]"), strict) for entry in _list(index, "models"))
    return ReaderIndex(_text(index, "version"), _text(index, "baseUrl"), models, labels)


def read_versions(document: object) -> ReaderVersions:
    versions = _object(document, "versions.json")
    listed = tuple(_element(each, "versions") for each in _list(versions, "versions"))
    return ReaderVersions(listed, _text(versions, "latest"))


def _model(model: Mapping[str, Any], strict: bool) -> ReaderModel:
    size_mb = model.get("sizeMB")
    if isinstance(size_mb, bool) or not isinstance(size_mb, (int, float)):
        raise ReadError(f"`sizeMB` is {size_mb!r}, not a number")
    for name in ("backendDescription", "labelsFile"):
        _text(model, name, nullable=True)
    input_size = model.get("inputSize")
    return ReaderModel(
        name=_text(model, "name"),
        model_name=_text(model, "modelName"),
        category=_text(model, "category"),
        backend=_text(model, "backend"),
        hash=_text(model, "hash", nullable=not strict) or None,
        size=_cast(model, "size", int),
        size_mb=float(size_mb),
        input_size=None if input_size is None else _cast(model, "inputSize", int),
        remote_url=_text(model, "remoteUrl"),
        platforms=tuple(
            _element(each, "platforms") for each in _list(model, "platforms", nullable=True)
        ),
        labels_remote_url=_text(model, "labelsRemoteUrl", nullable=True) or None,
    )


def _cast(fields: Mapping[str, Any], name: str, kind: type[T]) -> T:
    value = fields.get(name)
    # Only in Python is a bool an int.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ReadError(f"`{name}` is {value!r}, not of the type {kind.__name__}")
    return value


def _text(fields: Mapping[str, Any], name: str, *, nullable: bool = False) -> str:
    """Empty for null, if that is allowed."""
    return "" if nullable and fields.get(name) is None else _cast(fields, name, str)


def _list(fields: Mapping[str, Any], name: str, *, nullable: bool = False) -> list[object]:
    return [] if nullable and fields.get(name) is None else _cast(fields, name, list)


def _object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ReadError(f"{where} is {value!r}, not an object")
    return value


def _element(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise ReadError(f"`{where}` holds {value!r}, not a string")
    return value
