"""The command line: a command runs beside the vendors, ends with them, and hears our signals."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simulator import posthog

ROOT = Path(__file__).resolve().parents[2]
SIMULATOR = [sys.executable, "-m", "simulator"]
ASK = (
    "import os, sys, urllib.request as u;"
    "url = os.environ['SOURCES__TYPEFORM__HOST'] + '/forms';"
    "token = os.environ['SOURCES__TYPEFORM__ACCESS_TOKEN'];"
    "r = u.Request(url, headers={'Authorization': 'Bearer ' + token});"
    "print(u.urlopen(r).read().decode()); sys.exit(7)"
)
WAIT = (
    "import pathlib, signal, sys, time;"
    "stop = lambda n, f: (pathlib.Path(sys.argv[1]).write_text(str(n)), sys.exit(9));"
    "signal.signal(signal.SIGINT, stop); signal.signal(signal.SIGTERM, stop);"
    "print('ready', flush=True); time.sleep(60)"
)


def start(*arguments: object, data: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*SIMULATOR, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PRODUCTOPS_DATA": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(*arguments: object, data: Path) -> tuple[int, str, str]:
    process = start(*arguments, data=data)
    out, errors = process.communicate(timeout=60)
    return process.returncode, out, errors


def test_a_command_reads_the_vendors_and_its_exit_code_is_ours(
    company: Path, tmp_path: Path
) -> None:
    command = ("run", "--company", company, "--", sys.executable, "-c", ASK)
    code, out, errors = finish(*command, data=tmp_path)
    assert (code, errors) == (7, "")
    assert json.loads(out)["total_items"] == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_the_command_and_both_end(
    company: Path, tmp_path: Path, number: signal.Signals
) -> None:
    heard = tmp_path / "heard"
    process = start(
        *("run", "--company", company, "--", sys.executable, "-c", WAIT, heard), data=tmp_path
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    began = time.monotonic()
    process.send_signal(number)
    process.communicate(timeout=20)
    assert (process.returncode, heard.read_text()) == (9, str(int(number)))
    assert time.monotonic() - began < 5


def test_serve_says_where_it_is_and_ends_on_a_signal(company: Path, tmp_path: Path) -> None:
    process = start("serve", "--company", company, "--port", 0, data=tmp_path)
    assert process.stdout is not None
    lines = []
    while not lines or not lines[-1].startswith("SIMULATOR_URL="):
        lines.append(process.stdout.readline().strip())
        assert lines[-1], lines
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    told = dict(line.split("=", 1) for line in lines)
    assert told["SOURCES__POSTHOG__API_KEY"] == posthog.TOKEN
    assert told["SIMULATOR_URL"].startswith("http://127.0.0.1:")
    assert process.returncode in (0, -signal.SIGTERM, 128 + signal.SIGTERM)


def test_a_mistake_is_one_line_and_exit_code_two(company: Path, tmp_path: Path) -> None:
    faults = tmp_path / "faults.json"
    faults.write_text('[{"vendor": "salesforce", "kind": "429"}]')
    mistakes = [
        ("serve", "--company", tmp_path / "nowhere"),
        ("run", "--company", company),
        ("run", "--company", company, "--", "no-such-command"),
        ("run", "--company", company, "--now", "soon", "--", "true"),
        ("run", "--company", company, "--faults", faults, "--", "true"),
        ("run", "--company", company, "--size", "tiny", "--", "true"),
        ("generate", "--size", "tiny", "--out", tmp_path),
    ]
    for arguments in mistakes:
        code, out, errors = finish(*arguments, data=tmp_path)
        assert (code, out, errors.count("\n")) == (2, "", 1), (arguments, errors)
    assert faults.is_file()


def test_a_demo_company_is_written_once_and_found_again(tmp_path: Path) -> None:
    command = ("run", "--size", "tiny", "--seed", 5, "--", sys.executable, "-c", ASK)
    first = finish(*command, data=tmp_path)
    second = finish(*command, data=tmp_path)
    folder = tmp_path / "simulator" / "tiny-5"
    assert (first[0], second[0]) == (7, 7)
    assert "writing the tiny company" in first[2]
    assert second[2] == ""
    # Beside it what research exports, which is no company.
    assert {path.name for path in folder.parent.iterdir()} == {"research", "tiny-5"}
    assert first[1].replace(" ", "").count('"id"') == second[1].replace(" ", "").count('"id"')
