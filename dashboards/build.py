"""The site of a published file: pages and their data, for a browser and nothing else.

The data of a page lie inside it, and not in a file beside it: whoever opens a page while a new
version is published has one version or the other. Browsers let no page that is opened from a
folder fetch a file, so scripts are plain ones, and nothing asks the network.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import jinja2

from dashboards.blocks import Block, Page, pages
from dashboards.figures import Figures, Mart, figures, marts

HERE = Path(__file__).parent
SHIPPED = (*sorted((HERE / "assets").iterdir()), HERE / "vendor" / "echarts.min.js")
LICENCES = ("LICENSE", "LICENSE-d3", "NOTICE")


@dataclass(frozen=True)
class Site:
    """What was built: its pages, and the blocks that could not be shown, with the reason."""

    pages: Sequence[str]
    failed: Mapping[str, str]
    size: int


def build(file: Path, folder: Path, shown: Sequence[Page] | None = None) -> Site:
    """Write the pages on a published file into a new folder.

    Raises:
        PageError: a page file says something that cannot be shown; nothing was written.
    """
    shown = pages() if shown is None else shown
    # No extension and no file beside the published one: a page has what the file has.
    config: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": False,
        # Else every query looks for Python variables first, and imports pandas to know them.
        "python_enable_replacements": False,
    }
    with duckdb.connect(str(file), read_only=True, config=config) as connection:
        known = marts(connection)
        publication = _publication(connection, known)
        found = {
            (page.name, block.name): figures(connection, block, known)
            for page in shown
            for block in page.blocks
        }
    folder.mkdir(parents=True)
    _ship(folder)
    templates = _templates(shown, publication)
    for page in shown:
        (folder / f"{page.name}.html").write_text(
            templates.get_template("page.html").render(
                page=page,
                blocks=[(block, found[page.name, block.name]) for block in page.blocks],
                data=_data(page, publication, found),
            )
        )
    used = [(page, block) for page in shown for block in page.blocks]
    (folder / "marts.html").write_text(
        templates.get_template("marts.html").render(marts=known.values(), used=used)
    )
    # The first page of the menu is what a bare address shows.
    shutil.copy(folder / f"{shown[0].name}.html", folder / "index.html")
    return Site(
        [page.name for page in shown],
        {
            f"{page}.yml, block {block!r}": each.message
            for (page, block), each in found.items()
            if each.state == "failed"
        },
        sum(path.stat().st_size for path in folder.rglob("*")),
    )


def _publication(
    connection: duckdb.DuckDBPyConnection, known: Mapping[str, Mart]
) -> dict[str, Any]:
    """Return the record of the publication that the file is."""
    if "ops.publications" not in known:
        return {}
    cursor = connection.execute(
        "select publication_id, published_at, data_as_of, checks_passed, checks_failed"
        " from ops.publications order by publication_id desc limit 1"
    )
    names = [each[0] for each in cursor.description or ()]
    row = cursor.fetchone()
    return dict(zip(names, row, strict=True)) if row else {}


def _ship(folder: Path) -> None:
    for path in SHIPPED:
        shutil.copy(path, folder)
    for name in LICENCES:
        shutil.copy(HERE / "vendor" / name, folder / f"echarts-{name}.txt")


def _templates(shown: Sequence[Page], publication: Mapping[str, Any]) -> jinja2.Environment:
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {"menu": shown, "publication": publication}
    return found


def _data(
    page: Page, publication: Mapping[str, Any], found: Mapping[tuple[str, str], Figures]
) -> str:
    """Return the page's data as a script element holds them."""
    content = {
        "publication": {
            key: value.isoformat() if hasattr(value, "isoformat") else value
            for key, value in publication.items()
        },
        "blocks": {
            block.name: {**_options(block), **vars(found[page.name, block.name])}
            for block in page.blocks
        },
    }
    # Escaped, so that no text of a customer ends the element.
    return json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")


def _options(block: Block) -> dict[str, Any]:
    said = {"sql", "columns", "question", "marts", "note", "wide", "empty"}  # by the template
    return {key: value for key, value in vars(block).items() if key not in said}
