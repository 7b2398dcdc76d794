"""Dagster from the command line: `python -m orchestration nightly`, without a web server."""

import argparse
import contextlib
import logging
import os
import sys
from pathlib import Path

from orchestration.environment import prepare
from orchestration.paths import ROOT

logger = logging.getLogger("productops")


def main() -> int:
    """Do what the command line says and return the exit code of the process."""
    parser = argparse.ArgumentParser(prog="python -m orchestration", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("nightly", help="load, build, check and publish once")
    commands.add_parser("housekeeping", help="delete records of old runs")
    commands.add_parser("dev", help="open Dagster on http://localhost:3000")
    commands.add_parser("docs", help="write the docs of models and an index of all that is written")
    command = parser.parse_args().command
    prepare()
    if command == "docs":
        return docs()
    return dev() if command == "dev" else run(command)


def docs() -> int:
    """Write the docs and say where they are."""
    from orchestration.dbt import BuildError
    from orchestration.docs import build

    try:
        print(f"Open {build()}")
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def dev() -> int:
    """Become `dagster dev`."""
    os.chdir(ROOT)
    dagster = str(Path(sys.executable).with_name("dagster"))
    os.execv(dagster, [dagster, "dev", "-w", "workspace.yaml"])


def run(job_name: str) -> int:
    """Execute a job in this process; 0 if it succeeded and nothing had to be left out.

    The definitions are imported here, because their import reads settings that may be wrong.
    """
    import dagster as dg

    from ingestion.errors import IngestionError
    from ingestion.pipeline import data_dir
    from orchestration import status
    from orchestration.dbt import ParseError

    try:
        from orchestration.definitions import defs
    except (ParseError, IngestionError) as error:
        print(error, file=sys.stderr)
        return 2
    log = data_dir() / "logs" / f"{job_name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    # Our own lines went to the screen's handler; dbt prints 400 of its own.
    with (
        dg.DagsterInstance.get() as instance,
        log.open("w") as file,
        contextlib.redirect_stdout(file),
    ):
        result = defs.resolve_job_def(job_name).execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    # A vendor that did not answer, or a table that changed its shape, stops no other.
    missing = [
        incident["title"]
        for key, incident in sorted(status.read()["incidents"].items())
        if key.startswith(("source:", "table:"))
    ]
    if result.success and missing:
        logger.error("Finished, but: %s.", "; ".join(missing))
    return 0 if result.success and not missing else 1


if __name__ == "__main__":
    sys.exit(main())
