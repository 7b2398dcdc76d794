"""The vendors on one port: routes, tokens, clock, request log, rate limits and faults."""

import asyncio
import contextlib
import logging
import math
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator import ads
from simulator.company import Company, open_company
from simulator.faults import BENDS, Bend, Fault, Script
from simulator.github import GitHub
from simulator.hubspot import HubSpot
from simulator.intercom import Intercom
from simulator.linear import Linear
from simulator.posthog import PostHog
from simulator.research import Repository, folder_of
from simulator.stripe import Stripe
from simulator.surveymonkey import SurveyMonkey
from simulator.tables import parse_time
from simulator.typeform import Typeform
from simulator.wire import Clock, Refusal, Vendor
from simulator.zendesk import Zendesk

# Export runs have an id each; a log that kept them all would grow for ever.
RUN_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class World:
    """The state behind the server that a test or an operator may look at and change."""

    def __init__(self, company: Company, now: datetime | None, rate_limits: bool) -> None:
        self.clock = Clock(now or company.now)
        self.posthog = PostHog(company, self.clock)
        self.vendors: list[Vendor] = [
            self.posthog,
            HubSpot(company, self.clock),
            Typeform(company, self.clock),
            SurveyMonkey(company, self.clock),
            *ads.platforms(company, self.clock),
            Stripe(company, self.clock),
            Zendesk(company, self.clock),
            Intercom(company, self.clock),
            Linear(company, self.clock),
            GitHub(company, self.clock),
        ]
        self.research = Repository(company)
        self.script = Script()
        self.rate_limits = rate_limits
        self.by_vendor: Counter[str] = Counter()
        self.by_path: Counter[str] = Counter()

    def vendor(self, path: str) -> Vendor | None:
        return next((vendor for vendor in self.vendors if vendor.owns(path)), None)

    def note(self, vendor: Vendor, path: str) -> None:
        self.by_vendor[vendor.name] += 1
        self.by_path[RUN_ID.sub("{id}", path)] += 1


class Front:
    """What happens to every vendor request before and after its endpoint."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app = app
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        vendor = self._world.vendor(scope["path"])
        send = _dated(send, self._world.clock, vendor, scope["path"])
        if vendor is None:
            await self._app(scope, receive, send)
            return
        self._world.note(vendor, scope["path"])
        await self._serve(vendor, scope, receive, send)

    async def _serve(self, vendor: Vendor, scope: Scope, receive: Receive, send: Send) -> None:
        now = self._world.clock.now
        due = self._world.script.due(vendor.name, scope["path"], scope["method"], now)
        scope["rate_limits"] = self._world.rate_limits
        scope["bends"] = [Bend(fault.kind, fault.drift) for fault in due if fault.kind in BENDS]
        if any(fault.kind == "cut" for fault in due):
            send = _cut(send)
        try:
            for fault in due:
                await _strike(fault, vendor, receive)
            vendor.authorise(Request(scope))
            if self._world.rate_limits:
                _spend(vendor, scope["path"])
        except Refusal as refusal:
            await refusal.response(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _dated(send: Send, clock: Clock, vendor: Vendor | None, path: str) -> Send:
    """Every answer carries the simulated time, which is all the time its reader should know."""

    async def dated(message: Message) -> None:
        if message["type"] == "http.response.start":
            stamp = format_datetime(clock.now.replace(microsecond=0), usegmt=True)
            added = {"Date": stamp, **(vendor.headers(path) if vendor else {})}
            headers = [(k.lower().encode(), v.encode()) for k, v in added.items()]
            message["headers"] = [*message["headers"], *headers]
        await send(message)

    return dated


def _cut(send: Send) -> Send:
    """Announce the whole body and send half of its first piece."""
    ended = False

    async def halved(message: Message) -> None:
        nonlocal ended
        if ended:
            return
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            message = {"type": message["type"], "body": body[: len(body) // 2]}
            ended = True
        await send(message)

    return halved


async def _strike(fault: Fault, vendor: Vendor, receive: Receive) -> None:
    """Answer in the vendor's place, if the fault is of that kind."""
    if fault.kind in ("429", "429-no-retry-after"):
        refusal = vendor.refusal(429)
        if fault.kind == "429":
            refusal.response.headers["Retry-After"] = str(fault.retry_after)
        raise refusal
    if fault.kind == "500":
        raise vendor.refusal(500)
    if fault.kind == "expired-token":
        raise vendor.refusal(401)
    if fault.kind == "timeout":
        await _patience(fault.seconds, receive)
        raise vendor.refusal(500, "upstream request timeout")


