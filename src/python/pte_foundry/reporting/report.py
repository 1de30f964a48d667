"""An artifact's report: what was declared and what the export found, checked against each other."""

from __future__ import annotations

from dataclasses import asdict

from pte_foundry.errors import PteError
from pte_foundry.reporting.declared import Declared
from pte_foundry.reporting.delegation import Delegation
from pte_foundry.reporting.json_fields import Fields
from pte_foundry.reporting.promise import broken_promises, explanation


def build_report(declared: Declared, facts: Fields) -> dict[str, object]:
    """The report of one program, a function of its arguments alone.

    Args:
        declared: from the BUILD files.
        facts: facts.json of the export.

    Returns:
        A JSON object. `sha256` and `size` (bytes) are those of the `.pte`, `planned_memory_bytes`
        holds one size per arena of the memory plan, `promise` is what `delegation` was held to.

    Raises:
        PteError: `delegation` if the program breaks its backend's promise; `bad-request` if the
            facts are malformed or are of another model or precision than the declared one.
    """
    for name, expected in (("model", declared.model), ("precision", declared.precision)):
        if facts.text(name) != expected:
            raise facts.error(
                name, f"is {facts.text(name)!r}, but {declared.address} declares {expected!r}"
            )
    delegation = Delegation.read(facts.object("delegation"))
    broken = broken_promises(declared.promise, delegation)
    if broken:
        raise PteError(
            "delegation", f"{declared.address} breaks its promise: {explanation(broken, delegation)}"
        )
    versions = facts.text_map("versions")
    if "executorch" not in versions:
        raise facts.error("versions", "does not name executorch")
    pte = facts.object("pte")
    return {
        "address": declared.address,
        "model": declared.model,
        "family": declared.family,
        "backend": declared.backend,
        "backend_description": declared.backend_description,
        "precision": declared.precision,
        "default_precision": declared.default_precision,
        "platforms": list(declared.platforms),
        "versions": versions,
        "options": facts.text_map("options"),
        "rewrites": list(facts.texts("rewrites")),
        "weights": declared.weights.to_json(),
        "inputs": _tensors(facts, "inputs"),
        "outputs": _tensors(facts, "outputs"),
        "labels": None if declared.labels is None else declared.labels.to_json(),
        "size": pte.count("size"),
        "sha256": pte.sha256("sha256"),
        "promise": asdict(declared.promise),
        "delegation": delegation.to_json(),
        "planned_memory_bytes": list(facts.counts("planned_memory_bytes")),
        "checks": declared.checks.to_json(),
    }


def _tensors(facts: Fields, name: str) -> list[dict[str, object]]:
    """The inputs or outputs as the export wrote them, once name, shape and dtype are known good."""
    tensors = facts.objects(name)
    if not tensors:
        raise facts.error(name, "is empty")
    for tensor in tensors:
        tensor.text("name"), tensor.counts("shape"), tensor.text("dtype")
    return [dict(tensor.values) for tensor in tensors]
