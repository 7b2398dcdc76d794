"""What may look into the warehouse: `python -m governance erase --person ann@acme.example`."""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from ingestion.errors import IngestionError
from orchestration.environment import prepare


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; 0 done, 1 not complete, 2 nothing was changed."""
    parser = argparse.ArgumentParser(prog="productops", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    erase = commands.add_parser("erase", help="remove a person from everything that is held")
    erase.add_argument("--person", required=True, help="an e-mail address, person_id or vendor id")
    erase.add_argument("--dry-run", action="store_true", help="only say what is known of them")
    erase.add_argument("--yes", action="store_true", help="do not ask")
    chosen = parser.parse_args(arguments)
    prepare()
    return _erase(chosen)


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
            f" {len(person.response_ids)} survey responses, {len(person.emails)} addresses",
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
