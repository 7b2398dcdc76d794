"""HubSpot: contacts, companies and deals as they change, with histories and associations.

changes (pages of changed objects) → contacts, companies, deals, deal_property_history,
associations; owners; pipeline_stages; properties. Try it alone: `python -m ingestion hubspot`.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import dlt
from dlt.extract import DltResource

from ingestion.checking import can_be_checked
from ingestion.crm import ASSOCIATION_BATCH, Crm, Walk, milliseconds
from ingestion.drift import note_new_column
from ingestion.http import Api
from ingestion.privacy import Pseudonyms, erased_counts, pseudonyms
from ingestion.tables import (
    BIGINT,
    BOOL,
    TEXT,
    TIME,
    Row,
    Table,
    changed,
    in_batches,
    source_counts,
)

OBJECT = {
    "id": TEXT,
    "properties": TEXT,
    "created_at": TIME,
    "updated_at": TIME,
    "archived": BOOL,
    "archived_at": TIME,
}
CONTACTS = Table(
    "hubspot",
    "contacts",
    OBJECT,
    primary_key=("id",),
    newest="updated_at",
    personal=("id", "properties"),
)
PSEUDONYMS = pseudonyms("hubspot")
ERASED = erased_counts("hubspot")
COMPANIES = Table("hubspot", "companies", OBJECT, primary_key=("id",), newest="updated_at")
DEALS = Table("hubspot", "deals", OBJECT, primary_key=("id",), newest="updated_at")
HISTORY = Table(
    "hubspot",
    "deal_property_history",
    {
        "deal_id": TEXT,
        "property": TEXT,
        "value": TEXT,
        "changed_at": TIME,
        "source_type": TEXT,
        "source_id": TEXT,
    },
    primary_key=("deal_id", "property", "changed_at"),
    merge_key=("deal_id",),
)
ASSOCIATIONS = Table(
    "hubspot",
    "associations",
    {
        "from_type": TEXT,
        "from_id": TEXT,
        "to_type": TEXT,
        "to_id": TEXT,
        "type_id": TEXT,
        "label": TEXT,
        "category": TEXT,
    },
    primary_key=("from_type", "from_id", "to_type", "to_id", "type_id"),
    merge_key=("from_type", "from_id", "to_type"),
)
OWNERS = Table(
    "hubspot",
    "owners",
    {
        "id": TEXT,
        "email": TEXT,
        "first_name": TEXT,
        "last_name": TEXT,
        "user_id": TEXT,
        "archived": BOOL,
        "created_at": TIME,
        "updated_at": TIME,
    },
    primary_key=("id",),
    personal=("email", "first_name", "last_name"),
)
STAGES = Table(
    "hubspot",
    "pipeline_stages",
    {
        "object_type": TEXT,
        "pipeline_id": TEXT,
        "stage_id": TEXT,
        "pipeline_label": TEXT,
        "stage_label": TEXT,
        "display_order": BIGINT,
        "probability": TEXT,
        "is_closed": TEXT,
        "archived": BOOL,
    },
    primary_key=("object_type", "pipeline_id", "stage_id"),
)
PROPERTIES = Table(
    "hubspot",
    "properties",
    {
        "object_type": TEXT,
        "name": TEXT,
        "label": TEXT,
        "type": TEXT,
        "field_type": TEXT,
        "created_at": TIME,
        "archived": BOOL,
    },
    primary_key=("object_type", "name"),
)
COUNTS = source_counts("hubspot")
OBJECTS = {"contacts": CONTACTS, "companies": COMPANIES, "deals": DEALS}
TABLES = (
    *OBJECTS.values(),
    PSEUDONYMS,
    ERASED,
    HISTORY,
    ASSOCIATIONS,
    OWNERS,
    STAGES,
    PROPERTIES,
    COUNTS,
)

FOLLOWED = ("dealstage", "amount", "pipeline", "closedate", "hubspot_owner_id")
# Tables that are read along with the records of others, and of which.
HANGS_ON = {
    "deal_property_history": ("deals",),
    "associations": ("contacts", "deals"),
    "pseudonyms": ("contacts",),
}
PAIRS = (("contacts", "companies"), ("deals", "companies"), ("deals", "contacts"))
# The search index lags behind writes, half a minute as a rule: whatever changed within this
# margin of a load is read again by the next one.
MARGIN_MS = 2 * 60 * 1000
# So many objects of the cursor's own millisecond are remembered, not to be read again.
REMEMBERED = 1000


@dataclass(frozen=True)
class Changes:
    """Some objects of one type that changed since the load before."""

    object_type: str
    items: Sequence[dict[str, Any]]
    archived: bool
    # Contacts among them that were erased here.
    erased: Collection[str] = ()


@dlt.source(name="hubspot", section="hubspot", max_table_nesting=0)
def hubspot(
    host: str = "https://api.hubapi.com",
    access_token: str = dlt.secrets.value,
    api_version: str = "2026-09",
    stopped: Sequence[str] = (),
) -> Iterable[DltResource]:
    """Load one HubSpot account, but for the tables in `stopped`, whose cursors stay."""
    scopes = "crm.objects.contacts/companies/deals/owners.read and crm.schemas.*.read"
    crm = Crm(Api("hubspot", host, access_token, "access_token", scopes), api_version)
    can_be_checked(
        *(partial(crm.properties, kind) for kind in OBJECTS),
        *(partial(crm.search, kind, {"limit": 1}) for kind in OBJECTS),
        lambda: next(crm.owners(), None),
        lambda: crm.pipelines("deals"),
    )
    people = Pseudonyms("hubspot")
    parent = dlt.resource(
        lambda: map(partial(_without_erased, people), _changes(crm, stopped)),
        name="changes",
        selected=False,
    )
    return (
        *(t.transformer(parent, _of_type(name)) for name, t in OBJECTS.items()),
        PSEUDONYMS.transformer(parent, partial(_pseudonyms, people)),
        HISTORY.transformer(parent, lambda page: _history(crm, page)),
        ASSOCIATIONS.transformer(parent, lambda page: _associations(crm, people, page)),
        ERASED.transformer(parent, lambda page: iter([_erased_rows(people, page)])),
        OWNERS.resource(lambda: _if_changed(OWNERS, map(_owner_row, crm.owners()))),
        STAGES.resource(lambda: _if_changed(STAGES, _stage_rows(crm.pipelines("deals")))),
        PROPERTIES.resource(lambda: _if_changed(PROPERTIES, _known(crm, _property_rows(crm)))),
        COUNTS.resource(lambda: _counts(crm, stopped)),
    )


def _without_erased(people: Pseudonyms, page: Changes) -> Changes:
    """The changes without contacts that were erased here."""
    if page.object_type != "contacts":
        return page
    gone = people.erased(str(item["id"]) for item in page.items)
    kept = [item for item in page.items if str(item["id"]) not in gone]
    return replace(page, items=kept, erased=gone)


def _erased_rows(people: Pseudonyms, page: Changes) -> Sequence[Row]:
    """HubSpot goes on counting them while they are there and not archived."""
    return [
        {
            "table_name": "contacts",
            "scope": "live",
            "part": people.of(contact_id),
            "row_count": 0 if page.archived else 1,
        }
        for contact_id in page.erased
    ]


def _changes(crm: Crm, stopped: Sequence[str]) -> Iterator[Changes]:
    state = dlt.current.source_state()
    # What hangs on a record and was left out is read again with all records.
    if any(table not in stopped and table in state.get("stopped", {}) for table in HANGS_ON):
        for object_type in {o for table in HANGS_ON for o in HANGS_ON[table]}:
            state.get("changed_until", {}).pop(object_type, None)
    state["vendor_now"] = crm.now.isoformat()
    settled = milliseconds(crm.now) - MARGIN_MS
    cursors = state.setdefault("changed_until", {})
    archived_since = state.setdefault("archived_until", {})
    for object_type in OBJECTS:
        if object_type in stopped:
            continue
        since, seen = cursors.get(object_type, (0, ()))
        walk = Walk(crm, object_type)
        walked = (item for page in walk.since(since, set(seen)) for item in page)
        for items in in_batches(walked, ASSOCIATION_BATCH):
            yield Changes(object_type, items, archived=False)
        binned = _archived(crm, object_type, archived_since.get(object_type, 0))
        for items in in_batches(binned, ASSOCIATION_BATCH):
            yield Changes(object_type, items, archived=True)
        cursors[object_type] = _cursor(walk, settled)
        archived_since[object_type] = settled


def _cursor(walk: Walk, settled: int) -> tuple[int, list[str]]:
    """Where the next walk begins, and what it need not read again there."""
    if walk.reached > settled:
        return settled, []
    if len(walk.at_reached) > REMEMBERED:
        return walk.reached + 1, []
    return walk.reached, sorted(walk.at_reached)


def _archived(crm: Crm, object_type: str, since: int) -> Iterator[dict[str, Any]]:
    """Objects put into the bin, which search never shows, with all their properties."""
    ids = (
        str(item["id"])
        for item in crm.archived(object_type)
        if "archivedAt" not in item
        or milliseconds(datetime.fromisoformat(item["archivedAt"])) >= since
    )
    return crm.read(object_type, ids, crm.property_names(object_type), archived=True)


def _of_type(object_type: str) -> Callable[[Changes], Iterator[Sequence[Row]]]:
    def rows(page: Changes) -> Iterator[Sequence[Row]]:
        if page.object_type == object_type:
            yield [_object_row(item, page.archived) for item in page.items]

    return rows


def _object_row(item: dict[str, Any], archived: bool) -> Row:
    values = {name: value for name, value in item["properties"].items() if value is not None}
    return {
        "id": item["id"],
        "properties": json.dumps(values, sort_keys=True),
        "created_at": item["createdAt"],
        "updated_at": item["updatedAt"],
        "archived": archived,
        "archived_at": item.get("archivedAt"),
    }


def _pseudonyms(known: Pseudonyms, page: Changes) -> Iterator[Sequence[Row]]:
    """Of contacts, and of those merged into them, which only the winner still names."""
    if page.object_type == "contacts":
        for item in page.items:
            merged = item["properties"].get("hs_merged_object_ids") or ""
            yield from known.rows([str(item["id"]), *map(str.strip, merged.split(";"))])


def _history(crm: Crm, page: Changes) -> Iterator[Sequence[Row]]:
    if page.object_type == "deals" and not page.archived:
        ids = (str(item["id"]) for item in page.items)
        yield [row for deal in crm.history(ids, FOLLOWED) for row in _history_rows(deal)]


def _history_rows(deal: dict[str, Any]) -> Iterator[Row]:
    for name, versions in deal.get("propertiesWithHistory", {}).items():
        for version in versions:
            yield {
                "deal_id": deal["id"],
                "property": name,
                "value": version["value"],
                "changed_at": version["timestamp"],
                "source_type": version.get("sourceType"),
                "source_id": version.get("sourceId"),
            }


def _associations(crm: Crm, people: Pseudonyms, page: Changes) -> Iterator[Sequence[Row]]:
    if page.archived:
        return
    ids = list(dict.fromkeys(str(item["id"]) for item in page.items))
    for from_type, to_type in PAIRS:
        if from_type == page.object_type:
            rows = list(_association_rows(crm, from_type, to_type, ids))
            ends = (str(row["to_id"]) for row in rows if to_type == "contacts")
            gone = people.erased(ends)
            # A row without a target keeps what replaces the links of before.
            yield [{**row, "to_id": ""} if row["to_id"] in gone else row for row in rows]


def _association_rows(crm: Crm, from_type: str, to_type: str, ids: list[str]) -> Iterator[Row]:
    alone = dict.fromkeys(ids)
    for result in crm.associations(from_type, to_type, ids):
        from_id = str(result["from"]["id"])
        for target in result["to"]:
            for kind in target["associationTypes"]:
                alone.pop(from_id, None)
                yield {
                    "from_type": from_type,
                    "from_id": from_id,
                    "to_type": to_type,
                    "to_id": target["toObjectId"],
                    "type_id": kind["typeId"],
                    "label": kind.get("label"),
                    "category": kind.get("category"),
                }
    # A row without a target replaces associations that are gone.
    for from_id in alone:
        key = {"from_type": from_type, "from_id": from_id, "to_type": to_type}
        yield key | {"to_id": "", "type_id": ""}


def _if_changed(table: Table, rows: Iterable[Row]) -> Iterator[Sequence[Row]]:
    listed = list(rows)
    if changed(table, listed):
        yield listed


def _owner_row(item: dict[str, Any]) -> Row:
    return {
        "id": item["id"],
        "email": item.get("email"),
        "first_name": item.get("firstName"),
        "last_name": item.get("lastName"),
        "user_id": item.get("userId") or item.get("userIdIncludingInactive"),
        "archived": item["archived"],
        "created_at": item["createdAt"],
        "updated_at": item["updatedAt"],
    }


def _stage_rows(pipelines: Iterable[dict[str, Any]]) -> Iterator[Row]:
    for pipeline in pipelines:
        for stage in pipeline["stages"]:
            metadata = stage.get("metadata", {})
            yield {
                "object_type": "deals",
                "pipeline_id": pipeline["id"],
                "stage_id": stage["id"],
                "pipeline_label": pipeline["label"],
                "stage_label": stage["label"],
                "display_order": stage["displayOrder"],
                "probability": metadata.get("probability"),
                "is_closed": metadata.get("isClosed"),
                "archived": stage["archived"],
            }


def _property_rows(crm: Crm) -> Iterator[Row]:
    for object_type in OBJECTS:
        for item in crm.properties(object_type):
            yield {
                "object_type": object_type,
                "name": item["name"],
                "label": item.get("label"),
                "type": item.get("type"),
                "field_type": item.get("fieldType"),
                "created_at": item.get("createdAt"),
                "archived": item.get("archived", False),
            }


def _known(crm: Crm, rows: Iterable[Row]) -> Iterator[Row]:
    """The properties, with those that were not there before noted as new columns."""
    listed = list(rows)
    state = dlt.current.source_state()
    before, names = (
        state.get("known_properties"),
        [f"{r['object_type']}.{r['name']}" for r in listed],
    )
    for row, full in zip(listed, names, strict=True):
        if before is not None and full not in before:
            name = f"properties.{row['name']}"
            sent, now = str(row["type"]), crm.now.isoformat()
            note_new_column("hubspot", str(row["object_type"]), name, sent, now)
    state["known_properties"] = names
    yield from listed


def _counts(crm: Crm, stopped: Sequence[str]) -> Iterator[Sequence[Row]]:
    counted_at = crm.now
    yield [
        {
            "table_name": object_type,
            "scope": "live",
            "source_count": crm.search(object_type, {"limit": 1})["total"],
            "counted_at": counted_at,
        }
        for object_type in OBJECTS
        if object_type not in stopped
    ]
