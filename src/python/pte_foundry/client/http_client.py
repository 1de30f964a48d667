"""HTTP with checked addresses, bounded waits, and errors that say whether to retry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy

import requests

# From urllib3, which we do not require ourselves.
from requests.exceptions import BaseHTTPError  # type: ignore[attr-defined]

from pte_foundry.client.address import check_address, origin, redirected
from pte_foundry.client.errors import DownloadError, WrongContentError
from pte_foundry.client.retrying import TransientError

_BLOCK = 1 << 18
_CONNECT_SECONDS = 10.0
_READ_SECONDS = 60.0  # Between two reads, not for the whole file.
_REDIRECTIONS = 5
_MOVED = (301, 302, 303, 307, 308)
_LATER = (408, 425, 429, 500, 502, 503, 504)
_LONGEST_WAIT_DIGITS = 9


class HttpClient:
    """Opens https addresses, and http addresses on this machine; follows redirections to such addresses."""

    def __init__(self, session: requests.Session | None = None, home: str | None = None) -> None:
        """Args:
        session: carries proxies, certificates and adapters; a new one if None.
        home: the address that the caller named. Only its origin sees the session's credentials: headers, user and
            password, cookies, parameters, a client certificate and `.netrc`. An index or a redirection may name any
            host, which must not see them. None: no host sees them.
        """
        self._session = session or requests.Session()
        self._stranger = _without_credentials(self._session)
        self._home = None if home is None else origin(home)

    @contextmanager
    def open(self, url: str, headers: Mapping[str, str]) -> Iterator[requests.Response]:
        """The response to a GET, with status 200, 206 or 416; its body is not read yet.

        Raises:
            TransientError: for a broken or silent connection, and a server that is busy.
            InsecureAddressError: for an address or a redirection that is not allowed.
            DownloadError: if retrying cannot help.
        """
        with self._follow(url, headers) as response:
            _check_response(url, response)
            yield response

    def read(self, url: str, limit: int) -> bytes:
        """All of a small file. Raises as `open` does, and WrongContentError for more than `limit` bytes."""
        content = bytearray()
        with self.open(url, {}) as response:
            if response.status_code != HTTPStatus.OK:
                raise DownloadError(f"{url}: HTTP {response.status_code} without a requested range")
            for block in blocks(url, response):
                content += block
                if len(content) > limit:
                    raise WrongContentError(f"{url}: has more than {limit} bytes")
        return bytes(content)

    @contextmanager
    def _follow(self, url: str, headers: Mapping[str, str]) -> Iterator[requests.Response]:
        target = check_address(url, where="the address of a file")
        at_home = True
        for _ in range(_REDIRECTIONS + 1):
            # Not again after leaving home: a stranger would choose what the credentials are used for.
            at_home = at_home and origin(target) == self._home
            with self._get(target, headers, at_home=at_home) as response:
                location = response.headers.get("Location")
                if response.status_code not in _MOVED or location is None:
                    yield response
                    return
            target = redirected(target, location)
        raise DownloadError(
            f"{url}: more than {_REDIRECTIONS} redirections, the last one to {target}. "
            "Correct the server"
        )

    def _get(self, url: str, headers: Mapping[str, str], *, at_home: bool) -> requests.Response:
        session = self._session if at_home else self._stranger
        with _translated(url):
            return session.get(
                url,
                # A compressed body would have a different length and different ranges.
                headers={**headers, "Accept-Encoding": "identity"},
                timeout=(_CONNECT_SECONDS, _READ_SECONDS),
                # `requests` would follow from https to http.
                allow_redirects=False,
                stream=True,
            )


def blocks(url: str, response: requests.Response) -> Iterator[bytes]:
    """The body as it arrives, in blocks of at most 256 KiB. Raises TransientError if the connection breaks."""
    body = response.iter_content(_BLOCK)
    while True:
        with _translated(url):
            block = next(body, None)
        if block is None:
            return
        yield block


def _without_credentials(session: requests.Session) -> requests.Session:
    """A session that reaches the same servers in the same way, anonymously."""
    result = requests.Session()
    result.trust_env = session.trust_env
    result.verify = session.verify
    result.proxies = session.proxies
    result.adapters = session.adapters
    # Otherwise `requests` would read `.netrc`, whose `default` is for any host.
    result.auth = _anonymous
    result.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return result


def _anonymous(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """Raise errors of `requests` and the libraries that it uses as our own."""
    try:
        yield
    except requests.exceptions.SSLError as error:
        raise DownloadError(
            f"{url}: the connection is not trusted ({error}). Correct the server's certificate, "
            "or name your own certificate authority in REQUESTS_CA_BUNDLE"
        ) from error
    except (requests.ConnectionError, requests.Timeout) as error:
        raise TransientError(f"{url}: {_reason(error)}") from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise TransientError(f"{url}: the connection broke ({_reason(error)})") from error
    except requests.RequestException as error:
        raise DownloadError(f"{url}: {_reason(error)}. Correct the address or the proxy") from error
    except (ValueError, HTTPException, BaseHTTPError) as error:
        # `requests` lets some through, e.g. for a chunk of negative size.
        raise TransientError(f"{url}: the response is not HTTP ({_reason(error)})") from error
    except OSError as error:
        raise DownloadError(
            f"{url}: {_reason(error)}. Correct the certificates that REQUESTS_CA_BUNDLE names"
        ) from error


def _check_response(url: str, response: requests.Response) -> None:
    status = response.status_code
    line = f"{url}: HTTP {status} {response.reason or ''}".rstrip()
    if status in _LATER:
        raise TransientError(line, _wait(response))
    if status not in (200, 206, 416):
        raise DownloadError(f"{line}. Check the location, and what was published there")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise DownloadError(
            f"{url}: the server compresses its files. Switch that off for .pte and .json files"
        )


def _wait(response: requests.Response) -> float | None:
    """Seconds from `Retry-After`. Its other form, a date, would need synchronised clocks."""
    value = response.headers.get("Retry-After", "").strip()
    digits = value.isascii() and value.isdigit()
    return float(value[:_LONGEST_WAIT_DIGITS]) if digits else None


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
