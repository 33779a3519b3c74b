"""What tests leave on pytest's own objects, where hooks and fixtures of others find it.

A conftest may keep things on the session, the config or a node, in their stashes, or in a plugin
object of its own: that an earlier step of a class has failed, say. No global leads there, so nobody
who rests on it can be told by names of globals. Who has left something there that code of the
project looks at is not recorded, and neither is who ran such code since; what is recorded of the
latter does not hold once something has been left.
"""

from __future__ import annotations

import functools
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any, Final, NamedTuple

import pytest

from pytest_cellcache.graph.locate import locate
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import Refs
from pytest_cellcache.model.keys import BODY, Key
from pytest_cellcache.model.observation import Observation
from pytest_cellcache.sources.loaded import attribute_of, loaded_modules, members_of, name_of
from pytest_cellcache.trace.parts import module_of

_ASIDE: Final = frozenset(
    """pytest_runtest_makereport pytest_runtest_logreport pytest_runtest_logstart
    pytest_runtest_logfinish pytest_sessionfinish pytest_terminal_summary pytest_unconfigure
    pytest_report_teststatus pytest_warning_recorded pytest_exception_interact
    pytest_fixture_post_finalizer pytest_addoption pytest_configure pytest_sessionstart
    pytest_plugin_registered pytest_load_initial_conftests pytest_report_header
    pytest_collection_modifyitems pytest_collection_finish""".split()
)
"""Hooks that come after a test has done what it does, or before all of them."""
_ENDING: Final = frozenset({"skip", "xfail", "fail", "exit", "importorskip"})
_STASH: Final = "stash"
Look = dict[tuple[int, object], "_Found"]
"""By identity of the object, and attribute or identity of the key."""
_MAX_ITEMS: Final = 1000
_MAX_DEPTH: Final = 4


class Name(NamedTuple):
    """An attribute of one of pytest's objects.

    Attributes:
        file: of the class of a plugin object of the project; only its functions count that may
            skip a test or let it fail, as such objects often keep books for themselves.
    """

    name: str
    file: str = ""


class _Shape:
    """What an object holds, some steps deep: equal if it is the same, and keeps it alive."""

    def __init__(self, value: Any, is_own: Callable[[type], bool]) -> None:
        self._is_own = is_own
        self._held: list[Any] = []
        self._walk(value, 0)

    def is_same(self, other: _Shape) -> bool:
        mine, others = self._held, other._held
        return len(mine) == len(others) and all(map(_is_one, mine, others))

    def _walk(self, value: Any, depth: int) -> None:
        self._held.append(value)
        if depth < _MAX_DEPTH:
            for part in _parts(value):
                self._walk(part, depth + 1)
            if self._is_own(type(value)):
                self._walk(members_of(value), depth + 1)
        self._held.append(_END)


_END: Final = object()


def _is_one(mine: Any, other: Any) -> bool:
    return mine is other


def _parts(value: Any) -> Iterable[Any]:
    kind = type(value)
    if issubclass(kind, dict) and dict.__len__(value) <= _MAX_ITEMS:
        return [part for pair in list(dict.items(value)) for part in pair]
    for known in (list, tuple, set, frozenset, deque):
        if issubclass(kind, known) and known.__len__(value) <= _MAX_ITEMS:
            return list(known.__iter__(value))
    return ()


class _Found(NamedTuple):
    """One thing that is kept on such an object: where, and what it is."""

    space: dict[Any, Any]
    key: Any
    name: Name
    shape: _Shape


