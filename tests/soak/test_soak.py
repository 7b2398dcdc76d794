"""A few kills of what `make soak` does two hundred times."""

from pathlib import Path

import pytest

from tests.soak.__main__ import PHASES, shown, soak


@pytest.mark.long
def test_readers_notice_no_kill_in_any_phase(tmp_path: Path) -> None:
    findings = soak(len(PHASES), 7, tmp_path, readers=2)
    assert findings.is_clean, findings
    assert set(findings.kills) == set(PHASES)
    assert shown(findings, 7).row_count == 9
