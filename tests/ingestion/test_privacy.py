"""People are known to readers by keyed pseudonyms, and the key is in no table."""

import hashlib
import hmac

import pytest

from ingestion import SOURCES
from ingestion.errors import SettingError
from ingestion.pipeline import data_dir, warehouse_path
from ingestion.privacy import Pseudonyms, key
from orchestration.dbt import manifest
from tests.ingestion.company import Vendors, load_now, query

KEY = "k" * 40


def test_every_id_of_a_person_has_the_pseudonym_of_rfc_2104(
    vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRODUCTOPS_PSEUDONYM_KEY", KEY)
    load_now()
    wanted = {
        "posthog": "select distinct_id from posthog.events union select distinct_id"
        " from posthog.persons union select person_id from posthog.persons",
        "hubspot": "select id from hubspot.contacts",
        "typeform": "select form_id || ':' || token from typeform.responses",
        "surveymonkey": "select survey_id || ':' || id from surveymonkey.responses",
        "zendesk": "select id from zendesk.users",
        "intercom": "select id from intercom.contacts",
        "research_files": "select participant_id from research_files.participants",
    }
    for source, sql in wanted.items():
        expected = {
            (identifier, hmac.new(KEY.encode(), f"{source}:{identifier}".encode(), "sha256"))
            for (identifier,) in query(sql)
        }
        given = query(f"select id, pseudonym from {source}.pseudonyms")
        assert sorted(given) == sorted((i, digest.hexdigest()[:32]) for i, digest in expected)


def test_a_key_is_made_once_for_its_owner_alone(
    vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PRODUCTOPS_PSEUDONYM_KEY", raising=False)
    load_now()
    path = data_dir() / "private" / "pseudonyms.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    made = path.read_text()
    assert key() == made.encode()
    assert len(made) == 64
    assert made.encode() not in warehouse_path().read_bytes()
    assert not [each for each in path.parent.iterdir() if each != path]


def test_another_key_gives_other_pseudonyms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCTOPS_PSEUDONYM_KEY", KEY)
    before = Pseudonyms("posthog").of("user_1")
    assert Pseudonyms("hubspot").of("user_1") != before
    monkeypatch.setenv("PRODUCTOPS_PSEUDONYM_KEY", KEY + "!")
    assert Pseudonyms("posthog").of("user_1") != before
    assert before != hashlib.sha256(b"posthog:user_1").hexdigest()[:32]


def test_a_short_key_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCTOPS_PSEUDONYM_KEY", "hunter2")
    with pytest.raises(SettingError, match="PRODUCTOPS_PSEUDONYM_KEY has 7 characters") as caught:
        key()
    assert "hunter2" not in str(caught.value)


def test_columns_that_hold_personal_data_are_tagged_where_they_enter() -> None:
    declared = {
        (source, table.name, column)
        for source, vendor in SOURCES.items()
        for table in vendor.tables
        for column in table.personal
    }
    documented = {
        (node["source_name"], node["name"], column["name"])
        for node in manifest()["sources"].values()
        for column in node["columns"].values()
        if column["config"]["meta"].get("pii")
    }
    assert documented == declared
    assert {("posthog", "events", "properties"), ("hubspot", "owners", "email")} <= declared


def test_tags_travel_with_the_schema(vendors: Vendors) -> None:
    load_now("hubspot")
    stored = "".join(text for (text,) in query("select schema from hubspot._dlt_version"))
    assert '"x-personal":true' in stored.replace(" ", "")
