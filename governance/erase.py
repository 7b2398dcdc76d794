"""Forget a person: raw tables, everything built from them, kept versions and what lies about.

Files are written anew and not only deleted from, since DuckDB keeps deleted rows in free blocks.
A journal is kept while it lasts, so that an erasure that was killed is taken up again.
"""

import json
import logging
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from governance import scrub
from governance.person import Person, find
from ingestion import SOURCES
from ingestion.paths import data_dir, private_dir
from ingestion.pipeline import create_tables, warehouse_path
from ingestion.privacy import IN_PLACE, Pseudonyms, erased_list, forget_at_the_door
from orchestration import candidate
from orchestration.code_version import git_sha
from orchestration.dbt import build, manifest
from orchestration.gates import judge_marts
from orchestration.locking import hold_warehouse
from orchestration.paths import serving
from orchestration.people_map import write_people_map
from orchestration.publish import FILE, MARKER, PublicationRefusedError, write_site
from orchestration.publishing import publish_build

logger = logging.getLogger("productops")

# Rows that are about one person, by the ids they carry; every other table is searched for texts.
RESPONSE = ("response_ids", ("form_id || ':' || token",))
RESEARCH = tuple(
    f"research_files.{table}"
    for table in ("participants", "consents", "contacts", "sessions", "notes")
)
PARTICIPANT = ("participant_ids", ("participant_id",))
ABOUT_A_PERSON = {
    "posthog.events": ("posthog_ids", ("distinct_id", "person_id")),
    "posthog.persons": ("posthog_ids", ("distinct_id", "person_id")),
    "posthog.pseudonyms": ("posthog_ids", ("id",)),
    "hubspot.contacts": ("contact_ids", ("id",)),
    "hubspot.pseudonyms": ("contact_ids", ("id",)),
    "typeform.pseudonyms": ("response_ids", ("id",)),
    "typeform.responses": RESPONSE,
    "typeform.answers": RESPONSE,
    "surveymonkey.pseudonyms": ("surveymonkey_ids", ("id",)),
    "surveymonkey.responses": ("surveymonkey_ids", ("survey_id || ':' || id",)),
    "surveymonkey.answers": ("surveymonkey_ids", ("survey_id || ':' || response_id",)),
    "zendesk.users": ("zendesk_ids", ("id",)),
    "zendesk.pseudonyms": ("zendesk_ids", ("id",)),
    "zendesk.tickets": ("zendesk_ids", ("requester_id",)),
    "zendesk.satisfaction_ratings": ("zendesk_ids", ("requester_id",)),
    "intercom.contacts": ("intercom_ids", ("id",)),
    "intercom.pseudonyms": ("intercom_ids", ("id",)),
    "intercom.conversations": ("intercom_ids", ("contact_id",)),
    "research_files.pseudonyms": ("participant_ids", ("id",)),
    **dict.fromkeys(RESEARCH, PARTICIPANT),
}
LINKS = "hubspot.associations"
# Told apart by whole keys: a token is unique within its form only, and a row of somebody else's
# response may carry the same one.
KEYS = {
    *("id", "distinct_id", "person_id", "from_id", "to_id", "token", "participant_id"),
    "response_id",
}
# How a vendor counts the rows that go, for the reconciliation with its own count: its scope, and
# under which name the rows are remembered, so that nothing is remembered twice.
COUNTED = {
    "posthog.events": (
        "cast(cast(timestamp as date) as varchar)",
        "$erasure",
        "count(distinct uuid)",
    ),
    "hubspot.contacts": ("'live'", "id", "count(*) filter (where not coalesce(archived, false))"),
    "typeform.responses": ("form_id", "form_id || ':' || token", "count(*)"),
    "surveymonkey.responses": (
        "survey_id",
        "survey_id || ':' || id",
        # What an earlier reading brought and the last did not is gone there, and not counted.
        "count(*) filter (where (survey_id, generation) in"
        " (select (survey_id, generation) from surveymonkey.survey_reads))",
    ),
    "zendesk.users": ("'live'", "id", "count(*) filter (where coalesce(active, true))"),
    "zendesk.tickets": ("'live'", "id", "count(*) filter (where status <> 'deleted')"),
    "intercom.contacts": ("'live'", "id", "count(*)"),
    "intercom.conversations": (
        "'live'",
        "id",
        "count(*) filter (where id in (select id from intercom.live_conversations))",
    ),
    **dict.fromkeys(RESEARCH, ("file", "participant_id", "count(*)")),
}


@dataclass
class Treated:
    """What became of one table."""

    file: str
    table: str
    rows_before: int
    rows_erased: int = 0
    rows_redacted: int = 0
    rows_after: int = 0


