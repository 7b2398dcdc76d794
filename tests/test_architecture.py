"""The house rules: data flows one way, layers read downwards, names need no translator."""

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.dbt import ensure_manifest

ROOT = Path(__file__).resolve().parent.parent
OURS = {
    "simulator",
    "ingestion",
    "expectations",
    "orchestration",
    "reports",
    "dashboards",
    "governance",
}
MAY_IMPORT: dict[str, set[str]] = {
    "simulator": set(),
    "ingestion": set(),
    "expectations": set(),
    "dashboards": set(),
    "orchestration": {"ingestion", "expectations", "dashboards"},
    "governance": {"ingestion", "expectations", "orchestration"},
    # Hands two commands over, and knows nothing else of what is not published.
    "reports": {"governance"},
}
FOREIGN = {"dagster", "dagster_dbt", "dagster_dlt", "dbt", "dlt", "great_expectations"}
OWNED = {
    "simulator": set(),
    "ingestion": {"dlt"},
    "expectations": {"great_expectations"},
    "dashboards": set(),
    "orchestration": {"dagster", "dagster_dbt", "dagster_dlt", "dbt"},
    "governance": set(),
    "reports": set(),
}
LAYERS = {"staging": 1, "intermediate": 2, "marts": 3, "state": 4}


@pytest.fixture(scope="module")
def manifest() -> dict:
    return json.loads(ensure_manifest().read_text())


def models(manifest: dict) -> Iterator[dict]:
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model":
            yield node


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_packages_import_only_what_lies_before_them(package: str) -> None:
    forbidden = (OURS - MAY_IMPORT[package] - {package}) | (FOREIGN - OWNED[package])
    wrong = {
        str(path.relative_to(ROOT)): sorted(imported(path) & forbidden)
        for path in (ROOT / package).rglob("*.py")
        if imported(path) & forbidden
    }
    assert wrong == {}


def test_pages_are_made_of_the_published_file_and_little_else() -> None:
    used = set().union(*(imported(path) for path in (ROOT / "dashboards").rglob("*.py")))
    assert used - sys.stdlib_module_names == {"dashboards", "dotenv", "duckdb", "jinja2", "yaml"}


def test_models_read_only_from_layers_below(manifest: dict) -> None:
    wrong = []
    for node in models(manifest):
        layer = LAYERS[node["fqn"][1]]
        for parent in node["depends_on"]["nodes"]:
            kind, *_ = parent.split(".")
            if kind == "source" and layer != 1:
                wrong.append((node["name"], parent))
            if kind == "model":
                above = LAYERS[manifest["nodes"][parent]["fqn"][1]]
                if above > layer or (layer == 1 and above == 1):
                    wrong.append((node["name"], parent))
    assert wrong == []


def test_every_mart_has_a_contract_typed_columns_a_tested_key_and_a_unit_test(
    manifest: dict,
) -> None:
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    unit_tested = {
        node
        for unit_test in manifest["unit_tests"].values()
        for node in unit_test["depends_on"]["nodes"]
    }
    wrong = []
    for node in models(manifest):
        keys = [
            test
            for test in tests
            if test.get("attached_node") == node["unique_id"]
            and test["test_metadata"]["name"] in {"unique", "unique_combination"}
        ]
        is_mart = node["fqn"][1] == "marts"
        if is_mart and not node["config"]["contract"]["enforced"]:
            wrong.append((node["name"], "no contract"))
        if is_mart and not all(column["data_type"] for column in node["columns"].values()):
            wrong.append((node["name"], "untyped column"))
        if is_mart and node["unique_id"] not in unit_tested:
            wrong.append((node["name"], "no unit test"))
        if is_mart and not keys:
            wrong.append((node["name"], "no tested key"))
        if not node["description"]:
            wrong.append((node["name"], "no description"))
    assert wrong == []


def test_models_are_short(manifest: dict) -> None:
    long = {
        node["name"]: lines
        for node in models(manifest)
        if (lines := node["raw_code"].count("\n")) > 130
    }
    assert long == {}


# What one engine has and another has not goes through a dispatched macro.
DIALECT = re.compile(
    r"::|\bqualify\b|\bfilter\s*\(|ignore nulls|group by all|\basof\b|->|\blist_|arg_max|max_by",
    re.IGNORECASE,
)


def test_models_speak_portable_sql(manifest: dict) -> None:
    wrong = {
        node["name"]: DIALECT.findall(code)
        for node in models(manifest)
        if node["language"] == "sql"
        and DIALECT.search(code := re.sub(r"--.*", "", node["raw_code"]))
    }
    assert wrong == {}


def test_the_list_of_marts_names_each(manifest: dict) -> None:
    listed = (ROOT / "docs" / "marts.md").read_text()
    marts = [f"{node['schema']}.{node['name']}" for node in models(manifest) if is_mart(node)]
    assert [name for name in marts if f"`{name}`" not in listed] == []


def is_mart(node: dict) -> bool:
    return node["fqn"][1] == "marts"


def test_nothing_names_a_registry_or_this_workplace() -> None:
    hosts = re.compile(r"https?://[^\s'\"]*(pypi|pythonhosted|npmjs)", re.IGNORECASE)
    wrong = [
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*")
        if path.is_file()
        and path.suffix in {".py", ".sql", ".yml", ".toml", ".lock", ".md", ".txt"}
        and not {".venv", "data", ".git", "target"}.intersection(path.relative_to(ROOT).parts)
        and hosts.search(path.read_text(errors="ignore"))
    ]
    assert wrong == []
