"""GitHub's REST API: JSON, uploads, downloads, with its limits on requests and without leaking the token."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from typing import Protocol
from urllib.parse import urlsplit

from pte_foundry.errors import PteError, reason_of
from pte_foundry.publishing.tree_folder import BLOCK
from pte_foundry.records.addresses import address_problem
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.outside_text import plain

_API = "https://api.github.com"
_VERSION = "2022-11-28"
_JSON = "application/vnd.github+json"
_BYTES = "application/octet-stream"
_PAGE = 100
_SECONDS = 60.0
"""Of silence, not for a whole file."""
_ATTEMPTS = 5
_LONGEST_WAIT = 120.0
_LATER = (429, 500, 502, 503, 504)
_MOVED = (301, 302, 303, 307, 308)
_LONGEST_ANSWER = 64 << 20
# Neither a header nor a message can hold anything else.
_TOKEN = re.compile(r"[!-~]+", re.ASCII)


class Broken(Exception):
    """A request that may or may not have had an effect. `wait`: the seconds that the host asked for, if any."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class Readable(Protocol):
    """What a request sends, block by block."""

    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Message
    body: bytes


class GithubApi:
    """Requests in the name of GITHUB_TOKEN, to GITHUB_API_URL or else to github.com.

    Every method raises PteError: `unreachable` if the host does not answer, also after a while, `rejected` for its
    refusals, with its reasons.
    """

    def __init__(self, where: str, sleep: Callable[[float], None] = time.sleep) -> None:
        """`where`: the repository, for messages. Raises PteError `no-token` or `bad-repository`."""
        self._where, self._sleep = where, sleep
        self._base = os.environ.get("GITHUB_API_URL", "").rstrip("/") or _API
        if (problem := address_problem(self._base)) is not None:
            raise PteError(
                "bad-repository",
                f"{where}: the API's address {self._base!r} {problem}. Correct GITHUB_API_URL, or unset it for "
                "github.com",
            )
        self._token = os.environ.get("GITHUB_TOKEN", "").strip()
        if not _TOKEN.fullmatch(self._token):
            raise PteError(
                "no-token",
                f"{where}: GITHUB_TOKEN is {'not a token' if self._token else 'not set'}. Set it to a token that may "
                "write the contents of the repository (in GitHub Actions: `permissions: contents: write`)",
            )
        self._open = urllib.request.build_opener(_NoRedirection).open

    def find(self, path: str) -> Fields | None:
        """The object at a path of the API; None if there is none."""
        answer = self._repeat("GET", path, None)
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        return self._fields(path, answer)

    def list(self, path: str) -> tuple[Fields, ...]:
        """All objects of a list, over all its pages."""
        found: list[Fields] = []
        while True:
            page = f"{path}?per_page={_PAGE}&page={len(found) // _PAGE + 1}"
            value = self._json(page, self._accepted(page, self._repeat("GET", page, None)))
            if not isinstance(value, list):
                raise self._error("rejected", page, "is not a list")
            found += [Fields.of(each, f"{self._where}: {path}") for each in value]
            if len(value) < _PAGE:
                return tuple(found)

    def change(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Fields:
        """Send a change that has the same effect if it is sent twice. An answer without content is an empty object."""
        answer = self._repeat(method, path, body)
        if answer.status == HTTPStatus.NO_CONTENT:
            return Fields({}, f"{self._where}: {path}")
        return self._fields(path, answer)

    def create(self, path: str, body: Mapping[str, object]) -> Fields:
        """Send a change that must not be sent twice."""
        try:
            return self._fields(path, self._waiting(lambda: self._send("POST", path, body)))
        except Broken as error:
            raise self._unreachable(error) from error

    def upload(self, url: str, content: Readable, size: int) -> Fields:
        """Send a file. Raises `Broken` if it did not arrive, or may have, in part or whole."""
        headers = {"Content-Type": _BYTES, "Content-Length": str(size)}
        answer = self._send("POST", url, content, headers)
        if (wait := _asked_to_wait(answer)) is not None:
            raise Broken(self._said(answer), wait)
        return self._fields(url, answer)

    def download(self, path: str, take: Callable[[bytes], object]) -> tuple[str, int]:
        """Pass an asset to `take`, block by block; the SHA-256 and the bytes of what arrived."""
        digest, size = hashlib.sha256(), 0
        try:
            with self._following(path) as response:
                while block := response.read(BLOCK):
                    digest.update(block)
                    size += len(block)
                    take(block)
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(Broken(reason_of(error))) from error
        return digest.hexdigest(), size

    def pause(self, error: Broken, attempt: int) -> None:
        """Wait before the next attempt. Raises PteError `unreachable` after the last one."""
        wait = float(2**attempt) if error.wait is None else error.wait
        if attempt >= _ATTEMPTS or wait > _LONGEST_WAIT:
            raise self._unreachable(error) from error
        self._sleep(wait)

    def _repeat(self, method: str, path: str, body: Mapping[str, object] | None) -> _Answer:
        """For requests that may be sent twice."""
        attempt = 0
        while True:
            try:
                return self._waiting(lambda: self._send(method, path, body))
            except Broken as error:
                attempt += 1
                self.pause(error, attempt)

    def _waiting(self, send: Callable[[], _Answer]) -> _Answer:
        """Send, and again as long as the host says to wait: then the request had no effect."""
        for attempt in range(1, _ATTEMPTS + 1):
            answer = send()
            wait = _asked_to_wait(answer)
            if wait is None:
                return answer
            if attempt < _ATTEMPTS and wait <= _LONGEST_WAIT:
                self._sleep(wait)
        raise PteError(
            "unreachable",
            f"{self._where}: GitHub limits how many requests it answers: {self._said(answer)}. Wait, and publish "
            "again: what was sent is kept, and the rest follows",
        )

    @contextmanager
    def _following(self, path: str) -> Iterator[http.client.HTTPResponse]:
        """An asset's content, which is on another host. That one does not see the token."""
        url, headers = self._url(path), self._headers({"Accept": _BYTES})
        for _ in range(5):
            try:
                response = self._open(
                    urllib.request.Request(url, headers=headers), timeout=_SECONDS
                )
            except urllib.error.HTTPError as error:
                with error:
                    if error.code not in _MOVED:
                        raise self._refusal(path, _answer(error.code, error)) from error
                    url = str(error.headers.get("Location", ""))
                if (problem := address_problem(url)) is not None:
                    raise self._error(
                        "rejected", path, f"leads to an address that {problem}"
                    ) from error
                headers = {}
            else:
                with response:
                    yield response
                return
        raise self._error("rejected", path, "leads on and on")

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | Readable | None,
        more: Mapping[str, str] | None = None,
    ) -> _Answer:
        data = json.dumps(body).encode() if isinstance(body, Mapping) else body
        headers = self._headers({"Accept": _JSON, **(more or {})})
        if isinstance(body, Mapping):
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self._url(path), data, headers, method=method)
        try:
            with self._open(request, timeout=_SECONDS) as response:
                answer = _answer(response.status, response)
        except urllib.error.HTTPError as error:
            with error:
                answer = _answer(error.code, error)
        except (OSError, http.client.HTTPException) as error:
            raise Broken(reason_of(error)) from error
        if answer.status in _LATER and _asked_to_wait(answer) is None:
            raise Broken(self._said(answer))
        return answer

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._token}",
            "User-Agent": "pte-foundry",
            "X-GitHub-Api-Version": _VERSION,
            **more,
        }

    def _url(self, path: str) -> str:
        """An address of the API's own answers, such as the one for uploads, is used as it is."""
        if not path.startswith("https:") and not path.startswith("http:"):
            return f"{self._base}/{path}"
        if (problem := address_problem(path)) is not None:
            raise self._error("rejected", path, problem)
        return path

    def _fields(self, path: str, answer: _Answer) -> Fields:
        return Fields.of(self._json(path, self._accepted(path, answer)), f"{self._where}: {path}")

    def _accepted(self, path: str, answer: _Answer) -> _Answer:
        if not 200 <= answer.status < 300:
            raise self._refusal(path, answer)
        return answer

    def _json(self, path: str, answer: _Answer) -> object:
        try:
            value: object = json.loads(answer.body)
        except ValueError as error:
            raise self._error("rejected", path, "answers with what is not JSON") from error
        return value

    def _refusal(self, path: str, answer: _Answer) -> PteError:
        advice = {
            401: "Set GITHUB_TOKEN to a token that is valid",
            403: "Set GITHUB_TOKEN to a token that may write the contents of this repository",
            404: "Check the name, and that GITHUB_TOKEN may write the contents of this repository",
            422: "Correct what GitHub says: a release needs a repository with a commit",
        }.get(answer.status, "Correct what GitHub says")
        if answer.status in _MOVED:
            advice = "The repository has another name now: write that one"
        return PteError("rejected", f"{self._where}: {_path(path)}: {self._said(answer)}. {advice}")

    def _error(self, kind: str, path: str, what: str) -> PteError:
        return PteError(
            kind,
            f"{self._where}: {plain(_path(path), 500)} {what}. Check that {self._base} is GitHub's API",
        )

    def _unreachable(self, error: Broken) -> PteError:
        return PteError(
            "unreachable",
            f"{self._where}: {urlsplit(self._base).netloc} does not answer ({self._without_token(str(error))}). "
            "Nothing is published in part. Publish again when it does: what was sent is kept, and the rest follows",
        )

    def _said(self, answer: _Answer) -> str:
        """The status and the host's own words."""
        text = f"HTTP {answer.status}"
        with suppress(AttributeError, KeyError, TypeError, ValueError):
            said = json.loads(answer.body)
            text += f", {said['message']}"
            errors = said.get("errors") or []
            text += "".join(f"; {each.get('message') or each}" for each in errors)
        return self._without_token(plain(text, 1000)).rstrip(".")

    def _without_token(self, text: str) -> str:
        return text.replace(self._token, "…")


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    """The standard one would send the token on to any host."""

    def redirect_request(self, *arguments: object, **options: object) -> None:
        """None: the answer is an error with the status of the redirection."""


def _answer(status: int, response: http.client.HTTPResponse | urllib.error.HTTPError) -> _Answer:
    try:
        body = response.read(_LONGEST_ANSWER + 1)
    except (OSError, http.client.HTTPException) as error:
        raise Broken(reason_of(error)) from error
    if len(body) > _LONGEST_ANSWER:
        raise Broken(f"an answer of more than {_LONGEST_ANSWER} bytes")
    return _Answer(status, response.headers, body)


def _asked_to_wait(answer: _Answer) -> float | None:
    """Seconds, if the host refuses for now because of a limit; then the request had no effect.

    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    if answer.status not in (403, 429):
        return None
    after = answer.headers.get("Retry-After", "")
    if re.fullmatch("[0-9]{1,9}", after, re.ASCII):
        return float(after)
    if answer.headers.get("X-RateLimit-Remaining") == "0":
        reset = answer.headers.get("X-RateLimit-Reset", "")
        known = re.fullmatch("[0-9]{1,12}", reset, re.ASCII)
        return max(1.0, float(reset) - time.time()) if known else _LONGEST_WAIT
    return 60.0 if answer.status == 429 else None


def _path(path: str) -> str:
    return urlsplit(path).path.lstrip("/")