@dataclass
class Certificate:
    """What was done, in which tables, and what was found afterwards. It names nobody."""

    erasure_id: str
    erased_at: str
    # The request under the key of the pseudonyms: who has both can tell whose certificate it is.
    request: str
    git_sha: str
    identifiers: dict[str, int]
    tables: list[Treated] = field(default_factory=list)
    publication_id: str | None = None
    not_published: str | None = None
    files_searched: int = 0
    bytes_searched: int = 0
    files_overwritten: dict[str, int] = field(default_factory=dict)
    # Files in which a text still stands, as a part of a longer one that belongs to somebody else.
    part_of_others: list[str] = field(default_factory=list)
    found_afterwards: list[str] = field(default_factory=list)
    not_reached: tuple[str, ...] = (
        "the vendors themselves: ask for the same erasure there; what they send of these ids"
        " again is dropped before it is loaded",
        "copies that somebody made outside of the data folder, backups included",
        "readers that still have an old version open, until they close it",
    )


def journal() -> Path:
    """Return the file that says whom an erasure is about while it is not complete."""
    return private_dir() / "erasure.json"


def plan(who: str) -> Person:
    """Return whom an erasure would be about; an unfinished one is always finished first.

    Raises:
        UnknownPersonError: nobody is known by this.
    """
    if journal().exists():
        stored = json.loads(journal().read_text())
        return Person(**{kind: frozenset(ids) for kind, ids in stored["person"].items()})
    with duckdb.connect(str(warehouse_path()), read_only=True) as connection:
        return find(connection, who)


def erase(who: str) -> tuple[Certificate, Path]:
    """Erase a person everywhere below the data folder; return the certificate and its file.

    Raises:
        UnknownPersonError: nobody is known by this; nothing was changed.
        AnotherRunError: a night is at work.
    """
    hold_warehouse()
    person = plan(who)
    now = datetime.now(UTC)
    if not journal().exists():
        _write(journal(), {"person": {kind: sorted(ids) for kind, ids in asdict(person).items()}})
    certificate = Certificate(
        erasure_id=f"{now:%Y%m%dT%H%M%SZ}-{Pseudonyms('erasure').of(who)[:8]}",
        erased_at=now.isoformat(timespec="seconds"),
        request=Pseudonyms("erasure").of(who),
        git_sha=git_sha(),
        identifiers={kind: len(ids) for kind, ids in asdict(person).items()},
    )
    forget_at_the_door(
        posthog=person.posthog_ids,
        hubspot=person.contact_ids,
        typeform=person.response_ids,
        surveymonkey=person.surveymonkey_ids | person.emails,
        zendesk=person.zendesk_ids | person.emails,
        intercom=person.intercom_ids | person.emails,
        # A customer is a company and stays; the address that its bills go to does not.
        stripe=person.emails,
        # A request is its customer's; who is named in its text is not.
        linear=person.emails,
        github=person.emails,
        research_files=person.participant_ids | person.emails,
    )
    for source in SOURCES:
        create_tables(source)
    before = _row_counts(warehouse_path())
    treated = _erase_raw(person, certificate.erasure_id)
    # What waits to be loaded may hold the person; it is asked for again, and the state of each
    # source is restored from the warehouse.
    for source in SOURCES:
        shutil.rmtree(data_dir() / "dlt" / source, ignore_errors=True)
    build(full_refresh=True)
    certificate.tables += _warehouse_tables(before, treated)
    _publish(certificate)
    for version in sorted((serving() / "runs").iterdir()):
        if version.name != certificate.publication_id and (version / MARKER).exists():
            certificate.tables += _erase_version(version / FILE, person)
    _search(person, certificate)
    folder = data_dir() / "erasures"
    folder.mkdir(exist_ok=True)
    path = folder / f"{certificate.erasure_id}.json"
    _write(path, asdict(certificate))
    if not certificate.found_afterwards:
        journal().unlink()
    return certificate, path


def _write(path: Path, content: object) -> None:
    fresh = path.with_name(f".{path.name}")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(content, indent=1))
    fresh.replace(path)


def _row_counts(path: Path) -> dict[str, int]:
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() order by all"
        ).fetchall()
        return {
            f"{schema}.{table}": _count(connection, f'"{schema}"."{table}"')
            for schema, table in tables
        }


def _count(connection: duckdb.DuckDBPyConnection, relation: str, where: str = "true") -> int:
    row = connection.execute(f"select count(*) from {relation} where {where}").fetchone()
    return int(row[0]) if row else 0


