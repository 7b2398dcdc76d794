"""HubSpot: CRM records with their history, associations, owners, pipelines and properties."""

import json
import re
import uuid
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.company import OBJECT_TYPES, Company
from simulator.crm import Records, View, id_order, iso_millis, modified_property
from simulator.crm_search import Search, read_search, run
from simulator.faults import DRIFT_NAME, Bend, bend_rows, drifts
from simulator.tables import micros
from simulator.wire import (
    Clock,
    Limit,
    Refusal,
    Row,
    answer,
    bearer,
    bends,
    flag,
    json_body,
    known_keys,
    parameters,
    single,
    take,
    texts,
    whole,
)

TOKEN = "pat-demo"
# Types HubSpot has and no company folder holds: known, and empty.
EMPTY_TYPES = ("tickets", "products", "line_items", "quotes", "feedback_submissions", "leads")
INDEX_LAG = 30 * 1_000_000
MOST_RESULTS = 10_000
LONGEST_SEARCH = 3_000
LIST_PAGE, LIST_PAGE_WITH_HISTORY, SEARCH_PAGE, OWNER_PAGE = 100, 50, 200, 500
BATCH, BATCH_WITH_HISTORY, ASSOCIATION_BATCH = 100, 50, 1_000
DEFAULT_PROPERTIES = {
    "contacts": (
        "createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname",
    ),
    "companies": ("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"),
    "deals": (
        "amount", "closedate", "createdate", "dealname", "dealstage", "hs_lastmodifieddate",
        "hs_object_id", "pipeline",
    ),
}  # fmt: skip
GROUPS = {
    "contacts": "contactinformation",
    "companies": "companyinformation",
    "deals": "dealinformation",
}
SINGULAR = {"contacts": "contact", "companies": "company", "deals": "deal"}
UNIQUE = {"contacts": ("email",), "companies": (), "deals": ()}
FIELD_TYPES = {
    "string": "text",
    "number": "number",
    "datetime": "date",
    "date": "date",
    "enumeration": "select",
    "bool": "booleancheckbox",
}
BUILT_IN = {
    "hs_object_id": "number",
    "createdate": "datetime",
    "hs_merged_object_ids": "string",
    "amount": "number",
    "closedate": "datetime",
    "dealstage": "enumeration",
    "pipeline": "enumeration",
    "hubspot_owner_id": "enumeration",
}
LABELS = {
    "hs_object_id": "Record ID",
    "createdate": "Create Date",
    "lastmodifieddate": "Last Modified Date",
    "hs_lastmodifieddate": "Last Modified Date",
    "hs_merged_object_ids": "Merged record IDs",
}
ERRORS = {
    401: (
        "INVALID_AUTHENTICATION",
        "Authentication credentials not found. This API supports OAuth 2.0 authentication.",
    ),
    403: ("MISSING_SCOPES", "This app hasn't been granted all required scopes to make this call."),
    404: ("OBJECT_NOT_FOUND", "resource not found"),
    405: ("INVALID_METHOD", "Method not allowed"),
    429: ("RATE_LIMITS", "You have reached your {limit} limit."),
    500: ("INTERNAL_ERROR", "internal error"),
}


def error(status: int, category: str, message: str, **more: str) -> Refusal:
    body = {
        "status": "error",
        "message": message,
        "correlationId": str(uuid.uuid4()),
        "category": category,
        **more,
    }
    return Refusal(status, body)


def refuse(name: str, message: str) -> Refusal:
    return error(400, "VALIDATION_ERROR", f"Invalid input: {name} {message}".replace("  ", " "))


