"""A company small enough to count by hand, with one of every kind of trap."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from simulator.lanternfish import (
    billing,
    business,
    code,
    crm,
    delivery,
    persons,
    posthog,
    product_survey,
    research,
    surveys,
    tables,
    tooling,
)
from simulator.lanternfish.tables import Row
from simulator.lanternfish.timeline import NOW, START_US, iso

WINDOW = (datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
ANNA, BEN, CLEO, DAN, EVA, MONA = (f"user_{n:06d}" for n in range(1, 7))
LAPTOP, PHONE, VISITOR = (f"a0000000-0000-4000-8000-{n:012d}" for n in (1, 2, 3))
LAPTOP_PERSON, PHONE_PERSON = (f"b0000000-0000-4000-8000-{n:012d}" for n in (1, 2))
PERSON = {
    user: f"c0000000-0000-4000-8000-{int(user[5:]):012d}"
    for user in (ANNA, BEN, CLEO, DAN, EVA, MONA)
}
EMAIL = {
    ANNA: "anna.novak@brightloop1.example",
    BEN: "ben.ito@brightloop1.example",
    CLEO: "cleo.park@quietharbor2.example",
    # Free mail says nothing of the account: only the group key places Dan.
    DAN: "dan.rossi4@gmail.com",
    EVA: "eva.lang@quietharbor2.example",
    MONA: "mona.keller@lanternfish.example",
}
# Quiet Harbor never sends its group key: only the e-mail domain places Cleo and Eva.
GROUP = {ANNA: "acct_00001", BEN: "acct_00001", DAN: "acct_00001", MONA: "acct_00000"}

_SEARCH_AD = {
    "$current_url": "https://www.lanternfish.example/pricing",
    "$referring_domain": "www.google.com",
    "utm_source": "google",
    "utm_medium": "cpc",
    "utm_campaign": "brand-and-category",
}
_DIRECT = {"$current_url": "https://www.lanternfish.example/", "$referring_domain": "$direct"}
_ORGANIC = {
    "$current_url": "https://www.lanternfish.example/",
    "$referring_domain": "www.google.com",
}
_PULSE = {"$survey_id": "018f6f2e-6d3a-4b52-9a31-6a7f0c1d2e3f"}

# Who, what, when (June 2026), properties, and when it arrived if not within a minute.
_EVENTS: tuple[tuple[str, str, str, dict[str, object], str | None], ...] = (
    (LAPTOP, "$pageview", "01 10:00", {**_SEARCH_AD}, None),
    (LAPTOP, "$pageview", "02 08:50", {**_DIRECT}, None),
    (ANNA, "$identify", "02 09:00", {"$anon_distinct_id": LAPTOP}, None),
    (ANNA, "signed_up", "02 09:01", {}, None),
    (ANNA, "app_opened", "02 09:02", {"app_version": "R-2026.5.2"}, None),
    (ANNA, "project_created", "02 09:05", {}, None),
    (ANNA, "user_invited", "02 09:10", {}, None),
    (ANNA, "user_invited", "02 09:11", {}, None),
    (ANNA, "user_invited", "02 09:12", {}, None),
    (ANNA, "integration_connected", "03 09:00", {"integration": "slack"}, None),
    (BEN, "app_opened", "03 10:00", {"app_version": "R-2026.5.2"}, None),
    (BEN, "task_completed", "03 10:05", {}, None),
    (DAN, "app_opened", "03 11:00", {"app_version": "R-2026.5.2"}, None),
    # Two events in one instant.
    (DAN, "task_completed", "03 11:05", {}, None),
    (DAN, "comment_added", "03 11:05", {}, None),
    # A visitor PostHog has no profile of.
    (VISITOR, "$pageview", "03 12:00", {**_ORGANIC}, None),
    (CLEO, "$pageview", "03 13:50", {**_DIRECT}, None),
    (CLEO, "signed_up", "03 14:00", {}, None),
    (CLEO, "app_opened", "03 14:01", {"app_version": "R-2026.5.2"}, None),
    (CLEO, "dashboard_viewed", "03 14:05", {}, None),
    (EVA, "app_opened", "04 09:00", {"app_version": "R-2026.5.2"}, None),
    (EVA, "task_completed", "04 09:01", {}, None),
    (MONA, "app_opened", "04 10:00", {"app_version": "R-2026.6.1"}, None),
    (MONA, "task_completed", "04 10:01", {}, None),
    (ANNA, "task_completed", "08 09:00", {}, None),
    # Late by two days, late by four.
    (ANNA, "export_run", "08 09:30", {"format": "pdf"}, "06-10 12:00"),
    (BEN, "mobile_opened", "09 08:00", {}, "06-13 09:00"),
    (PHONE, "$pageview", "15 07:55", {**_DIRECT}, None),
    (ANNA, "$identify", "15 08:00", {"$anon_distinct_id": PHONE}, None),
    (ANNA, "automation_run", "15 08:05", {}, None),
    (BEN, "survey shown", "15 09:00", {**_PULSE}, None),
    (BEN, "survey sent", "15 09:01", {**_PULSE, "$survey_response": 4}, None),
    # Nothing but passive events: no activity on the 16th.
    (DAN, "survey dismissed", "16 09:00", {**_PULSE}, None),
    (
        CLEO,
        "$feature_flag_called",
        "16 09:00",
        {"$feature_flag": "search-ranking", "$feature_flag_response": "test"},
        None,
    ),
    (CLEO, "client_portal_opened", "16 09:05", {}, None),
    (ANNA, "sso_login", "17 08:00", {}, None),
    (BEN, "ai_summary_generated", "17 08:00", {}, None),
    (DAN, "gantt_viewed", "17 08:00", {}, None),
    # Either side of midnight, of a day and of a week.
    (ANNA, "task_completed", "28 23:59:59.999", {}, None),
    (BEN, "task_completed", "29 00:00", {}, None),
    (CLEO, "task_completed", "30 10:00", {}, None),
    # Still under way when the clock starts.
    (BEN, "comment_added", "30 11:00", {}, "07-01 05:00"),
    (ANNA, "task_completed", "30 23:59", {}, None),
)
_DELIVERED_AGAIN = 12
_MOMENTS = ("started", "completed", "canceled", "archived", "trashed")


def write(folder: Path, seed: int) -> None:
    """Write the folder; the seed is only noted, for nothing here is drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "name": "Lanternfish (tiny)",
        "seed": seed,
        "size": "tiny",
        "timezone": "Europe/Berlin",
        "window_start": WINDOW[0].isoformat(),
        "window_end": WINDOW[1].isoformat(),
        "now": NOW.isoformat(),
    }
    (folder / "company.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    for name, schema, rows in (
        *_posthog(),
        *_hubspot(),
        *_typeform(),
        *_surveymonkey(),
        *_business(),
    ):
        tables.write(folder, name, schema, rows, None)


