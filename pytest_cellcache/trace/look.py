"""What a thing is compared by that does not show what it holds."""

from __future__ import annotations

from typing import Any


class Look:
    """Identifies a state; see ``Held.ids``.

    Attributes:
        has_views: it may have bytes that tell as much.
        is_lasting: what has been done cannot be put back.
    """

    has_views = False
    is_lasting = False

    def __call__(self, thing: Any) -> list[int]:
        raise NotImplementedError

    def views(self, thing: Any) -> list[tuple[Any, memoryview]]:
        """Give bytes that are the same while the state is, each with what they are part of.

        Where there are none it is asked each time. They are asked for anew after each change.
        """
        return []

    def words(self, before: list[int]) -> list[str]:
        """Say what has been done since it was ``before``."""
        return [""]

    def settle(self) -> None:
        """Take the state as it is for what the next unit finds."""

    def copy(self) -> Any:
        """Take what is there, to be put back."""
        return None

    def put_back(self, copy: Any) -> bool:
        """Put it back; say whether that worked."""
        return not self.is_lasting


class Beside(Look):
    """Identifies what the content of a thing does not tell (``trace.contents``)."""
