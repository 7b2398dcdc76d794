"""HubSpot: contacts, companies and deals as they change, with histories and associations.

changes (pages of changed objects) → contacts, companies, deals, deal_property_history,
associations; owners; pipeline_stages; properties. Try it alone: `python -m ingestion hubspot`.
"""

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dlt
from dlt.extract import DltResource

from ingestion.http import Api
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
CONTACTS = Table("hubspot", "contacts", OBJECT, primary_key=("id",), newest="updated_at")
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
TABLES = (*OBJECTS.values(), HISTORY, ASSOCIATIONS, OWNERS, STAGES, PROPERTIES, COUNTS)

FOLLOWED = ("dealstage", "amount", "pipeline", "closedate", "hubspot_owner_id")
PAIRS = (("contacts", "companies"), ("deals", "companies"), ("deals", "contacts"))
# HubSpot's limits: rows of one answer, bytes of a search, rows a search can reach.
LIST_PAGE, SEARCH_PAGE, OWNERS_PAGE = 100, 200, 500
READ_BATCH, HISTORY_BATCH, ASSOCIATION_BATCH = 100, 50, 1000
SEARCH_BYTES = 3000
SEARCH_REACH = 10_000
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


class Crm:
    """The calls of one version of HubSpot's API that this source makes."""

    def __init__(self, api: Api, version: str) -> None:
        self._api = api
        self._version = version
        self._properties: dict[str, list[dict[str, Any]]] = {}

    @property
    def now(self) -> datetime:
        self.properties("contacts")
        return self._api.now

    def properties(self, object_type: str) -> list[dict[str, Any]]:
        if object_type not in self._properties:
            path = f"/crm/properties/{self._version}/{object_type}"
            self._properties[object_type] = self._api.get(path)["results"]
        return self._properties[object_type]

    def property_names(self, object_type: str) -> list[str]:
        names = {str(item["name"]) for item in self.properties(object_type)}
        return sorted(names | {modified_property(object_type), "hs_object_id"})

    def search(self, object_type: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._api.post(f"/crm/objects/{self._version}/{object_type}/search", body)

    def read(
        self, object_type: str, ids: Iterable[str], names: list[str], archived: bool = False
    ) -> Iterator[dict[str, Any]]:
        for batch in in_batches(ids, READ_BATCH):
            body = _inputs(batch) | {"properties": names, "propertiesWithHistory": []}
            yield from self._read(object_type, body, archived)

    def history(self, ids: Iterable[str]) -> Iterator[dict[str, Any]]:
        for batch in in_batches(ids, HISTORY_BATCH):
            body = _inputs(batch) | {"properties": [], "propertiesWithHistory": list(FOLLOWED)}
            yield from self._read("deals", body, archived=False)

    def _read(self, object_type: str, body: dict[str, Any], archived: bool) -> list[dict[str, Any]]:
        path = f"/crm/objects/{self._version}/{object_type}/batch/read"
        parameters = {"archived": "true"} if archived else None
        results: list[dict[str, Any]] = self._api.post(path, body, parameters)["results"]
        return results

    def archived(self, object_type: str) -> Iterator[dict[str, Any]]:
        path = f"/crm/objects/{self._version}/{object_type}"
        return self._list(path, {"archived": "true", "limit": LIST_PAGE})

    def owners(self) -> Iterator[dict[str, Any]]:
        for archived in ("false", "true"):
            parameters: dict[str, str | int] = {"archived": archived, "limit": OWNERS_PAGE}
            yield from self._list(f"/crm/owners/{self._version}", parameters)

    def pipelines(self, object_type: str) -> list[dict[str, Any]]:
        path = f"/crm/pipelines/{self._version}/{object_type}"
        results: list[dict[str, Any]] = self._api.get(path)["results"]
        return results

    def associations(
        self, from_type: str, to_type: str, ids: Sequence[str]
    ) -> Iterator[dict[str, Any]]:
        path = f"/crm/associations/{self._version}/{from_type}/{to_type}/batch/read"
        inputs = [{"id": each} for each in ids]
        while inputs:
            results = self._api.post(path, {"inputs": inputs})["results"]
            yield from results
            # An object with very many associations is answered in parts.
            inputs = [
                {"id": str(result["from"]["id"]), "after": str(_after(result))}
                for result in results
                if _after(result)
            ]

    def _list(self, path: str, parameters: dict[str, str | int]) -> Iterator[dict[str, Any]]:
        after: str | None = None
        while True:
            page = self._api.get(path, parameters | ({"after": after} if after else {}))
            yield from page["results"]
            # Only the cursor is taken: `paging.next.link` names a host.
            after = _after(page)
            if not after:
                return


def modified_property(object_type: str) -> str:
    return "lastmodifieddate" if object_type == "contacts" else "hs_lastmodifieddate"


def _inputs(ids: Iterable[str]) -> dict[str, Any]:
    return {"inputs": [{"id": each} for each in ids]}


def _after(page: dict[str, Any]) -> str | None:
    after = page.get("paging", {}).get("next", {}).get("after")
    return str(after) if after else None


def _milliseconds(moment: datetime) -> int:
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)


