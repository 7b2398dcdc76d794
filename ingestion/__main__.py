"""Load vendors without Dagster: `python -m ingestion posthog hubspot stripe`, or any other.

What research keeps in files is a vendor as well: `python -m ingestion research_files`.

A column that a vendor changed is accepted with `python -m ingestion accept posthog.events.uuid`.
"""

import sys
from collections.abc import Sequence

from dotenv import load_dotenv

from ingestion.drift import NothingToAcceptError
from ingestion.errors import IngestionError, UnknownSourceError
from ingestion.paths import REPOSITORY
from ingestion.pipeline import LoadReport, accept_column, extract, load


def main(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0].startswith("-"):
        sys.stderr.write(f"{__doc__}\n")
        return 0 if arguments and arguments[0] in ("-h", "--help") else 2
    load_dotenv(REPOSITORY / ".env")
    try:
        if arguments[0] == "accept":
            for name in arguments[1:]:
                sys.stdout.write(f"accepted: {accept_column(name)}\n")
            return 0
        for name in arguments:
            sys.stdout.write(_lines(load(extract(name))))
    except (UnknownSourceError, NothingToAcceptError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except IngestionError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _lines(report: LoadReport) -> str:
    at = report.vendor_now.isoformat() if report.vendor_now else "never"
    tables = "".join(f"  {name}: {rows}\n" for name, rows in report.rows.items())
    total = sum(report.rows.values())
    tables += "".join(f"  {said}\n" for said in report.stopped.values())
    tables += f"  {report.waiting}\n" if report.waiting else ""
    return f"{report.source}: {total} rows in {report.seconds:.1f} s, as of {at}\n{tables}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
