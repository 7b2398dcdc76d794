"""Run cases through the dbt macros: `python -m tests.conformance PATH …`.

A line a case, a count at the end; exit code 0 only if every case passes.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import yaml

from tests.conformance.answers import answer, differences
from tests.conformance.cases import Case, load, read
from tests.conformance.questions import Models, worded

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
DBT = Path(sys.executable).with_name("dbt")


def scratch(folder: Path, models: dict[str, str], macros: Path) -> Path:
    """Write a dbt project of nothing but the models, with the macros and seeds of ours."""
    settings = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())
    project = {
        "name": "productops",
        "profile": "conformance",
        "flags": {"send_anonymous_usage_stats": False},
        "macro-paths": [str(macros.resolve())],
        "model-paths": ["models"],
        "vars": settings.get("vars", {}),
        "models": {"productops": {"+materialized": "view", "+schema": "answers"}},
        "seeds": settings["seeds"],
    }
    database = folder / "productops.duckdb"
    output = {"type": "duckdb", "path": str(database), "schema": "main", "threads": 2}
    profile = {"conformance": {"target": "scratch", "outputs": {"scratch": output}}}
    # Copied: dbt writes over seeds that are named by an absolute path.
    shutil.copytree(PROJECT / "seeds", folder / "seeds")
    (folder / "models").mkdir()
    (folder / "dbt_project.yml").write_text(yaml.safe_dump(project))
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile))
    for name, sql in models.items():
        (folder / "models" / f"{name}.sql").write_text(sql)
    return database


def run_dbt(folder: Path) -> str:
    """Create the seeds and a view for each model; return what dbt said of those it could not."""
    return subprocess.run(
        [str(DBT), "--quiet", "build", "--project-dir", ".", "--profiles-dir", "."],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DO_NOT_TRACK": "1"},
    ).stdout


def rows(connection: duckdb.DuckDBPyConnection, name: str) -> list[dict[str, Any]]:
    cursor = connection.execute(f"from answers.{name}")
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def judged(
    case: Case, models: Models | str, connection: duckdb.DuckDBPyConnection, said: str
) -> list[str]:
    """What is wrong with the answer to a case, in lines; empty if it is right."""
    if isinstance(models, str):
        return [models]
    try:
        results = {name: rows(connection, f"case_{case.number}_{name}") for name in models}
    except duckdb.Error as error:
        told = [line for line in said.splitlines() if f"case_{case.number}_" in line]
        return [str(error).splitlines()[0], *told[:3]]
    try:
        return differences(case.expected, answer(case, results))
    except (LookupError, TypeError, ValueError, StopIteration) as error:
        return [f"cannot be read: {type(error).__name__}: {error}"]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, help="files or folders of cases")
    parser.add_argument("--macros", type=Path, default=PROJECT / "macros", help="macros to try")
    parser.add_argument("--keep", type=Path, help="a new folder for the scratch project")
    options = parser.parse_args(arguments)
    cases = read(options.paths)
    models: dict[int, Models | str] = {}
    for case in cases:
        try:
            models[case.number] = worded(case)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            models[case.number] = f"cannot be asked: {type(error).__name__}: {error}"
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        files = {
            f"case_{number}_{name}": sql
            for number, each in models.items()
            if not isinstance(each, str)
            for name, sql in each.items()
        }
        database = scratch(folder, files, options.macros)
        with duckdb.connect(str(database)) as connection:
            load(connection, cases)
        said = run_dbt(folder)
        with duckdb.connect(str(database), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            failed = 0
            for case in cases:
                wrong = judged(case, models[case.number], connection, said)
                failed += bool(wrong)
                print("; ".join([f"FAIL  {case.name}", *wrong]) if wrong else f"ok    {case.name}")
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