class Walk:
    """Every object of one type changed since a moment, however many there are.

    One search reaches 10,000 rows. Beyond, the search begins anew at the last time seen, and
    where one millisecond alone holds more, it goes on by object id within it.
    """

    def __init__(self, crm: Crm, object_type: str) -> None:
        self._crm = crm
        self._type = object_type
        self._modified = modified_property(object_type)
        self._names = crm.property_names(object_type)
        # The latest change seen, and the objects that have it.
        self.reached, self.at_reached = 0, set[str]()

    def since(self, moment: int, seen: set[str]) -> Iterator[list[dict[str, Any]]]:
        """Pages of what changed at `moment` or later, but for the objects `seen` then."""
        self.reached, self.at_reached = moment, set(seen)
        while True:
            moment, seen = self.reached, set(self.at_reached)
            complete = yield from self._window(moment, seen)
            if complete:
                return
            if self.reached == moment:
                yield from self._within(moment, self.at_reached)
                self.reached, self.at_reached = moment + 1, set()

    def _window(self, moment: int, seen: set[str]) -> Generator[list[dict[str, Any]], None, bool]:
        """As much as one search reaches; whether that was all."""
        fetched, after = 0, None
        while fetched < SEARCH_REACH:
            page = self._page([self._filter("GTE", moment)], self._modified, after)
            for item in page["results"]:
                self._note(item)
            fetched += len(page["results"])
            yield [item for item in page["results"] if str(item["id"]) not in seen]
            after = _after(page)
            if not after:
                return True
        return False

    def _note(self, item: dict[str, Any]) -> None:
        changed_at = self._changed_at(item)
        if changed_at > self.reached:
            self.reached, self.at_reached = changed_at, set()
        if changed_at == self.reached:
            self.at_reached.add(str(item["id"]))

    def _within(self, moment: int, seen: set[str]) -> Iterator[list[dict[str, Any]]]:
        last = "0"
        while True:
            beyond = {"propertyName": "hs_object_id", "operator": "GT", "value": last}
            page = self._page([self._filter("EQ", moment), beyond], "hs_object_id", None)
            if not page["results"]:
                return
            yield [item for item in page["results"] if str(item["id"]) not in seen]
            last = str(page["results"][-1]["id"])

    def _filter(self, operator: str, moment: int) -> dict[str, str]:
        return {"propertyName": self._modified, "operator": operator, "value": str(moment)}

    def _changed_at(self, item: dict[str, Any]) -> int:
        text = item["properties"].get(self._modified) or item["updatedAt"]
        return _milliseconds(datetime.fromisoformat(text))

    def _page(self, filters: list[dict[str, str]], sort: str, after: str | None) -> dict[str, Any]:
        body: dict[str, Any] = {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": sort, "direction": "ASCENDING"}],
            "properties": self._names,
            "limit": SEARCH_PAGE,
        } | ({"after": after} if after else {})
        if len(json.dumps(body)) <= SEARCH_BYTES:
            return self._crm.search(self._type, body)
        page = self._crm.search(self._type, body | {"properties": [self._modified]})
        # Reading by id takes any number of names, and may answer in another order.
        ids = [str(item["id"]) for item in page["results"]]
        whole = {str(o["id"]): o for o in self._crm.read(self._type, ids, self._names)}
        return page | {
            "results": [whole.get(i, o) for i, o in zip(ids, page["results"], strict=True)]
        }


@dlt.source(name="hubspot", section="hubspot", max_table_nesting=0)
def hubspot(
    host: str = "https://api.hubapi.com",
    access_token: str = dlt.secrets.value,
    api_version: str = "2026-09",
) -> Iterable[DltResource]:
    """Load one HubSpot account."""
    scopes = "crm.objects.contacts/companies/deals/owners.read and crm.schemas.*.read"
    crm = Crm(Api("hubspot", host, access_token, "access_token", scopes), api_version)
    parent = dlt.resource(lambda: _changes(crm), name="changes", selected=False)
    return (
        *(t.transformer(parent, _of_type(name)) for name, t in OBJECTS.items()),
        HISTORY.transformer(parent, lambda page: _history(crm, page)),
        ASSOCIATIONS.transformer(parent, lambda page: _associations(crm, page)),
        OWNERS.resource(lambda: _if_changed(OWNERS, map(_owner_row, crm.owners()))),
        STAGES.resource(lambda: _if_changed(STAGES, _stage_rows(crm.pipelines("deals")))),
        PROPERTIES.resource(lambda: _if_changed(PROPERTIES, _property_rows(crm))),
        COUNTS.resource(lambda: _counts(crm)),
    )


def _changes(crm: Crm) -> Iterator[Changes]:
    state = dlt.current.source_state()
    state["vendor_now"] = crm.now.isoformat()
    settled = _milliseconds(crm.now) - MARGIN_MS
    cursors = state.setdefault("changed_until", {})
    archived_since = state.setdefault("archived_until", {})
    for object_type in OBJECTS:
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
        or _milliseconds(datetime.fromisoformat(item["archivedAt"])) >= since
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


def _history(crm: Crm, page: Changes) -> Iterator[Sequence[Row]]:
    if page.object_type == "deals" and not page.archived:
        ids = (str(item["id"]) for item in page.items)
        yield [row for deal in crm.history(ids) for row in _history_rows(deal)]


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


def _associations(crm: Crm, page: Changes) -> Iterator[Sequence[Row]]:
    if page.archived:
        return
    ids = list(dict.fromkeys(str(item["id"]) for item in page.items))
    for from_type, to_type in PAIRS:
        if from_type == page.object_type:
            yield list(_association_rows(crm, from_type, to_type, ids))


def _association_rows(crm: Crm, from_type: str, to_type: str, ids: list[str]) -> Iterator[Row]:
    alone = dict.fromkeys(ids)
    for result in crm.associations(from_type, to_type, ids):
        from_id = str(result["from"]["id"])
        for target in result["to"]:
            alone.pop(from_id, None)
            for kind in target["associationTypes"]:
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


def _counts(crm: Crm) -> Iterator[Sequence[Row]]:
    counted_at = crm.now
    yield [
        {
            "table_name": object_type,
            "scope": "live",
            "source_count": crm.search(object_type, {"limit": 1})["total"],
            "counted_at": counted_at,
        }
        for object_type in OBJECTS
    ]
