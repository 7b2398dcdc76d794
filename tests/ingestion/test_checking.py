"""A vendor is checked with few questions, and nothing is loaded."""

import pytest

from ingestion import SOURCES
from ingestion.errors import IngestionError, SettingError, VendorError
from ingestion.paths import data_dir
from ingestion.pipeline import check, warehouse_path
from tests.ingestion.company import Vendors

TOKENS = {name: f"SOURCES__{name}__{vendor.secrets[0]}".upper() for name, vendor in SOURCES.items()}
BY_HTTP = sorted(set(SOURCES) - {"research_files"})


@pytest.mark.parametrize("source", SOURCES)
def test_a_vendor_that_can_be_read_is_asked_little(source: str, vendors: Vendors) -> None:
    assert 1 <= check(source) <= 10
    assert not warehouse_path().exists()
    assert not (data_dir() / "dlt").exists()


@pytest.mark.parametrize("source", BY_HTTP)
def test_a_wrong_token_is_named_and_not_shown(
    source: str, vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKENS[source], "of-another-account")
    with pytest.raises(VendorError, match=f"the token in {TOKENS[source]} is wrong") as caught:
        check(source)
    assert "of-another-account" not in str(caught.value)


@pytest.mark.parametrize("source", BY_HTTP)
def test_a_vendor_that_cannot_be_reached_is_named(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "1")
    with pytest.raises(VendorError, match=f"{source} cannot be reached at http://127.0.0.1:9"):
        check(source)


@pytest.mark.parametrize(
    ("source", "path"),
    [
        *(("posthog", path) for path in ("surveys", "feature_flags", "query")),
        *(("hubspot", path) for path in ("properties", "companies/search", "owners", "pipelines")),
        ("typeform", "responses"),
        ("surveymonkey", "bulk"),
        ("stripe", "credit_notes"),
        ("zendesk", "satisfaction_ratings"),
        ("intercom", "companies/list"),
        ("linear", "graphql"),
        *(("github", path) for path in ("releases", "deployments", "pulls", "issues")),
    ],
)
def test_each_kind_of_object_is_tried(source: str, path: str, vendors: Vendors) -> None:
    vendors.break_with(vendor=source, path=path, request=1, times=99, kind="expired-token")
    with pytest.raises(IngestionError, match=f"{TOKENS[source]} is wrong or expired"):
        check(source)


def test_a_setting_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCES__ZENDESK__EMAIL")
    with pytest.raises(SettingError, match="SOURCES__ZENDESK__EMAIL is not set"):
        check("zendesk")
