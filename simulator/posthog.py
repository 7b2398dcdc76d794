"""PostHog: file exports by arrival, survey and flag definitions, and one count."""

import hashlib
import hmac
import json
import re
import secrets
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from simulator.company import Company
from simulator.exports import MEGABYTE, Order, Shelf, write
from simulator.faults import DRIFT_NAME, Bend, bend_rows, drifts
from simulator.tables import micros, moment, parse_time
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

TOKEN = "phx_demo"
PROJECT = "1"
LONGEST = 7 * 24 * 3600 * 1_000_000
MOST_RUNNING = 20
LONGEST_RUN = 60.0
# Files of older runs are gone, as behind a pre-signed address that has expired.
KEPT_RUNS = 64
MODELS = ("events", "persons", "sessions")
COMPRESSIONS = {
    "Parquet": ("zstd", "lz4", "snappy", "gzip", "brotli"),
    "JSONLines": ("gzip", "brotli"),
}
EXPORTS = "file_download_batch_exports"
FILES = "/posthog-batch-exports"
COUNT_QUERY = re.compile(
    r"SELECT toDate\(timestamp\) AS day, count\(DISTINCT uuid\) AS events FROM events"
    r" WHERE timestamp >= toDateTime\('(\d{4}-\d\d-\d\d 00:00:00)', 'UTC'\)"
    r" GROUP BY day ORDER BY day LIMIT 50000"
)
MOST_DAYS = 50_000
ERRORS = {
    401: (
        "authentication_error",
        "not_authenticated",
        "Authentication credentials were not provided.",
    ),
    403: ("authentication_error", "permission_denied", "You don't have access to the project."),
    404: ("invalid_request", "not_found", "Endpoint not found."),
    405: ("invalid_request", "method_not_allowed", "Method not allowed."),
    429: ("throttled_error", "throttled", "Request was throttled."),
    500: ("server_error", "error", "A server error occurred."),
}  # fmt: skip


def error(status: int, kind: str, code: str, detail: str, attr: str | None = None) -> Refusal:
    return Refusal(status, {"type": kind, "code": code, "detail": detail, "attr": attr})


def refuse(name: str, message: str) -> Refusal:
    code = "required" if message == "is required" else "invalid_input"
    detail = "This field is required." if code == "required" else f"{name} {message}".strip()
    return error(400, "validation_error", code, detail, name.replace(".", "__") or None)


@dataclass
class Run:
    """One export run; polls move it from Starting to Running to Completed."""

    id: str
    order: Order
    asked_at: int
    bends: list[Bend]
    work: Future[list[Path]]
    polls: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def finished(self) -> bool:
        return self.polls >= 3

    @property
    def running(self) -> bool:
        # Polls are all that moves a run here, and nobody polls for a reader that has crashed.
        return not self.finished and time.monotonic() - self.started < LONGEST_RUN


