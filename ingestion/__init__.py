"""Everything we can load: vendor APIs → raw tables, one file a vendor."""

import os

# Before dlt is imported: it reads these once. What was loaded must not lie around twice, as
# files of finished packages or as rows of the staging schema; traces hold settings.
os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ.setdefault("RUNTIME__LOG_LEVEL", "WARNING")
os.environ.setdefault("ENABLE_RUNTIME_TRACE", "false")
os.environ.setdefault("LOAD__DELETE_COMPLETED_JOBS", "true")
os.environ.setdefault("LOAD__TRUNCATE_STAGING_DATASET", "true")

from collections.abc import Callable
from dataclasses import dataclass

from dlt.extract import DltSource

from ingestion import (
    ads,
    github,
    hubspot,
    intercom,
    linear,
    posthog,
    research_files,
    stripe,
    surveymonkey,
    typeform,
    zendesk,
)
from ingestion.tables import Table


@dataclass(frozen=True)
class Vendor:
    """A vendor's source, the raw tables it fills and the secrets of which any switches it on."""

    source: Callable[..., DltSource]
    tables: tuple[Table, ...]
    secrets: tuple[str, ...]


SOURCES: dict[str, Vendor] = {
    "posthog": Vendor(posthog.posthog, posthog.TABLES, ("api_key",)),
    "hubspot": Vendor(hubspot.hubspot, hubspot.TABLES, ("access_token",)),
    "typeform": Vendor(typeform.typeform, typeform.TABLES, ("access_token",)),
    "surveymonkey": Vendor(surveymonkey.surveymonkey, surveymonkey.TABLES, ("access_token",)),
    # Any one platform's token will do; the others are then left out.
    "ads": Vendor(ads.ads, ads.TABLES, ads.TOKENS),
    "stripe": Vendor(stripe.stripe, stripe.TABLES, ("api_key",)),
    "zendesk": Vendor(zendesk.zendesk, zendesk.TABLES, ("api_token",)),
    "intercom": Vendor(intercom.intercom, intercom.TABLES, ("access_token",)),
    "linear": Vendor(linear.linear, linear.TABLES, ("api_key",)),
    "github": Vendor(github.github, github.TABLES, ("access_token",)),
    "research_files": Vendor(research_files.research_files, research_files.TABLES, ("bucket_url",)),
}

__all__ = ["SOURCES", "Table", "Vendor"]