Table = tuple[str, pa.Schema, Sequence[Row]]


def _when(text: str) -> datetime:
    """Read `06-10 12:00` (or `10 12:00`, in June) of 2026."""
    full = text if len(text.split(" ")[0]) > 2 else f"06-{text}"
    return datetime.fromisoformat(f"2026-{full}").replace(tzinfo=UTC)


def _micros(text: str) -> int:
    return round(_when(text).timestamp() * 1_000) * 1_000


def _posthog() -> tuple[Table, ...]:
    flags, pulse = surveys.flag_rows(), surveys.survey_rows()
    return (
        ("posthog/events", posthog.SCHEMA, _event_rows()),
        ("posthog/persons", persons.SCHEMA, _person_rows()),
        ("posthog/surveys", surveys.DEFINITIONS, pulse),
        ("posthog/feature_flags", surveys.DEFINITIONS, flags),
    )


def _event_rows() -> list[Row]:
    people = {
        **PERSON,
        LAPTOP: LAPTOP_PERSON,
        PHONE: PHONE_PERSON,
        VISITOR: "b0000000-0000-4000-8000-000000000003",
    }
    rows: list[dict[str, object]] = []
    for number, (who, event, at, properties, arrived) in enumerate(_EVENTS, start=1):
        group = GROUP.get(who)
        keyed = {"$groups": {"account": group}, "$group_0": group}
        told = keyed if group and not event.startswith(("$page", "$ident")) else {}
        rows.append(
            {
                "uuid": f"e0000000-0000-4000-8000-{number:012d}",
                "event": event,
                "distinct_id": who,
                "person_id": people[who],
                "timestamp": _micros(at),
                "properties": json.dumps(
                    {"$lib": "web", "$session_id": f"{who}/{at[:2]}", **told, **properties}
                ),
                "person_properties": json.dumps({"email": EMAIL[who]} if who in EMAIL else {}),
                "inserted_at": _micros(arrived) if arrived else _micros(at) + 30_000_000,
            }
        )
    again = {**rows[_DELIVERED_AGAIN - 1], "inserted_at": _micros("04 04:00")}
    return sorted([*rows, again], key=lambda row: str(row["inserted_at"]))


