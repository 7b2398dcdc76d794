"""dbt's lineage ends at the pages: each is an exposure of the marts that its blocks read."""

import json

from dashboards.blocks import pages
from orchestration.candidate import RECORDS
from orchestration.dbt import ensure_manifest


def test_each_page_is_an_exposure_of_what_its_blocks_read() -> None:
    manifest = json.loads(ensure_manifest().read_text())
    named = {
        key: f"{node['schema']}.{node['name']}"
        for key, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
    }
    told = {
        exposure["name"]: {named[key] for key in exposure["depends_on"]["nodes"]}
        for exposure in manifest["exposures"].values()
        if not exposure["name"].startswith("superset_")
    }
    # No model makes the record of publications; it is written with each version.
    records = {f"ops.{name}" for name in RECORDS}
    read = {
        f"{page.name}_page": {mart for block in page.blocks for mart in block.marts} - records
        for page in pages()
    }
    assert told == read