class NodeWatch:
    """Notices what is left on them.

    Args:
        is_own: says of the name of a file whether it is one of the project.
        project: gives the project as it is known now, if it is.

    Attributes:
        left: what code of the project looks at of that.
    """

    def __init__(
        self, is_own: Callable[[str], bool], project: Callable[[], Project | None]
    ) -> None:
        self._is_own_file = is_own
        self._project = project
        self._before: Look = {}
        self._names_of_pytest: dict[type, frozenset[str]] = {}
        self._own: dict[type, str] = {}
        self._looked_at: dict[Name, bool] = {}
        self._keys: dict[int, tuple[object, str]] = {}
        self._plugins: tuple[set[Any], list[tuple[Any, str]]] = set(), []
        # By file of a plugin's class: the attributes that count.
        self._counting: dict[str, frozenset[str]] = {}
        self.left: set[Name] = set()

    def begin(self, item: pytest.Item) -> None:
        """Look at what there is before a live item."""
        self._before = self._look(item)

    def end(self, item: pytest.Item, seen: Iterable[Observation]) -> str:
        """Name what an item has left that code of the project looks at, or may have found."""
        before, now, self._before = self._before, self._look(item), {}
        changed = {
            name
            for place, (_, _, name, shape) in {**before, **now}.items()
            if place not in before or place not in now or not before[place].shape.is_same(shape)
        }
        found = {name for name in changed if self._is_looked_at(name)}
        self.left |= found
        if not found and self.left and (project := self._project()) is not None:
            codes = {code for each in seen for code in each.codes}
            found = self._seen_by(key for code in codes for key in locate(project, code))
        return min(found).name if found else ""

    def is_seen_by(self, keys: Iterable[Key]) -> bool:
        """Say whether who rests on keys may see what has been left so far."""
        return bool(self.left and self._seen_by(keys))

    def remember(self, item: pytest.Item) -> Callable[[], None]:
        """Give what puts everything back that an attempt changes."""
        before = self._look(item)
        copies = [(each, _copied(each.space[each.key])) for each in before.values()]

        def put_back() -> None:
            for place, each in self._look(item).items():
                if place not in before:
                    each.space.pop(each.key, None)
            for each, (value, content) in copies:
                each.space[each.key] = value
                if content is not None and value != content:
                    _refill(value, content)

        return put_back

    # -- ours ------------------------------------------------------------------------------------

    def _look(self, item: pytest.Item) -> Look:
        found: Look = {}
        for owner in (item.config, *item.listchain()[:-1]):
            space, known = vars(owner), self._of_pytest(type(owner))
            for name in [name for name in space if name not in known]:
                shape = _Shape(space[name], self._is_own)
                found[id(owner), name] = _Found(space, name, Name(name), shape)
            stash = _stash_of(owner)
            for key in [key for key in stash if id(key) not in _keys_of_pytest()]:
                if name := self._name_of(key):
                    shape = _Shape(stash[key], self._is_own)
                    found[id(owner), id(key)] = _Found(stash, key, Name(name), shape)
        for plugin, file in self._own_plugins(item.config.pluginmanager.get_plugins()):
            members: Any = members_of(plugin)
            counting = self._counting_in(file) if isinstance(members, dict) else ()
            for name in [name for name in members or () if name in counting]:
                shape = _Shape(members[name], self._is_own)
                found[id(plugin), name] = _Found(members, name, Name(name, file), shape)
        return found

    def _name_of(self, key: object) -> str:
        """Give the name by which code of the project has a key of stashes; else nobody asks."""
        found = self._keys.get(id(key))
        if found is None:
            spaces: list[Mapping[str, Any]] = []
            for module in loaded_modules():
                if self._is_own_file(str(attribute_of(module, "__file__"))):
                    classes = [each for each in vars(module).values() if isinstance(each, type)]
                    spaces += [vars(module), *map(vars, classes)]
            names = (name for space in spaces for name, value in space.items() if value is key)
            found = self._keys[id(key)] = key, next(names, "")
        return found[1]

    def _own_plugins(self, plugins: set[Any]) -> list[tuple[Any, str]]:
        """Give those that are objects of the project's classes, with the files of these."""
        if plugins != self._plugins[0]:
            own = [(plugin, self._file_of(type(plugin))) for plugin in plugins]
            self._plugins = plugins, [(plugin, file) for plugin, file in own if file]
        return self._plugins[1]

    def _is_own(self, kind: type) -> bool:
        return bool(self._file_of(kind))

    def _file_of(self, kind: type) -> str:
        """Give the file of a class of the project; nothing for any other."""
        found = self._own.get(kind)
        if found is None:
            module = sys.modules.get(module_of(kind))
            file = attribute_of(module, "__file__")
            is_own = isinstance(file, str) and self._is_own_file(file)
            found = self._own[kind] = str(file) if is_own else ""
        return found

    def _of_pytest(self, kind: type) -> frozenset[str]:
        """Give the attributes that pytest and its plugins use of such an object themselves."""
        known = self._names_of_pytest.get(kind)
        if known is None:
            names = {"name", "keywords", "own_markers", "exitstatus", _STASH}
            for each in kind.__mro__:
                if not self._file_of(each):
                    codes = (code for member in vars(each).values() for code in _codes_of(member))
                    names.update(*map(_names_in, codes))
            known = self._names_of_pytest[kind] = frozenset(names)
        return known

    def _counting_in(self, file: str) -> frozenset[str]:
        known = self._counting.get(file)
        project = self._project()
        if known is None and project is not None:
            ending = (refs for refs in _refs_in(project, file) if _may_end(refs))
            known = self._counting[file] = frozenset(name for r in ending for name in _names(r))
        return known or frozenset()

    def _is_looked_at(self, name: Name) -> bool:
        """Say whether any code of the project may find out what is under a name."""
        project = self._project()
        if name.file or project is None:  # only such names are looked at
            return True
        found = self._looked_at.get(name)
        if found is None:
            files = {str(attribute_of(module, "__file__")) for module in loaded_modules()}
            found = self._looked_at[name] = any(
                name.name in _names(refs)
                for file in files
                if self._is_own_file(file)
                for refs in _refs_in(project, file)
            )
        return found

    def _seen_by(self, keys: Iterable[Key]) -> set[Name]:
        project = self._project()
        found: set[Name] = set()
        for key in keys if project is not None else ():
            if key.kind == BODY and not _is_aside(key.name) and project is not None:
                for made in project.index(key.path).find(key.name):
                    names = _names(made.refs)
                    found |= {each for each in self.left if not each.file and each.name in names}
                file = project.snapshot.places.absolute(key.path)
                found |= {each for each in self.left if each.file == file}
        return found


