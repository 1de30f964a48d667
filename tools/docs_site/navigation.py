"""The order of the pages. A page that is not listed here is not lost: it comes last."""

from __future__ import annotations

from collections.abc import Iterable

# Names of pages without `.md`. One that does not exist is skipped.
CHAPTERS: dict[str, tuple[str, ...]] = {
    "Begin": ("index", "getting-started", "commands", "coming-from-executorch-flutter-models"),
    "Models": (
        "weights",
        "adding-a-model",
        "bring-your-own-model",
        "operators",
        "adding-a-backend",
        "quantization",
        "validation",
        "evaluating",
        "unavailable",
    ),
    "Artifacts": ("index-and-tree", "publishing", "consuming"),
    "Builds": (
        "toolchains",
        "remote-caching",
        "remote-execution",
        "reproducibility",
        "hermeticity",
        "upgrading",
        "troubleshooting",
        "debugging",
    ),
    "Inside": ("architecture", "speedups", "benchmarks"),
}
REST = "More"


def navigation(pages: Iterable[str]) -> list[dict[str, list[str]]]:
    """MkDocs' `nav`: each of `pages` once.

    pages: file names, such as `weights.md`.
    """
    left = set(pages)
    chapters = []
    for title, names in CHAPTERS.items():
        files = [f"{name}.md" for name in names if f"{name}.md" in left]
        left.difference_update(files)
        chapters.append({title: files})
    chapters.append({REST: sorted(left)})
    return [chapter for chapter in chapters if any(chapter.values())]
