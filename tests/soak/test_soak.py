"""A few kills of what `make soak` does two hundred times."""

from pathlib import Path

import pytest

from tests.soak.__main__ import shown, soak

# Where most is open at once: a package half loaded, a version half published.
PHASES = ("load", "publish")


@pytest.mark.long
def test_readers_notice_no_kill(tmp_path: Path) -> None:
    findings = soak(len(PHASES), 7, tmp_path, readers=2, phases=PHASES)
    assert findings.is_clean, findings
    assert set(findings.kills) == set(PHASES)
    assert shown(findings, 7).row_count == 9