def _refs_in(project: Project, file: str) -> Iterator[Refs]:
    for qualname, defs in project.index(project.snapshot.places.relative(file)).defs.items():
        if not _is_aside(qualname):
            yield from (made.refs for made in defs)


def _names(refs: Refs) -> set[str]:
    """Give the attributes that code looks at, and the globals by which it has keys of stashes."""
    found = {*refs.attrs, *refs.attr_changes}
    return found.union(*(chain.split(".") for chain in refs.chains))


def _may_end(refs: Refs) -> bool:
    return any(call.rpartition(".")[2] in _ENDING for call in (*refs.calls, *refs.chains))


def _is_aside(qualname: str) -> bool:
    return qualname.rpartition(".")[2] in _ASIDE


def _stash_of(owner: Any) -> dict[Any, Any]:
    """Give what a stash holds; its ``_storage`` is private."""
    held = getattr(getattr(owner, _STASH, None), "_storage", None)
    return held if isinstance(held, dict) else {}


@functools.cache
def _keys_of_pytest() -> frozenset[int]:
    """Give the identities of the keys that modules of pytest hold, for good."""
    own = (m for m in loaded_modules() if name_of(m).startswith(("_pytest.", "pytest_cellcache.")))
    values = (value for module in own for value in vars(module).values())
    return frozenset(id(value) for value in values if isinstance(value, pytest.StashKey))


def _codes_of(member: Any) -> Iterator[CodeType]:
    """Give the code of a method or property."""
    if isinstance(member, property):
        functions = [member.fget, member.fset, member.fdel]
    elif isinstance(member, functools.cached_property):
        functions = [member.func]
    else:
        functions = [getattr(member, "__func__", member)]
    yield from (each.__code__ for each in functions if type(each) is FunctionType)


def _names_in(code: CodeType) -> set[str]:
    found = {*code.co_names}
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found |= _names_in(inner)
    return found


def _copied(value: Any) -> tuple[Any, Any]:
    """Give a value and, if it is a plain container, a copy."""
    kind = type(value)
    return value, kind(value) if kind in (dict, list, set, deque) else None


def _refill(value: Any, content: Any) -> None:
    value.clear()
    if isinstance(value, (dict, set)):
        value.update(content)
    else:
        value.extend(content)
