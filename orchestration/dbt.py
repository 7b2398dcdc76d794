"""The dbt project as Dagster sees it: its manifest, parsed only when a file changed."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from graphlib import TopologicalSorter
from importlib import metadata
from pathlib import Path
from typing import Any

from dagster_dbt import DbtCliResource, DbtProject
from packaging.version import Version

from ingestion.pipeline import warehouse_path
from orchestration.code_version import models_version
from orchestration.kept import kept
from orchestration.lineage import table_name
from orchestration.locking import alone
from orchestration.paths import DBT_PROJECT

MANIFEST = DBT_PROJECT / "target" / "manifest.json"
# Beside this interpreter, so that nothing needs the environment to be activated (dbt_process.py).
EXECUTABLE = str(Path(sys.executable).with_name("productops-dbt"))


class ParseError(RuntimeError):
    """The dbt project cannot be read."""


class BuildError(RuntimeError):
    """The models cannot be built from the raw tables as they are."""


@dataclass(frozen=True)
class Model:
    """A dbt model with the query that builds it whole, and the tables that it reads."""

    unique_id: str
    table: str
    sql: str
    below: tuple[str, ...]
    is_view: bool


def prepare_environment() -> None:
    """Tell dbt where the warehouse is; profiles.yml reads it."""
    os.environ["PRODUCTOPS_WAREHOUSE"] = str(warehouse_path())


def ensure_manifest() -> Path:
    """Parse the project if a source file is newer than its manifest; about 6 s, else nothing.

    Raises:
        ParseError: with what dbt said.
    """
    prepare_environment()
    # Of processes that start at once in a fresh checkout one parses and the others wait: dbt writes
    # the manifest in place, and two at it left a file that none could read.
    with alone(MANIFEST.with_suffix(".lock")):
        if not MANIFEST.exists() or MANIFEST.stat().st_mtime < _newest_source():
            # --no-partial-parse is not needed: dbt compares file contents itself.
            done = subprocess.run(
                [EXECUTABLE, "--quiet", "parse", "--profiles-dir", "."],
                cwd=DBT_PROJECT,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise ParseError(f"dbt cannot parse {DBT_PROJECT}:\n{done.stdout}{done.stderr}")
            MANIFEST.touch()
    return MANIFEST


def build(*, full_refresh: bool) -> None:
    """Build and test every model outside of Dagster.

    Raises:
        BuildError: with the last lines of what dbt said.
    """
    prepare_environment()
    run_dbt("build", "--exclude-resource-type", "unit_test", *["--full-refresh"] * full_refresh)


def run_dbt(*arguments: str, **environment: str) -> None:
    """Run dbt on the project in a process of its own.

    Raises:
        BuildError: with the last lines of what dbt said.
    """
    done = subprocess.run(
        [EXECUTABLE, "--quiet", *arguments, "--profiles-dir", "."],
        cwd=DBT_PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BuildError("\n".join(f"{done.stdout}{done.stderr}".strip().splitlines()[-5:]))


def _newest_source() -> float:
    skipped = {"target", "logs"}
    return max(
        path.stat().st_mtime
        for path in DBT_PROJECT.rglob("*")
        if path.is_file() and not skipped.intersection(path.relative_to(DBT_PROJECT).parts)
    )


def models_as_built_whole() -> dict[str, Model]:
    """Return every model by `schema.table`, each after those it reads; compiled once a version.

    A model in Python has no query; whoever reads it takes its rows as they are.

    Raises:
        BuildError: with the last lines of what dbt said.
    """
    held = kept(
        "compiled_whole",
        models_version(),
        lambda: {name: asdict(model) for name, model in _compiled().items()},
    )
    return {
        name: Model(**{**model, "below": tuple(model["below"])}) for name, model in held.items()
    }


def _compiled() -> dict[str, Model]:
    with tempfile.TemporaryDirectory() as target:
        # A warehouse of its own, since a night may have the real one open.
        warehouse = Path(target) / warehouse_path().name
        options = ["--full-refresh", "--target-path", target, "--no-populate-cache"]
        run_dbt("compile", *options, PRODUCTOPS_WAREHOUSE=str(warehouse))
        compiled = json.loads((Path(target) / "manifest.json").read_text())
    every = {**compiled["nodes"], **compiled["sources"]}
    nodes = {
        k: n for k, n in every.items() if n["resource_type"] == "model" and n["language"] == "sql"
    }
    order = TopologicalSorter({k: n["depends_on"]["nodes"] for k, n in nodes.items()})
    return {
        table_name(nodes[unique_id]): Model(
            unique_id,
            table_name(nodes[unique_id]),
            nodes[unique_id]["compiled_code"],
            tuple(table_name(every[below]) for below in nodes[unique_id]["depends_on"]["nodes"]),
            nodes[unique_id]["config"]["materialized"] == "view",
        )
        for unique_id in order.static_order()
        if unique_id in nodes
    }


@cache
def manifest() -> Mapping[str, Any]:
    """Return the parsed manifest; read once a process."""
    loaded: Mapping[str, Any] = json.loads(ensure_manifest().read_text())
    return loaded


def project() -> DbtProject:
    """Return the project for column lineage, which needs its compiled models."""
    return DbtProject(project_dir=DBT_PROJECT, profiles_dir=DBT_PROJECT)


class InstalledDbt(DbtCliResource):
    """The dbt of this environment: Dagster need not start it to ask for its version (4 s)."""

    @cached_property
    def _cli_version(self) -> Version:
        return Version(metadata.version("dbt-core"))


def cli() -> DbtCliResource:
    """Return the dbt command as a Dagster resource."""
    return InstalledDbt(
        project_dir=str(DBT_PROJECT), profiles_dir=str(DBT_PROJECT), dbt_executable=EXECUTABLE
    )


def marts() -> dict[str, Mapping[str, Any]]:
    """Return the models that are published, by `<schema>.<name>`."""
    return {
        f"{node['schema']}.{node['name']}": node
        for node in manifest()["nodes"].values()
        if node["resource_type"] == "model" and node["fqn"][1] == "marts"
    }


def personal_columns() -> set[tuple[str, str]]:
    """Return the mart columns tagged `meta: {pii: true}`, as (`<schema>.<table>`, column)."""
    return {
        (table, column["name"])
        for table, node in marts().items()
        for column in node["columns"].values()
        if {**column.get("meta", {}), **column.get("config", {}).get("meta", {})}.get("pii")
    }
