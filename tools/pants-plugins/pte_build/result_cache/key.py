"""The key of a result in caches: made of what is declared, not of what must be built or fetched to run."""

from __future__ import annotations

import hashlib
import json

from pants.engine.process import Process

from pte_build.toolchain.identity import ToolchainIdentity


def result_key(process: Process, toolchain: ToolchainIdentity) -> str:
    """A SHA-256 in hexadecimal digits, the same on every machine of one platform.

    Args:
        process: with all of its inputs except the toolchain's PEX. The checkpoint need not be fetched: its digest is
            declared.
        toolchain: what the PEX would be built from.
    """
    declared = {
        "argv": process.argv,
        "environment": dict(process.env),
        "inputs": [process.input_digest.fingerprint, process.input_digest.serialized_bytes_length],
        "named_caches": dict(process.append_only_caches),
        "outputs": process.output_files,
        "timeout_seconds": process.timeout_seconds,
        "toolchain": [toolchain.locks_sha256, toolchain.recipe],
    }
    return hashlib.sha256(json.dumps(declared, sort_keys=True).encode()).hexdigest()