def _person_rows() -> list[Row]:
    """Anna's two anonymous ids are merged, her role changes, Eva is deleted."""
    anna = {
        "email": EMAIL[ANNA],
        "name": "Anna Novak",
        "$initial_utm_source": "google",
        "$initial_utm_medium": "cpc",
        "$initial_referring_domain": "www.google.com",
    }
    story: tuple[tuple[str, str, dict[str, str], int, int, str], ...] = (
        (LAPTOP, LAPTOP_PERSON, {}, 0, 0, "01 10:00:06"),
        (ANNA, PERSON[ANNA], anna, 0, 0, "02 09:00:06"),
        (LAPTOP, PERSON[ANNA], anna, 1, 1, "02 09:00:07"),
        (BEN, PERSON[BEN], {"email": EMAIL[BEN]}, 0, 0, "03 10:00:06"),
        (DAN, PERSON[DAN], {"email": EMAIL[DAN]}, 0, 0, "03 11:00:06"),
        (CLEO, PERSON[CLEO], {"email": EMAIL[CLEO]}, 0, 0, "03 13:50:06"),
        (EVA, PERSON[EVA], {"email": EMAIL[EVA]}, 0, 0, "04 09:00:06"),
        (MONA, PERSON[MONA], {"email": EMAIL[MONA]}, 0, 0, "04 10:00:06"),
        (PHONE, PHONE_PERSON, {}, 0, 0, "15 07:55:06"),
        (PHONE, PERSON[ANNA], anna, 1, 2, "15 08:00:06"),
        (EVA, PERSON[EVA], {}, 100, 1, "28 10:00"),
        (ANNA, PERSON[ANNA], {**anna, "role": "owner"}, 0, 3, "29 12:00"),
        (LAPTOP, PERSON[ANNA], {**anna, "role": "owner"}, 1, 3, "29 12:00"),
        (PHONE, PERSON[ANNA], {**anna, "role": "owner"}, 1, 3, "29 12:00"),
    )
    return [
        {
            "distinct_id": distinct_id,
            "person_id": person,
            "properties": json.dumps(properties),
            "person_distinct_id_version": id_version,
            "person_version": version,
            "created_at": _micros("01 10:00"),
            "inserted_at": _micros(at),
            "is_deleted": id_version >= 100,
        }
        for distinct_id, person, properties, id_version, version, at in story
    ]


def _record(
    kind: str,
    key: str,
    created: str,
    changes: Sequence[tuple[str, dict[str, str | None]]] = (),
    archived: str | None = None,
    merged: tuple[str, str] | None = None,
    **properties: str | None,
) -> crm.Record:
    return crm.Record(
        kind,
        key,
        _micros(created),
        properties,
        [(_micros(at), change) for at, change in changes],
        archived=_micros(archived) if archived else None,
        merged_into=merged[0] if merged else None,
        merged=_micros(merged[1]) if merged else None,
    )


def _companies() -> list[crm.Record]:
    kind = "companies"
    return [
        _record(
            kind,
            "9001",
            "02 10:00",
            [("20 16:00", {"lifecyclestage": "customer"})],
            name="Bright Loop",
            domain="brightloop1.example",
            industry="DESIGN",
            numberofemployees="14",
            lifecyclestage="opportunity",
        ),
        _record(
            kind,
            "9002",
            "03 15:00",
            name="Quiet Harbor",
            domain="quietharbor2.example",
            industry="MEDIA_PRODUCTION",
            numberofemployees="6",
            lifecyclestage="opportunity",
        ),
        # The same two companies again: one is merged, one is still waiting for someone to see it.
        _record(
            kind,
            "9003",
            "05 09:00",
            merged=("9001", "29 10:00"),
            name="BRIGHT LOOP",
            domain="www.brightloop1.example",
            lifecyclestage="lead",
        ),
        _record(
            kind,
            "9004",
            "06 09:00",
            name="Quiet Harbor Ltd",
            domain="QUIETHARBOR2.EXAMPLE",
            lifecyclestage="lead",
        ),
        _record(
            kind,
            "9005",
            "07 09:00",
            archived="28 09:00",
            name="Gone Fishing",
            domain="gonefishing5.example",
            lifecyclestage="lead",
        ),
    ]


