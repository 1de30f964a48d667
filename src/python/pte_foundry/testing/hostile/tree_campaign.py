"""Verify trees that an attacker changed, and count how each verification ended."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.testing.hostile.mutated_json import mutated
from pte_foundry.testing.sample_tree import regular_files, seal, write_sample_tree
from pte_foundry.tree.checks.verify import verify_tree
from pte_foundry.tree.tree_files import BILL_OF_MATERIALS, PROVENANCE, SUMS, VERSIONS

BAD = "!"
"""How an ending begins that must never happen."""

_INDEX = "1.4.1/index.json"
_NAMES = (
    b"CON",
    b"nul.txt",
    b"LICENSES/aux.txt",
    b"a.",
    b"a ",
    b"\xff.pte",
    b"a\x1b[2Jb",
    b"a\nb",
    b"-x",
    b".hidden",
    b"README.MD",
    b"licenses/x",
    "e\u0301".encode(),
    "\u202etxt.exe".encode(),
    b"a\\b",
    b"x" * 255,
    b"C:x",
    b"d/" * 300 + b"x",
)


def run_campaign(seed: int, count: int) -> Counter[str]:
    """Try `count` hostile trees; return how many of them ended in each way.

    Each is a sound tree with one change: a document, a name, a link, a special file, a deep folder, malformed sums. In
    half of them the attacker has written SHA256SUMS and the subjects of the provenance anew. The ending is `defects`;
    `sound`, which is fine for a change of a text that nothing checks; or, beginning with `BAD`, an exception, a message
    that is long or would steer a terminal, or `sound` for a change that is always a defect.
    """
    chance = random.Random(seed)
    endings: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        base = write_sample_tree(Path(scratch, "base"))
        for number in range(count):
            tree = Path(shutil.copytree(base, Path(scratch, str(number))))
            change = chance.choice(_CHANGES)
            change(chance, tree)
            if chance.random() < 0.5:
                _seal(tree)
            ending = _verify(tree)
            if ending == "sound" and change not in (_document, _nothing):
                ending = f"{BAD}sound in spite of {change.__name__}"
            endings[ending] += 1
            shutil.rmtree(tree, ignore_errors=True)
    return endings


def _verify(tree: Path) -> str:
    try:
        defects = verify_tree(tree)
    except PteError as error:
        return f"{BAD}{error.kind}"
    except Exception as error:
        return f"{BAD}{type(error).__name__}: {ascii(error)[:200]}"
    told = [str(defect) for defect in defects]
    if not all(each.isprintable() and len(each) < 1_500 for each in told):
        return f"{BAD}bad message"
    return "defects" if told else "sound"


def _nothing(_chance: random.Random, _tree: Path) -> None:
    """A campaign that never ends in `sound` would have a base that is not sound."""


def _document(chance: random.Random, tree: Path) -> None:
    path = tree / chance.choice((VERSIONS, _INDEX, _INDEX, _INDEX, PROVENANCE, BILL_OF_MATERIALS))
    content = mutated(chance, json.loads(path.read_bytes()))
    path.write_bytes(content)
    if path == tree / _INDEX and chance.random() < 0.7:
        (tree / "index.json").write_bytes(content)


def _name(chance: random.Random, tree: Path) -> None:
    path = os.fsencode(tree) + b"/" + chance.choice(_NAMES)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(b"x")


def _link(chance: random.Random, tree: Path) -> None:
    path = tree / chance.choice(regular_files(tree))
    path.unlink()
    path.symlink_to(chance.choice(("/etc/passwd", "/dev/zero", "nowhere", path.name, "..")))


def _special(chance: random.Random, tree: Path) -> None:
    path = tree / chance.choice(regular_files(tree))
    path.unlink()
    chance.choice((os.mkfifo, os.mkdir))(path)


def _missing(chance: random.Random, tree: Path) -> None:
    # Nothing needs the schema or a page for browsers; sums can be rewritten.
    needed = (".pte", "index.json", VERSIONS, PROVENANCE, ".txt")
    (tree / chance.choice([path for path in regular_files(tree) if path.endswith(needed)])).unlink()


def _sums(chance: random.Random, tree: Path) -> None:
    content = (tree / SUMS).read_bytes()
    at = chance.randrange(len(content))
    path = tree / "README.md"
    changes = (
        content[:at],
        content[:at] + chance.randbytes(3) + content[at:],
        content.replace(b"\n", b"\r\n"),
        content + b"0" * 64 + b"  ../../x\n",
        content + b"x" * 1_000_000,
        content + content,
    )
    (tree / SUMS).write_bytes(chance.choice(changes))
    path.write_bytes(path.read_bytes() + b"changed")  # So that it is a defect when sealed too.
    (tree / "1.4.1" / "x.pte").write_bytes(b"x")


def _program(chance: random.Random, tree: Path) -> None:
    path = tree / chance.choice([path for path in regular_files(tree) if path.endswith(".pte")])
    path.write_bytes(path.read_bytes() + chance.randbytes(3))


_CHANGES: tuple[Callable[[random.Random, Path], None], ...] = (
    *(_nothing, _name, _link, _special, _missing, _sums, _program),
    *[_document] * 7,
)


def _seal(tree: Path) -> None:
    """As an attacker who writes the sums and the subjects anew."""
    sums = tree / SUMS
    # Anything but a file in their place is a change of its own.
    if sums.is_file() and not sums.is_symlink():
        seal(tree)
    hashes = {
        path: hashlib.sha256((tree / path).read_bytes()).hexdigest()
        for path in regular_files(tree)
        if "\n" not in path and path != PROVENANCE
    }
    try:
        statement = json.loads((tree / PROVENANCE).read_bytes())
        statement["subject"] = [
            {"name": path, "digest": {"sha256": sha256}} for path, sha256 in hashes.items()
        ]
        (tree / PROVENANCE).write_text(json.dumps(statement))
    except (OSError, ValueError, TypeError, RecursionError):
        pass  # The change itself was to the statement.
