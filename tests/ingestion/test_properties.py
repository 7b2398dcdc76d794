"""Whatever happens on the way, raw tables end as those of one load that nothing disturbed.

Hypothesis draws the nights; a failure prints the smallest story that fails and how to replay it.
"""

import itertools
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion import SOURCES
from ingestion.errors import IngestionError
from ingestion.pipeline import data_dir
from simulator.__main__ import environment
from simulator.server import serving
from tests.conftest import PSEUDONYM_KEY
from tests.ingestion.company import DAY, HOUR, NOW, Company, Vendors, contents, handmade, load_now

ROOT = Path(__file__).resolve().parents[2]
PATHS = {
    "posthog": ("surveys", "batch_exports", "file_download_batch_exports", "query"),
    "hubspot": ("search", "batch/read", "owners", "associations"),
    "typeform": ("responses", "forms$"),
    "surveymonkey": ("bulk", "details", "surveys$"),
    "stripe": ("events", "invoices", "subscriptions"),
    "zendesk": ("users/cursor", "tickets/cursor", "organizations", "ratings", "count"),
    "intercom": ("contacts/search", "conversations/search", "companies", r"conversations/\d"),
    "linear": ("graphql",),
    "github": ("releases", "deployments", "pulls", "issues"),
}
# A folder that a load fills and empties again, in the order in which it does.
MOMENTS = (
    "downloads/*",
    "normalize/extracted/*",
    "load/normalized/*",
    "load/normalized/*/started_jobs/*",
    "load/normalized/*/completed_jobs/*",
)


@dataclass(frozen=True)
class Night:
    """What happens in one night, `hours` after the one before."""

    hours: int
    # Vendor, path, the request it begins with, for how many (-1: all night) and what.
    faults: tuple[tuple[str, str, int, int, str], ...]
    # The vendor whose load is killed, the moment and the seconds after it.
    kill: tuple[str, str, float] | None
    is_reloaded: bool


FAULTS = st.sampled_from(sorted(PATHS)).flatmap(
    lambda vendor: st.tuples(
        st.just(vendor),
        st.sampled_from(PATHS[vendor]),
        st.integers(1, 4),
        st.sampled_from([1, 2, -1]),
        st.sampled_from(["429", "429-no-retry-after", "500", "cut", "expired-token", "duplicate"]),
    )
)
KILLS = st.tuples(
    st.sampled_from(sorted(PATHS)), st.sampled_from(MOMENTS), st.sampled_from([0.0, 0.02, 0.2])
)
NIGHTS = st.builds(
    Night,
    hours=st.integers(1, 60),
    faults=st.lists(FAULTS, max_size=3).map(tuple),
    kill=st.none() | KILLS,
    is_reloaded=st.sampled_from([False, False, False, True]),
)
# Which event comes how many hours late, or a second time.
LATE = st.dictionaries(st.integers(0, 199), st.integers(1, 24 * 20), max_size=20)
TWICE = st.dictionaries(st.integers(0, 199), st.integers(1, 24 * 20), max_size=5)


@pytest.mark.long
@given(nights=st.lists(NIGHTS, min_size=1, max_size=3), late=LATE, twice=TWICE)
def test_nothing_is_lost_and_nothing_doubled(
    tmp_path: Path, nights: list[Night], late: dict[int, int], twice: dict[int, int]
) -> None:
    example = tmp_path / str(next(EXAMPLES))
    company = handmade(example / "company")
    deliver(company, late, twice)
    with serving(company.write(), now=NOW) as url, pytest.MonkeyPatch.context() as patch:
        vendors = Vendors(url)
        for name, value in environment(url).items():
            patch.setenv(name, value)
        patch.setenv("PRODUCTOPS_PSEUDONYM_KEY", PSEUDONYM_KEY)
        patch.setenv("RUNTIME__REQUEST_MAX_RETRY_DELAY", "0.1")
        patch.setenv("PRODUCTOPS_DATA", str(example / "disturbed"))
        moment = NOW
        for night in nights:
            moment += timedelta(hours=night.hours)
            vendors.at(moment)
            pass_through(night, vendors)
        # Changes fall on whole hours, and Intercom's search shows them half a minute late: what it
        # does not show yet is there for the load after.
        vendors.at(moment + HOUR + timedelta(minutes=1))
        load_now()
        disturbed = contents()
        patch.setenv("PRODUCTOPS_DATA", str(example / "undisturbed"))
        load_now()
        assert disturbed == contents()


EXAMPLES = itertools.count()


def deliver(company: Company, late: dict[int, int], twice: dict[int, int]) -> None:
    """Let events come late, out of order and again; also after the first night."""
    events = company.tables["posthog/events"]
    again = []
    for number, hours in twice.items():
        again.append({**events[number], "inserted_at": events[number]["timestamp"] + hours * HOUR})
    for number, hours in late.items():
        events[number]["inserted_at"] = events[number]["timestamp"] + hours * HOUR
    for row in (*events, *again):
        row["inserted_at"] = min(row["inserted_at"], NOW + 3 * DAY)
    company.tables["posthog/events"] = events + again


def pass_through(night: Night, vendors: Vendors) -> None:
    """Load every vendor as far as the night lets it."""
    for vendor, path, request, times, kind in night.faults:
        vendors.break_with(
            vendor=vendor, path=path, request=request, times=times, kind=kind, retry_after=0
        )
    if night.is_reloaded and data_dir().exists():
        # As somebody would who no longer trusts what is there.
        subprocess.run(["rm", "-r", str(data_dir())], check=True)
    if night.kill:
        killed(*night.kill)
    for source in SOURCES:
        with suppress(IngestionError):
            load_now(source)
    vendors.mend()


def killed(vendor: str, moment: str, seconds: float) -> None:
    """Start a load of one vendor and kill it at a moment; it may be faster."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ingestion", vendor],
        cwd=ROOT,
        env=dict(os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not any((data_dir() / "dlt" / vendor).glob(moment)):
        time.sleep(0.002)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
