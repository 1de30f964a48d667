"""Which checkpoint to fetch from where, and what came of it (standard library only)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from pte_foundry.records.json_fields import Fields


@dataclass(frozen=True)
class FetchRequest:
    """The content of `fetch_request.json`.

    Attributes:
        file: the checkpoint's name, for people.
        sha256: of its content.
        size: of its content, in bytes; None if it is not known, and the host has to say it.
        urls: `https:`, `http:` and `file:` addresses, tried in this order.
    """

    file: str
    sha256: str
    size: int | None
    urls: tuple[str, ...]

    @staticmethod
    def read(fields: Fields) -> FetchRequest:
        """Raises PteError `bad-request` naming the wrong field."""
        return FetchRequest(
            fields.text("file"),
            fields.sha256("sha256"),
            fields.optional_count("size"),
            fields.texts("urls"),
        )

    def to_json(self) -> dict[str, object]:
        return {**asdict(self), "urls": list(self.urls)}


@dataclass(frozen=True)
class FetchOutcome:
    """The content of `fetch_outcome.json`.

    Attributes:
        fetched: whether the checkpoint was written.
        reasons: why each address before that one, or all of them, did not give it.
    """

    fetched: bool
    reasons: tuple[str, ...]

    @staticmethod
    def read(fields: Fields) -> FetchOutcome:
        """Raises PteError `bad-request` naming the wrong field."""
        return FetchOutcome(fields.flag("fetched"), fields.texts("reasons"))

    def to_json(self) -> dict[str, object]:
        return {"fetched": self.fetched, "reasons": list(self.reasons)}
