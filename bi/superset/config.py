"""Superset's settings: its own database and its secrets lie in the data folder, beside the rest."""

import os
from pathlib import Path

HOME = Path(os.environ["SUPERSET_HOME"])
SECRET_KEY = (HOME / "secret_key").read_text()
SQLALCHEMY_DATABASE_URI = f"sqlite:///{HOME / 'superset.db'}"
# Nothing leaves the machine: no usage figures, no pictures of users from elsewhere.
SCARF_ANALYTICS = False
SLACK_ENABLE_AVATARS = False
# A new version of the file is one atomic switch away: what is shown is asked for each time.
DATA_CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
FILTER_STATE_CACHE_CONFIG = {"CACHE_TYPE": "SimpleCache"}
EXPLORE_FORM_DATA_CACHE_CONFIG = {"CACHE_TYPE": "SimpleCache"}
TALISMAN_ENABLED = False  # for localhost alone, where there is no TLS
