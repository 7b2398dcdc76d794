"""What an expectation saw, as plain values that any tool takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from expectations import Severity

Plain = str | int | float | bool


@dataclass(frozen=True)
class CheckResult:
    """What one expectation saw of one table."""

    table: str
    name: str
    type: str
    passed: bool
    skipped: bool
    severity: Severity
    message: str
    description: str = ""
    observed: Mapping[str, Plain] = field(default_factory=dict)
    examples: tuple[Plain | Mapping[str, Plain], ...] = ()

    @property
    def blocks(self) -> bool:
        """Whether nothing may be published because of it."""
        return self.severity == "error" and not self.passed and not self.skipped
