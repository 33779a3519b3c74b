"""Follows who leads to an object up to what has a name, and remembers the way.

Each test asks the same of the same objects: a memo that every test fills, a register that every
class enters itself in. What was found holds until an object on the way is led to by another one.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, Final

from pytest_cellcache.model.observation import FIXTURE
from pytest_cellcache.trace.identities import identity

Owner = tuple[str, str]
"""File name and global."""
Leading = frozenset[tuple[Owner, bool, str]]
"""Globals that lead to an object, whether directly, and the word below them."""
_MOST: Final = 100_000
"""Steps of all ways that are remembered."""


class Ways:
    """Who leads to the objects that are watched, by identity.

    Whoever changes one of the mappings says so (``forget``).

    Args:
        global_of: gives the value of a global now.
        module_name: gives the name of the module of a file.

    Attributes:
        parents: other objects, each with the key or attribute under which it does.
        owners: globals that an object is or was.
        bound: globals that an object was when their module had just been loaded.
        classes: file and qualified name of the project's classes.
    """

    def __init__(
        self, global_of: Callable[[Owner], Any], module_name: Callable[[str], str]
    ) -> None:
        self.global_of = global_of
        self._module_name = module_name
        self.parents: dict[int, list[tuple[int, str]]] = {}
        self.owners: dict[int, list[Owner]] = {}
        self.bound: dict[int, set[Owner]] = {}
        self.classes: dict[int, tuple[str, str]] = {}
        self._names: dict[int, list[str]] = {}
        # What was found from an object, and the objects that were passed.
        self._leading: dict[int, Leading] = {}
        self._above: dict[int, tuple[list[str], set[int]]] = {}
        self._passed_by: dict[int, set[int]] = {}
        self._steps = 0

    def own(self, ident: int, owner: Owner) -> None:
        """Take down that a global is an object."""
        owners = self.owners.setdefault(ident, [])
        if owner not in owners:
            owners.append(owner)
            self.forget(ident)

    def bind(self, ident: int, owner: Owner) -> None:
        """Take down that a global was an object when its module had just been loaded."""
        self.bound.setdefault(ident, set()).add(owner)
        self.forget(ident)

    def values_among(self, idents: Iterable[int]) -> set[str]:
        """Name the values of fixtures that some objects are."""
        owners = (owner for ident in idents for owner in self.owners.get(ident, ()))
        return {name for file, name in owners if file == FIXTURE}

    def lose(self, ident: int) -> None:
        """Let go of an object that has gone."""
        self.parents.pop(ident, None)
        self.owners.pop(ident, None)
        self.bound.pop(ident, None)
        self.forget(ident)

    def rename(self, was: int, ident: int, parts: Iterable[int]) -> None:
        """Let an object take the place of another one that led to the same."""
        self.parents[ident] = self.parents.pop(was, [])
        self.owners[ident] = self.owners.pop(was, [])
        self.bound.pop(was, None)
        for part in parts:
            edges = self.parents.get(part, [])
            edges[:] = [(ident, key) if parent == was else (parent, key) for parent, key in edges]
            self.forget(part)
        self.forget(was)
        self.forget(ident)

    def forget(self, ident: int) -> None:
        """Find out anew what leads to an object, or is led to by way of it."""
        self._names.pop(ident, None)
        for start in self._passed_by.pop(ident, ()):
            self._leading.pop(start, None)
            self._above.pop(start, None)

    def forget_names(self) -> None:
        """Find out anew which globals objects are: some module has others now."""
        self._names.clear()
        self._above.clear()

    def _remember(self, start: int, passed: Iterable[int]) -> None:
        for ident in passed:
            self._passed_by.setdefault(ident, set()).add(start)
            self._steps += 1

    def _make_room(self) -> None:
        if self._steps > _MOST:
            for each in (self._leading, self._above, self._passed_by):
                each.clear()
            self._steps = 0

    def leading_to(self, ident: int) -> Leading:
        """Give the globals that lead to an object."""
        known = self._leading.get(ident)
        if known is not None:
            return known
        self._make_room()
        found: set[tuple[Owner, bool, str]] = set()
        start = (ident, "", True)
        seen = {start}
        stack = [start]
        while stack:
            current, below, is_top = stack.pop()
            found.update((owner, is_top, below) for owner in self.owners.get(current, ()))
            for parent, key in self.parents.get(current, ()):
                step = (parent, key, False)
                if step not in seen and parent != ident:  # a method leads to its class again
                    seen.add(step)
                    stack.append(step)
        self._remember(ident, {passed for passed, _, _ in seen})
        self._leading[ident] = leading = frozenset(found)
        return leading

    def names_of(self, ident: int) -> list[str]:
        """Give the globals that are or were the object of an identity, modules by their names.

        It is told of each whether it is that now, and whether it was from the start.
        """
        known = self._names.get(ident)
        if known is None:
            first = self.bound.get(ident, ())
            known = self._names[ident] = sorted(
                f"{self._module_name(owner[0])}.{owner[1]} {owner in first}"
                f" {identity(self.global_of(owner)) == ident}"
                for owner in self.owners.get(ident, ())
            )
        return known

    def ways_to(self, objects: Iterable[int], known: Container[int]) -> Mapping[int, list[str]]:
        """Give what else leads to objects than what is known: down from what has a name.

        Not of what a global was from the start: that says by itself which object it is.
        """
        found: dict[int, list[str]] = {}
        for ident in objects:
            if ident in self.bound:
                continue
            names = {*self.names_of(ident)}
            for parent, way in self.parents.get(ident, ()):
                if parent not in known:
                    names.update(f"{name}.{way}" for name in self._named_above(parent, known))
            if names:
                found[ident] = sorted(names)
        return found

    def _named_above(self, ident: int, known: Container[int]) -> list[str]:
        """Give the ways to an object from what has a name, each object on them met once."""
        remembered = self._above.get(ident)
        if remembered is not None and not any(each in known for each in remembered[1]):
            return remembered[0]
        self._make_room()
        found: list[str] = []
        seen: set[int] = set()
        is_barred = False
        stack = [(ident, "")]
        while stack:
            current, way = stack.pop()
            if current in seen:
                continue
            if current in known:
                is_barred = True
                continue
            seen.add(current)
            names = self.names_of(current) or self.classes.get(current, ())[1:]
            found += (f"{name}{way}" for name in names)
            if not names:
                above = self.parents.get(current, ())
                stack += [(parent, f".{key}{way}") for parent, key in above]
        if not is_barred:
            self._above[ident] = found, seen
            self._remember(ident, seen)
        return found