class HubSpot:
    """The part of the server that answers as api.hubapi.com."""

    name = "hubspot"

    def __init__(self, company: Company, clock: Clock) -> None:
        self._company = company
        self._clock = clock
        search = re.compile(r"/search$")
        self._all = Limit("TEN_SECONDLY_ROLLING", 100, 10.0, re.compile("^/crm/"))
        self.limits = [Limit("SECONDLY", 5, 1.0, search), self._all]
        self._found = lru_cache(maxsize=32)(self._search)
        self.types = lru_cache(maxsize=32)(self._types)

    def owns(self, path: str) -> bool:
        return path.startswith("/crm/")

    def routes(self) -> list[Route]:
        pages: list[tuple[str, str, Callable[..., Any], str]] = [
            ("/crm/objects/2026-09/{type}", "/crm/v3/objects/{type}", self.page, "GET"),
            ("/crm/objects/2026-09/{type}/search", "/crm/v3/objects/{type}/search", self.search,
             "POST"),
            ("/crm/objects/2026-09/{type}/batch/read", "/crm/v3/objects/{type}/batch/read",
             self.batch_read, "POST"),
            ("/crm/objects/2026-09/{type}/{id}", "/crm/v3/objects/{type}/{id}", self.one, "GET"),
            ("/crm/owners/2026-09", "/crm/v3/owners/", self.owners, "GET"),
            ("/crm/pipelines/2026-09/{type}", "/crm/v3/pipelines/{type}", self.pipelines, "GET"),
            ("/crm/properties/2026-09/{type}", "/crm/v3/properties/{type}", self.properties,
             "GET"),
            ("/crm/associations/2026-09/{from}/{to}/batch/read",
             "/crm/v4/associations/{from}/{to}/batch/read", self.associations, "POST"),
        ]  # fmt: skip
        made = [
            Route(path, endpoint, methods=[method])
            for *paths, endpoint, method in pages
            for path in paths
        ]
        return [*made, Route("/crm/v3/owners", self.owners)]

    def authorise(self, request: Request) -> None:
        token = bearer(request)
        if token is None:
            raise self.refusal(401)
        if token != TOKEN:
            message = "The OAuth token used to make this call is invalid or has been revoked."
            raise self.refusal(401, message)

    def headers(self, path: str) -> dict[str, str]:
        # HubSpot leaves these out of search answers.
        if path.endswith("/search"):
            return {}
        remaining = max(0, self._all.count - self._all.used())
        return {
            "X-HubSpot-RateLimit-Max": str(self._all.count),
            "X-HubSpot-RateLimit-Remaining": str(remaining),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Daily": "250000",
        }

    def refusal(self, status: int, detail: str = "", limit: str = "") -> Refusal:
        category, usual = ERRORS[status]
        name = limit or "TEN_SECONDLY_ROLLING"
        more = {"policyName": name, "errorType": "RATE_LIMIT"} if status == 429 else {}
        return error(status, category, detail or usual.format(limit=name.lower()), **more)

    async def page(self, request: Request) -> Response:
        allowed = (
            "limit", "after", "properties", "propertiesWithHistory", "associations", "archived",
        )  # fmt: skip
        kind = self._kind(request)
        asked = parameters(request, allowed, refuse)
        properties, history = _names(asked, "properties"), _names(asked, "propertiesWithHistory")
        most = LIST_PAGE_WITH_HISTORY if history else LIST_PAGE
        limit = whole(single(asked, "limit", refuse), "limit", 10, (1, most), refuse)
        archived = flag(single(asked, "archived", refuse), "archived", False, refuse)
        others = self._association_types(_names(asked, "associations"))
        after = single(asked, "after", refuse)
        records = self._company.records.get(kind)
        if records is None:
            return answer({"results": []})
        view = records.view(self._clock.micros)
        positions, following = _list_page(records, view, after, limit, archived)
        rows = [
            self._object(kind, view, at, properties, history, archived=archived, others=others)
            for at in positions
        ]
        rows = bend_rows(rows, bends(request), lambda row: row["updatedAt"])
        body: Row = {"results": [_drifted(row, bends(request)) for row in rows]}
        if following is not None:
            link = str(request.url.include_query_params(after=following))
            body["paging"] = {"next": {"after": following, "link": link}}
        return answer(body)

    async def search(self, request: Request) -> Response:
        kind = self._kind(request)
        parameters(request, (), refuse)
        text = (await request.body()).decode(errors="replace")
        if len(text) > LONGEST_SEARCH:
            raise refuse("the body", f"is longer than {LONGEST_SEARCH} characters")
        body = await json_body(request, refuse)
        allowed = ("query", "limit", "after", "sorts", "properties", "filterGroups")
        known_keys(body, allowed, refuse)
        limit, offset = _search_page(body)
        properties = texts(body, "properties", refuse)
        seen = self._clock.micros - INDEX_LAG
        asked = read_search(body, self.types(kind, self._clock.micros), refuse)
        records = self._company.records.get(kind)
        if records is None:
            return answer({"total": 0, "results": []})
        found, view = self._found(kind, seen, asked), records.view(seen)
        page = found[offset : offset + limit].tolist()
        rows = [self._object(kind, view, at, properties, [], archived=False) for at in page]
        rows = bend_rows(rows, bends(request), lambda row: row["updatedAt"])
        reply: Row = {
            "total": len(found),
            "results": [_drifted(row, bends(request)) for row in rows],
        }
        if offset + limit < len(found):
            reply["paging"] = {"next": {"after": str(offset + limit)}}
        return answer(reply)

    def _search(self, kind: str, seen: int, asked: Search) -> np.ndarray:
        records = self._company.records[kind]
        return run(asked, records, records.view(seen), self.types(kind, seen + INDEX_LAG))

    async def batch_read(self, request: Request) -> Response:
        kind = self._kind(request)
        asked = parameters(request, ("archived",), refuse)
        archived = flag(single(asked, "archived", refuse), "archived", False, refuse)
        body = await json_body(request, refuse)
        known_keys(body, ("inputs", "properties", "propertiesWithHistory", "idProperty"), refuse)
        properties = texts(body, "properties", refuse, required=True)
        history = texts(body, "propertiesWithHistory", refuse, required=True)
        ids = _inputs(body, BATCH_WITH_HISTORY if history else BATCH)
        by = take(body, "idProperty", str, refuse) or "hs_object_id"
        if by != "hs_object_id" and by not in UNIQUE.get(kind, ()):
            raise refuse("idProperty", f"{by!r} is not a unique property of {kind}")
        rows, missing = [], []
        for identifier in dict.fromkeys(ids):
            row = self._lookup(kind, identifier, by, properties, history, archived)
            if row is None:
                missing.append(identifier)
            else:
                rows.append(row)
        rows = bend_rows(rows, bends(request), lambda row: row["updatedAt"])
        reply = self._complete([_drifted(row, bends(request)) for row in rows])
        if missing:
            reply |= {"numErrors": 1, "errors": [_missing(kind, missing)]}
        return answer(reply, 207 if missing else 200)

    def _lookup(
        self,
        kind: str,
        identifier: str,
        by: str,
        properties: Sequence[str],
        history: Sequence[str],
        archived: bool,
    ) -> Row | None:
        records = self._company.records.get(kind)
        if records is None:
            return None
        view = records.view(self._clock.micros)
        position: int | None = None
        if by != "hs_object_id":
            wanted = identifier.lower()
            values = [] if archived else records.column(view, by)
            matches = (i for i, v in enumerate(values) if v and v.lower() == wanted)
            position = next(matches, None)
        elif (code := records.code(identifier)) is not None:
            codes = view.archived_codes if archived else view.codes
            index = int(np.searchsorted(codes, code))
            position = index if index < len(codes) and codes[index] == code else None
        if position is None:
            return None
        return self._object(kind, view, position, properties, history, archived=archived)

    async def one(self, request: Request) -> Response:
        allowed = (
            "properties", "propertiesWithHistory", "associations", "archived", "idProperty",
        )  # fmt: skip
        kind = self._kind(request)
        asked = parameters(request, allowed, refuse)
        archived = flag(single(asked, "archived", refuse), "archived", False, refuse)
        others = self._association_types(_names(asked, "associations"))
        by = single(asked, "idProperty", refuse) or "hs_object_id"
        if by != "hs_object_id" and by not in UNIQUE.get(kind, ()):
            raise refuse("idProperty", f"{by!r} is not a unique property of {kind}")
        names, history = _names(asked, "properties"), _names(asked, "propertiesWithHistory")
        row = self._lookup(kind, request.path_params["id"], by, names, history, archived)
        if row is None:
            raise self.refusal(404)
        links = self._links(kind, row["id"], others)
        return answer(_drifted({**row, **links}, bends(request)))

    async def owners(self, request: Request) -> Response:
        asked = parameters(request, ("limit", "after", "email", "archived"), refuse)
        limit = whole(single(asked, "limit", refuse), "limit", 100, (1, OWNER_PAGE), refuse)
        archived = flag(single(asked, "archived", refuse), "archived", False, refuse)
        after, email = single(asked, "after", refuse), single(asked, "email", refuse)
        if after is not None and not after.isdigit():
            raise refuse("after", f"{after!r} is not a paging cursor")
        now = self._clock.now
        found = [
            row
            for row in sorted(self._company.owners, key=lambda row: id_order(row["id"]))
            if (row["created_at"] is None or row["created_at"] <= now)
            and (row["archived_at"] is not None and row["archived_at"] <= now) == archived
            and (email is None or (row["email"] or "").lower() == email.lower())
            and (after is None or id_order(row["id"]) > id_order(after))
        ]
        rows = [self._owner(row, archived) for row in found[:limit]]
        rows = bend_rows(rows, bends(request), lambda row: row["updatedAt"])
        body: Row = {"results": [_drifted(row, bends(request)) for row in rows]}
        if len(found) > limit:
            following = found[limit - 1]["id"]
            link = str(request.url.include_query_params(after=following))
            body["paging"] = {"next": {"after": following, "link": link}}
        return answer(body)

    def _owner(self, row: Row, archived: bool) -> Row:
        created = micros(row["created_at"]) if row["created_at"] else self._company.window_start
        updated = micros(row["updated_at"]) if row["updated_at"] else created
        owner = {
            "id": row["id"],
            "email": row["email"] or "",
            "type": "PERSON",
            "firstName": row["first_name"] or "",
            "lastName": row["last_name"] or "",
            "userIdIncludingInactive": row["user_id"],
            "createdAt": iso_millis(created),
            "updatedAt": iso_millis(updated),
            "archived": archived,
        }
        # An archived owner is no user any more, which is what the longer name is for.
        if not archived:
            owner["userId"] = row["user_id"]
        return {name: value for name, value in owner.items() if value is not None}

    async def pipelines(self, request: Request) -> Response:
        kind = self._kind(request)
        parameters(request, (), refuse)
        grouped: dict[str, list[Row]] = {}
        for row in self._stages(kind):
            grouped.setdefault(row["pipeline_id"], []).append(row)
        rows = [self._pipeline(at, stages) for at, stages in enumerate(grouped.values())]
        rows = bend_rows(rows, bends(request), lambda row: row["updatedAt"])
        return answer({"results": [_drifted(row, bends(request)) for row in rows]})

    def _stages(self, kind: str) -> list[Row]:
        """The stages that exist by now; without any in the folder, those its deals are in."""
        rows = [row for row in self._company.stages if (row["object_type"] or "deals") == kind]
        if rows or kind != "deals":
            now = self._clock.now
            return [r for r in rows if r["created_at"] is None or r["created_at"] <= now]
        deals = self._company.records["deals"]
        view = deals.view(self._clock.micros)
        pairs = zip(deals.column(view, "pipeline"), deals.column(view, "dealstage"), strict=True)
        found = sorted({(pipeline or "default", stage) for pipeline, stage in pairs if stage})
        return [_derived_stage(pipeline, stage) for pipeline, stage in found]

    def _pipeline(self, order: int, stages: Sequence[Row]) -> Row:
        first = stages[0]
        since = [micros(row["created_at"]) for row in stages if row["created_at"]]
        created = iso_millis(min(since, default=self._company.window_start))
        return {
            "id": first["pipeline_id"],
            "label": first["pipeline_label"] or first["pipeline_id"],
            "displayOrder": order,
            "createdAt": created,
            "updatedAt": iso_millis(max(since, default=self._company.window_start)),
            "archived": False,
            "stages": [
                self._stage(at, row)
                for at, row in enumerate(sorted(stages, key=lambda r: r["display_order"] or 0))
            ],
        }

    def _stage(self, order: int, row: Row) -> Row:
        stamp = micros(row["created_at"]) if row["created_at"] else self._company.window_start
        closed = row["is_closed"]
        if closed is None:
            closed = row["probability"] in ("0.0", "1.0", "0", "1")
        return {
            "id": row["stage_id"],
            "label": row["stage_label"] or row["stage_id"],
            "displayOrder": order if row["display_order"] is None else row["display_order"],
            "metadata": {
                "isClosed": "true" if closed else "false",
                "probability": row["probability"] or "0.5",
            },
            "createdAt": iso_millis(stamp),
            "updatedAt": iso_millis(stamp),
            "archived": False,
            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
        }

    async def properties(self, request: Request) -> Response:
        kind = self._kind(request)
        asked = parameters(request, ("archived",), refuse)
        if flag(single(asked, "archived", refuse), "archived", False, refuse):
            return answer({"results": []})
        told = {row["name"]: row for row in self._company.properties if row["object_type"] == kind}
        types = self.types(kind, self._clock.micros)
        rows = [self._property(kind, name, types[name], told.get(name)) for name in sorted(types)]
        rows = bend_rows(rows, bends(request), lambda row: row["createdAt"])
        if "new-column" in drifts(bends(request)):
            rows.append(self._property(kind, DRIFT_NAME, "string", None))
        return answer({"results": [_drifted_property(row, bends(request)) for row in rows]})

    def _types(self, kind: str, at: int) -> dict[str, str]:
        """The properties of a type that exist by a moment, and what each holds."""
        records = self._company.records.get(kind)
        told = {row["name"]: row for row in self._company.properties if row["object_type"] == kind}
        names = {"hs_object_id", "createdate", modified_property(kind), "hs_merged_object_ids"}
        names |= set(told) | set(records.property_names if records else ())
        found = {}
        for name in names:
            row = told.get(name) or {}
            born = row.get("created_at")
            if born is None or micros(born) <= at:
                usual = "datetime" if name == modified_property(kind) else BUILT_IN.get(name)
                guess = records.guess_type(name) if records else "string"
                found[name] = row.get("type") or usual or guess
        return found

    def _property(self, kind: str, name: str, type_: str, row: Row | None) -> Row:
        row = row or {}
        own = name in LABELS or name in BUILT_IN
        born = row.get("created_at")
        stamp = iso_millis(micros(born) if born else self._company.window_start)
        return {
            "name": name,
            "label": row.get("label") or LABELS.get(name) or name,
            "type": type_,
            "fieldType": row.get("field_type") or FIELD_TYPES.get(type_, "text"),
            "description": "",
            "groupName": GROUPS.get(kind, f"{kind}information"),
            "options": self._options(kind, name, type_),
            "displayOrder": -1,
            "calculated": False,
            "externalOptions": name == "hubspot_owner_id",
            "hasUniqueValue": name in ("hs_object_id", *UNIQUE.get(kind, ())),
            "hidden": False,
            "hubspotDefined": own,
            "formField": not own,
            "archived": False,
            "modificationMetadata": {
                "archivable": not own,
                "readOnlyDefinition": own,
                "readOnlyValue": name in LABELS,
            },
            "createdAt": stamp,
            "updatedAt": stamp,
        }

    def _options(self, kind: str, name: str, type_: str) -> list[Row]:
        if type_ != "enumeration" or name == "hubspot_owner_id":
            return []
        stages = self._stages(kind) if name in ("dealstage", "pipeline") else []
        column = "stage" if name == "dealstage" else "pipeline"
        labels = {row[f"{column}_id"]: row[f"{column}_label"] for row in stages}
        records = self._company.records.get(kind)
        if not labels and records is not None:
            view = records.view(self._clock.micros)
            labels = {v: v for v in records.column(view, name) if v is not None}
        return [
            {"value": value, "label": label or value, "displayOrder": at, "hidden": False}
            for at, (value, label) in enumerate(labels.items())
        ]

    async def associations(self, request: Request) -> Response:
        parameters(request, (), refuse)
        here = self._kind(request, "from")
        there = self._kind(request, "to")
        body = await json_body(request, refuse)
        known_keys(body, ("inputs",), refuse)
        ids = _inputs(body, ASSOCIATION_BATCH, ("id", "after"))
        links = self._company.associations.view(self._clock.micros).get((here, there), {})
        rows: list[Row] = [
            {"from": {"id": identifier}, "to": _associated(links[identifier])}
            for identifier in dict.fromkeys(ids)
            if identifier in links
        ]
        rows = bend_rows(rows, bends(request), lambda row: id_order(row["from"]["id"]))
        return answer(self._complete([_drifted_link(row, bends(request)) for row in rows]))

    def _complete(self, rows: Sequence[Row]) -> Row:
        stamp = iso_millis(self._clock.micros)
        return {"status": "COMPLETE", "results": rows, "startedAt": stamp, "completedAt": stamp}

    def _kind(self, request: Request, name: str = "type") -> str:
        kind: str = request.path_params[name]
        if kind not in OBJECT_TYPES + EMPTY_TYPES:
            raise refuse("", f"Unable to infer object type from: {kind}")
        return kind

    def _association_types(self, names: Sequence[str]) -> list[str]:
        for name in names:
            if name not in OBJECT_TYPES + EMPTY_TYPES:
                raise refuse("associations", f"Unable to infer object type from: {name}")
        return list(names)

    def _object(
        self,
        kind: str,
        view: View,
        position: int,
        properties: Sequence[str],
        history: Sequence[str],
        *,
        archived: bool,
        others: Sequence[str] = (),
    ) -> Row:
        """One record in HubSpot's shape, at one position of a view."""
        records = self._company.records[kind]
        codes, rows = (
            (view.archived_codes, view.archived_rows) if archived else (view.codes, view.rows)
        )
        code, row = int(codes[position]), int(rows[position])
        updated = int(records.updated_at(row) if archived else view.updated[position])
        every = records.properties(view, code, row, updated)
        types = self.types(kind, self._clock.micros)
        always = ("hs_object_id", "createdate", records.modified)
        wanted = dict.fromkeys((*(properties or DEFAULT_PROPERTIES[kind]), *history, *always))
        found: Row = {
            "id": records.ids[code],
            "properties": {name: every.get(name) for name in wanted if name in types},
            "createdAt": iso_millis(int(records.created[code])),
            "updatedAt": iso_millis(updated),
            "archived": archived,
        }
        if archived:
            found["archivedAt"] = iso_millis(int(records.archived_at[code]))
        if history:
            found["propertiesWithHistory"] = {
                name: [
                    {
                        "value": change.value or "",
                        "timestamp": iso_millis(change.at),
                        "sourceType": "CRM_UI",
                    }
                    for change in records.history(view, code, name, row, updated)
                ]
                for name in history
                if name in types
            }
        return {**found, **self._links(kind, found["id"], others)}

    def _links(self, kind: str, identifier: str, others: Sequence[str]) -> Row:
        view = self._company.associations.view(self._clock.micros) if others else {}
        found = {}
        for other in others:
            links = view.get((kind, other), {}).get(identifier, [])
            if links:
                usual = f"{SINGULAR[kind]}_to_{SINGULAR[other]}"
                found[other] = {
                    "results": [
                        {"id": link.to_id, "type": _link_name(usual, link.label)} for link in links
                    ]
                }
        return {"associations": found} if found else {}


