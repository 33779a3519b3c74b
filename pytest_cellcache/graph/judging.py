"""Keeps what was found out about pieces of code, with what their callers take over from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pytest_cellcache.graph.candidates import Asked, Candidates, only_looks
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.remembered import Place


class Judged(NamedTuple):
    """What is known of a piece of code.

    Attributes:
        is_quiet: it changes nothing else than ``changed``, the methods that it asks for aside.
        asked: methods that it calls by their names only.
    """

    is_quiet: bool
    changed: frozenset[Place] = frozenset()
    asked: frozenset[Asked] = frozenset()


class Judging:
    """Judges each piece of code once.

    Args:
        judge_method: judges a method that is called in some way.
        is_own: says whether all methods of what a global stands for are the project's.

    Attributes:
        changed: what the piece that is being judged changes, as far as is known.
        asked: the methods that it asks for.
    """

    def __init__(
        self,
        project: Project,
        judge_method: Callable[[Place, Asked], Judged],
        is_own: Callable[[Place], bool],
    ) -> None:
        self._project = project
        self._candidates = Candidates(project)
        self._judge_method = judge_method
        self._is_own = is_own
        self._judged: dict[tuple[object, ...], Judged] = {}
        self._settled: dict[tuple[frozenset[str], frozenset[Asked]], frozenset[Place] | None] = {}
        self.changed: set[Place] = set()
        self.asked: set[Asked] = set()

    def judge(self, key: tuple[object, ...], judge: Callable[[], bool]) -> Judged:
        """Judge something once; what is found is added to that of its caller."""
        found = self._judged.get(key)
        if found is None:
            self._judged[key] = Judged(True)  # recursion: judged by the rest
            outer = self.changed, self.asked
            self.changed, self.asked = set(), set()
            is_quiet = judge()
            found = Judged(is_quiet, frozenset(self.changed), frozenset(self.asked))
            self._judged[key] = found
            self.changed, self.asked = outer
        self.changed |= found.changed
        self.asked |= found.asked
        return found

    def asks_to_look(self, call: str) -> bool:
        """Say whether ``.method`` of something unknown changes nothing.

        Where the project has methods of that name, these tell.
        """
        method = call.removeprefix(".")
        if "." in method or method == "open" or not only_looks(method):
            return False
        self.asked.add(Asked(method, is_strict=True))
        return True

    def settle(self, files: frozenset[str], judged: Judged) -> frozenset[Place] | None:
        """Give the globals that code changes, with what the methods do that it asks for.

        Args:
            files: any method of the name in one of them may be meant.

        Returns:
            ``None`` if it may change anything.
        """
        if not judged.is_quiet:
            return None
        if not judged.asked:
            return judged.changed
        key = files, judged.asked
        if key not in self._settled:
            self._settled[key] = self._changed_by(*key)
        found = self._settled[key]
        return None if found is None else judged.changed | found

    def _is_told(self, on: Place, name: str) -> bool:
        """Say whether a method of what a global stands for is the project's.

        All of them are, or it is a class that defines this one itself.
        """
        file, owner = on
        return f"{owner}.{name}" in self._project.index(file).defs or self._is_own(on)

    def _changed_by(
        self, files: frozenset[str], asked: frozenset[Asked]
    ) -> frozenset[Place] | None:
        changed = frozenset[Place]()
        seen, stack = set(asked), list(asked)
        while stack:
            how = stack.pop()
            places = self._candidates.named(files, how.name) if how.name else []
            if how.name and not places and self._candidates.is_stored(files, how.name):
                return None
            on = how.on
            if on is not None and on[0] and how.name and not self._is_told(on, how.name):
                changed |= {on}  # another distribution's method may be meant
            for place in places:
                judged = self._judge_method(place, how)
                if not judged.is_quiet:
                    return None
                changed |= judged.changed
                stack += judged.asked - seen
                seen |= judged.asked
        return changed