class PostHog:
    """The part of the server that answers as us.posthog.com."""

    name = "posthog"

    def __init__(self, company: Company, clock: Clock) -> None:
        self._company = company
        self._clock = clock
        self._shelf = Shelf(company)
        self._runs: dict[str, Run] = {}
        self._signing_key = secrets.token_bytes(32)
        self._folder = tempfile.TemporaryDirectory(prefix="posthog-exports-")
        # One at a time: two exports at once would only take twice the memory.
        self._writers = ThreadPoolExecutor(1, "export")
        every = re.compile(r"^/api/")
        self.limits = [Limit("minute", 480, 60.0, every), Limit("hour", 4800, 3600.0, every)]

    def owns(self, path: str) -> bool:
        # Other vendors put a version after `/api/`.
        return re.match(rf"/api/(?!v?\d)|{FILES}/", path) is not None

    def routes(self) -> list[Route]:
        # PostHog moved exports from environments to projects and serves both, with and
        # without the last slash.
        made = []
        for scope in ("environments", "projects"):
            base = f"/api/{scope}/{{project_id}}"
            run = f"{base}/{EXPORTS}/{{run_id}}"
            pages: list[tuple[str, Callable[..., Any], str]] = [
                (f"{base}/{EXPORTS}", self.create, "POST"),
                (run, self.status, "GET"),
                (f"{run}/download", self.download, "GET"),
                (f"{run}/download/{{part}}", self.download, "GET"),
                (f"{base}/surveys", self.surveys, "GET"),
                (f"{base}/feature_flags", self.feature_flags, "GET"),
                (f"{base}/query", self.query, "POST"),
            ]
            for path, endpoint, method in pages:
                made += [Route(path + end, endpoint, methods=[method]) for end in ("", "/")]
        return [*made, Route(FILES + "/{run_id}/{name}", self.file)]

    def close(self) -> None:
        """End the writer and remove what it wrote."""
        self._writers.shutdown(wait=True, cancel_futures=True)
        self._folder.cleanup()

    def authorise(self, request: Request) -> None:
        if request.url.path.startswith(FILES):
            return
        token = bearer(request)
        if token is None:
            raise self.refusal(401)
        if token != TOKEN:
            detail = "Personal API key found in request Authorization header is invalid."
            raise error(401, "authentication_error", "authentication_failed", detail)
        project = request.url.path.split("/")[3:4]
        if project != [PROJECT]:
            raise error(404, "invalid_request", "not_found", "Project not found.")

    def headers(self, path: str) -> dict[str, str]:
        return {}

    def refusal(self, status: int, detail: str = "", limit: str = "") -> Refusal:
        kind, code, usual = ERRORS[status]
        return error(status, kind, code, detail or usual)

    async def create(self, request: Request) -> Response:
        parameters(request, (), refuse)
        order = read_order(await json_body(request, refuse), self._clock.micros)
        asked = bends(request)
        if sum(1 for run in self._runs.values() if run.running) >= MOST_RUNNING:
            raise self.refusal(429, f"At most {MOST_RUNNING} exports run at the same time.")
        return answer({"id": self._start(order, asked).id}, 202)

    def _start(self, order: Order, asked: list[Bend]) -> Run:
        now = self._clock.micros
        run_id = str(uuid.uuid4())
        work = self._submit(run_id, order, now, asked, asked)
        run = Run(run_id, order, now, asked, work)
        self._runs[run_id] = run
        done = [other for other in self._runs.values() if not other.running]
        for old in done[: max(0, len(self._runs) - KEPT_RUNS)]:
            self._forget(old)
        return run

    def _submit(
        self, run_id: str, order: Order, now: int, every: list[Bend], fresh: list[Bend]
    ) -> Future[list[Path]]:
        folder = Path(self._folder.name) / run_id / secrets.token_hex(4)

        def work() -> list[Path]:
            if any(bend.kind == "late" for bend in fresh):
                self._shelf.hold_back(order, now)
            return write(self._shelf.rows(order, now), order, every, folder)

        return self._writers.submit(work)

    def _forget(self, run: Run) -> None:
        run.work.cancel()
        del self._runs[run.id]
        shutil.rmtree(Path(self._folder.name) / run.id, ignore_errors=True)

    def _run(self, request: Request) -> Run:
        run = self._runs.get(request.path_params["run_id"].lower())
        if run is None:
            raise error(404, "invalid_request", "not_found", "Not found.")
        asked = bends(request)
        if asked:
            run.bends = [*run.bends, *asked]
            run.work = self._submit(run.id, run.order, run.asked_at, run.bends, asked)
        return run

    async def status(self, request: Request) -> Response:
        parameters(request, (), refuse)
        run = self._run(request)
        run.polls += 1
        if not run.finished:
            return answer({"status": "Starting" if run.polls == 1 else "Running"})
        try:
            paths = await run_in_threadpool(run.work.result)
        except Exception as fault:
            return answer({"status": "Failed", "error": str(fault)})
        return answer({"status": "Completed", "files": _file_ids(run, paths)})

    async def download(self, request: Request) -> Response:
        parameters(request, (), refuse)
        run = self._run(request)
        if not run.finished:
            raise refuse("", "Batch export run is still in progress")
        try:
            paths = await run_in_threadpool(run.work.result)
        except Exception as fault:
            raise refuse("", "Batch export run has failed") from fault
        name = self._part(run, paths, request.path_params.get("part", "0"))
        return RedirectResponse(self._signed(request, run, name), 302)

    def _part(self, run: Run, paths: list[Path], part: str) -> str:
        if part == "manifest.json" and run.order.max_bytes:
            return part
        ids = _file_ids(run, paths)
        if part in ids:
            return paths[ids.index(part)].name
        if not re.fullmatch(r"[0-9]{1,9}", part):
            raise error(404, "invalid_request", "not_found", f"No files with ID {part}")
        if int(part) >= len(paths):
            raise error(404, "invalid_request", "not_found", f"No files with index {part}")
        return paths[int(part)].name

    def _signed(self, request: Request, run: Run, name: str) -> str:
        base = str(request.base_url).rstrip("/")
        signature = self._signature(run.id, name)
        return f"{base}{FILES}/{run.id}/{name}?X-Amz-Expires=3600&X-Amz-Signature={signature}"

    def _signature(self, run_id: str, name: str) -> str:
        return hmac.new(self._signing_key, f"{run_id}/{name}".encode(), hashlib.sha256).hexdigest()

    async def file(self, request: Request) -> Response:
        run_id, name = request.path_params["run_id"], request.path_params["name"]
        signature = request.query_params.get("X-Amz-Signature", "")
        if not hmac.compare_digest(signature, self._signature(run_id, name)):
            body = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
            return Response(body, 403, media_type="application/xml")
        run = self._run(request)
        paths = await run_in_threadpool(run.work.result)
        if name == "manifest.json":
            return answer({"files": [path.name for path in paths]})
        found = next((path for path in paths if path.name == name), None)
        if found is None:
            raise error(404, "invalid_request", "not_found", "Not found.")
        return FileResponse(found, media_type="application/octet-stream", filename=name)

    async def surveys(self, request: Request) -> Response:
        asked = parameters(request, ("archived", "search", "limit", "offset"), refuse)
        archived = single(asked, "archived", refuse)
        wanted = None if archived is None else flag(archived, "archived", False, refuse)
        found = [_survey(row) for row in self._visible(self._company.surveys)]
        if wanted is not None:
            found = [row for row in found if row["archived"] == wanted]
        return self._list(request, asked, found)

    async def feature_flags(self, request: Request) -> Response:
        asked = parameters(request, ("search", "limit", "offset"), refuse)
        found = [_feature_flag(row) for row in self._visible(self._company.feature_flags)]
        return self._list(request, asked, found)

    def _visible(self, rows: list[Row]) -> list[Row]:
        """The current version of every definition that exists by now."""
        current: dict[str, Row] = {}
        for row in sorted(rows, key=_changed):
            if _changed(row) <= self._clock.micros:
                current[row["id"]] = row
        return list(current.values())

    def _list(self, request: Request, asked: dict[str, list[str]], found: list[Row]) -> Response:
        limit = whole(single(asked, "limit", refuse), "limit", 100, (1, 1000), refuse)
        offset = whole(single(asked, "offset", refuse), "offset", 0, (0, 10**9), refuse)
        search = (single(asked, "search", refuse) or "").lower()
        found = [row for row in found if search in str(row.get("name", "")).lower()]
        page = found[offset : offset + limit]
        page = bend_rows(page, bends(request), lambda row: str(row["created_at"]))
        body = {
            "count": len(found),
            "next": _page_url(request, offset + limit) if offset + limit < len(found) else None,
            "previous": _page_url(request, max(0, offset - limit)) if offset else None,
            "results": [_drifted(row, bends(request)) for row in page],
        }
        if "changed-type" in drifts(bends(request)):
            body["count"] = str(len(found))
        return answer(body)

    async def query(self, request: Request) -> Response:
        parameters(request, (), refuse)
        text = read_query(await json_body(request, refuse))
        asked = COUNT_QUERY.fullmatch(" ".join(text.split()))
        if asked is None:
            detail = "This server answers one query only: events a day since a date."
            raise error(400, "validation_error", "illegal_query", detail, "query")
        try:
            since = micros(parse_time(asked[1]))
        except ValueError as fault:
            raise error(400, "validation_error", "illegal_query", str(fault), "query") from fault
        now = self._clock.micros
        rows = await run_in_threadpool(self._shelf.events_by_day, since, now)
        return answer(_hogql(text, rows, bends(request)))


