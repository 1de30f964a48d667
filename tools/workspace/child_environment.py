"""The environment for a `./pants` that a tool under `./pants run` starts."""

from __future__ import annotations

from collections.abc import Mapping

from workspace.root import CALLER, ROOT

# What the outer Pants, its PEX and its virtual environment set for this process alone.
_OUTER_PREFIXES = (
    "PEX",
    "_PEX",
    "PYTHON",
    "PANTSD_",
    "__PANTS",
    "VIRTUAL_ENV",
    "__PYVENV",
    ROOT,
    CALLER,
)

# Where this machine's packages, tools, interpreters and caches are: the launcher exports the first four, and a user may
# have set any of them.
_MACHINE_PREFIXES = (
    "PANTS_CA_CERTS_PATH",
    "PANTS_PEX_CLI_",
    "PANTS_PYTHON_BOOTSTRAP_",
    "PANTS_PYTHON_REPOS_",
    "PANTS_LOCAL_STORE_DIR",
    "PANTS_NAMED_CACHES_DIR",
)


def same_checkout_environment(outer: Mapping[str, str]) -> dict[str, str]:
    """For a `./pants` in the build root of the outer one, with the user's options."""
    inherited = {
        name: value for name, value in outer.items() if not name.startswith(_OUTER_PREFIXES)
    }
    # Without this the inner run waits for the outer one, which waits for the inner one.
    return {**inherited, "PANTS_CONCURRENT": "true"}


def clone_environment(outer: Mapping[str, str]) -> dict[str, str]:
    """For a `./pants` in a clone: of the PANTS_* variables only those that describe the machine.

    The user's own options, such as PANTS_CONFIG_FILES, would make numbers incomparable.
    """
    return {
        name: value
        for name, value in outer.items()
        if not name.startswith(_OUTER_PREFIXES)
        and (not name.startswith("PANTS_") or name.startswith(_MACHINE_PREFIXES))
    }
