"""Show the pages on localhost.

python -m dashboards            what is published, with each new version as it comes
python -m dashboards --preview  the pages of this checkout on what is published
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from dotenv import load_dotenv

from dashboards.blocks import PageError
from dashboards.build import build

ROOT = Path(__file__).resolve().parent.parent


class _Handler(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        # Else a browser shows yesterday's page for a while.
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of each request."""


def current() -> Path:
    """Return the folder of the version that readers open; it may not exist yet."""
    data = Path(os.environ.get("PRODUCTOPS_DATA") or ROOT / "data")
    return data.absolute() / "serving" / "current"


def server(site: Path, port: int) -> ThreadingHTTPServer:
    """Return a server of a site's folder, for this machine alone.

    The folder is looked up for each request, so a link in its path may be switched meanwhile.
    """
    return ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, directory=str(site)))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dashboards", description="Show the pages.")
    parser.add_argument("--preview", action="store_true", help="with this checkout's pages")
    parser.add_argument("--port", type=int, default=8080)
    given = parser.parse_args(arguments)
    load_dotenv(ROOT / ".env")
    file = current() / "productops.duckdb"
    if not file.exists():
        print(f"Nothing is published at {file}; run `make run`, or a night", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="dashboards-") as folder:
        site = current() / "site"
        if given.preview or not site.exists():
            try:
                built = build(file.resolve(), site := Path(folder) / "site")
            except PageError as error:
                print(error, file=sys.stderr)
                return 1
            for block, reason in built.failed.items():
                print(f"{block} cannot be shown. {reason}", file=sys.stderr)
        try:
            serving = server(site, given.port)
        except OSError as error:
            print(f"Port {given.port} is taken ({error}); choose one by --port", file=sys.stderr)
            return 1
        with serving:
            print(
                f"http://localhost:{serving.server_port} shows {site}; Ctrl-C ends it", flush=True
            )
            try:
                serving.serve_forever()
            except KeyboardInterrupt:
                return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
