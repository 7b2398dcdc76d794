"""The one place that tells people about failures: always the log, and a chat channel if set."""

import json
import logging
import os
import urllib.request

logger = logging.getLogger("productops")

WEBHOOK_VARIABLE = "PRODUCTOPS_ALERT_WEBHOOK"


def alert(title: str, detail: str) -> None:
    """Log a failure and post it to the Slack-compatible webhook in PRODUCTOPS_ALERT_WEBHOOK.

    A webhook that cannot be reached is logged and never fails the run it reports on.
    """
    logger.error("%s: %s", title, detail)
    webhook = os.environ.get(WEBHOOK_VARIABLE)
    if not webhook:
        return
    request = urllib.request.Request(
        webhook,
        data=json.dumps({"text": f"*{title}*\n{detail}"}).encode(),
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
