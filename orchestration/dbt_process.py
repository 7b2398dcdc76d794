"""`productops-dbt`: dbt that ends with the process that started it.

Killed outright (memory runs out, `kill -9`), a night cannot end its dbt, which would build on for
as long as that takes, hold the warehouse and keep the next night from it.
"""

import os
import sys
import threading
import time

SECONDS_BETWEEN_LOOKS = 0.5


def main() -> None:
    """Run dbt with this process's arguments."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    from dbt.cli.main import cli

    sys.exit(cli())


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    # At once, as if killed together: what the models' transactions have not finished is not there.
    os._exit(1)
