"""What may look into the warehouse and the settings: `productops trace`, `erase`, `doctor`."""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from ingestion.errors import IngestionError
from orchestration.environment import prepare

# Rows of a table that are printed; a busy account has thousands behind one number.
SHOWN = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; 0 done, 1 not complete, 2 nothing was changed."""
    parser = argparse.ArgumentParser(prog="productops", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    erase = commands.add_parser("erase", help="remove a person from everything that is held")
    erase.add_argument("--person", required=True, help="an e-mail address, person_id or vendor id")
    erase.add_argument("--dry-run", action="store_true", help="only say what is known of them")
    erase.add_argument("--yes", action="store_true", help="do not ask")
    trace = commands.add_parser("trace", help="the source rows behind one cell, and the proof")
    trace.add_argument("table", help="a published table, such as core.accounts")
    trace.add_argument(
        *("-k", "--key"),
        action="append",
        default=[],
        metavar="COLUMN=VALUE",
        help="what makes the row unique; may be repeated, and an empty value means null",
    )
    trace.add_argument("-c", "--column", required=True, help="the column of the cell")
    trace.add_argument("--json", action="store_true", help="all rows, for programs")
    doctor = commands.add_parser("doctor", help="what stands in the way of a good night")
    doctor.add_argument("--json", action="store_true", help="for programs")
    chosen = parser.parse_args(arguments)
    prepare()
    run = {"doctor": _doctor, "erase": _erase, "trace": _trace}[chosen.command]
    return run(chosen)


def _doctor(chosen: argparse.Namespace) -> int:
    from orchestration.doctor import findings

    found = []
    for each in findings():
        found.append(each)
        if not chosen.json:
            mark = "ok" if each.is_well else "TO DO"
            print(f"{mark:<6}{each.subject:<16}{each.remedy or each.said}")
    if chosen.json:
        print(json.dumps([{**asdict(each), "is_well": each.is_well} for each in found], indent=1))
    return 0 if all(each.is_well for each in found) else 1


def _trace(chosen: argparse.Namespace) -> int:
    from governance.trace import Tracer, UntraceableError
    from orchestration.dbt import BuildError

    key = dict(each.partition("=")[::2] for each in chosen.key)
    try:
        with closing(Tracer()) as tracer:
            found = tracer.trace(chosen.table, key, chosen.column)
    except (UntraceableError, IngestionError, BuildError) as error:
        print(error.args[0], file=sys.stderr)
        return 2
    if chosen.json:
        print(json.dumps({**asdict(found), "is_proven": found.is_proven}, indent=1, default=str))
        return 0 if found.is_proven else 1
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{found.table}.{found.column} = {found.published}")
    console.print(
        f"published    {found.publication['publication_id']} by run {found.publication['run_id']},"
        f" code {found.publication['git_sha']}, data as of {found.publication['data_as_of']} UTC"
    )
    for rows in found.rows:
        columns = f" ({', '.join(rows.columns)})" if rows.columns else ""
        console.print(
            f"{rows.table}{columns}: {len(rows.measured)} measured, {len(rows.context)} for context"
        )
        for each in rows.measured[:SHOWN]:
            console.print("    " + ", ".join(f"{name} {value}" for name, value in each.items()))
        if len(rows.measured) > SHOWN:
            console.print(f"    … and {len(rows.measured) - SHOWN} more; --json lists all")
    for name, count in found.seeds.items():
        console.print(f"{name}: {count} rows")
    loads = [f"{each['load_id']} of {each['source']}" for each in found.packages]
    console.print(f"loaded with  {', '.join(loads) or 'nothing'}")
    passed = sum(bool(each["passed"]) for each in found.checks)
    console.print(f"checks       {passed} of {len(found.checks)} passed on these tables")
    console.print(
        "proof        the models, run on these rows alone, give the same value"
        if found.is_proven
        else f"NOT PROVEN   the models, run on these rows alone, give {found.replayed}"
    )
    return 0 if found.is_proven else 1


def _erase(chosen: argparse.Namespace) -> int:
    from governance.erase import erase, journal, plan
    from governance.person import UnknownPersonError
    from orchestration.dbt import BuildError
    from orchestration.locking import AnotherRunError

    console = Console()
    try:
        person = plan(chosen.person)
        console.print(
            f"{'An unfinished erasure' if journal().exists() else chosen.person}:"
            f" {len(person.posthog_ids)} ids at PostHog, {len(person.contact_ids)} at HubSpot,"
            f" {len(person.response_ids | person.surveymonkey_ids)} survey responses,"
            f" {len(person.zendesk_ids)} at Zendesk,"
            f" {len(person.intercom_ids)} at Intercom, {len(person.emails)} addresses",
            highlight=False,
        )
        if chosen.dry_run:
            return 0
        # A script that calls this has been told what it does; a person may have mistyped a name.
        if sys.stdin.isatty() and not chosen.yes:
            answer = console.input("Erase them everywhere? This cannot be undone. [y/N] ")
            if answer.strip().lower() != "y":
                return 2
        certificate, path = erase(chosen.person)
    except (UnknownPersonError, AnotherRunError, IngestionError) as error:
        print(error.args[0], file=sys.stderr)
        return 2
    except BuildError as error:
        print(
            f"The person is out of the raw tables, and the rest could not be built: {error}\n"
            "Readers keep what they have. Run the same command again to go on.",
            file=sys.stderr,
        )
        return 1
    table = Table("file", "table", "before", "erased", "redacted", "after")
    for each in certificate.tables:
        if each.rows_erased or each.rows_redacted:
            figures = (each.rows_before, each.rows_erased, each.rows_redacted, each.rows_after)
            table.add_row(each.file, each.table, *map(str, figures))
    console.print(table)
    console.print(
        f"{certificate.files_searched} files searched; certificate: {path}", soft_wrap=True
    )
    for name in certificate.found_afterwards:
        print(f"{name} still holds something; run the same command again", file=sys.stderr)
    return 1 if certificate.found_afterwards else 0


if __name__ == "__main__":
    sys.exit(main())
