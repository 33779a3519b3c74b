"""What a thing is compared by that does not show what it holds."""

from __future__ import annotations

from typing import Any


class Look:
    """Identifies a state; see ``Held.ids``."""

    def __call__(self, thing: Any) -> list[int]:
        raise NotImplementedError

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
        return True


class Beside(Look):
    """Identifies what the content of a thing does not tell (``trace.contents``)."""
