"""HubSpot's CRM API: its calls, its limits, and how to read past them."""

import json
from collections.abc import Generator, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from ingestion.http import Api
from ingestion.tables import in_batches

# HubSpot's limits: rows of one answer, bytes of a search, rows a search can reach.
LIST_PAGE, SEARCH_PAGE, OWNERS_PAGE = 100, 200, 500
READ_BATCH, HISTORY_BATCH, ASSOCIATION_BATCH = 100, 50, 1000
SEARCH_BYTES = 3000
SEARCH_REACH = 10_000


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

    def history(self, ids: Iterable[str], names: Iterable[str]) -> Iterator[dict[str, Any]]:
        for batch in in_batches(ids, HISTORY_BATCH):
            body = _inputs(batch) | {"properties": [], "propertiesWithHistory": list(names)}
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


def milliseconds(moment: datetime) -> int:
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
            # Seen then, and not changed since: one that changed again has a later time.
            yield [
                item
                for item in page["results"]
                if self._changed_at(item) > moment or str(item["id"]) not in seen
            ]
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
        return milliseconds(datetime.fromisoformat(text))

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
