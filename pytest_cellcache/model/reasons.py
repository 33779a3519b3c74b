"""Why a unit ran, or why its result was not kept: every decision carries one."""

from __future__ import annotations

from typing import Final, NamedTuple

NEW: Final = "new"
CHANGED: Final = "changed"
ITEM_CHANGED: Final = "item-changed"
PRODUCER: Final = "producer"
ENTERED: Final = "entered-elsewhere"
EXPIRED: Final = "expired"
REFRESH: Final = "refresh"
COVERAGE: Final = "coverage-bound"
DISABLED: Final = "disabled"
ACCOUNTED: Final = "accounted-for"
UNSUPPORTED: Final = "unsupported-item"
FAILED: Final = "failed"
NETWORK: Final = "network"
GAP: Final = "trace-gap"
OUTPUT: Final = "output-of-another-test"
INHERITED: Final = "after-a-replayed-test"
LEFT_BEHIND: Final = "state-left-behind"
IN_FLUX: Final = "changed-during-run"
UNRECORDABLE: Final = "unrecordable-report"
UNWRITABLE: Final = "store-unwritable"
UNTRACED: Final = "untraced"
READ_MODE: Final = "read-mode"
UNJUDGED: Final = "unjudged"
EFFECT: Final = "effect"
TEARDOWN: Final = "teardown"
FINALIZER: Final = "finalizer"
BY_NAME: Final = "by-name"
BOUND: Final = "session-bound"
NO_VALUE: Final = "no-value"
TOUCHED: Final = "used-before"
UNPICKLABLE: Final = "not-storable"
UNPAID: Final = "not-worth-it"
OPAQUE: Final = "no-identity"
STUBBED: Final = "not-needed"
ON_PYTEST: Final = "left-on-pytest"
TAINTED: Final = "cancelled-attempt"


class Reason(NamedTuple):
    """A slug explained in ``docs/messages.md`` and the thing it is about.

    ``subject`` is what changed or stood in the way: ``str(Key)``, a node id, a host; may be empty.
    """

    slug: str
    subject: str = ""

    def __str__(self) -> str:
        return f"{self.slug}: {self.subject}" if self.subject else self.slug
