"""Starts nights without paying for their imports: each is a fork of a process that has done them.

A request is a line of JSON on standard input: the `command` (run, or load alone) and the `log` to
write. The answers are lines with the `pid` when it was started and its exit `code` when it ended,
negative if it was killed.
"""

import json
import os
import sys
from pathlib import Path


def main() -> None:
    from orchestration.environment import prepare

    prepare()
    from expectations.validation import preload
    from ingestion import SOURCES
    from ingestion.__main__ import main as load
    from orchestration.__main__ import run
    from orchestration.definitions import defs

    preload()
    defs.resolve_job_def("nightly")
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            # A group of its own, so that it can be killed alone or with what it started.
            os.setsid()
            with Path(request["log"]).open("w", buffering=1) as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
                code = run("nightly") if request["command"] == "run" else load(list(SOURCES))
                sys.stdout.flush()
            os._exit(code)
        answers.write(json.dumps({"pid": pid}) + "\n")
        _, ended = os.waitpid(pid, 0)
        answers.write(json.dumps({"code": os.waitstatus_to_exitcode(ended)}) + "\n")


if __name__ == "__main__":
    main()