def _names(asked: dict[str, list[str]], name: str) -> list[str]:
    """A list parameter, by commas as documented or repeated as HubSpot's own client does."""
    return [part for value in asked.get(name, []) for part in value.split(",") if part]


def _list_page(
    records: Records, view: View, after: str | None, limit: int, archived: bool
) -> tuple[range, str | None]:
    """Positions of one page in id order, and the cursor of the next."""
    codes = view.archived_codes if archived else view.codes
    start = 0
    if after is not None:
        if not after.isdigit() and records.code(after) is None:
            raise refuse("after", f"{after!r} is not a paging cursor")
        start = int(np.searchsorted(codes, records.code_after(after)))
    end = min(start + limit, len(codes))
    following = records.ids[codes[end - 1]] if end < len(codes) else None
    return range(start, end), following


def _search_page(body: Row) -> tuple[int, int]:
    limit = take(body, "limit", int, refuse)
    limit = 10 if limit is None else limit
    if not 1 <= limit <= SEARCH_PAGE:
        raise refuse("limit", f"must be between 1 and {SEARCH_PAGE}, not {limit}")
    after = take(body, "after", str, refuse)
    offset = whole(after or None, "after", 0, (0, 10**9), refuse)
    if offset + limit > MOST_RESULTS:
        raise refuse("after", f"cannot page past the first {MOST_RESULTS} results of a search")
    return limit, offset


