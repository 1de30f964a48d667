"""The environment for a `./pants` that a tool under `./pants run` starts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from workspace.root import CALLER, ROOT

# Set by the launcher (tools/bootstrap/start_pants.py): the options on the command line of the outer Pants.
_OUTER_OPTIONS = "PTE_FOUNDRY_OPTIONS"
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
    _OUTER_OPTIONS,
)
# Those that say what is built. Others are about that run alone, such as --no-pantsd or --tag.
_REACHING = ("export-stock", "index-", "qnn-", "tree-", "weights-")
_LISTS = ("tree-extra-env-vars", "tree-repositories", "weights-distdirs")

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
    """For a `./pants` in the build root of the outer one, with the user's options, of its command line too."""
    inherited = {
        name: value for name, value in outer.items() if not name.startswith(_OUTER_PREFIXES)
    }
    options = _variables(json.loads(outer.get(_OUTER_OPTIONS) or "[]"), inherited)
    # Without this the inner run waits for the outer one, which waits for the inner one.
    return {**inherited, **options, "PANTS_CONCURRENT": "true"}


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


def _variables(options: Sequence[str], inherited: Mapping[str, str]) -> dict[str, str]:
    """The variables that stand for options: `--weights-source=seeded` is PANTS_WEIGHTS_SOURCE=seeded."""
    found: dict[str, str] = {}
    for option in options:
        name, separator, value = option[len("--") :].partition("=")
        if not separator:
            value = "false" if name.startswith("no-") else "true"
            name = name[len("no-") :] if value == "false" else name
        if not name.startswith(_REACHING):
            continue
        variable = "PANTS_" + name.upper().replace("-", "_")
        if name in _LISTS:  # An option adds to a list, as a variable does.
            parts = (found.get(variable) or inherited.get(variable, ""), value)
            value = ",".join(_addition(part) for part in parts if part)
        found[variable] = value
    return found


def _addition(value: str) -> str:
    return value if value.lstrip("+-").startswith("[") else f"+{json.dumps([value])}"
