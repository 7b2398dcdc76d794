"""Lanternfish, the demo company: two years of an imaginary business, a pure function of a seed."""

import json
from collections.abc import Mapping
from pathlib import Path

from simulator.lanternfish import (
    accounts,
    business,
    crm,
    events,
    features,
    feedback,
    identities,
    journeys,
    people,
    persons,
    posthog,
    product_survey,
    surveys,
    tables,
    tiny,
)
from simulator.lanternfish.timeline import NOW, WINDOW_END, WINDOW_START
from simulator.truth import count_truth

__all__ = ["EVENTS_A_DAY", "GENERATOR_VERSION", "SIZES", "generate"]

# Raise it with every change of what is written, so that cached folders are made anew.
GENERATOR_VERSION = 4
# Events per person and active day.
EVENTS_A_DAY = {"demo-lite": 1.5, "demo": 7.5}
SIZES = ("tiny", *EVENTS_A_DAY)


def generate(folder: Path, size: str, seed: int, scale: int = 1) -> None:
    """Write a complete company folder; `scale` repeats the accounts with people of their own.

    At a scale above 1 there is no truth.json: the naive count would take minutes, and what a
    load test asks of the company is its volume.
    """
    if size not in SIZES:
        raise ValueError(f"size {size!r} is not known; choose one of {', '.join(SIZES)}")
    if scale < 1:
        raise ValueError(f"scale {scale} is below 1; give the number of times to repeat accounts")
    if size == "tiny":
        if scale != 1:
            raise ValueError(f"size 'tiny' cannot be scaled by {scale}; take demo-lite or demo")
        tiny.write(folder, seed)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        _describe(folder, size, seed, scale)
        _write_company(folder, seed)
        for replica in range(scale):
            part = None if scale == 1 else replica
            _write_replica(folder, seed, replica, EVENTS_A_DAY[size], part)
    if scale == 1:
        _write_json(folder / "truth.json", count_truth(folder))


def _describe(folder: Path, size: str, seed: int, scale: int) -> None:
    description = {
        "name": "Lanternfish",
        "seed": seed,
        "size": size,
        "scale": scale,
        "timezone": "Europe/Berlin",
        "window_start": WINDOW_START.isoformat(),
        "window_end": WINDOW_END.isoformat(),
        "now": NOW.isoformat(),
    }
    _write_json(folder / "company.json", description)


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _write_company(folder: Path, seed: int) -> None:
    """What there is once, however often the accounts are repeated."""
    definitions = surveys.DEFINITIONS
    tables.write(folder, "posthog/surveys", definitions, surveys.survey_rows(), None)
    tables.write(folder, "posthog/feature_flags", definitions, surveys.flag_rows(), None)
    tables.write(folder, "typeform/forms", surveys.FORMS, surveys.form_rows(), None)
    editions = product_survey.edition_rows()
    tables.write(folder, "surveymonkey/surveys", product_survey.SURVEYS, editions, None)
    tables.write(folder, "hubspot/owners", crm.OWNER_SCHEMA, crm.owner_rows(), None)
    tables.write(folder, "hubspot/pipeline_stages", crm.STAGE_SCHEMA, crm.stage_rows(), None)
    tables.write(folder, "hubspot/properties", crm.PROPERTY_SCHEMA, crm.property_rows(), None)
    business.write_company(folder, seed)


def _write_replica(
    folder: Path, seed: int, replica: int, events_a_day: float, part: int | None
) -> None:
    """One set of accounts with its people and everything they do."""
    who = accounts.build(seed, replica, staff=replica == 0)
    users = people.build(seed, replica, who)
    activity = people.act(seed, replica, who, users)
    opened = events.opening_times(seed, replica, who, users, activity)
    ids = identities.build(seed, replica, users, activity)
    world = journeys.World(seed, replica, who, users, activity, opened, ids)
    said = feedback.build(seed, replica, who, users, activity)
    asked = feedback.requested(who, said)
    sso = features.single_sign_on(seed, replica, who, users, activity, asked)
    collector = events.Collector()
    meetings = journeys.identify(world, collector)
    journeys.sign_ups(world, collector)
    journeys.invitations(world, collector)
    journeys.flags(world, collector)
    journeys.adopt_single_sign_on(world, collector, sso)
    journeys.experiments(world, collector)
    journeys.visitors(world, collector)
    surveys.pulse(world, collector)
    using = features.build(seed, replica, who, users, sso)
    for batch in events.use(
        seed, replica, events_a_day, who, users, activity, opened, using, collector.extras
    ):
        collector.add_batch(batch)
    told = collector.events()
    arrivals = events.arrive(seed, replica, told.at)
    posthog.write(folder / "posthog" / "events", world, told, arrivals, collector.extras)
    tables.write(folder, "posthog/persons", persons.SCHEMA, persons.log(world, meetings), part)
    relations = crm.build(world)
    for kind in crm.PROPERTIES:
        name, schema = f"hubspot/{kind}", crm.object_schema(kind)
        tables.write(folder, name, schema, relations.rows(kind), part)
    labels = relations.lost_labels
    tables.write(folder, "business/lost_deal_labels", crm.LOST_LABELS, labels, part)
    schema = crm.ASSOCIATION_SCHEMA
    tables.write(folder, "hubspot/associations", schema, relations.associations, part)
    tables.write(folder, "typeform/responses", surveys.RESPONSES, surveys.responses(world), part)
    schema, answers = product_survey.RESPONSES, product_survey.responses(world)
    tables.write(folder, "surveymonkey/responses", schema, answers, part)
    business.write_replica(folder, world, said, part)
