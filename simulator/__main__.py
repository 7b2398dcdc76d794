"""`python -m simulator`: write the demo company, serve a company, or run a command beside it."""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from starlette.applications import Starlette

from simulator import (
    ads,
    github,
    hubspot,
    intercom,
    linear,
    posthog,
    research,
    server,
    stripe,
    surveymonkey,
    typeform,
    zendesk,
)
from simulator.faults import FaultError
from simulator.tables import CompanyError, parse_time

SIZES = ("tiny", "demo-lite", "demo")
DEFAULT_SIZE = "demo-lite"
DEFAULT_SEED = 20260630
DEFAULT_PORT = 8800
# A command that was asked to stop may have a load to finish.
PATIENCE_SECONDS = 30
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: list[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    given, command = _split(given)
    options = _parser().parse_args(given)
    options.command = command
    try:
        return int(ACTIONS[options.action](options))
    except (CompanyError, FaultError, UsageError) as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


class UsageError(Exception):
    """Options that cannot be carried out."""


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    written = actions.add_parser("generate", help="write the demo company into a folder")
    written.add_argument("--size", choices=SIZES, default=DEFAULT_SIZE)
    written.add_argument("--scale", type=_positive, default=1, help="so many times the company")
    written.add_argument("--seed", type=int, default=DEFAULT_SEED)
    written.add_argument("--out", type=Path, required=True)
    served = actions.add_parser("serve", help="serve the vendors until stopped")
    served.add_argument("--port", type=int, default=DEFAULT_PORT)
    _company_options(served)
    _company_options(
        actions.add_parser("run", help="serve the vendors while a command runs: run ... -- CMD")
    )
    return parser


def _company_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--company", type=Path, help="a company folder (docs/company-folder.md)")
    parser.add_argument("--size", choices=SIZES, help=f"a demo company (default {DEFAULT_SIZE})")
    parser.add_argument("--scale", type=_positive, default=1)
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--now", help="where the vendors' clock starts, ISO 8601")
    parser.add_argument("--rate-limits", action="store_true", help="refuse as vendors do")
    parser.add_argument("--faults", type=Path, help="a JSON file with a list of faults")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def generate(options: argparse.Namespace) -> int:
    _generate(options.out, options.size, options.seed, options.scale)
    print(options.out)
    return 0


def _generate(folder: Path, size: str, seed: int, scale: int) -> None:
    """Write a demo company; a folder is there with everything in it, or not at all."""
    from simulator import lanternfish

    if folder.exists() and not _replaceable(folder):
        raise UsageError(f"{folder} is there and is no demo company; move it or give another --out")
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = folder.with_name(f"{folder.name}.{os.getpid()}")
    try:
        try:
            lanternfish.generate(work, size=size, seed=seed, scale=scale)
        except ValueError as error:
            raise UsageError(str(error)) from error
        (work / ".generator").write_text(str(lanternfish.GENERATOR_VERSION))
        shutil.rmtree(folder, ignore_errors=True)
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _replaceable(folder: Path) -> bool:
    """Whether a folder holds nothing but what was generated."""
    if folder.is_dir() and not any(folder.iterdir()):
        return True
    try:
        about = json.loads((folder / "company.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(about, dict) and {"seed", "size"} <= about.keys()


def _folder(options: argparse.Namespace) -> Path:
    if options.company is not None:
        if options.size is not None:
            raise UsageError("--company and --size exclude each other; give one")
        return Path(options.company)
    size = options.size or DEFAULT_SIZE
    scaled = f"-x{options.scale}" if options.scale > 1 else ""
    data = Path(os.environ.get("PRODUCTOPS_DATA", "data"))
    folder = data / "simulator" / f"{size}-{options.seed}{scaled}"
    if not _current(folder):
        print(f"simulator: writing the {size} company into {folder}", file=sys.stderr)
        _generate(folder, size, options.seed, options.scale)
    return folder


def _current(folder: Path) -> bool:
    """Whether a cached demo company was written by the generator as it is now."""
    from simulator import lanternfish

    mark = folder / ".generator"
    return mark.is_file() and mark.read_text() == str(lanternfish.GENERATOR_VERSION)


def _app(options: argparse.Namespace) -> Starlette:
    try:
        now = parse_time(options.now) if options.now else None
    except ValueError as error:
        raise UsageError(f"--now {options.now!r} is not an ISO 8601 time") from error
    app = server.create_app(_folder(options), now=now, rate_limits=options.rate_limits)
    if options.faults is not None:
        _arm(app, options.faults)
    return app


def _arm(app: Starlette, script: Path) -> None:
    try:
        entries = json.loads(script.read_text(encoding="utf-8"))
        app.state.world.script.add(entries, app.state.world.clock.now)
    except (OSError, ValueError) as error:
        raise UsageError(f"--faults {script}: {error}") from error


def serve(options: argparse.Namespace) -> int:
    app = _app(options)
    try:
        listener = server.listen(options.port)
    except OSError as error:
        raise UsageError(f"port {options.port} is taken ({error}); give another --port") from error
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    for name, value in environment(url).items():
        print(f"{name}={value}", flush=True)
    server.exporting(app, url)
    running = server.uvicorn_server(app)
    with contextlib.suppress(KeyboardInterrupt):
        running.run(sockets=[listener])
    return 0


def environment(url: str) -> dict[str, str]:
    """What a connector needs to read these vendors instead of the real ones."""
    return {
        "SOURCES__POSTHOG__HOST": url,
        "SOURCES__POSTHOG__PROJECT_ID": posthog.PROJECT,
        "SOURCES__POSTHOG__API_KEY": posthog.TOKEN,
        "SOURCES__HUBSPOT__HOST": url,
        "SOURCES__HUBSPOT__ACCESS_TOKEN": hubspot.TOKEN,
        "SOURCES__TYPEFORM__HOST": url,
        "SOURCES__TYPEFORM__ACCESS_TOKEN": typeform.TOKEN,
        "SOURCES__SURVEYMONKEY__HOST": url,
        "SOURCES__SURVEYMONKEY__ACCESS_TOKEN": surveymonkey.TOKEN,
        **ads.environment(url),
        "SOURCES__STRIPE__HOST": url,
        "SOURCES__STRIPE__API_KEY": stripe.TOKEN,
        "SOURCES__ZENDESK__HOST": url,
        "SOURCES__ZENDESK__EMAIL": zendesk.EMAIL,
        "SOURCES__ZENDESK__API_TOKEN": zendesk.TOKEN,
        "SOURCES__INTERCOM__HOST": url,
        "SOURCES__INTERCOM__ACCESS_TOKEN": intercom.TOKEN,
        "SOURCES__LINEAR__HOST": url,
        "SOURCES__LINEAR__API_KEY": linear.TOKEN,
        "SOURCES__GITHUB__BASE_URL": url,
        "SOURCES__GITHUB__ACCESS_TOKEN": github.TOKEN,
        "SOURCES__GITHUB__REPOSITORIES": github.REPOSITORY,
        "SOURCES__RESEARCH_FILES__BUCKET_URL": str(research.folder_of(url)),
        "SIMULATOR_URL": url,
    }


def run(options: argparse.Namespace) -> int:
    """Serve from this process while a command runs as its child, and end with it."""
    if not options.command:
        raise UsageError("say what to run: python -m simulator run -- COMMAND")
    with (
        server.running(_app(options)) as url,
        _child(options.command, {**os.environ, **environment(url)}) as child,
    ):
        code = child.wait()
    return 128 - code if code < 0 else code


@contextlib.contextmanager
def _child(command: list[str], variables: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A command that gets our signals and does not outlive us."""
    stopping = _Stopping()
    previous = {number: signal.signal(number, stopping.forward) for number in FORWARDED}
    try:
        try:
            stopping.child = subprocess.Popen(command, env=variables)
        except OSError as error:
            raise UsageError(f"cannot run {command[0]!r} ({error.strerror})") from error
        yield stopping.child
    finally:
        if stopping.child is not None:
            _end(stopping.child)
        for number, handler in previous.items():
            signal.signal(number, handler)


class _Stopping:
    """Passes signals on, and loses patience with a command that ignores them."""

    def __init__(self) -> None:
        self.child: subprocess.Popen[bytes] | None = None

    def forward(self, number: int, frame: object) -> None:
        if self.child is None:
            raise KeyboardInterrupt
        # At a terminal the whole foreground group gets Ctrl-C, the command among it.
        if not (number == signal.SIGINT and _at_terminal()):
            with contextlib.suppress(ProcessLookupError):
                self.child.send_signal(number)
        signal.signal(signal.SIGALRM, self._give_up)
        signal.alarm(PATIENCE_SECONDS)

    def _give_up(self, number: int, frame: object) -> None:
        if self.child is not None:
            self.child.kill()


def _at_terminal() -> bool:
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _end(child: subprocess.Popen[bytes]) -> None:
    signal.alarm(0)
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


ACTIONS = {"generate": generate, "serve": serve, "run": run}

if __name__ == "__main__":
    sys.exit(main())