async def _patience(seconds: float, receive: Receive) -> None:
    """Wait, but not for a reader who has gone."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        with contextlib.suppress(TimeoutError):
            message = await asyncio.wait_for(receive(), left)
            if message["type"] == "http.disconnect":
                return


def _spend(vendor: Vendor, path: str) -> None:
    """Count a request against the vendor's limits, or refuse it."""
    limits = [limit for limit in vendor.limits if limit.path.search(path)]
    for limit in limits:
        if wait := limit.wait():
            refusal = vendor.refusal(429, limit=limit.name)
            if limit.says_when:
                refusal.response.headers["Retry-After"] = str(math.ceil(wait))
            raise refusal
    for limit in limits:
        limit.take()


def create_app(
    folder: Path,
    *,
    now: datetime | None = None,
    rate_limits: bool = False,
    cache: Path | None = None,
) -> Starlette:
    """The vendors of the company in `folder`, their clock standing at `now`."""
    world = World(open_company(folder, cache), now, rate_limits)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        world.posthog.close()
        world.research.close()

    async def refused(request: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, Refusal)
        return refusal.response

    async def unknown(request: Request, fault: Exception) -> Response:
        assert isinstance(fault, HTTPException)
        vendor = world.vendor(request.url.path)
        if vendor is None:
            return JSONResponse({"error": fault.detail}, fault.status_code, fault.headers)
        response = vendor.refusal(fault.status_code).response
        response.headers.update(fault.headers or {})
        return response

    routes = [route for vendor in world.vendors for route in vendor.routes()]
    app = Starlette(
        routes=[*routes, *_controls(world)],
        middleware=[Middleware(Front, world=world)],
        exception_handlers={Refusal: refused, HTTPException: unknown},
        lifespan=lifespan,
    )
    # A redirect would hide a path that the vendor does not have.
    app.router.redirect_slashes = False
    app.state.world = world
    return app


def _controls(world: World) -> list[Route]:
    """The switches of the simulation, which no vendor has."""

    async def clock(request: Request) -> Response:
        if request.method == "POST":
            try:
                world.clock.now = parse_time((await request.json())["now"])
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                message = f'send {{"now": "2026-06-30T12:00:00Z"}} ({error})'
                return JSONResponse({"error": message}, 400)
            world.research.export(world.clock.now)
        return JSONResponse({"now": world.clock.now.isoformat()})

    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            world.script.clear()
            return JSONResponse({"armed": 0})
        try:
            return JSONResponse({"armed": world.script.add(await request.json(), world.clock.now)})
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)

    async def requests(request: Request) -> Response:
        if request.method == "DELETE":
            world.by_vendor.clear()
            world.by_path.clear()
        body = {
            "total": world.by_vendor.total(),
            "by_vendor": dict(world.by_vendor),
            "by_path": dict(world.by_path),
        }
        return JSONResponse(body)

    return [
        Route("/__sim/clock", clock, methods=["GET", "POST"]),
        Route("/__sim/faults", faults, methods=["POST", "DELETE"]),
        Route("/__sim/requests", requests, methods=["GET", "DELETE"]),
    ]


def listen(port: int = 0) -> socket.socket:
    """A socket on this machine only; port 0 takes a free one."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener


def exporting(app: ASGIApp, url: str) -> None:
    """Let the research repository of an app export to where its address says."""
    if isinstance(app, Starlette):
        world: World = app.state.world
        world.research.open(folder_of(url), world.clock.now)


def uvicorn_server(app: ASGIApp) -> uvicorn.Server:
    # The Date header is the simulated clock's, and a cut answer is no error of ours.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
    )


@contextlib.contextmanager
def running(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Serve an app in a thread; yields its base URL."""
    listener = listen(port)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    exporting(app, url)
    server = uvicorn_server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        yield url
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@contextlib.contextmanager
def serving(
    folder: Path,
    *,
    now: datetime | None = None,
    rate_limits: bool = False,
    cache: Path | None = None,
) -> Iterator[str]:
    """The vendors of a company folder on a free port of this machine."""
    with running(create_app(folder, now=now, rate_limits=rate_limits, cache=cache)) as url:
        yield url
