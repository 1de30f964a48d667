"""Command line: `python -m pte_foundry.fetching.main request.json --kept FOLDER --output FILE --outcome outcome.json`.

Fetches a checkpoint from the first address that has it. What has arrived stays in the folder, which several processes
may share, until the file is complete.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from pte_foundry.fetching.download import (
    DownloadFailed,
    OpenUrl,
    PartialDownload,
    Progress,
    download,
    url_opener,
)
from pte_foundry.records.command import run_command
from pte_foundry.records.fetch_request import FetchOutcome, FetchRequest
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import parse_json, write_json
from pte_foundry.stages import Begin, report_stages

CERTIFICATES_VARIABLE = "PTE_CA_CERTS"
"""Names a file with authorities that are trusted beside the system's; set by the plugin."""

_BYTES_PER_MB = 1e6
_SECONDS_BETWEEN_STAGES = 10.0
_BLOCK = 1 << 20


def main(arguments: Sequence[str]) -> int:
    """Write what came of it; and the checkpoint, unless no address has it."""
    parser = argparse.ArgumentParser(prog="pte_foundry.fetching.main", description=__doc__)
    parser.add_argument("request", type=Path, help="which file, and its addresses")
    parser.add_argument("--kept", type=Path, required=True, help="where partial files are kept")
    parser.add_argument("--output", type=Path, required=True, help="the checkpoint to write")
    parser.add_argument("--outcome", type=Path, required=True, help="what came of it, as JSON")
    options = parser.parse_args(arguments)
    content = options.request.read_bytes()
    request = FetchRequest.read(Fields.of(parse_json(content), str(options.request)))
    open_url = url_opener(os.environ.get(CERTIFICATES_VARIABLE))
    with report_stages(content) as begin:
        outcome = fetch(request, options.kept, options.output, open_url, begin)
    write_json(options.outcome, outcome.to_json())
    return 0


def fetch(
    request: FetchRequest, kept: Path, output: Path, open_url: OpenUrl, begin: Begin
) -> FetchOutcome:
    """Write the checkpoint to `output`, if one of the addresses gives it."""
    kept.mkdir(parents=True, exist_ok=True)
    partial = PartialDownload(kept / request.sha256)
    reasons: list[str] = []
    with (kept / f"{request.sha256}.lock").open("w") as lock:
        _wait_for(lock.fileno(), request, begin)
        for url in request.urls:
            try:
                _fetch_one(request, url, partial, open_url, begin)
            except DownloadFailed as failure:
                reasons.append(f"{url}: {failure}")
                continue
            _hand_over(partial, output)
            return FetchOutcome(True, tuple(reasons))
    return FetchOutcome(False, tuple(reasons))


def _wait_for(lock: int, request: FetchRequest, begin: Begin) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        begin(f"waiting for another build that fetches {request.file}")
        fcntl.flock(lock, fcntl.LOCK_EX)


def _fetch_one(
    request: FetchRequest, url: str, partial: PartialDownload, open_url: OpenUrl, begin: Begin
) -> None:
    continued = partial.size > 0
    # Twice at the most: parts of two downloads may not fit together, those of one do.
    for _ in range(2):
        download(url, partial, request.size, open_url, _teller(request, url, begin))
        actual = _sha256(partial.path)
        if actual == request.sha256:
            return
        size = partial.size
        partial.discard()
        if not continued:
            break
        continued = False
    expected = "" if request.size is None else f" and {request.size} bytes"
    raise DownloadFailed(
        f"has sha256 {actual} and {size} bytes, expected {request.sha256}{expected}"
    )


def _teller(request: FetchRequest, url: str, begin: Begin) -> Progress:
    """Tells every ten seconds how far a download is."""
    host = urlsplit(url).hostname or "this machine"
    total = "" if request.size is None else f" ({request.size / _BYTES_PER_MB:.0f} MB)"
    begin(f"fetching {request.file}{total} from {host}")
    told = time.monotonic()

    def progress(done: int, size: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _SECONDS_BETWEEN_STAGES:
            told = time.monotonic()
            amounts = f"{done / _BYTES_PER_MB:.0f} of {size / _BYTES_PER_MB:.0f} MB"
            begin(f"fetching {request.file}: {amounts} ({100 * done / size:.0f} %)")

    return progress


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _hand_over(partial: PartialDownload, output: Path) -> None:
    try:
        os.link(partial.path, output)
    except OSError:  # Another file system.
        shutil.copyfile(partial.path, output)
    partial.discard()


if __name__ == "__main__":
    sys.exit(run_command(lambda: main(sys.argv[1:])))