def _inputs(body: Row, most: int, keys: Sequence[str] = ("id",)) -> list[str]:
    inputs = take(body, "inputs", list, refuse, required=True)
    if len(inputs) > most:
        raise refuse("inputs", f"must be at most {most}, not {len(inputs)}")
    found = []
    for entry in inputs:
        if not isinstance(entry, dict):
            raise refuse("inputs", "must be a list of objects")
        known_keys(entry, keys, refuse)
        found.append(take(entry, "id", str, refuse, required=True))
    return found


def _missing(kind: str, ids: Sequence[str]) -> Row:
    singular = SINGULAR.get(kind, kind)
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": f"Could not get some {singular.upper()} objects, they may be deleted or not"
        " exist. Check that ids are valid.",
        "context": {"ids": list(ids)},
    }


def _derived_stage(pipeline: str, stage: str) -> Row:
    outcome = {"closedwon": "1.0", "closedlost": "0.0"}.get(stage)
    return {
        "pipeline_id": pipeline,
        "pipeline_label": None,
        "stage_id": stage,
        "stage_label": None,
        "display_order": None,
        "probability": outcome or "0.5",
        "is_closed": outcome is not None,
        "created_at": None,
    }


def _link_name(usual: str, label: str | None) -> str:
    return usual if label is None or label == "Primary" else label.lower().replace(" ", "_")


