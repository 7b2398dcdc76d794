"""The opt-in way back from a pseudonym."""

from pathlib import Path

import duckdb
import pytest

from orchestration.people_map import write_people_map
from tests.conftest import Job


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCTOPS_DATA", str(tmp_path))


def warehouse(job: Job) -> Path:
    return job.data / "warehouse" / "productops.duckdb"


def test_nobody_gets_a_map_who_did_not_ask(
    built: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRODUCTOPS_PEOPLE_MAP", "true")
    path = write_people_map(warehouse(built))
    assert path == tmp_path / "private" / "people_map.parquet"
    monkeypatch.delenv("PRODUCTOPS_PEOPLE_MAP")
    assert write_people_map(warehouse(built)) is None
    assert list((tmp_path / "private").iterdir()) == []
    assert not (built.data / "private" / "people_map.parquet").exists()


def test_the_map_leads_from_every_published_person_to_the_vendors_id(
    built: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRODUCTOPS_PEOPLE_MAP", "true")
    path = write_people_map(warehouse(built))
    assert path
    assert path.stat().st_mode & 0o777 == 0o600
    with duckdb.connect(str(built.published), read_only=True) as connection:
        people = connection.execute(
            f"select count(*), count(map.raw_id), count(map.email) from core.people"
            f" left join '{path}' as map on map.pseudonym = person_id and map.source = 'posthog'"
        ).fetchall()
        [(responses, found)] = connection.execute(
            "select count(*), count(map.raw_id) from research.survey_responses as responses"
            f" left join '{path}' as map on map.pseudonym = token and map.source = 'typeform'"
            " where responses.source = 'typeform'"
        ).fetchall()
    [(published, known, addressed)] = people
    assert known == published > 0
    assert addressed > 0
    assert found == responses > 0


def test_an_answer_that_is_neither_yes_nor_no_is_named(
    built: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRODUCTOPS_PEOPLE_MAP", "perhaps")
    with pytest.raises(ValueError, match=r"PRODUCTOPS_PEOPLE_MAP is 'perhaps'; give true or false"):
        write_people_map(warehouse(built))
