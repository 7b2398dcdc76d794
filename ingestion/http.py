"""One HTTP client for every vendor: it retries, tells the vendor's time and explains failures."""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dlt
import requests
from dlt.common.configuration import with_config
from dlt.common.configuration.specs import RuntimeConfiguration
from dlt.sources.helpers.requests import Client

from ingestion.errors import SettingError, VendorError, setting_name

logger = logging.getLogger(__name__)

# 423 is HubSpot's "locked, wait two seconds"; the rest is what every vendor here documents.
RETRIED_STATUSES = (423, 429, 500, 502, 503, 504)
REDIRECTS = (301, 302, 303, 307, 308)
# Under these names vendors say in an error's body what is wrong; the last is OAuth's.
ERROR_TEXTS = ("message", "detail", "description", "error_description")
CHUNK_BYTES = 1024 * 1024
MESSAGE_LENGTH = 200


class Limiter:
    """Lets `per_second` requests through in any one second and holds the next one back."""

    def __init__(self, per_second: int) -> None:
        self._sent: deque[float] = deque(maxlen=max(per_second, 1))
        self._lock = threading.Lock()

    def wait(self) -> None:
        with self._lock:
            if len(self._sent) == self._sent.maxlen:
                time.sleep(max(0.0, self._sent[0] + 1 - time.monotonic()))
            self._sent.append(time.monotonic())


@with_config(spec=RuntimeConfiguration)
def _runtime(config: RuntimeConfiguration = dlt.config.value) -> RuntimeConfiguration:
    """dlt's own `RUNTIME__REQUEST_*` settings bound attempts, time-outs and pauses."""
    return config


def _is_cut(response: requests.Response | None, _: BaseException | None) -> bool:
    """A 200 whose JSON stops half-way is a failed transfer, not an answer."""
    if response is None or not response.ok:
        return False
    # A streamed body (a file) is not read here; `download` checks it.
    if not response._content_consumed:  # type: ignore[attr-defined]
        return False
    return response.status_code in (200, 207) and _parsed(response) is None


def _parsed(response: requests.Response) -> Any:  # Any: JSON
    try:
        return json.loads(response.content)
    except ValueError:
        return None


@dataclass(frozen=True)
class Page:
    """Part of a list that has no end of its own: the path of the next part, if there is one."""

    items: list[dict[str, Any]]
    next: str | None


