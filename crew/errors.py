"""Everything Firstmile raises, split first by what to do about it.

FirstmileError
├── TransientError              try again later
│   ├── WarehouseBusy           another process holds the database
│   ├── HostUnavailable         a service did not answer
│   └── WorkerLost              the dbt worker died or timed out
└── TerminalError               tell the requester or the operator
    ├── InvalidInput            a file, option or payload that cannot be used
    ├── InvalidSettings         settings with problems, all of them listed
    ├── InvalidProject          the dbt project or its profile cannot be used
    ├── PolicyViolation         what was proposed is not allowed
    ├── NoValidAnswer           an agent gave no usable answer
    ├── NotRecorded             a replayed run would call a language model otherwise
    ├── HostRefused             the code host refused the change
    └── BudgetExhausted         steps, seconds, tokens or money are used up
"""

from __future__ import annotations


class FirstmileError(Exception):
    """`message` says what failed and on what; `cure` what to do next."""

    def __init__(self, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.message}\n{self.cure}" if self.cure else self.message


class TransientError(FirstmileError):
    """Worth another try later; `retry_after` is how many seconds the service asked to wait."""

    def __init__(self, message: str, cure: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, cure)
        self.retry_after = retry_after


class WarehouseBusy(TransientError):
    """Another process holds the warehouse."""


class HostUnavailable(TransientError):
    """A service did not answer."""


class WorkerLost(TransientError):
    """The dbt worker died or took too long."""


class TerminalError(FirstmileError):
    """Trying again would give the same."""


class InvalidInput(TerminalError):
    """A file, option or payload that cannot be used."""


class InvalidSettings(TerminalError):
    """Settings with problems; the message lists all of them."""


class InvalidProject(TerminalError):
    """The dbt project or its profile cannot be used."""


class PolicyViolation(TerminalError):
    """What was proposed is not allowed."""


class NoValidAnswer(TerminalError):
    """An agent gave no usable answer within its tries."""


class NotRecorded(TerminalError):
    """A recording that is replayed does not hold a call that is made."""


class HostRefused(TerminalError):
    """The code host refused the change."""


class BudgetExhausted(TerminalError):
    """A budget of the request is used up."""