def read_order(body: Row, now: int) -> Order:
    """An export request, or the refusal it deserves."""
    allowed = ("model", "file", "data_interval_start", "data_interval_end", "include", "exclude")
    known_keys(body, allowed, refuse)
    model = take(body, "model", str, refuse, required=True)
    if model not in MODELS:
        raise _choice("model", model)
    kind, compression, max_bytes = _file_options(take(body, "file", dict, refuse, required=True))
    start, end = _time(body, "data_interval_start"), _time(body, "data_interval_end")
    if end <= start:
        raise refuse("data_interval_end", "must be after data_interval_start")
    if end - start > LONGEST:
        raise refuse("data_interval_end", "must be at most one week after data_interval_start")
    if end > now:
        raise refuse("data_interval_end", "cannot be in the future")
    include, exclude = texts(body, "include", refuse), texts(body, "exclude", refuse)
    if model != "events" and (include or exclude):
        raise refuse("include" if include else "exclude", "is only supported for the events model")
    return Order(model, kind, compression, max_bytes, start, end, tuple(include), tuple(exclude))


def _file_options(options: Row) -> tuple[str, str | None, int | None]:
    known_keys(options, ("format", "compression", "max_size_mb"), _in_file)
    kind = take(options, "format", str, _in_file, required=True)
    if kind not in COMPRESSIONS:
        raise _choice("file.format", kind)
    compression = take(options, "compression", str, _in_file)
    if compression is not None and compression not in COMPRESSIONS[kind]:
        raise _choice("file.compression", compression)
    megabytes = take(options, "max_size_mb", int, _in_file)
    if megabytes is not None and megabytes < 1:
        raise refuse("file.max_size_mb", "must be 1 or more")
    return kind, compression, None if megabytes is None else megabytes * MEGABYTE


