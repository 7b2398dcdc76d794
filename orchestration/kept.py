"""Results that took long and hold as long as what they were made of."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestration.paths import DBT_PROJECT

# Beside dbt's own, for they come of the models alone, whichever data these are run on.
FOLDER = DBT_PROJECT / "target"


def kept(name: str, version: str, make: Callable[[], Any]) -> Any:  # Any: JSON
    """Return what `make` returned for this version, as JSON; it is asked once a version."""
    path = FOLDER / f"{name}.json"
    try:
        held = json.loads(path.read_text())
        if held["version"] == version:
            return held["content"]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    text = json.dumps({"version": version, "content": make()})
    # Another process sees it whole or not at all.
    FOLDER.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=FOLDER, suffix=".new", delete=False) as file:
        file.write(text)
    Path(file.name).replace(path)
    return json.loads(text)["content"]


def last_kept(name: str) -> Any:
    """Return what was made last, of whichever version; None if nothing was."""
    try:
        return json.loads((FOLDER / f"{name}.json").read_text())["content"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
