"""The metadata of a tree's README.md, which makes it the model card of a repository on the Hugging Face Hub.

https://huggingface.co/docs/hub/model-cards: a block of YAML before the text. Other hosts show it as a small table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from pte_foundry.records.json_fields import Fields

_LIBRARY = "executorch"
# What the Hub calls licences that model files often have; it takes no other names.
# https://huggingface.co/docs/hub/repositories-licenses
_LICENSES = frozenset(
    {
        "agpl-3.0",
        "apache-2.0",
        "bsd-2-clause",
        "bsd-3-clause",
        "cc-by-4.0",
        "cc-by-nc-4.0",
        "cc-by-nc-sa-4.0",
        "cc-by-sa-4.0",
        "cc0-1.0",
        "gpl-2.0",
        "gpl-3.0",
        "isc",
        "lgpl-2.1",
        "lgpl-3.0",
        "mit",
        "mpl-2.0",
        "unlicense",
    }
)


def hub_metadata(index: Fields) -> str:
    """The block, with its lines of three dashes and no final line break.

    Raises:
        PteError: `bad-request` naming the index's field that is missing or wrong.
    """
    models = index.objects("models")
    backends = sorted({model.text("backend") for model in models})
    lines = [
        f"library_name: {_LIBRARY}",
        *_license({model.text("license") for model in models}),
        "tags:",
        # JSON strings are YAML.
        *(f"- {json.dumps(tag)}" for tag in (_LIBRARY, *backends)),
    ]
    return "\n".join(["---", *lines, "---"])


def _license(identifiers: Iterable[str]) -> list[str]:
    """One licence by the Hub's name for it, or all of them by a name of our own, explained in the README."""
    names = sorted(each.lower() for each in identifiers)
    known = {name.removesuffix("-only").removesuffix("-or-later") for name in names}
    if len(names) == 1 and known <= _LICENSES:
        return [f"license: {known.pop()}"]
    own = json.dumps("-and-".join(names))
    return ["license: other", f"license_name: {own}", "license_link: README.md"]
