"""Read and write the JSON files that tools pass to each other (standard library only)."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.records.outside_text import plain, shown


def canonical_json(value: Mapping[str, object]) -> str:
    """One text for one value: sorted keys, indent 2, plain UTF-8, a final newline.

    Raises:
        ValueError: for NaN and infinities, which JSON cannot express.
    """
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return text + "\n"


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 under a temporary name beside `path`, then rename: no reader sees half a file."""
    temporary = path.with_name(path.name + ".partial")
    temporary.write_bytes(text.encode("utf-8"))
    os.replace(temporary, path)


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Write `canonical_json(value)` to `path`, atomically."""
    write_text(path, canonical_json(value))


def read_json(path: Path) -> dict[str, object]:
    """Read a file that holds one JSON object.

    Raises:
        PteError: `bad-request` if the file cannot be read, is not JSON that `parse_json` accepts, or does
            not hold an object.
    """
    try:
        value = parse_json(path.read_bytes())
    except OSError as error:
        raise _bad(path, f"cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise _bad(path, f"is not valid JSON ({error})") from error
    if not isinstance(value, dict):
        raise _bad(path, f"holds a {type(value).__name__}, not an object")
    return value


def parse_json(content: bytes) -> object:
    """The JSON value that UTF-8 text holds.

    Raises:
        ValueError: with a short reason, for what is not JSON, and for what is read differently elsewhere or cannot be
            written again: a key that appears twice, NaN, Infinity, a number that is too large for a double or has
            more than 4,300 digits, a lone surrogate, too many levels, a byte order mark.
    """
    try:
        value = json.loads(
            content.decode(),
            object_pairs_hook=_object_without_duplicates,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
        if b"\\ud" in content or b"\\uD" in content:
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("it holds half of a surrogate pair, which is not a character") from None
    except ValueError as error:
        raise ValueError(plain(str(error), 300)) from error
    return value


def _object_without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {shown(key)} appears twice")
            seen.add(key)
    return result


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{shown(text)} is too large for a number")
    return value


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")


def _bad(path: Path, why: str) -> PteError:
    return PteError("bad-request", f"{path} {why}. Write it again with the tool that made it")
