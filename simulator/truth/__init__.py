"""The truth about a company folder, counted by a second, naive route: plain Python over rows."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from simulator.truth import planted
from simulator.truth.delivery import count_delivery
from simulator.truth.identity import count_identity
from simulator.truth.persons import count_persons
from simulator.truth.planted import Known
from simulator.truth.product import (
    count_daily_active_people,
    count_events,
    count_feature_adoption,
    count_sign_ups,
    walk,
)
from simulator.truth.product_survey import count_product_surveys
from simulator.truth.records import HOUR, Records, micros, moment
from simulator.truth.sales import count_deals, count_pipeline, read_deals
from simulator.truth.surveys import nps, read_nps

__all__ = ["count_truth"]


def count_truth(folder: Path, now: datetime | None = None) -> dict:
    """Count everything known at `now` (default: where the company's simulated clock starts)."""
    records = Records(folder)
    about = records.description()
    as_of = micros(now) if now is not None else _clock(records, about)
    persons = count_persons(records, as_of)
    product = walk(records, persons, as_of)
    deals = read_deals(records, as_of)
    waves = read_nps(records, persons, product, as_of)
    truth = {
        "as_of": moment(as_of).isoformat(),
        "size": about.get("size"),
        "seed": about.get("seed"),
        "events": count_events(product),
        "daily_active_people": count_daily_active_people(product),
        "feature_adoption_weekly": count_feature_adoption(product),
        "deals": count_deals(deals),
        "pipeline_daily": count_pipeline(deals, as_of),
        "signups": count_sign_ups(product),
        "nps": {wave: nps(answers) for wave, answers in waves.items()},
        "product_surveys": count_product_surveys(records, persons, as_of),
        "identity": count_identity(records, persons, as_of),
        "delivery": count_delivery(records, as_of),
    }
    if records.has("business/subscriptions"):
        known = Known(records, product, waves, as_of)
        counts: dict[str, Callable[[Known], dict]] = planted.TRUTHS
        truth |= {name: count(known) for name, count in counts.items()}
        truth["T16"] = truth["identity"]
    return truth


def _clock(records: Records, about: dict) -> int:
    """Where the clock starts: as described, else an hour after the last thing that happened."""
    if about.get("now"):
        return micros(datetime.fromisoformat(about["now"]))
    latest = [0]
    for name, column in (
        ("posthog/events", "timestamp"),
        ("posthog/events", "inserted_at"),
        ("posthog/persons", "inserted_at"),
        ("hubspot/contacts", "updated_at"),
        ("hubspot/companies", "updated_at"),
        ("hubspot/deals", "updated_at"),
        ("typeform/responses", "submitted_at"),
        ("surveymonkey/responses", "modified_at"),
    ):
        latest += [at for (at,) in records.rows(name, (column,)) if at is not None]
    return max(latest) + HOUR