def _contacts() -> list[crm.Record]:
    kind = "contacts"
    return [
        # Sales writes to another address than the one Anna logs in with.
        _record(
            kind,
            "501",
            "02 09:30",
            email="a.novak@brightloop1.example",
            firstname="Anna",
            lastname="Novak",
            lifecyclestage="opportunity",
            hs_additional_emails=f"old.novak@brightloop1.example;{EMAIL[ANNA]}",
        ),
        _record(
            kind,
            "502",
            "03 10:30",
            [("30 11:00", {"hs_additional_emails": "ben.private@brightloop1.example"})],
            email=EMAIL[BEN],
            firstname="Ben",
            lastname="Ito",
            lifecyclestage="opportunity",
        ),
        _record(
            kind,
            "503",
            "03 14:30",
            email=EMAIL[CLEO],
            firstname="Cleo",
            lastname="Park",
            lifecyclestage="opportunity",
        ),
        _record(
            kind,
            "504",
            "03 11:30",
            email=EMAIL[DAN],
            firstname="Dan",
            lastname="Rossi",
            lifecyclestage="opportunity",
        ),
        _record(
            kind,
            "505",
            "04 09:30",
            email=EMAIL[EVA],
            firstname="Eva",
            lastname="Lang",
            lifecyclestage="opportunity",
        ),
        _record(
            kind,
            "506",
            "08 12:00",
            archived="29 13:00",
            email="lead1@gonefishing5.example",
            firstname="Lead",
            lastname="One",
            lifecyclestage="lead",
        ),
        _record(
            kind,
            "507",
            "09 12:00",
            merged=("502", "30 11:00"),
            firstname="Ben",
            lastname="Ito",
            email="ben.private@brightloop1.example",
            lifecyclestage="lead",
        ),
        _record(
            kind,
            "508",
            "30 09:00",
            email="buyer@quietharbor2.example",
            firstname="Bo",
            lastname="Buyer",
            lifecyclestage="lead",
        ),
    ]


def _deals() -> list[crm.Record]:
    kind, mona, rolf = "deals", "71000001", "71000004"
    return [
        _record(
            kind,
            "7001",
            "04 09:00",
            [
                ("08 09:00", {"dealstage": "qualifiedtobuy"}),
                ("10 09:00", {"amount": "1200.50"}),
                ("20 16:00", {"dealstage": "closedwon", "closedate": iso(_micros("20 16:00"))}),
            ],
            dealname="Bright Loop - 5 seats",
            amount="1000",
            dealstage="appointmentscheduled",
            pipeline="default",
            closedate=iso(_micros("07-04 09:00")),
            hubspot_owner_id=mona,
        ),
        _record(
            kind,
            "7002",
            "10 09:00",
            [
                ("29 09:00", {"dealstage": "contractsent", "competitor": "Basecamp"}),
                ("30 09:00", {"amount": "650"}),
            ],
            dealname="Quiet Harbor - 3 seats",
            amount="500",
            dealstage="qualifiedtobuy",
            pipeline="default",
            closedate=iso(_micros("07-10 09:00")),
            hubspot_owner_id=mona,
        ),
        _record(
            kind,
            "7003",
            "05 09:00",
            [("15 09:00", {"dealstage": "closedlost"})],
            dealname="Gone Fishing",
            amount="300",
            dealstage="appointmentscheduled",
            pipeline="default",
            hubspot_owner_id=rolf,
        ),
        _record(
            kind,
            "7004",
            "06 09:00",
            archived="29 14:00",
            dealname="Typed by mistake",
            amount="999",
            dealstage="appointmentscheduled",
            pipeline="default",
            hubspot_owner_id=rolf,
        ),
        _record(
            kind,
            "7005",
            "12 09:00",
            merged=("7002", "30 12:00"),
            dealname="Quiet Harbor",
            amount="500",
            dealstage="qualifiedtobuy",
            pipeline="default",
            hubspot_owner_id=mona,
        ),
        # No amount yet.
        _record(
            kind,
            "7006",
            "30 15:00",
            dealname="Quiet Harbor - more seats",
            amount=None,
            dealstage="appointmentscheduled",
            pipeline="default",
            hubspot_owner_id=mona,
        ),
    ]


