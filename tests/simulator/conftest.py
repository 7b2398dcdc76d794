"""The small company and its vendors, served once for all tests that only read them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette

from simulator.server import create_app, running
from tests.simulator import small_company

MakeApp = Callable[..., Starlette]


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_company.write(tmp_path_factory.mktemp("small") / "company")


@pytest.fixture(scope="session")
def make_app(company: Path, tmp_path_factory: pytest.TempPathFactory) -> MakeApp:
    """Vendors of the small company with a clock, faults and limits of their own."""
    cache = tmp_path_factory.mktemp("cache")

    def make(**options: object) -> Starlette:
        return create_app(company, cache=cache, **options)

    return make


@pytest.fixture(scope="session")
def vendors(make_app: MakeApp) -> Iterator[str]:
    """The base URL of vendors that tests read and never change."""
    with running(make_app()) as url:
        yield url


@pytest.fixture
def own_vendors(make_app: MakeApp) -> Iterator[str]:
    """The base URL of vendors whose clock and faults belong to one test."""
    with running(make_app()) as url:
        yield url
