"""Who a person is at every vendor: all ids and addresses that lead to one another."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import duckdb

from ingestion.privacy import ADDRESS

# One row per record of a person: its ids and addresses. Ids of different vendors may be equal, so
# each kind is followed by itself.
RECORDS = {
    "posthog.persons": """
        select [distinct_id, person_id] as posthog_ids, [] as contact_ids, [] as response_ids,
            [] as participant_ids,
            [lower(trim(json_extract_string(properties, '$.email')))] as emails
        from posthog.persons
    """,
    "hubspot.contacts": """
        select [], [id] || string_split(
                coalesce(json_extract_string(properties, '$.hs_merged_object_ids'), ''), ';'
            ),
            [], [],
            [lower(trim(json_extract_string(properties, '$.email')))] || string_split(lower(
                coalesce(json_extract_string(properties, '$.hs_additional_emails'), '')
            ), ';')
        from hubspot.contacts
    """,
    "typeform.responses": """
        select [json_extract_string(hidden, '$.user_id')], [], [form_id || ':' || token], [],
            [lower(trim(json_extract_string(hidden, '$.email')))]
        from typeform.responses
    """,
    "research_files.participants": """
        select [user_id], [], [], [participant_id], [lower(trim(email))]
        from research_files.participants
    """,
}
# Free texts that may name somebody whom no record knows.
TEXTS = (("linear.customer_needs", "body"), ("linear.issues", "title"))
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
    participant_ids: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    pseudonyms: frozenset[str] = frozenset()

    @property
    def tokens(self) -> frozenset[str]:
        """The tokens of responses, which are ids in texts that do not name the form."""
        return frozenset(each.split(":", 1)[1] for each in self.response_ids)

    @property
    def needles(self) -> list[str]:
        """All texts that mean this person wherever they stand, the longest first."""
        names = self.posthog_ids | self.contact_ids | self.tokens | self.participant_ids
        names |= self.emails | self.pseudonyms
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
        source: frozenset(
            identifier
            for (identifier,) in connection.execute(
                f"select id from {source}.pseudonyms where pseudonym = $who or id = $who",
                {"who": who},
            ).fetchall()
        )
        for source in ("posthog", "hubspot", "typeform", "research_files")
    }
    emails = frozenset([who.lower()] if "@" in who else [])
    return Person(
        posthog_ids=found["posthog"],
        contact_ids=found["hubspot"],
        response_ids=found["typeform"],
        participant_ids=found["research_files"],
        emails=emails,
    )


def _related(connection: duckdb.DuckDBPyConnection, person: Person) -> Iterator[Person]:
    """The records that share an id or an address with what is known so far."""
    for sql in RECORDS.values():
        known = {kind: sorted(getattr(person, kind)) for kind in _kinds()}
        rows = connection.execute(
            f"select * from ({sql}) as records({', '.join(known)})"
            " where " + " or ".join(f"list_has_any({kind}, ${kind}::varchar[])" for kind in known),
            known,
        ).fetchall()
        for row in rows:
            yield Person(*(frozenset(each for each in ids if each) for ids in row))


def _kinds() -> list[str]:
    return [field.name for field in fields(Person) if field.name != "pseudonyms"]


def _joined(*people: Person) -> Person:
    return Person(
        *(
            frozenset().union(*(getattr(each, field.name) for each in people))
            for field in fields(Person)
        )
    )


def _held(connection: duckdb.DuckDBPyConnection, person: Person) -> Iterator[bool]:
    yield bool(person.contact_ids or person.response_ids or person.participant_ids)
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
    for source, ids in (
        ("posthog", person.posthog_ids),
        ("hubspot", person.contact_ids),
        ("typeform", person.response_ids),
        ("research_files", person.participant_ids),
    ):
        rows = connection.execute(
            f"select pseudonym from {source}.pseudonyms where list_contains($ids::varchar[], id)",
            {"ids": sorted(ids)},
        ).fetchall()
        given.update(pseudonym for (pseudonym,) in rows)
    return frozenset(given)