def _in_file(name: str, message: str) -> Refusal:
    return refuse(f"file.{name}", message)


def _choice(name: str, value: str) -> Refusal:
    detail = f'"{value}" is not a valid choice.'
    return error(400, "validation_error", "invalid_choice", detail, name.replace(".", "__"))


def _time(body: Row, name: str) -> int:
    text = take(body, name, str, refuse, required=True)
    try:
        if not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", text):
            raise ValueError(text)
        return micros(parse_time(text))
    except (ValueError, OverflowError) as fault:
        raise refuse(name, "must be an ISO 8601 time") from fault


def read_query(body: Row) -> str:
    """The HogQL text of a query request."""
    known_keys(body, ("query", "name", "client_query_id", "refresh", "async"), refuse)
    query = take(body, "query", dict, refuse, required=True)
    known_keys(query, ("kind", "query"), refuse)
    if take(query, "kind", str, refuse, required=True) != "HogQLQuery":
        raise refuse("kind", "must be HogQLQuery")
    text: str = take(query, "query", str, refuse, required=True)
    return text


def _hogql(text: str, rows: list[tuple[str, int]], asked: list[Bend]) -> Row:
    shown = bend_rows(rows[:MOST_DAYS], asked, lambda row: row[0])
    body: Row = {
        "results": [list(row) for row in shown],
        "columns": ["day", "events"],
        "types": [["day", "Nullable(Date)"], ["events", "UInt64"]],
        "hogql": text,
        "query": text,
        "hasMore": len(rows) > MOST_DAYS,
        "limit": MOST_DAYS,
        "offset": 0,
        "timings": [],
        "error": None,
    }
    kinds = drifts(asked)
    if "changed-type" in kinds:
        body["results"] = json.dumps(body["results"])
    if "dropped-column" in kinds:
        body.pop("results")
    if "new-column" in kinds:
        body[DRIFT_NAME] = "new"
    return body


