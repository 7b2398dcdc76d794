"""Where everything that is not code lies."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def data_dir() -> Path:
    """The folder of everything that is not code; `rm -r` of it is a full reset."""
    return Path(os.environ.get("PRODUCTOPS_DATA") or REPOSITORY / "data").absolute()


def private_dir() -> Path:
    """The folder of what is neither in the warehouse nor shown to readers: keys and opt-in maps."""
    folder = data_dir() / "private"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
