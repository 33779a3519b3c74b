"""What all tests of a run share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.entering import KeysOf
from pytest_cellcache.graph.evaluated import Evaluations
from pytest_cellcache.graph.locate import places_of, ran_within
from pytest_cellcache.graph.remembered import Ran
from pytest_cellcache.lifecycle.evaluations import Statement, evaluations_of
from pytest_cellcache.model.keys import EXISTS, WHOLE, Key
from pytest_cellcache.model.observation import CodeRef, Observation

Edges = Callable[[Key], frozenset[Key]]
KeysOfCode = Callable[[Iterable[CodeRef]], set[Key]]


class Surroundings(NamedTuple):
    """What all tests of a run share.

    Attributes:
        imported: what ran and was consulted before the first test.
        outside: that part of it which no statement of a module caused.
        statements: what statements of modules caused, in tests too, by file name and line.
        modules: absolute files of the modules all of whose statements are told apart.
        loaded: absolute files of the first-party modules loaded before the first test.
        plugins: relative files of first-party plugins and conftests.
        groups: relative files of all tests collected.
        facets: names of the facets of the run that count for every test.
        declared: inputs that every test depends on by declaration.
        may_connect: what answers on the network does not count.
        keys_of: gives the keys of a global that is a mapping, if all are texts.
        assigned: file of each module or hook that sets a variable or the working directory for all
            that come later, which one, and a digest of its value.
        unread: gives file name and first line of the functions whose annotations nobody has looked
            at so far.
    """

    imported: Observation
    outside: Observation
    statements: Mapping[Statement, Observation]
    modules: frozenset[str]
    loaded: tuple[str, ...]
    plugins: tuple[str, ...]
    groups: frozenset[str]
    facets: tuple[str, ...]
    declared: frozenset[Key] = frozenset()
    may_connect: bool = False
    keys_of: KeysOf = lambda place: None
    unread: Callable[[], frozenset[Statement]] = frozenset
    assigned: frozenset[tuple[str, str, str]] = frozenset()

    @property
    def unheard(self) -> frozenset[str]:
        """Files that were loaded before anything was traced: all their code is declared."""
        return frozenset(key.path for key in self.declared if key.kind == WHOLE)

    def concerns(self, file: str, group: str) -> bool:
        """Say whether a file holds the tests of a group, or is a plugin that applies to them."""
        return file == group or (file in self.plugins and applies(file, group))


def evaluations_of_imports(
    digester: Digester, around: Surroundings, keys_of_code: KeysOfCode
) -> tuple[Evaluations, frozenset[Key]]:
    """Give what evaluating each cell ran before the first test; see ``evaluations_of``."""
    relative = digester.project.snapshot.places.relative
    return evaluations_of(
        digester,
        around.statements,
        modules=around.modules,
        imported=Ran(
            places_of(keys_of_code(around.imported.codes)),
            within=ran_within(around.imported.within, keys_of_code),
        ),
        outside=places_of(keys_of_code(around.outside.codes)),
        files={relative(name) for name in around.loaded},
        unheard=around.unheard,
        unread=around.unread(),
        keys_of_code=keys_of_code,
    )


def applies(plugin: str, group: str) -> bool:
    """Say whether a plugin concerns the tests of a file: a conftest only below its folder."""
    folder, _, name = plugin.rpartition("/")
    return name != "conftest.py" or not folder or group.startswith(folder + "/")


def packages_of(files: Iterable[str], is_there: Callable[[str], bool]) -> set[Key]:
    """Give what decides as which modules pytest imports files: packages beside and above them."""
    found: set[Key] = set()
    for file in files:
        folder, is_package = file, True
        while folder and is_package:
            folder = folder.rpartition("/")[0]
            init = f"{folder}/__init__.py" if folder else "__init__.py"
            found.add(Key(EXISTS, init))
            is_package = is_there(init)
    return found


class Backwards:
    """Finds what leads to keys.

    Args:
        every: keys whose edges count.
    """

    def __init__(self, every: Iterable[Key], edges: Edges) -> None:
        self._sources: dict[Key, list[Key]] = {}
        for key in every:
            for target in edges(key):
                self._sources.setdefault(target, []).append(key)

    def leading_to(self, targets: Iterable[Key]) -> set[Key]:
        """Give keys and all that lead to them."""
        found = set(targets)
        stack = list(found)
        while stack:
            for source in self._sources.get(stack.pop(), ()):
                if source not in found:
                    found.add(source)
                    stack.append(source)
        return found


def reach(roots: Iterable[Key], edges: Edges) -> set[Key]:
    """Give keys and all that they lead to."""
    seen = set(roots)
    stack = list(seen)
    while stack:
        for key in edges(stack.pop()):
            if key not in seen:
                seen.add(key)
                stack.append(key)
    return seen
