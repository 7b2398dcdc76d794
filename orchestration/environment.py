"""What every process of ours is started with, in one place."""

import logging
import os
import shutil
from pathlib import Path

from dotenv import load_dotenv

from orchestration.paths import ROOT
from orchestration.progress import Lines

# Off unless someone sets them otherwise: nobody agreed to be counted by installing this.
TELEMETRY_OFF = {
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "GX_ANALYTICS_ENABLED": "false",
}


def prepare() -> None:
    """Set the defaults of the environment and show our own log lines and nobody else's."""
    load_dotenv(ROOT / ".env")
    for name, value in TELEMETRY_OFF.items():
        os.environ.setdefault(name, value)
    from ingestion.pipeline import data_dir

    home = Path(os.environ.setdefault("DAGSTER_HOME", str(data_dir() / "dagster")))
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        shutil.copy(Path(__file__).with_name("dagster.yaml"), home / "dagster.yaml")
    handler = Lines()
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%H:%M:%S"))
    # It warns about each check of a step that had nothing to do, on every quiet night.
    logging.getLogger("dagster._core.execution.plan.active").setLevel(logging.ERROR)
    ours = logging.getLogger("productops")
    ours.setLevel(logging.INFO)
    ours.addHandler(handler)
    ours.propagate = False
