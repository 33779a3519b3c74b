"""Names that a pickle of ours calls; the unpickler puts the run's own functions in their place.

Nothing here is ever called: a pickle that reaches these was not read by ``load_pickle``.
"""

from __future__ import annotations

from typing import Any, NoReturn


def stub_at(_number: int) -> NoReturn:
    """Stand for a part that was left out."""
    raise LookupError("read outside of a run")


def path_below(_kind: Any, _token: str, _relative: str) -> NoReturn:
    """Stand for a path below a directory of the run."""
    raise LookupError("read outside of a run")


def named(*_reference: str) -> NoReturn:
    """Stand for an object that a module holds."""
    raise LookupError("read outside of a run")


def code_of(*_reference: str) -> NoReturn:
    """Stand for the code of a function of a module."""
    raise LookupError("read outside of a run")


def view_of(*_parts: object) -> NoReturn:
    """Stand for an array in the memory of another one."""
    raise LookupError("read outside of a run")


def variable_of() -> NoReturn:
    """Stand for a variable that functions share."""
    raise LookupError("read outside of a run")
