"""Which vendors are to be loaded."""

import os

from ingestion import SOURCES
from ingestion.errors import IngestionError


def selected_sources() -> list[str]:
    """Return the sources in PRODUCTOPS_SOURCES, all of them if it is not set.

    Raises:
        IngestionError: the setting names a source that does not exist.
    """
    named = os.environ.get("PRODUCTOPS_SOURCES", "").replace(",", " ").split() or list(SOURCES)
    for name in named:
        if name not in SOURCES:
            raise IngestionError(
                f"PRODUCTOPS_SOURCES names {name!r}, which is no source;"
                f" known sources: {', '.join(SOURCES)}."
            )
    return named
