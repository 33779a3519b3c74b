"""What a user says of a fixture that cannot be seen: a decorator that only leaves a note."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, TypeVar

NOTE: Final = "__cell_cache__"
"""Attribute of a fixture function that holds its ``Declaration``."""

Function = TypeVar("Function", bound=Callable[..., Any])


class Declaration(NamedTuple):
    """What was declared of a fixture.

    Attributes:
        enabled: its value may be kept.
        inputs: globs of files that it reads unseen.
        env: environment variables that it reads unseen.
        pure: it has no effect beside its value, whatever it looks like.
    """

    enabled: bool = True
    inputs: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    pure: bool = False


def cell_cache(
    *, enabled: bool = True, inputs: Iterable[str] = (), env: Iterable[str] = (), pure: bool = False
) -> Callable[[Function], Function]:
    """Declare something of a fixture; stands under ``@pytest.fixture``.

    Args:
        enabled: ``False`` runs the fixture whenever a live test asks for it.
        inputs: globs, relative to the project root, of files that it reads unseen.
        env: environment variables that it reads unseen.
        pure: vouch that setting it up has no effect beside its value, and that its teardown may be
            left out when the value comes from the store.

    Example:
        >>> @cell_cache(inputs=["data/*.bin"], pure=True)
        ... def table():
        ...     return [1, 2]
        >>> table()
        [1, 2]
    """
    declaration = Declaration(enabled, tuple(inputs), tuple(env), pure)

    def declare(function: Function) -> Function:
        setattr(function, NOTE, declaration)
        return function

    return declare
