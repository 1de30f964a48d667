"""The files of a tree and what they were made from, as the plugin passes it on (standard library only)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from pte_foundry.records.json_fields import Fields
from pte_foundry.records.paths import check_path

# SHA-1 and SHA-256 repositories.
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
# RFC 3986: a scheme, and no white space.
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+", re.ASCII)


@dataclass(frozen=True)
class Listed:
    """Attributes:
    address: of the `pte_program`; the index has the same one.
    model: name without precision, so that all programs of a model share a page.
    task: what the model does, according to the BUILD file; None if it does not say.
    validation: path of the program's validation.json, relative to the working directory.
    """

    address: str
    model: str
    task: str | None
    validation: str

    @staticmethod
    def read(fields: Fields) -> Listed:
        """Raises PteError `bad-request` or `bad-path` naming the field that is missing or wrong."""
        # It becomes a file's name.
        model = check_path(fields.text("model"), fields.where)
        if "/" in model:
            raise fields.error("model", f"is {model!r}, which names a folder")
        return Listed(
            fields.text("address"),
            model,
            fields.optional_text("task"),
            check_path(fields.text("validation"), fields.where),
        )

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Origin:
    """Attributes:
    target: address of the `model_tree`.
    builder: URI of what ran the build; SLSA's `builder.id`.
    source_commit: git commit of the sources, 40 or 64 hexadecimal digits; None if not given.
    locks: address of a program -> its toolchain's lockfiles, paths in the repository.
    """

    target: str
    builder: str
    source_commit: str | None
    locks: Mapping[str, tuple[str, ...]]

    @property
    def lockfiles(self) -> tuple[str, ...]:
        """Of all programs, sorted."""
        return tuple(sorted({path for paths in self.locks.values() for path in paths}))

    @staticmethod
    def read(fields: Fields) -> Origin:
        """Raises PteError `bad-request` or `bad-path` naming the field that is missing or wrong."""
        builder = fields.text("builder")
        if not _URI.fullmatch(builder):
            raise fields.error(
                "builder", f"is {builder!r}, not a URI such as https://ci.example.org"
            )
        commit = fields.optional_text("source_commit")
        if commit is not None and not _COMMIT.fullmatch(commit):
            raise fields.error(
                "source_commit", f"is {commit!r}, not the 40 or 64 hexadecimal digits of a commit"
            )
        locks = fields.nested("locks")
        return Origin(
            fields.text("target"),
            builder,
            commit,
            {
                address: tuple(check_path(path, locks.where) for path in locks.texts(address))
                for address in sorted(locks.values)
            },
        )

    def to_json(self) -> dict[str, object]:
        return {
            "target": self.target,
            "builder": self.builder,
            "source_commit": self.source_commit,
            "locks": {address: list(paths) for address, paths in self.locks.items()},
        }


@dataclass(frozen=True)
class TreeRequest:
    """The content of `tree_request.json`.

    Attributes:
        indexes: paths of the versions' indexes, relative to the working directory; the latest version's first.
        files: path in the tree -> SHA-256; every file but those that the tree writer writes.
        listed: what the pages say about each program beyond its index entry.
        latencies: files of measured latencies, as paths in the repository; each is below the folder `latencies` of
            the working directory.
        device_results: files of what devices measured, as paths in the repository; each is below the folder
            `device_results` of the working directory.
        origin: what the tree was made from.
    """

    indexes: tuple[str, ...]
    files: Mapping[str, str]
    listed: tuple[Listed, ...]
    latencies: tuple[str, ...]
    device_results: tuple[str, ...]
    origin: Origin

    @staticmethod
    def read(fields: Fields) -> TreeRequest:
        """Raises PteError `bad-request` or `bad-path` naming the field that is missing or wrong."""
        files: dict[str, str] = {}
        for entry in fields.objects("files"):
            path = check_path(entry.text("path"), entry.where)
            if path in files:
                raise entry.error("path", f"is {path!r}, which is listed twice")
            files[path] = entry.sha256("sha256")
        return TreeRequest(
            tuple(check_path(path, fields.where) for path in fields.texts("indexes")),
            files,
            tuple(Listed.read(entry) for entry in fields.objects("programs")),
            tuple(check_path(path, fields.where) for path in fields.texts("latencies")),
            tuple(check_path(path, fields.where) for path in fields.texts("device_results")),
            Origin.read(fields.nested("origin")),
        )

    def to_json(self) -> dict[str, object]:
        return {
            "indexes": list(self.indexes),
            "files": [{"path": path, "sha256": sha256} for path, sha256 in self.files.items()],
            "programs": [each.to_json() for each in self.listed],
            "latencies": list(self.latencies),
            "device_results": list(self.device_results),
            "origin": self.origin.to_json(),
        }