def _associated(links: Sequence[Any]) -> list[Row]:
    found: dict[str, list[Row]] = {}
    for link in links:
        kind = {"category": link.category, "typeId": link.type_id, "label": link.label}
        found.setdefault(link.to_id, []).append(kind)
    return [{"toObjectId": to, "associationTypes": kinds} for to, kinds in found.items()]


def _drifted(row: Row, asked: Sequence[Bend]) -> Row:
    """A record after HubSpot changed its format without telling anyone."""
    kinds = drifts(asked)
    if not kinds:
        return row
    row = dict(row)
    properties = dict(row.get("properties", {}))
    if "new-column" in kinds and "properties" in row:
        properties[DRIFT_NAME] = "new"
    if "changed-type" in kinds:
        properties = {n: _as_json_number(v) for n, v in properties.items()}
        row["id"] = _as_json_number(row["id"])
    if "properties" in row:
        row["properties"] = properties
    if "dropped-column" in kinds:
        row.pop("updatedAt", None)
    return row


def _drifted_property(row: Row, asked: Sequence[Bend]) -> Row:
    kinds = drifts(asked)
    row = dict(row)
    if "changed-type" in kinds:
        row["label"] = 7
    if "dropped-column" in kinds:
        row.pop("type")
    return row


def _drifted_link(row: Row, asked: Sequence[Bend]) -> Row:
    kinds = drifts(asked)
    if "changed-type" in kinds:
        row = {**row, "from": {"id": _as_json_number(row["from"]["id"])}}
    if "dropped-column" in kinds:
        row = {"from": row["from"]}
    if "new-column" in kinds:
        row = {**row, DRIFT_NAME: "new"}
    return row


def _as_json_number(value: str | None) -> object:
    if value is None:
        return None
    try:
        found = json.loads(value)
    except ValueError:
        return value
    return found if isinstance(found, int | float) else value
