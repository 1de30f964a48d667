"""The README.md of a tree: what it is, which weights it holds, what is in it, under which terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pte_foundry.records.json_fields import Fields
from pte_foundry.tree.hub_metadata import hub_metadata
from pte_foundry.tree.merged_index import version_of, versions_of

_MEANING = {
    "official": "the publisher's checkpoint, pinned by SHA-256",
    "substitute": "a checkpoint that stands in for the publisher's",
    "seeded": "a deterministic initialisation without any training",
}


def tree_readme(index: Fields) -> str:
    """Markdown with metadata in front, a function of the tree's indexes as one alone, see `merged_index`.

    Raises:
        PteError: `bad-request` naming the index's field that is missing or wrong.
    """
    models = index.objects("models")
    sections = [
        hub_metadata(index),
        f"# ExecuTorch {index.text('executorchVersion')} programs",
        _introduction(len(models)),
        *_older(index),
        *_warning(models),
        "## Artifacts",
        _table(
            ("file", "backend", "precision", "MB", "weights", "licence", "platforms", "validation"),
            [_artifact(index, model) for model in models],
        ),
        "## Backends",
        _table(
            ("backend", "description"),
            [
                (name, index.nested("backends").nested(name).text("description"))
                for name in sorted(index.nested("backends").values)
            ],
        ),
        "## Weights",
        _table(("file", "source", "checkpoint", "SHA-256 of the checkpoint"), _weights(models)),
        *_unavailable(index),
        "## Model cards",
        _model_cards(index),
        "## Licences",
        _licences(models),
    ]
    return "\n\n".join(sections) + "\n"


def _introduction(count: int) -> str:
    return (
        f"{count} validated `.pte` programs for ExecuTorch, built by pte-foundry. Read `versions.json` "
        "for the versions that are here, then `<version>/index.json` for their files; "
        "`index.schema.json` says what its fields are. `index.json` is the latest version's index. "
        "Check a download against the `hash` of its entry, or the whole tree with\n\n"
        "    sha256sum -c SHA256SUMS\n\n"
        "`provenance.intoto.json` says what it was built from and `bom.cdx.json` lists the parts."
    )


def _warning(models: Sequence[Fields]) -> list[str]:
    sources = Counter(model.nested("weights").text("source") for model in models)
    del sources["official"]
    if not sources:
        return []
    parts = "; ".join(
        f"{count} of {len(models)} are **{source}**: {_MEANING.get(source, 'not official')}"
        for source, count in sorted(sources.items())
    )
    return [f"> **WARNING: NOT OFFICIAL WEIGHTS.** {parts}. Do not ship these in an app."]


def _older(index: Fields) -> list[str]:
    latest, *older = versions_of(index)
    if not older:
        return []
    counts = Counter(version_of(index, model) for model in index.objects("models"))
    listed = ", ".join(f"{counts[version]} for ExecuTorch {version}" for version in older)
    return [f"{counts[latest]} of the programs are for ExecuTorch {latest}, {listed}."]


def _artifact(index: Fields, model: Fields) -> tuple[str, ...]:
    validation = model.nested("validation")
    return (
        f"`{version_of(index, model)}/{model.text('category')}/{model.text('name')}`",
        model.text("backend"),
        _precision(model),
        f"{model.number('sizeMB'):.2f}",
        model.nested("weights").text("source"),
        model.text("license"),
        ", ".join(model.texts("platforms")),
        f"{validation.text('verdict')} ({validation.text('evidence')})",
    )


def _precision(model: Fields) -> str:
    """For people, e.g. `int8 (99.8 % of weights, 95.0 % of compute)`."""
    precision = model.text("precision")
    quantization = model.optional_nested("quantization")
    if quantization is None:
        return precision
    shares = [f"{_percent(quantization.number('weights_fraction'))} of weights"]
    compute = quantization.number("compute_fraction")
    if compute:
        shares.append(f"{_percent(compute)} of compute")
    return f"{precision} ({', '.join(shares)})"


def _percent(fraction: float) -> str:
    """A share in percent to one decimal, rounded down: 100.0 % means all of it."""
    # The fraction has 6 digits; its product with 1000 may lie a hair below the exact number.
    tenths = int(round(fraction * 1_000_000)) // 1000
    return f"{tenths // 10}.{tenths % 10} %"


def _weights(models: Sequence[Fields]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for model in models:
        weights = model.nested("weights")
        source = weights.text("source")
        about = weights.optional_text("description") or _MEANING.get(source, "")
        checkpoint = weights.optional_text("file") if source != "seeded" else None
        rows.append(
            (
                f"`{model.text('name')}`",
                f"{source}: {about}",
                checkpoint or "none",
                weights.optional_text("sha256") or "none",
            )
        )
    return rows


def _unavailable(index: Fields) -> list[str]:
    entries = index.objects("unavailable")
    if not entries:
        return []
    rows = [(f"`{entry.text('address')}`", entry.text("reason")) for entry in entries]
    return ["## Not available in this build", _table(("program", "reason"), rows)]


def _model_cards(index: Fields) -> str:
    versions: dict[str, str] = {}
    for model in index.objects("models"):
        # The latest version's come first.
        versions.setdefault(model.text("category"), version_of(index, model))
    lines = (f"- [{family}]({versions[family]}/{family}/README.md)" for family in sorted(versions))
    return "What goes in and comes out, and what the models are for:\n\n" + "\n".join(lines)


def _licences(models: Sequence[Fields]) -> str:
    by_licence: dict[str, list[str]] = {}
    for model in models:
        by_licence.setdefault(model.text("license"), []).append(model.text("name"))
    lines = [
        f"- {licence}: {', '.join(f'`{name}`' for name in sorted(names))}"
        for licence, names in sorted(by_licence.items())
    ]
    return "The texts are in `LICENSES/`.\n\n" + "\n".join(lines)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    """Text that cannot break out of its cell or bring in HTML."""
    flat = " ".join(text.split())
    return flat.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
