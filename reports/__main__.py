"""Answers for people: `productops status`, `productops diff previous current`, …"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

from dotenv import load_dotenv
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reports import account as accounts
from reports import diff as diffs
from reports import metrics, published
from reports import needs as unmet
from reports import recruit as recruiting
from reports import release as releases
from reports import status as states
from reports.formats import FORMATS, show
from reports.metrics import UndefinedError
from reports.published import AmbiguousNameError, NotPublishedError, UnknownNameError

# What these need is more than what is published, so they live elsewhere and are handed over to.
ELSEWHERE = {
    "trace": "the vendors' rows behind one cell, and the proof",
    "erase": "remove a person from everything that is held",
    "doctor": "what stands in the way of the next night, and what to do",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; 0 fine, 1 something is wrong, 2 there is no answer."""
    load_dotenv(published.ROOT / ".env")
    try:
        code = _answered(sys.argv[1:] if arguments is None else list(arguments))
        sys.stdout.flush()
    except BrokenPipeError:
        # As after `| head`. What is still in the buffer has no reader either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _answered(arguments: Sequence[str]) -> int:
    if arguments and arguments[0] in ELSEWHERE:
        from governance.__main__ import main as govern

        return govern(arguments)
    chosen = _parser().parse_args(arguments)
    try:
        code: int = chosen.run(chosen, _console())
    except AmbiguousNameError as error:
        print(error.args[0], file=sys.stderr)
        return 1
    except (NotPublishedError, UndefinedError, UnknownNameError) as error:
        print(error.args[0], file=sys.stderr)
        return 2
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="productops", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, run: Callable[..., int], about: str, *, formats: bool = False
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=about, description=about)
        if formats:
            command.add_argument("--format", choices=FORMATS, default="table")
        else:
            command.add_argument("--json", action="store_true", help="for programs")
        command.set_defaults(run=run)
        return command

    add("status", status, "what is fresh, what failed since when, and what readers see")
    add("publications", publications, "every publication and the file of those that are kept")
    diff = add("diff", difference, "why numbers moved from one publication to another")
    diff.add_argument("before", help="an id or its beginning, `previous` or `current`")
    diff.add_argument("after")
    diff.add_argument("--metric", help="default: all that moved")
    one = add("account", account, "what every team knows of an account", formats=True)
    one.add_argument("who", help="its id, domain or name, or a part of the name")
    whom = add("recruit", recruit, "whom a study may ask, and why the others not", formats=True)
    whom.add_argument("--study", required=True, help="its id, such as S-07, or a part of its name")
    whom.add_argument("--n", type=_count, default=20, help="how many people (20)")
    asked = add("needs", needs, "what customers ask for, by their ARR", formats=True)
    asked.add_argument("--month", type=_day, help="such as 2026-06; default: the newest")
    asked.add_argument("--segment", default=unmet.EVERY_SEGMENT, help="default: all of them")
    asked.add_argument("--n", type=_count, default=10, help="how many; default: 10")
    went = add("release", release, "did it matter, to whom, and was told who asked", formats=True)
    went.add_argument(
        "what", nargs="?", help="a tag, a roadmap item or a feature; default: the newest releases"
    )
    went.add_argument("--n", type=_count, default=10, help="how many rows of a list; default: 10")
    one = add("metric", metric, "a headline metric by periods and dimensions", formats=True)
    which = one.add_mutually_exclusive_group(required=True)
    which.add_argument("name", nargs="?", help="such as nrr_12m")
    which.add_argument("--list", action="store_true", help="every metric and what it means")
    one.add_argument("--by", type=_names, default=[], help="such as month,segment")
    one.add_argument(
        "--from", dest="since", type=_day, help="periods that begin on this day or later"
    )
    one.add_argument(
        "--to", dest="until", type=_day, help="periods that begin on this day or before"
    )
    for name, about in ELSEWHERE.items():
        commands.add_parser(name, help=about)
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1")
    return int(text)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _day(text: str) -> date:
    """A day, or the first one of a month: 2026-03-31, 2026-03."""
    try:
        return date.fromisoformat(text if text.count("-") > 1 else f"{text}-01")
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2026-03-31") from error


def _console() -> Console:
    """The terminal, or as wide as it takes for a pipe: an id that was cut is of no use."""
    return Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 1000)


def _print_json(content: Any) -> None:
    print(json.dumps(content, indent=1, default=str))