def _file_ids(run: Run, paths: list[Path]) -> list[str]:
    return [str(uuid.uuid5(uuid.UUID(run.id), path.name)) for path in paths]


def _page_url(request: Request, offset: int) -> str:
    return str(request.url.include_query_params(offset=offset))


def _changed(row: Row) -> int:
    found: datetime | None = row["updated_at"] or row["created_at"]
    return 0 if found is None else micros(found)


def _stamp(value: datetime | None) -> str:
    when = value or moment(0)
    return when.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _survey(row: Row) -> Row:
    """A survey with everything PostHog always sends; the definition has the last word."""
    survey = {
        "description": "",
        "type": "popover",
        "schedule": "once",
        "linked_flag_id": None,
        "questions": [],
        "conditions": None,
        "appearance": None,
        "start_date": None,
        "end_date": None,
        "archived": False,
        "responses_limit": None,
        "feature_flag_keys": [],
        "iteration_count": None,
        "iteration_frequency_days": None,
        "iteration_start_dates": [],
        "current_iteration": None,
        "current_iteration_start_date": None,
        "enable_partial_responses": None,
        "user_access_level": "editor",
        **_named(row),
    }
    # PostHog's own schema declares these as objects that are never null.
    for index, name in enumerate(("linked_flag", "targeting_flag", "internal_targeting_flag")):
        survey[name] = survey.get(name) or _survey_flag(row, name, index)
    survey["created_by"] = survey["created_by"] or CREATOR
    return survey


CREATOR = {
    "id": 1,
    "uuid": "00000000-0000-4000-8000-000000000001",
    "distinct_id": None,
    "first_name": "",
    "last_name": "",
    "email": "owner@posthog.example",
    "is_email_verified": None,
    "hedgehog_config": None,
}


def _survey_flag(row: Row, name: str, index: int) -> Row:
    seen = hashlib.sha256(str(row["id"]).encode()).hexdigest()
    return {
        "id": int(seen[:6], 16) * 3 + index,
        "team_id": int(PROJECT),
        "key": f"survey-{name.replace('_', '-')}-{seen[:10]}",
        "name": f"Flag of survey {row['id']}",
        "active": False,
        "deleted": False,
        "filters": {"groups": []},
        "evaluation_contexts": [],
        "version": 1,
    }


def _feature_flag(row: Row) -> Row:
    return {
        "key": str(row["name"] or row["id"]),
        "filters": {"groups": []},
        "deleted": False,
        "active": True,
        **_named(row),
        "id": int(row["id"]) if str(row["id"]).isdigit() else row["id"],
    }


def _named(row: Row) -> Row:
    """What the columns of the folder say, over what the definition says."""
    return {
        "created_by": None,
        "updated_at": _stamp(row["updated_at"] or row["created_at"]),
        **row["definition"],
        "id": row["id"],
        "name": row["name"] or row["definition"].get("name") or row["id"],
        "created_at": _stamp(row["created_at"] or row["updated_at"]),
    }


def _drifted(row: Row, asked: list[Bend]) -> Row:
    kinds = drifts(asked)
    if "new-column" in kinds:
        row = {**row, DRIFT_NAME: "new"}
    if "changed-type" in kinds:
        row = {**row, "name": 7}
    if "dropped-column" in kinds:
        row = {name: value for name, value in row.items() if name != "created_at"}
    return row
