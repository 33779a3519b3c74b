"""What the modules of a run enter, as the blob that all its records name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from json import dumps, loads
from typing import Any, Final, TypeAlias

from pytest_cellcache.graph.entering import Entered

_TURNS: Final = ""
"""In place of a file: the order in which modules come to enter something."""
ByFile: TypeAlias = Mapping[str, frozenset[Entered]]
"""What modules enter, by their files; files of modules that enter nothing may be left out."""


def encode(entered: ByFile, turns: Sequence[str] = ()) -> bytes:
    """Encode what modules enter, and in which order: the same for the same."""
    data: dict[str, Any] = {
        path: sorted(entered[path]) for path in sorted(entered) if entered[path]
    }
    if turns:
        data[_TURNS] = list(turns)
    return dumps(data, separators=(",", ":")).encode()


def decode(blob: bytes | None) -> dict[str, frozenset[Entered]] | None:
    """Give what was encoded; ``None`` where that is not there or damaged."""
    try:
        data: Any = loads(blob or b"")
        return {
            str(path): frozenset(
                Entered(str(file), str(name), str(word), bool(is_keyed), str(by))
                for file, name, word, is_keyed, by in rows
            )
            for path, rows in data.items()
            if path != _TURNS
        }
    except (ValueError, TypeError, AttributeError):
        return None


def decode_turns(blob: bytes | None) -> list[str]:
    """Give the order that was encoded with what modules enter."""
    data: Any = loads(blob or b"{}")
    return [str(path) for path in data.get(_TURNS, ())]