class Api:
    """One vendor's HTTP API at one host with one token."""

    def __init__(
        self,
        vendor: str,
        host: str,
        token: str,
        token_field: str,
        scopes: str,
        limiter: Limiter | None = None,
        host_field: str = "host",
        headers: Mapping[str, str] | None = None,
        is_busy: Callable[[requests.Response], bool] = lambda response: False,
        on_answer: Callable[[requests.Response], None] | None = None,
    ) -> None:
        """`is_busy` knows a refusal for asking too much that has a status of its own.

        `on_answer` sees every answer, also those that are asked for again.
        """
        self.vendor = vendor
        self.host = host.rstrip("/")
        self.token_setting = setting_name(vendor, token_field)
        self.host_setting = setting_name(vendor, host_field)
        self._token = token
        self._scopes = scopes
        self._limiter = limiter
        self._is_busy = is_busy
        self._now: datetime | None = None
        self._runtime = _runtime()
        self._require_usable()
        self._client = self._make_client(
            {"Authorization": f"Bearer {token}", **(headers or {})}, on_answer
        )
        # A pre-signed file address carries its own signature and refuses a second credential.
        self._file_client = self._make_client({})

    def _make_client(
        self,
        headers: dict[str, str],
        on_answer: Callable[[requests.Response], None] | None = None,
    ) -> Client:
        seen = [lambda response, **_: on_answer(response)] if on_answer else []
        client = Client(
            raise_for_status=False,
            status_codes=RETRIED_STATUSES,
            retry_condition=self._is_worth_another_try,
            session_attrs={
                "headers": {"User-Agent": "productops", "Accept-Encoding": "gzip", **headers},
                "hooks": {"response": seen},
            },
        )
        client.update_from_config(self._runtime)
        return client

    def _is_worth_another_try(
        self, response: requests.Response | None, error: BaseException | None
    ) -> bool:
        return _is_cut(response, error) or (response is not None and self._is_busy(response))

    def _require_usable(self) -> None:
        if not self._token:
            raise SettingError(f"{self.vendor}: {self.token_setting} is empty; set it in .env")
        if urlsplit(self.host).scheme not in ("http", "https"):
            raise SettingError(
                f"{self.vendor}: {self.host_setting} is {self.host!r}, which is no address; "
                "it must begin with https://"
            )

    @property
    def attempts(self) -> int:
        """How often one request is tried before giving up."""
        return self._runtime.request_max_attempts

    def back_off(self, attempt: int) -> None:
        """Wait before attempt number `attempt + 1`, twice as long each time."""
        pause = self._runtime.request_backoff_factor * 2 ** (attempt - 1)
        time.sleep(min(pause, self._runtime.request_max_retry_delay))

    @property
    def has_answered(self) -> bool:
        return self._now is not None

    @property
    def now(self) -> datetime:
        """The vendor's time at its first answer, so that one load has one present."""
        if self._now is None:
            raise VendorError(
                f"{self.vendor} at {self.host} sent no Date header, so the time up to which its "
                f"data can be read is unknown; check {self.host_setting}"
            )
        return self._now

    def get(self, path: str, params: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        return self._json(self._send("GET", path, params=params))

    def find(self, path: str) -> dict[str, Any] | None:
        """What is at a path, or None if it is gone."""
        response = self._send("GET", path, accepted=(404,))
        return None if response.status_code == 404 else self._json(response)

    def page(self, path: str, params: Mapping[str, str | int] | None = None) -> Page | None:
        """One page of a list whose `Link` header names the next, or None if it is not there."""
        response = self._send("GET", path, accepted=(404,), params=params)
        if response.status_code in (*REDIRECTS, 404):
            return None
        items = _parsed(response)
        if not isinstance(items, list):
            raise self._failure(response, f"no complete JSON list in {self.attempts} attempts")
        address = response.links.get("next", {}).get("url")
        # The token is for this host alone.
        if address and not address.startswith(f"{self.host}/"):
            host = urlsplit(address).netloc
            raise VendorError(
                f"{self.vendor}: the next page of {urlsplit(path).path} is at {host};"
                f" check {self.host_setting}"
            )
        return Page(items, address.removeprefix(self.host) if address else None)

    def post(
        self, path: str, body: object, params: Mapping[str, str | int] | None = None
    ) -> dict[str, Any]:
        return self._json(self._send("POST", path, json=body, params=params))

    def form(self, path: str, fields: Mapping[str, str]) -> dict[str, Any]:
        """Post fields as a form does, which is what OAuth asks for."""
        return self._json(self._send("POST", path, data=fields))

    def redirect(self, path: str) -> str:
        """The address a path redirects to, not followed: it may be on another host."""
        response = self._send("GET", path)
        location = response.headers.get("Location")
        if response.status_code not in REDIRECTS or not location:
            raise self._failure(response, "a redirect to a file was expected")
        return location if urlsplit(location).netloc else self.host + location

    def download(self, path: str, target: Path) -> None:
        """Stream the file behind `path` to `target`; the caller retries what arrives damaged."""
        address = self.redirect(path)
        try:
            with self._file_client.get(address, stream=True, allow_redirects=True) as response:
                if response.status_code != 200:
                    raise self._failure(response)
                self._write(response, target)
        except requests.RequestException as error:
            raise VendorError(f"{self.vendor}: {path} broke off while downloading") from error

    def _write(self, response: requests.Response, target: Path) -> None:
        with target.open("wb") as file:
            for chunk in response.iter_content(CHUNK_BYTES):
                file.write(chunk)
        expected = response.headers.get("Content-Length")
        encoded = "Content-Encoding" in response.headers
        if expected and not encoded and int(expected) != target.stat().st_size:
            raise VendorError(
                f"{self.vendor}: a file ended after {target.stat().st_size} of {expected} bytes"
            )

    # Any: these are the keyword arguments of requests.
    def _send(
        self, method: str, path: str, accepted: Sequence[int] = (), **arguments: Any
    ) -> requests.Response:
        if self._limiter:
            self._limiter.wait()
        send = self._client.get if method == "GET" else self._client.post
        try:
            response = send(self.host + path, allow_redirects=False, **arguments)
        except requests.Timeout as error:
            raise VendorError(
                f"{self.vendor} did not answer {method} {path} within "
                f"{self._runtime.request_timeout:g} s, {self.attempts} times; try again later "
                "or raise RUNTIME__REQUEST_TIMEOUT"
            ) from error
        except requests.exceptions.ChunkedEncodingError as error:
            raise VendorError(
                f"{self.vendor} cut its answer to {method} {path} short {self.attempts} times; "
                "try again later"
            ) from error
        except requests.RequestException as error:
            raise VendorError(
                f"{self.vendor} cannot be reached at {self.host} ({method} {path}); "
                f"check {self.host_setting} and the network"
            ) from error
        self._note_time(response)
        if response.status_code >= 400 and response.status_code not in accepted:
            raise self._failure(response)
        return response

    def _note_time(self, response: requests.Response) -> None:
        if self._now is None and "Date" in response.headers:
            self._now = parsedate_to_datetime(response.headers["Date"]).astimezone(UTC)

    def _json(self, response: requests.Response) -> dict[str, Any]:
        parsed = _parsed(response)
        if not isinstance(parsed, dict):
            raise self._failure(response, f"no complete JSON object in {self.attempts} attempts")
        return parsed

    def _failure(self, response: requests.Response, reason: str = "") -> VendorError:
        status = response.status_code
        # The query may hold personal data and a file address its signature: only the path.
        where = f"{response.request.method} {urlsplit(response.request.url or '').path}"
        remedy = {
            401: f"the token in {self.token_setting} is wrong or expired: set a valid one",
            403: f"the token in {self.token_setting} lacks a scope: it needs {self._scopes}",
            404: f"check {self.host_setting} and the ids in the settings",
        }.get(status, "")
        if status in RETRIED_STATUSES or self._is_busy(response):
            remedy = f"tried {self.attempts} times; try again later"
        parts = [f"{self.vendor} answered {status} to {where}", reason, remedy]
        return VendorError("; ".join(part for part in [*parts, self._said(response)] if part))

    def _said(self, response: requests.Response) -> str:
        """What the vendor's error body says, without the token should it echo it."""
        body = _parsed(response) if response.status_code >= 400 else None
        if not isinstance(body, dict):
            return ""
        # Google and Meta put what they say one level down, Intercom and GraphQL list what is wrong.
        listed = body.get("errors")
        inner = listed[0] if isinstance(listed, list) and listed else body.get("error")
        body = inner if isinstance(inner, dict) else body
        texts = (body.get(key) for key in ERROR_TEXTS)
        said = next((text for text in texts if isinstance(text, str)), "")
        return said.replace(self._token, "***")[:MESSAGE_LENGTH]