def _erase_raw(person: Person, erasure_id: str) -> dict[str, Treated]:
    """Take a person out of the raw tables, and write the warehouse anew without what was built."""
    path = warehouse_path()
    fresh = path.with_name("fresh.duckdb")
    for remains in (fresh, fresh.with_name("fresh.duckdb.wal")):
        remains.unlink(missing_ok=True)
    treated: dict[str, Treated] = {}
    with duckdb.connect(str(path)) as connection:
        connection.execute("begin")
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where schema_name in"
            f" ({', '.join(map(candidate.literal, SOURCES))}) order by all"
        ).fetchall()
        for schema, table in tables:
            name = f"{schema}.{table}"
            treated[name] = Treated(str(path.relative_to(data_dir())), name, 0)
            condition, values = _about(name, person)
            if condition:
                _remember_counts(connection, name, condition, values, erasure_id)
                treated[name].rows_erased = _changed(
                    connection, f"delete from {name} where {condition}", values
                )
            treated[name].rows_redacted = _redact(connection, schema, table, person)
        for schema in _derived(connection):
            connection.execute(f"drop schema {candidate.quoted(schema)} cascade")
        connection.execute("commit")
        connection.execute(f"attach {candidate.literal(str(fresh))} as fresh")
        connection.execute(f"copy from database {candidate.quoted(path.stem)} to fresh")
        connection.execute("detach fresh")
    fresh.replace(path)
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
    return treated


def _about(table: str, person: Person) -> tuple[str, dict[str, list[str]]]:
    """The rows of a raw table that are about a person, as a condition and its values."""
    if table == LINKS:
        ends = " or ".join(
            f"({end}_type = 'contacts' and list_contains($ids::varchar[], {end}_id))"
            for end in ("from", "to")
        )
        return ends, {"ids": sorted(person.contact_ids)}
    if table not in ABOUT_A_PERSON:
        return "", {}
    kind, columns = ABOUT_A_PERSON[table]
    condition = " or ".join(f"list_contains($ids::varchar[], {column})" for column in columns)
    return condition, {"ids": sorted(getattr(person, kind))}


def _remember_counts(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    condition: str,
    values: Mapping[str, list[str]],
    erasure_id: str,
) -> None:
    """Note how many rows the vendor will go on counting, if nobody erases them there."""
    if table not in COUNTED:
        return
    scope, part, count = COUNTED[table]
    source, name = table.split(".")
    rows = connection.execute(
        f"select {scope} as scope, {part} as part, {count} as row_count from {table}"
        f" where {condition} group by scope, part",
        {**values, "erasure": erasure_id} if part == "$erasure" else values,
    ).fetchall()
    pseudonym = Pseudonyms(source).of
    for scope, part, count in rows:
        connection.execute(
            f"insert into {source}.erased_counts (table_name, scope, part, row_count)"
            " values (?, ?, ?, ?)",
            [name, scope, part if part == erasure_id else pseudonym(part), count],
        )


def _changed(
    connection: duckdb.DuckDBPyConnection, statement: str, values: Mapping[str, object]
) -> int:
    row = connection.execute(statement, values).fetchone()
    return int(row[0]) if row else 0


def _redact(connection: duckdb.DuckDBPyConnection, schema: str, table: str, person: Person) -> int:
    """Put a mark in place of what names a person in rows that are about something else."""
    wanted = _mentions(person)
    columns = [
        candidate.quoted(name)
        for (name,) in connection.execute(
            "select column_name from duckdb_columns() where schema_name = ? and table_name = ?"
            " and data_type = 'VARCHAR'",
            [schema, table],
        ).fetchall()
        if name not in KEYS
    ]
    if not columns or not wanted:
        return 0
    changes = ", ".join(
        f"{column} = regexp_replace({column}, $wanted, '\\1{IN_PLACE}\\3', 'gi')"
        for column in columns
    )
    where = " or ".join(f"regexp_matches({column}, $wanted, 'i')" for column in columns)
    return _changed(
        connection, f"update {schema}.{table} set {changes} where {where}", {"wanted": wanted}
    )


def _mentions(person: Person) -> str:
    """A pattern of whole ids and addresses: ann@a.example is not in joann@a.example."""
    needles = "|".join(re.escape(each) for each in person.needles)
    return rf"(^|[^A-Za-z0-9._+-])({needles})($|[^A-Za-z0-9_-])" if needles else ""