def _hubspot() -> tuple[Table, ...]:
    everything = crm.Crm(companies=_companies(), contacts=_contacts(), deals=_deals())
    one = {
        record.id: record
        for records in (everything.companies, everything.contacts, everything.deals)
        for record in records
    }
    for source, target, type_id in (
        ("501", "9001", "279"),
        ("502", "9001", "279"),
        ("503", "9002", "279"),
        ("504", "9001", "279"),
        ("506", "9005", "279"),
        ("507", "9003", "279"),
        ("508", "9002", "279"),
        ("7001", "9001", "341"),
        ("7002", "9002", "341"),
        ("7003", "9005", "341"),
        ("7001", "501", "3"),
        ("7002", "503", "3"),
    ):
        at = max(one[source].created, one[target].created)
        everything.relate(one[source], one[target], type_id, at)
    everything.associations[4]["removed_at"] = _micros("29 15:00")
    added = [
        {**row, "created_at": _micros("29 08:00")} if row["name"] == "competitor" else row
        for row in crm.property_rows()
    ]
    return (
        *(
            (f"hubspot/{kind}", crm.object_schema(kind), everything.rows(kind))
            for kind in crm.PROPERTIES
        ),
        ("hubspot/associations", crm.ASSOCIATION_SCHEMA, everything.associations),
        ("hubspot/owners", crm.OWNER_SCHEMA, crm.owner_rows()),
        ("hubspot/pipeline_stages", crm.STAGE_SCHEMA, crm.stage_rows()),
        ("hubspot/properties", crm.PROPERTY_SCHEMA, added),
    )


def _typeform() -> tuple[Table, ...]:
    anna, ben, dan, mona = (
        {"user_id": user, "email": EMAIL[user]} for user in (ANNA, BEN, DAN, MONA)
    )
    nps, csat = surveys.NPS_FORM, surveys.CSAT_FORM
    told: tuple[tuple[str, int, str, dict[str, str], int | None, dict[str, int]], ...] = (
        (nps, 1, "03-20 10:00", anna, 9, {}),
        # Anna answers the wave twice: the later answer counts.
        (nps, 2, "06-10 10:00", anna, 9, {}),
        (nps, 3, "06-12 10:00", anna, 3, {}),
        (nps, 4, "06-10 11:00", ben, 10, {}),
        (nps, 5, "06-10 12:00", dan, 7, {}),
        (nps, 6, "06-10 13:00", mona, 10, {}),
        (nps, 7, "06-11 10:00", {"email": EMAIL[CLEO].upper()}, 8, {}),
        (nps, 8, "06-11 11:00", {}, 6, {}),
        # Not a valid score, no score, taken back, not yet arrived.
        (nps, 9, "06-11 12:00", {}, 11, {}),
        (nps, 10, "06-11 13:00", {}, None, {}),
        (nps, 11, "06-11 14:00", {}, 0, {"deleted_at": _micros("28 12:00")}),
        (nps, 12, "06-30 10:00", {}, 10, {"arrived_at": _micros("07-02 10:00")}),
        # The same response ids and tokens as in the other form.
        (csat, 1, "06-12 10:00", anna, 5, {}),
        (csat, 2, "06-13 10:00", ben, 4, {}),
        (csat, 3, "06-30 10:00", dan, 2, {}),
    )
    rows = [
        {**surveys.response(form, number, _micros(at), hidden, score, "Because."), **times}
        for form, number, at, hidden, score, times in told
    ]
    return (
        ("typeform/forms", surveys.FORMS, surveys.form_rows()),
        ("typeform/responses", surveys.RESPONSES, rows),
    )


