"""Read and write the JSON files that tools hand to each other (standard library only)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from pte_foundry.errors import PteError


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
    temporary.write_text(text, encoding="utf-8", newline="\n")
    os.replace(temporary, path)


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Write `canonical_json(value)` to `path`, atomically."""
    write_text(path, canonical_json(value))


def read_json(path: Path) -> dict[str, object]:
    """Read a file that holds one JSON object.

    Raises:
        PteError: `bad-request` if the file cannot be read, is no JSON (the NaN and Infinity of
            Python's dialect and a key that is given twice included), or holds no object.
    """
    try:
        value = json.loads(
            path.read_text(encoding="utf-8"),
            object_pairs_hook=_object_without_duplicates,
            parse_constant=_refuse_constant,
        )
    except OSError as error:
        raise _bad(path, f"cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise _bad(path, f"is no valid JSON ({error})") from error
    if not isinstance(value, dict):
        raise _bad(path, f"holds a {type(value).__name__}, not an object")
    return value


def _object_without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError(f"a key appears twice among {[key for key, _ in pairs]}")
    return result


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")


def _bad(path: Path, why: str) -> PteError:
    return PteError("bad-request", f"{path} {why}. Write it again with the tool that made it")
