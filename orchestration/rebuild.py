"""Changed models on unchanged data: so that a number's move is laid to the one or the other.

Before a night loads anything, the rows that readers see now are built again with the new models and
published by themselves. It is done on the first night after a change of the dbt project only.
"""

import json
import logging
from datetime import UTC, datetime

from ingestion.pipeline import warehouse_path
from orchestration.changes import fingerprint, published_inputs
from orchestration.code_version import models_version
from orchestration.dbt import BuildError, build
from orchestration.gates import judge_marts
from orchestration.paths import build_record
from orchestration.publish import PublicationRefusedError, Published
from orchestration.publishing import publish_build

logger = logging.getLogger("productops")


def rebuild_if_models_changed(run_id: str) -> Published | None:
    """Build and publish last night's data with changed models; None if there is no need or no way.

    It never fails a night: models that cannot do with last night's data, or that a gate refuses,
    are built again with tonight's, where the same gates decide.
    """
    if not _models_alone_changed():
        return None
    logger.info("The models changed: building last night's data with them first")
    try:
        build(full_refresh=True)
        build_record().write_text(json.dumps({"models_version": models_version()}))
        published = publish_build(run_id, datetime.now(UTC), judge_marts(), rebuilt=True)
    except (BuildError, PublicationRefusedError) as error:
        logger.warning(
            "Last night's data were not published with the new models, so what they change cannot"
            " be told from what tonight's data change: %s",
            error,
        )
        return None
    logger.info("Published last night's data with the new models → %s", published.path)
    return published


def _models_alone_changed() -> bool:
    published = published_inputs()
    if not published or not warehouse_path().exists():
        return False
    now = json.loads(fingerprint(warehouse_path()))
    same_data = all(now[each] == published.get(each) for each in ("raw", "as_of"))
    return same_data and published.get("models") not in (None, now["models"])