def _surveymonkey() -> tuple[Table, ...]:
    anna, ben, mona = ({"user_id": user} for user in (ANNA, BEN, MONA))
    cleo = {"email": EMAIL[CLEO].upper(), "first_name": "Cleo", "last_name": "Park"}
    old, new = 2, 3
    told: tuple[tuple[int, int, str, dict[str, str], int | None, str, dict[str, int]], ...] = (
        (old, 1, "03-20 09:00", anna, 5, "completed", {}),
        # Anna answers the June edition twice: the later answer counts.
        (new, 1, "06-12 08:30", anna, 1, "completed", {}),
        (new, 2, "06-13 09:00", anna, 4, "completed", {}),
        (new, 3, "06-12 10:00", ben, 2, "partial", {}),
        # Left on the first page, finished on the next day.
        (new, 4, "06-12 11:00", cleo, 5, "partial", {}),
        (new, 4, "06-12 11:00", cleo, 5, "completed", {"modified_at": _micros("13 11:00")}),
        (new, 5, "06-12 12:00", mona, 5, "completed", {}),
        (new, 6, "06-13 10:00", {}, 3, "completed", {}),
        (new, 7, "06-13 11:00", {}, None, "completed", {}),
        (new, 8, "06-13 12:00", {}, 1, "disqualified", {}),
        (new, 9, "06-20 12:00", {}, 5, "overquota", {}),
        # Taken back, not yet arrived.
        (new, 10, "06-14 10:00", {}, 1, "completed", {"deleted_at": _micros("28 12:00")}),
        (new, 11, "06-30 10:00", {}, 1, "completed", {"arrived_at": _micros("07-02 10:00")}),
    )
    rows = [
        {**product_survey.response(n, answer, _micros(at), who, score, "Well.", status), **times}
        for n, answer, at, who, score, status, times in told
    ]
    return (
        ("surveymonkey/surveys", product_survey.SURVEYS, product_survey.edition_rows()[old:]),
        ("surveymonkey/responses", product_survey.RESPONSES, rows),
    )


def _business() -> tuple[Table, ...]:
    return (*_customers(), *_work())


def _customers() -> tuple[Table, ...]:
    loop, harbor = "acct_00001", "acct_00002"
    accounts: list[Row] = [
        {
            "account_id": loop,
            "name": "Bright Loop",
            "domain": "brightloop1.example",
            "segment": "smb",
            "plan": "starter",
            "seats": 5,
            "signed_up_at": _micros("02 09:01"),
            "is_internal": False,
        },
        {
            "account_id": harbor,
            "name": "Quiet Harbor",
            "domain": "quietharbor2.example",
            "segment": "smb",
            "plan": "starter",
            "seats": 3,
            "signed_up_at": _micros("03 14:00"),
            "is_internal": False,
        },
        {
            "account_id": "acct_00000",
            "name": "Lanternfish",
            "domain": "lanternfish.example",
            "segment": "mid",
            "plan": "business",
            "seats": 40,
            "signed_up_at": START_US,
            "is_internal": True,
        },
    ]
    term = {
        "subscription_id": "sub_00001",
        "account_id": loop,
        "plan": "starter",
        "unit_price": Decimal(29),
    }
    subscriptions: list[Row] = [
        {
            **term,
            "seats": 5,
            "mrr": Decimal(145),
            "started_at": _micros("20 16:00"),
            "ended_at": _micros("25 12:00"),
            "end_reason": "seats changed",
        },
        {
            **term,
            "seats": 6,
            "mrr": Decimal(174),
            "started_at": _micros("25 12:00"),
            "ended_at": None,
            "end_reason": None,
        },
    ]
    invoices: list[Row] = [
        {
            "invoice_id": f"in_{number}",
            "account_id": loop,
            "issued_at": _micros(at),
            "period_start": _micros(at),
            "period_end": _micros("07-20 16:00"),
            "amount": Decimal(amount),
            "currency": "USD",
            "status": "paid",
        }
        for number, (at, amount) in enumerate((("20 16:00", "145"), ("25 12:00", "-29")), start=1)
    ]
    said = (
        (
            "fb_1",
            loop,
            ANNA,
            "support",
            "I want a dark mode for late evenings.",
            "dark_mode",
            "wish",
        ),
        ("fb_2", loop, BEN, "support", "No SSO is a blocker for us.", "sso_scim", "blocking"),
        # Said on the phone, and written down by sales.
        ("fb_4", loop, BEN, "sales_call", "No SSO, no roll-out.", "sso_scim", "blocking"),
        (
            "fb_3",
            harbor,
            CLEO,
            "in_app",
            f"Fewer notifications please: {EMAIL[CLEO]}.",
            "notifications",
            "painful",
        ),
    )
    weight = {"wish": 1, "painful": 2, "blocking": 3}
    # Anna's was solved and liked, Ben's waits, Cleo's was solved and not liked.
    courses: dict[str, Row] = {
        "fb_1": {
            "priority": "low",
            "tags": "feature_request;vip",
            "replied_at": _micros("18 12:00"),
            "solved_at": _micros("19 09:00"),
            "rating": 5,
            "rating_comment": "Thanks Mona! Call me on +49 30 5550123. Best, Anna Novak",
            "rated_at": _micros("20 09:00"),
        },
        "fb_2": {"priority": "urgent", "replied_at": _micros("18 11:00")},
        "fb_3": {
            "replied_at": _micros("18 10:30"),
            "solved_at": _micros("21 10:00"),
            "rating": 2,
            "rated_at": _micros("29 10:00"),
        },
    }
    items: list[Row] = [
        {
            "feedback_id": key,
            "account_id": account,
            "user_id": user,
            "channel": channel,
            "created_at": _micros("18 10:00"),
            "text": text,
            **courses.get(key, {}),
        }
        for key, account, user, channel, text, _, _ in said
    ]
    labels: list[Row] = [
        {
            "feedback_id": key,
            "theme": theme,
            "severity": severity,
            "severity_weight": weight[severity],
        }
        for key, _, _, _, _, theme, severity in said
    ]
    return (
        ("business/accounts", business.ACCOUNTS, accounts),
        ("business/subscriptions", billing.SUBSCRIPTIONS, subscriptions),
        ("business/invoices", billing.INVOICES, invoices),
        ("business/people", business.PEOPLE, _people()),
        ("business/feedback", business.FEEDBACK, items),
        ("business/feedback_labels", business.LABELS, labels),
    )


