"""Who a person is at every vendor: all ids and addresses that lead to one another."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import duckdb

from ingestion.privacy import ADDRESS

# What a record of a person tells: its ids and addresses as lists. Ids of different vendors may be
# equal, so each kind is followed by itself.
RECORDS = {
    "posthog.persons": {
        "posthog_ids": "[distinct_id, person_id]",
        "emails": "[lower(trim(json_extract_string(properties, '$.email')))]",
    },
    "hubspot.contacts": {
        "contact_ids": """[id] || string_split(
            coalesce(json_extract_string(properties, '$.hs_merged_object_ids'), ''), ';')""",
        "emails": """[lower(trim(json_extract_string(properties, '$.email')))] || string_split(
            lower(coalesce(json_extract_string(properties, '$.hs_additional_emails'), '')), ';')""",
    },
    "typeform.responses": {
        "posthog_ids": "[json_extract_string(hidden, '$.user_id')]",
        "response_ids": "[form_id || ':' || token]",
        "emails": "[lower(trim(json_extract_string(hidden, '$.email')))]",
    },
    "surveymonkey.responses": {
        "posthog_ids": "[user_id]",
        "surveymonkey_ids": "[survey_id || ':' || id]",
        "emails": "[lower(trim(email))]",
    },
    "zendesk.users": {
        "posthog_ids": "[external_id]",
        "zendesk_ids": "[id]",
        "emails": "[lower(trim(email))]",
    },
    "intercom.contacts": {
        "posthog_ids": "[external_id]",
        "intercom_ids": "[id]",
        "emails": "[lower(trim(email))]",
    },
    "research_files.participants": {
        "posthog_ids": "[user_id]",
        "participant_ids": "[participant_id]",
        "emails": "[lower(trim(email))]",
    },
}
# By which ids each vendor's pseudonyms are given.
GIVEN_TO = {
    "posthog": "posthog_ids",
    "hubspot": "contact_ids",
    "typeform": "response_ids",
    "surveymonkey": "surveymonkey_ids",
    "zendesk": "zendesk_ids",
    "intercom": "intercom_ids",
    "research_files": "participant_ids",
}
# Free texts that may name somebody whom no record knows.
TEXTS = (
    ("linear.customer_needs", "body"),
    ("linear.issues", "title"),
    ("github.pulls", "title"),
    ("github.issues", "title"),
    ("github.issues", "body"),
)
# Shorter ones are ordinary numbers and words, and are looked for in columns of ids only.
SHORTEST_UNMISTAKABLE = 6


class UnknownPersonError(LookupError):
    """Nothing of this person is held, under any id or address."""


@dataclass(frozen=True)
class Person:
    """Every id and address of one person. Addresses are in lower case."""

    posthog_ids: frozenset[str] = frozenset()
    contact_ids: frozenset[str] = frozenset()
    response_ids: frozenset[str] = frozenset()
    surveymonkey_ids: frozenset[str] = frozenset()
    zendesk_ids: frozenset[str] = frozenset()
    intercom_ids: frozenset[str] = frozenset()
    participant_ids: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    pseudonyms: frozenset[str] = frozenset()

    @property
    def tokens(self) -> frozenset[str]:
        """The tokens of responses, which are ids in texts that do not name the form."""
        responses = self.response_ids | self.surveymonkey_ids
        return frozenset(each.split(":", 1)[1] for each in responses)

    @property
    def needles(self) -> list[str]:
        """All texts that mean this person wherever they stand, the longest first."""
        names = self.posthog_ids | self.contact_ids | self.tokens | self.zendesk_ids
        names |= self.intercom_ids | self.participant_ids | self.emails | self.pseudonyms
        return sorted(
            (each for each in names if len(each) >= SHORTEST_UNMISTAKABLE),
            key=lambda each: (-len(each), each),
        )


def find(connection: duckdb.DuckDBPyConnection, who: str) -> Person:
    """Return the person behind an e-mail address, a pseudonym, or an id at any vendor.

    Raises:
        UnknownPersonError: no record, no event and no text knows them.
    """
    person = _seed(connection, who.strip())
    while (larger := _joined(person, *_related(connection, person))) != person:
        person = larger
    if not any(_held(connection, person)):
        raise UnknownPersonError(
            f"nobody is known by {who!r}; give an e-mail address, a published person_id, or an id"
            " at a vendor as it is written there"
        )
    return _joined(person, Person(pseudonyms=_pseudonyms(connection, person)))


def _seed(connection: duckdb.DuckDBPyConnection, who: str) -> Person:
    found = {
        kind: frozenset(
            identifier
            for (identifier,) in connection.execute(
                f"select id from {source}.pseudonyms where pseudonym = $who or id = $who",
                {"who": who},
            ).fetchall()
        )
        for source, kind in GIVEN_TO.items()
    }
    return Person(**found, emails=frozenset([who.lower()] if "@" in who else []))


def _related(connection: duckdb.DuckDBPyConnection, person: Person) -> Iterator[Person]:
    """The records that share an id or an address with what is known so far."""
    for table, told in RECORDS.items():
        known = {kind: sorted(getattr(person, kind)) for kind in told}
        columns = ", ".join(f"{expression} as {kind}" for kind, expression in told.items())
        rows = connection.execute(
            f"select * from (select {columns} from {table})"
            " where " + " or ".join(f"list_has_any({kind}, ${kind}::varchar[])" for kind in known),
            known,
        ).fetchall()
        for row in rows:
            ids = (frozenset(each for each in listed if each) for listed in row)
            yield Person(**dict(zip(told, ids, strict=True)))


def _joined(*people: Person) -> Person:
    return Person(
        *(
            frozenset().union(*(getattr(each, field.name) for each in people))
            for field in fields(Person)
        )
    )


def _held(connection: duckdb.DuckDBPyConnection, person: Person) -> Iterator[bool]:
    yield bool(person.contact_ids or person.response_ids or person.participant_ids)
    yield bool(person.surveymonkey_ids)
    yield bool(person.zendesk_ids or person.intercom_ids)
    yield bool(
        connection.execute(
            "select 1 from stripe.customers"
            " where list_contains($emails::varchar[], lower(trim(email))) limit 1",
            {"emails": sorted(person.emails)},
        ).fetchone()
    )
    # Who asked for something and never used the product is known by what a text says.
    for table, column in TEXTS:
        yield bool(
            connection.execute(
                f"select 1 from {table} where list_has_any($emails::varchar[],"
                f" regexp_extract_all(lower({column}), '{ADDRESS.pattern}')) limit 1",
                {"emails": sorted(person.emails)},
            ).fetchone()
        )
    for table in ("posthog.persons", "posthog.events"):
        yield bool(
            connection.execute(
                f"select 1 from {table} where list_contains($ids::varchar[], distinct_id)"
                " or list_contains($ids::varchar[], person_id) limit 1",
                {"ids": sorted(person.posthog_ids)},
            ).fetchone()
        )


def _pseudonyms(connection: duckdb.DuckDBPyConnection, person: Person) -> frozenset[str]:
    given: set[str] = set()
    for source, kind in GIVEN_TO.items():
        rows = connection.execute(
            f"select pseudonym from {source}.pseudonyms where list_contains($ids::varchar[], id)",
            {"ids": sorted(getattr(person, kind))},
        ).fetchall()
        given.update(pseudonym for (pseudonym,) in rows)
    return frozenset(given)
