"""One page from which everything that was written down can be reached: `make docs`."""

import os
import shutil
from html import escape
from pathlib import Path

from ingestion.pipeline import data_dir
from orchestration.dbt import MANIFEST, run_dbt
from orchestration.paths import ROOT, data_docs, serving

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>productops: what is written down</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b1f24; background: #fff }}
a {{ color: #0a58a6 }} dt {{ margin-top: 1rem; font-weight: 600 }} dd {{ margin: 0 }}
</style>
<h1>What is written down</h1>
<dl>
{entries}
</dl>
</html>
"""


def build() -> Path:
    """Write dbt's documentation and an index of all there is; return the index.

    Raises:
        BuildError: with the last lines of what dbt said.
    """
    folder = data_dir() / "docs"
    folder.mkdir(parents=True, exist_ok=True)
    _models(folder)
    index = folder / "index.html"
    beside = index.with_suffix(".new")
    beside.write_text(PAGE.format(entries="\n".join(_entries(folder))), encoding="utf-8")
    beside.replace(index)
    return index


def _models(folder: Path) -> None:
    """dbt's own site of every model, column and test, in one file that needs no server."""
    target = folder / "target"
    target.mkdir(exist_ok=True)
    parsed = MANIFEST.with_name("partial_parse.msgpack")
    if parsed.exists():
        shutil.copy(parsed, target)
    options = ["--static", "--empty-catalog", "--no-populate-cache", "--target-path", str(target)]
    # An empty warehouse of its own: a night may have the real one open.
    warehouse = str(target / "productops.duckdb")
    run_dbt("docs", "generate", *options, PRODUCTOPS_WAREHOUSE=warehouse)
    (target / "static_index.html").replace(folder / "models.html")
    shutil.rmtree(target)


def _entries(folder: Path) -> list[str]:
    found = [
        ("Dashboards", serving() / "current" / "site" / "index.html", "what is published now"),
        ("Models", folder / "models.html", "every table, column, test and where it comes from"),
        ("Gate on raw", data_docs() / "raw_gate" / "index.html", "did we get what vendors have?"),
        ("Gate on marts", data_docs() / "mart_gate" / "index.html", "would a reader believe it?"),
    ]
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    found += [(_title(page), page, page.name) for page in pages]
    return [_entry(folder, *each) for each in found]


def _entry(folder: Path, title: str, page: Path, about: str) -> str:
    if not page.exists():
        return f"<dt>{escape(title)}</dt><dd>not there yet: run a night (`make run`)</dd>"
    # Relative, so that the data folder may be moved.
    address = Path(os.path.relpath(page, folder)).as_posix()
    return f'<dt><a href="{escape(address)}">{escape(title)}</a></dt><dd>{escape(about)}</dd>'


def _title(page: Path) -> str:
    return page.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