def _people() -> list[Row]:
    accounts = {CLEO: "acct_00002", EVA: "acct_00002"} | GROUP
    return [
        {
            "user_id": user,
            "account_id": accounts[user],
            "email": email,
            "full_name": " ".join(email.partition("@")[0].strip("4").split(".")).title(),
            "is_creator": user in (ANNA, CLEO),
        }
        for user, email in EMAIL.items()
    ]


def _work() -> tuple[Table, ...]:
    panel: list[Row] = [
        {
            "panelist_id": f"pan_{n}",
            "user_id": user,
            "email": EMAIL[user],
            "joined_at": _micros("05 10:00"),
            "consented": True,
        }
        for n, user in enumerate((ANNA, BEN), start=1)
    ]
    # Anna was asked three times in ninety days, Ben twice.
    contacts: list[Row] = [
        {
            "contact_id": f"ctc_{n}",
            "panelist_id": panelist,
            "study_id": "study_01",
            "channel": "interview",
            "contacted_at": _micros(f"{10 + n} 10:00"),
        }
        for n, panelist in enumerate(("pan_1", "pan_1", "pan_1", "pan_2", "pan_2"), start=1)
    ]
    # What Anna said when she came; somebody typed her address along.
    notes: list[Row] = [
        {
            "note_id": "note_1",
            "panelist_id": "pan_1",
            "study_id": "study_01",
            "text": f"We lose hours every week over building the monthly report. {EMAIL[ANNA]}",
            "noted_at": _micros("16 10:00"),
        }
    ]
    spend: list[Row] = [
        {
            "month": date(2026, 6, 1),
            "channel": "paid_search",
            "campaign": None,
            "amount_usd": Decimal(amount),
            "recorded_at": _micros(at),
        }
        for amount, at in (("900", "30 10:00"), ("1000", "30 20:00"))
    ]
    deploys: list[Row] = [
        {
            "deploy_id": f"deploy_{n}",
            "committed_at": _micros("10 09:00"),
            "deployed_at": _micros(at),
            "failed": failed,
            "restored_at": None,
            "changes": 3,
        }
        for n, (at, failed) in enumerate((("12 09:00", False), ("14 09:00", True)), start=1)
    ]
    tried: list[Row] = [
        {
            "programme": "export-redesign",
            "round": number,
            "participant_id": f"p{n}",
            "task": "export",
            "success": success,
            "seconds": 60,
            "held_at": _micros("11 09:00"),
        }
        for n, (number, success) in enumerate(((1, False), (1, True), (2, True), (2, True)))
    ]
    projects: list[Row] = [
        {
            "project_id": "project_sso_scim",
            "name": "Single sign-on and SCIM",
            "description": None,
            "priority": 1,
            "created_at": _micros("02 09:00"),
            "target_at": None,
            "started_at": _micros("08 09:00"),
            "completed_at": None,
            "canceled_at": None,
        }
    ]
    links: list[Row] = [
        {
            "feedback_id": "fb_4",
            "issue_id": "issue_1",
            "project_id": "project_sso_scim",
            "is_important": True,
            "linked_at": _micros("19 10:00"),
        }
    ]
    # Shipped, under way, given up and put away, in the bin since noon of the 29th.
    issues: list[Row] = [
        {
            "issue_id": f"issue_{n}",
            "title": title,
            "team": "ENG",
            "project_id": "project_sso_scim" if n < 3 else None,
            "priority": n % 5,
            "estimate": float(n) if n < 3 else None,
            "created_at": _micros(f"0{n} 09:00"),
            **{f"{name}_at": moments.get(name) for name in _MOMENTS},
        }
        for n, (title, moments) in enumerate(
            (
                (
                    "Build sign-in",
                    {"started": _micros("10 09:00"), "completed": _micros("12 09:00")},
                ),
                ("Test sign-in", {"started": _micros("20 09:00")}),
                (
                    "Rework search",
                    {"canceled": _micros("15 09:00"), "archived": _micros("25 09:00")},
                ),
                ("Fix exports", {"trashed": _micros("29 12:00")}),
            ),
            start=1,
        )
    ]
    shipped: list[Row] = [
        {"release": name, "kind": kind, "released_at": _micros(at)}
        for name, kind, at in (
            ("R-2026.6.1", "train", "12 10:00"),
            ("R-2026.6.1-hotfix.1", "hotfix", "15 10:00"),
        )
    ]
    # Three in each deploy; one was closed without a merge, one is open.
    pulls: list[Row] = [
        {
            "pull_id": f"pull_{n}",
            "title": title,
            "author": "ada",
            "issue_id": issue,
            "deploy_id": deploy,
            "created_at": _micros(at),
            "merged_at": _micros(ended) if deploy and ended else None,
            "closed_at": _micros(ended) if ended else None,
        }
        for n, (title, issue, deploy, at, ended) in enumerate(
            (
                ("Build sign-in", "issue_1", "deploy_1", "10 09:00", "12 08:20"),
                ("Style sign-in", "issue_1", "deploy_1", "10 09:00", "12 08:40"),
                ("Translate sign-in", None, "deploy_1", "11 09:00", "12 08:50"),
                ("Test sign-in", "issue_2", "deploy_2", "12 09:00", "14 08:30"),
                ("Log sign-ins", None, "deploy_2", "13 09:00", "14 08:40"),
                ("Fix sign-out", None, "deploy_2", "13 21:00", "14 08:50"),
                ("Rework search", "issue_3", None, "11 09:00", "15 09:00"),
                ("Fix exports", "issue_4", None, "20 09:00", None),
            ),
            start=1,
        )
    ]
    code_issues: list[Row] = [
        {
            "code_issue_id": "code_1",
            "title": "Nobody can sign in",
            "author": "bo",
            "labels": "incident",
            "deploy_id": "deploy_2",
            "created_at": _micros("14 09:03"),
            "closed_at": _micros("14 10:30"),
        },
        {
            "code_issue_id": "code_2",
            "title": "Exports lack a column",
            "author": "bo",
            "labels": "bug",
            "deploy_id": None,
            "created_at": _micros("18 09:00"),
            "closed_at": None,
        },
    ]
    tools = [row for row in tooling.tool_rows() if row["category"] == "survey"]
    seats = [row for row in tooling.seat_rows() if row["tool"] == "Typeform"]
    return (
        ("business/research_panel", research.PANEL, panel),
        ("business/research_contacts", research.CONTACTS, contacts),
        ("business/research_notes", research.NOTES, notes),
        ("business/marketing_spend", business.SPENDING, spend),
        ("business/deploys", business.DEPLOYS, deploys),
        ("business/projects", delivery.PROJECTS, projects),
        ("business/issues", delivery.ISSUES, issues),
        ("business/releases", business.RELEASES, shipped),
        ("business/pulls", code.PULLS, pulls),
        ("business/code_issues", code.CODE_ISSUES, code_issues),
        ("business/feedback_links", delivery.LINKS, links),
        ("business/usability_results", research.USABILITY, tried),
        ("business/tools", tooling.TOOLS, tools),
        ("business/tool_seats", tooling.SEATS, seats),
        ("business/mart_reads", tooling.MART_READS, tooling.mart_read_rows()),
    )