def _derived(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The schemas that dbt builds, as far as they are there."""
    built = {
        node["schema"]
        for node in manifest()["nodes"].values()
        if node["resource_type"] in ("model", "seed")
    }
    rows = connection.execute(
        "select schema_name from duckdb_schemas() where database_name = current_database()"
    ).fetchall()
    return sorted(built & {schema for (schema,) in rows})


def _warehouse_tables(before: Mapping[str, int], raw: Mapping[str, Treated]) -> Iterator[Treated]:
    file = str(warehouse_path().relative_to(data_dir()))
    after = _row_counts(warehouse_path())
    for name in sorted(before.keys() | after.keys()):
        table = raw.get(name) or Treated(file, name, 0)
        table.rows_before, table.rows_after = before.get(name, 0), after.get(name, 0)
        if name not in raw:
            table.rows_erased = max(table.rows_before - table.rows_after, 0)
        yield table


def _publish(certificate: Certificate) -> None:
    """Publish the marts without the person, unless a gate refuses them."""
    try:
        published = publish_build(
            f"erasure-{certificate.erasure_id}", datetime.now(UTC), judge_marts()
        )
        certificate.publication_id = published.publication_id
    except PublicationRefusedError as error:
        # What readers see now is then written anew like every other kept version.
        certificate.not_published = str(error)
        write_people_map(warehouse_path())
        logger.warning("The marts without the person were not published: %s", error)


def _erase_version(path: Path, person: Person) -> list[Treated]:
    """Write a kept version anew, without the rows that name a person."""
    fresh = path.with_name("fresh.duckdb")
    fresh.unlink(missing_ok=True)
    treated = []
    with candidate.reading(path, path.parent / "spill") as connection:
        marts = candidate.marts_of(connection, path.stem, records=True)
        keep = {mart.name: _names_nobody(mart, person) for mart in marts}
        candidate.copy(connection, path.stem, marts, fresh, keep)
        for mart in marts:
            before = _count(connection, mart.within(path.stem))
            after = _count(connection, mart.within("candidate"))
            name = str(path.relative_to(data_dir()))
            treated.append(Treated(name, mart.name, before, before - after, 0, after))
            if before != after:
                rows, digest = candidate.digest(connection, "candidate", mart)
                connection.execute(
                    "update candidate.ops.publication_tables set row_count = ?, content_hash = ?"
                    " where table_name = ? and publication_id = ?",
                    [rows, digest, mart.name, path.parent.name],
                )
        connection.execute("detach candidate")
    fresh.chmod(0o444)
    fresh.replace(path)
    # Today's pages, whose queries an old version may not answer; they then say so.
    write_site(path)
    shutil.rmtree(path.parent / "spill", ignore_errors=True)
    return treated


def _names_nobody(mart: candidate.Mart, person: Person) -> str:
    """The rows of a published table that hold no id and no address of a person."""
    wanted = candidate.literal(_mentions(person))
    texts = [
        f"coalesce(regexp_matches(cast({candidate.quoted(name)} as varchar), {wanted}, 'i'), false)"
        for name, kind, *_ in mart.columns
        if not candidate.NO_TEXT.match(kind)
    ]
    return f"not ({' or '.join(texts)})" if texts else "true"


def _search(person: Person, certificate: Certificate) -> None:
    """Look for the person in the bytes of every file, and overwrite them where that is safe."""
    if not person.needles:
        return
    wanted = scrub.pattern(person.needles)
    longest = max(3 * len(each.encode()) for each in person.needles)
    # Simulated vendors are not ours to erase from. The journal names the person on purpose, and the
    # list that is kept at the door does so by pseudonym.
    left_out = [data_dir() / "simulator", journal(), erased_list()]
    for path in scrub.files(data_dir(), left_out):
        certificate.files_searched += 1
        certificate.bytes_searched += path.stat().st_size
        if not scrub.holds(path, wanted, longest):
            continue
        name = str(path.relative_to(data_dir()))
        if path.suffix == ".duckdb":
            if _within_others(path, person):
                certificate.part_of_others.append(name)
            else:
                certificate.found_afterwards.append(name)
        else:
            certificate.files_overwritten[name] = scrub.overwrite(path, wanted)
            if scrub.holds(path, wanted, longest):
                certificate.found_afterwards.append(name)


def _within_others(path: Path, person: Person) -> bool:
    """Whether a text of the person is part of a longer text that is somebody else's."""
    with duckdb.connect(str(path), read_only=True) as connection:
        texts = connection.execute(
            "select schema_name, table_name, column_name from duckdb_columns()"
            " where not internal and data_type = 'VARCHAR'"
        ).fetchall()
        parts = " or ".join(
            f"contains(lower({{0}}), {candidate.literal(each.lower())})" for each in person.needles
        )
        return any(
            _count(
                connection,
                f"{candidate.quoted(schema)}.{candidate.quoted(table)}",
                parts.format(candidate.quoted(column)),
            )
            for schema, table, column in texts
        )
