"""Build the documents as a site, from `docs/` to `dist/docs/`. Any warning, such as a dead link, is a failure."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path

from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import MkDocsException

from docs_site.navigation import navigation

CONFIGURATION = Path(__file__).with_name("mkdocs.yml")
PAGES = Path("docs")
SITE = Path("dist/docs")


def build_site(pages: Path, site: Path) -> None:
    """Replace the site, and only if all went well.

    The same pages give the same bytes. Raises MkDocsException with the number of warnings; the warnings are logged.
    """
    # MkDocs takes the dates that it writes from this.
    os.environ["SOURCE_DATE_EPOCH"] = "0"
    site.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=site.parent) as folder:
        built = Path(folder).resolve() / "site"
        configuration = load_config(
            str(CONFIGURATION),
            strict=True,
            docs_dir=str(pages.resolve()),
            site_dir=str(built),
            nav=navigation(page.name for page in pages.glob("*.md")),
        )
        build(configuration)
        if site.exists():
            shutil.rmtree(site)
        built.replace(site)


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    if not PAGES.is_dir():
        print(f"docs_site: there is no {PAGES}/ here; run `./pants run docs:site`", file=sys.stderr)
        return 1
    try:
        build_site(PAGES, SITE)
    except MkDocsException as error:
        print(f"docs_site: nothing written, {SITE} is unchanged: {error}", file=sys.stderr)
        return 1
    print(f"written: {SITE}/index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
