"""A handmade company, its vendors on localhost, and a warehouse of the test's own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from simulator.__main__ import environment
from simulator.server import serving
from tests.ingestion.company import NOW, Company, Vendors, handmade

Serve = Callable[[Company], Vendors]


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that no developer's environment reaches, with retries that do not wait."""
    for name, value in environment("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PRODUCTOPS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("RUNTIME__REQUEST_BACKOFF_FACTOR", "0.01")
    for source in ("TYPEFORM", "SURVEYMONKEY", "STRIPE", "ZENDESK", "INTERCOM", "LINEAR", "GITHUB"):
        monkeypatch.setenv(f"SOURCES__{source}__REQUESTS_PER_SECOND", "1000")
    # Two months of history are enough here, and five times as fast to ask for as two years.
    monkeypatch.setenv("SOURCES__POSTHOG__START", "2026-05-01T00:00:00Z")


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return handmade(tmp_path / "company")


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serve a company once a test has finished writing it."""
    with ExitStack() as stack:

        def start(company: Company) -> Vendors:
            url = stack.enter_context(serving(company.write(), now=NOW))
            for name, value in environment(url).items():
                monkeypatch.setenv(name, value)
            return Vendors(url)

        yield start


@pytest.fixture
def vendors(company: Company, serve: Serve) -> Vendors:
    return serve(company)
