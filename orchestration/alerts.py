"""The one place that tells people about failures: always the log, and a chat channel if set.

A failure is an incident with a key. It is told when it begins and when it is over, in the words
that `productops status` uses, and not again at each retry or in each night that it lasts.
"""

import json
import logging
import os
import urllib.request

from orchestration import status

logger = logging.getLogger("productops")

WEBHOOK_VARIABLE = "PRODUCTOPS_ALERT_WEBHOOK"


def begun(key: str, title: str, detail: str) -> None:
    """Log a failure, and post it to the webhook if it was not told yet.

    A webhook that cannot be reached is logged and never fails the run it reports on.
    """
    logger.error("%s: %s", title, detail)
    with status.changed() as record:
        known = key in record["incidents"]
        incident = record["incidents"].setdefault(key, {"since": status.now()})
        incident |= {"title": title, "detail": detail}
    if not known:
        _post(f"*{title}*\n{detail}")


def over(key: str) -> None:
    """Post that a failure is over, if it was one."""
    if key not in status.read()["incidents"]:
        return
    with status.changed() as record:
        incident = record["incidents"].pop(key)
    logger.info("Over: %s (since %s)", incident["title"], incident["since"])
    _post(f"Over: *{incident['title']}* (since {incident['since']})")


def _post(text: str) -> None:
    webhook = os.environ.get(WEBHOOK_VARIABLE)
    if not webhook:
        return
    request = urllib.request.Request(
        webhook,
        data=json.dumps({"text": text}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10):
            pass
    except (OSError, ValueError) as error:
        # The address is a secret in itself: whoever has it can post.
        logger.error(
            "The alert could not be posted (%s); check %s.", type(error).__name__, WEBHOOK_VARIABLE
        )
