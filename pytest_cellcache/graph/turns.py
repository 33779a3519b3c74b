"""In which order modules come to enter something in registers, as their import statements tell.

``import a, b`` and ``import b, a`` differ in nothing else where both enter something in a list that
a third module holds. Who compares takes both orders from here, so imports on condition and those of
functions, which no statement places, do no harm.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.model.digest import ABSENT


class Turns:
    """Follows imports as the interpreter does.

    Args:
        entering: the files whose turns are asked for.
        looks: by file, what else is asked for: positions of statements, and names for these.

    Attributes:
        followed: all files on the way.
    """

    def __init__(
        self,
        digester: Digester,
        entering: Collection[str],
        looks: Mapping[str, Sequence[tuple[int, str]]] = MappingProxyType({}),
    ) -> None:
        self._digester = digester
        self._digest_file = digester.project.snapshot.digest_file
        self._entering = entering
        self._looks = looks
        self._found: list[str] = []
        self.followed: dict[str, None] = {}

    def of(self, roots: Iterable[str]) -> list[str]:
        """Give the files by the first of their statements that may enter something.

        Args:
            roots: files that are imported one after another.
        """
        for root in roots:
            waiting = self._with_packages(root)
            importing: list[tuple[int, Iterator[str]]] = []
            while waiting or importing:
                if importing and len(waiting) == importing[-1][0]:
                    following = next(importing[-1][1], None)
                    if following is None:
                        importing.pop()
                    else:
                        waiting += self._with_packages(following)
                    continue
                path = waiting.pop()
                if path not in self.followed:
                    self.followed[path] = None
                    importing.append((len(waiting), self._imported_by(path)))
        return self._found

    def _with_packages(self, path: str) -> list[str]:
        """Give a file and the packages around it, of which the outermost is evaluated first."""
        around = [path]
        folder = path.rpartition("/")[0]
        while folder:
            package = f"{folder}/__init__.py"
            if package != path and self._digest_file(package) != ABSENT:
                around.append(package)
            folder = folder.rpartition("/")[0]
        return around

    def _imported_by(self, path: str) -> Iterator[str]:
        asked = [*self._looks.get(path, ())]
        if path in self._entering:
            asked.append((self._first_of(path), path))
        asked.sort()
        for position, sources in self._digester.loading.sources_in(path):
            while asked and asked[0][0] < position:
                self._found.append(asked.pop(0)[1])
            yield from sources
        self._found += (turn for _, turn in asked)

    def _first_of(self, path: str) -> int:
        known = (position for position, _, _ in self._digester.registering_cells(path))
        unknown = (position for position, _ in self._digester.effect_cells(path))
        return min((*known, *unknown), default=0)
