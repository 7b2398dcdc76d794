"""The build of this data folder, published with all that its record says."""

from datetime import UTC, datetime

import duckdb

from ingestion.pipeline import warehouse_path
from orchestration.changes import fingerprint, remember_published
from orchestration.code_version import git_sha, models_version
from orchestration.dbt import personal_columns
from orchestration.gates import Verdict
from orchestration.metrics import metrics
from orchestration.paths import serving
from orchestration.people_map import wants_people_map, write_people_map
from orchestration.publish import (
    Publication,
    PublicationRefusedError,
    Published,
    kept_versions,
    publish,
)
from orchestration.semantic_layer import catalogue


def publish_build(
    run_id: str, started_at: datetime, verdict: Verdict, *, rebuilt: bool = False
) -> Published:
    """Publish the warehouse's marts, and what follows from it: the opt-in map, tonight's inputs.

    Raises:
        PublicationRefusedError: nothing changed for readers; the message says why.
    """
    if verdict.refusal:
        raise PublicationRefusedError(verdict.refusal)
    # Asked before the switch, so that a setting nobody can read stops what it would not protect.
    wants_people_map()
    published = publish(
        warehouse_path(),
        serving(),
        publication=Publication(
            git_sha=git_sha(),
            run_id=run_id,
            started_at=started_at,
            checks=verdict.results,
            metrics=metrics(),
            catalogue=catalogue(),
            data_as_of=_data_as_of(),
            models_version=models_version(),
            rebuilt=rebuilt,
        ),
        judged=verdict.digests,
        personal=personal_columns(),
        keep=kept_versions(),
    )
    write_people_map(warehouse_path())
    remember_published(fingerprint(warehouse_path()))
    return published


def _data_as_of() -> datetime | None:
    """The vendors' time when they were last asked."""
    with duckdb.connect(str(warehouse_path()), read_only=True) as connection:
        row = connection.execute("select as_of from intermediate.int_clock").fetchone()
    return row[0].replace(tzinfo=UTC) if row and row[0] else None