def status(chosen: argparse.Namespace, console: Console) -> int:
    found = states.status()
    if chosen.json:
        _print_json(asdict(found))
        return found.code
    console.print(f"readers see  {found.readers_see}")
    console.print(f"last night   {found.night}")
    for source in found.sources:
        console.print(f"{source['source']:<12} {source['state']}, reached {source['reached_at']}")
    aside = ", ".join(f"{count:,} of {table}" for table, count in found.quarantined.items())
    console.print(f"put aside    {aside or 'no rows'}")
    for problem in found.problems:
        console.print(f"PROBLEM      {problem['what']}, since {problem['since']}")
        console.print(f"             {problem['detail']}")
    if not found.problems and found.code == states.OK:
        console.print("Nothing is wrong.")
    return found.code


def publications(chosen: argparse.Namespace, console: Console) -> int:
    found = published.publications()
    if chosen.json:
        _print_json(found)
        return 0
    table = Table("publication", "published (UTC)", "code", "rows", "checks", "file")
    for column in table.columns:
        column.overflow = "fold"
    for each in found:
        checks = f"{each['checks_passed']} passed, {each['checks_failed']} warned"
        at = f"{each['published_at']:%Y-%m-%d %H:%M:%S}"
        file = "(gone)" if each["file"] is None else each["file"]
        mark = " ← readers" if each["is_current"] else ""
        row = (each["publication_id"] + mark, at, each["git_sha"][:12], f"{each['row_count']:,}")
        table.add_row(*row, checks, file)
    console.print(table)
    return 0


def difference(chosen: argparse.Namespace, console: Console) -> int:
    found = diffs.differences(chosen.before, chosen.after, chosen.metric)
    if chosen.json:
        _print_json([{**asdict(each), "adds_up": each.adds_up} for each in found])
    elif not found:
        console.print(f"no metric moved between {chosen.before} and {chosen.after}")
    else:
        table = Table("metric", "before", "cause", "moved by", "after")
        for each in found:
            causes = list(each.causes.items()) or [("(unmoved)", Decimal(0))]
            for position, (cause, amount) in enumerate(causes):
                first, last = position == 0, position == len(causes) - 1
                table.add_row(
                    each.metric if first else "",
                    f"{each.before:,f}".rstrip("0").rstrip(".") if first else "",
                    cause,
                    f"{amount:+,f}".rstrip("0").rstrip(".") if amount else "0",
                    f"{each.after:,f}".rstrip("0").rstrip(".") if last else "",
                )
        console.print(table)
    return 0 if all(each.adds_up for each in found) else 1


def account(chosen: argparse.Namespace, console: Console) -> int:
    show(accounts.account(chosen.who), chosen.format, console)
    return 0


def recruit(chosen: argparse.Namespace, console: Console) -> int:
    found = recruiting.recruit(chosen.study, chosen.n)
    show(found, chosen.format, console)
    if len(found["ask"]) < chosen.n:
        print(f"only {len(found['ask'])} of {chosen.n} may be asked", file=sys.stderr)
        return 1
    return 0


def needs(chosen: argparse.Namespace, console: Console) -> int:
    show(unmet.needs(chosen.month, chosen.segment, chosen.n), chosen.format, console)
    return 0


def release(chosen: argparse.Namespace, console: Console) -> int:
    found = releases.release(chosen.what, chosen.n) if chosen.what else releases.latest(chosen.n)
    show(found, chosen.format, console)
    return 0


def metric(chosen: argparse.Namespace, console: Console) -> int:
    if chosen.list:
        found = metrics.listed()
        if chosen.format == "table":
            _describe(found, console)
        else:
            show({"metrics": found}, chosen.format, console)
        return 0
    found = metrics.values(chosen.name, chosen.by, chosen.since, chosen.until)
    show({chosen.name: found}, chosen.format, console)
    return 0


def _describe(found: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Metrics one below the other: a definition is a sentence, and columns would cut it up."""
    for each in found:
        facts = (
            each["unit"],
            f"by {each['grains']}",
            f"apart by {each['dimensions']}" if each["dimensions"] else "",
            f"only with {each['requires']}" if each["requires"] else "",
            f"adds up over {each['adds_up_over'] or 'nothing'}",
            each["marts"],
            each["owner"],
        )
        console.print(Text.assemble((each["metric"], "bold"), f"  {each['label']}"))
        for paragraph in (Text(each["definition"]), Text("; ".join(filter(None, facts)), "dim")):
            console.print(Padding(paragraph, (0, 0, 0, 4), expand=False), soft_wrap=False)
        console.print()


if __name__ == "__main__":
    sys.exit(main())
