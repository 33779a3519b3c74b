"""Knows which fixtures are cheap: they are not looked at, beyond the time that they take.

What a set-up does beside its value must be watched from before it begins, when nobody knows how
long it will take. So the times of earlier runs are kept as a note of the store, by definition and
body. A fixture that turns slow for another reason is watched from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from json import dumps, loads
from typing import Any, Final

from pytest_cellcache.hooks.definitions import Definition, is_parameter
from pytest_cellcache.model.digest import Digest, digest_parts
from pytest_cellcache.store.contract import Store

_NOTE: Final = "fixture times"
_MOST_PARAMETERS: Final = 500
_MOST: Final = 20_000
"""Definitions in the note; beyond, it is begun anew."""


class Speeds:
    """Times of set-ups, of this run and earlier ones.

    Args:
        min_s: what takes less is cheap.
        body_of: gives the digest of a fixture function by its file and name.

    Attributes:
        cheap: ``id`` of the pytest definitions that are known to be cheap.
    """

    def __init__(
        self, store: Store, min_s: float, body_of: Callable[[str, str], Digest | str]
    ) -> None:
        self._store = store
        self._min_s = min_s
        self._body_of = body_of
        self._known: dict[str, float] | None = None
        # With the definition itself, so that its id is not used again; bounded by those of a run.
        self._keys: dict[int, tuple[Any, str]] = {}
        self._times: dict[str, dict[str, float]] = {}
        self.cheap: set[int] = set()

    def look_up(self, definition: Definition) -> None:
        """Find out whether a definition was cheap in earlier runs."""
        if definition.key in self._keys:
            return
        if self._known is None:
            self._known = _read(self._store.get_note(_NOTE))
        name = getattr(definition.fixturedef.func, "__qualname__", "")
        body = str(self._body_of(definition.group, name))
        key = digest_parts([*definition.parts, body])[:16]
        self._keys[definition.key] = definition.fixturedef, key
        if definition.is_builtin or self._known.get(key, self._min_s) < self._min_s:
            self.cheap.add(definition.key)

    def is_slow(self, key: int) -> bool:
        """Say whether a definition is known to be slow."""
        held = self._keys.get(key)
        if held is None or key in self.cheap:
            return False
        times = self._times.get(held[1])
        return (max(times.values()) if times else self._was(held[1])) >= self._min_s

    def was_cheap(self, key: int) -> bool:
        """Say whether a definition was cheap in earlier runs, with all its parameters, and is."""
        held = self._keys.get(key)
        is_told = held is not None and held[1] in (self._known or {}) and key in self.cheap
        return is_told and held is not None and self._was(held[1]) < self._min_s

    def knows(self, key: int, parameter: str) -> bool:
        """Say whether a definition is known to be cheap with a parameter."""
        held = self._keys.get(key)
        if held is None or key not in self.cheap:
            return False
        is_known = held[1] in (self._known or {}) and self._was(held[1]) < self._min_s
        return is_known or parameter in self._times.get(held[1], {})

    def covers(
        self, item: Any, more: Mapping[str, Sequence[Any]], describe: Callable[[object], str]
    ) -> bool:
        """Say whether all fixtures that an item may ask for are known to be cheap.

        Args:
            more: definitions that it may ask for at run time only.
            describe: gives the text of a parameter.
        """
        info = getattr(item, "_fixtureinfo", None)
        named = getattr(info, "name2fixturedefs", None)
        if named is None:
            return False
        # Of definitions that override others the last; with it those were looked up that it uses.
        last = {name: known[-1] for name, known in {**more, **named}.items() if known}
        if not all(id(found) in self.cheap or is_parameter(found) for found in last.values()):
            return False
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        return all(
            self.knows(id(last[name]), describe(value))
            for name, value in parameters.items()
            if name in last and not is_parameter(last[name])
        )

    def note(self, key: int, parameter: str, setup_s: float) -> None:
        """Take the time of a set-up; the last one counts: an earlier one may have been chance."""
        held = self._keys.get(key)
        if held is None:
            return
        times = self._times.setdefault(held[1], {})
        if len(times) < _MOST_PARAMETERS or parameter in times:
            times[parameter] = setup_s
        is_slow = max(setup_s, *times.values()) >= self._min_s
        if parameter and self._was(held[1]) >= self._min_s:
            is_slow = True  # with another one, as it seems
        (self.cheap.discard if is_slow else self.cheap.add)(key)

    def _was(self, name: str) -> float:
        """Give the time that a definition took in earlier runs."""
        return (self._known or {}).get(name, 0.0)

    def keep(self) -> None:
        """Tell later runs."""
        known = _read(self._store.get_note(_NOTE))  # another worker may have written meanwhile
        new: dict[str, float] = {}
        for key, times in self._times.items():
            # Of a fixture with parameters not all may have been set up in this run.
            before = 0.0 if times.keys() <= {""} else known.get(key, 0.0)
            new[key] = round(max(before, *times.values()), 4)
        is_same = all(
            key in known and (known[key] < self._min_s) == (longest < self._min_s)
            for key, longest in new.items()
        )
        if not is_same:
            known = new if len(known) > _MOST else known | new
            self._store.put_note(_NOTE, dumps(known, separators=(",", ":")).encode())


def _read(data: bytes | None) -> dict[str, float]:
    try:
        found: Any = loads(data or b"{}")
        return {str(key): float(longest) for key, longest in found.items()}
    except (ValueError, TypeError, AttributeError):
        return {}
