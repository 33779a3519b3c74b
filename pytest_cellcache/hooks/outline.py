"""Makes the nodes of a module from its manifest, and makes them real when somebody asks for more.

The nodes are pytest's own, made by its own constructors; only the objects they hold are views
(``hooks/views.py``). *Hydrating* imports the module, collects it under the same module node and
puts what that gave into the nodes that are there: whoever holds one of them has a real one then.

``_obj``, ``_instance``, ``_initrequest`` and the like are private parts of pytest's nodes. Where
one is missing, or a node does not come out as the manifest says, the module is collected for real.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import FunctionType, MethodType, ModuleType
from typing import Any, Final

import pytest

from pytest_cellcache.hooks.made import Fixtures, Made, Parameter, SharedFunction
from pytest_cellcache.hooks.manifest import UNREAD
from pytest_cellcache.hooks.plainvalues import decode
from pytest_cellcache.hooks.views import Lazy, LazyMark, Token, View, view_of_code

_STATIC: Final = pytest.StashKey[tuple[str, list[str]]]()
"""Digest of what counts by value of an item that was made from a manifest, its marks aside, and the
names of its fixtures then."""

_OUTLINE: Final = pytest.StashKey["Outline"]()

_BROKEN: Final = (AttributeError, IndexError, KeyError, TypeError, ValueError)


class Doubt(Exception):
    """The module cannot be made from its manifest here and now."""


class Outline:
    """One module that is not imported, as far as its nodes go.

    Attributes:
        module: its node.
        items: its items, whether or not they were selected later.
        is_hydrated: the nodes are real ones.
        differs: what was collected in the end was not what the manifest said.
        fresh: the items that were collected then.
    """

    def __init__(
        self, module: pytest.Module, manifest: dict[str, Any], wake: Callable[[Outline], None]
    ) -> None:
        self.module = module
        self.items: list[pytest.Item] = []
        self.fresh: list[pytest.Item] = []
        self.is_hydrated = False
        self.differs = False
        self.name = str(manifest["name"])
        self._manifest = manifest
        self._wake = wake
        self._top = Made(module)
        self._functions: dict[int, SharedFunction] = {}
        self._marks: dict[int, pytest.Mark] = {}
        self._scopes: dict[int, dict[str, Any]] = {}
        try:
            self._types = [_find_type(row) for row in manifest["types"]]
            self._fill_module()
        except _BROKEN as error:
            raise Doubt(str(error)) from error

    # -- making nodes ----------------------------------------------------------------------------

    def _fill_module(self) -> None:
        node: Any = self.module
        if node.nodeid != self._manifest["nodeid"]:
            raise Doubt("it has another node id")
        top = self._top
        known = {"__name__": self.name, "__file__": str(node.path)}
        node._obj = View(ModuleType, known, lambda: self._read((top,)))
        self._mark(top, self._manifest["own"])
        top.children = [self._child(row, top, "") for row in self._manifest["children"]]
        node.stash[_OUTLINE] = self
        # On the instance: the class's own method would import.
        node.collect = lambda: [child.node for child in top.children]

    def _child(self, row: Any, parent: Made, prefix: str) -> Made:
        if isinstance(row, dict):
            return self._class(row, parent, prefix)
        return self._item(row, parent, prefix)

    def _class(self, row: dict[str, Any], parent: Made, prefix: str) -> Made:
        kind = self._types[row["type"]]
        node = kind.from_parent(parent.node, name=row["name"], obj=None)
        made = Made(node)
        known = {
            "__name__": row["qualname"].rpartition(".")[2],
            "__qualname__": row["qualname"],
            "__module__": row["module"] or self.name,
        }
        node._obj = View(type, known, lambda: self._read((made,)))
        self._mark(made, row["own"])
        made.children = [
            self._child(inner, made, f"{prefix}{row['name']}.") for inner in row["children"]
        ]
        node.stash[_OUTLINE] = self
        node.collect = lambda: [child.node for child in made.children]
        return made

    def _mark(self, made: Made, numbers: list[int]) -> None:
        made.marks = self._marks_of((made,), numbers, 0)
        made.node.own_markers.extend(made.marks)
        made.node.keywords.update((mark.name, mark) for mark in made.marks)

    def _item(self, row: list[Any], parent: Made, prefix: str) -> Made:
        name, function, kind, fixtures, line, path, static, _, call = row
        about = self._manifest["functions"][function]
        made = Made(None)
        shared = self._functions.get(function) or self._share(function, about)
        shared.items.append(made)
        made.marks = shared.marks
        callspec = None
        if call:
            of_call = self._marks_of((made,), call[4], len(shared.marks))
            if of_call:
                made.marks = [*shared.marks, *of_call]
            callspec = self._callspec(made, call, of_call)
        made.fixtures = self._manifest["fixtures"][fixtures]
        keywords = {callspec.id: True} if callspec is not None else None
        fixtureinfo = Fixtures(list(made.fixtures), self, made)
        node = self._types[kind].from_parent(
            parent.node,
            name=name,
            callobj=shared.view or self._bound(made, about, shared),
            fixtureinfo=fixtureinfo,
            originalname=about["name"],
            **({} if callspec is None else {"callspec": callspec, "keywords": keywords}),
        )
        if not (hasattr(node, "_initrequest") and hasattr(node.keywords, "_markers")):
            raise Doubt("it could not be made real")
        made.node = node
        fixtureinfo.is_made = True
        node.own_markers[:] = made.marks
        node.location = (self._manifest["paths"][path], line, prefix + name)
        node.stash[_STATIC] = (static, made.fixtures)
        node.stash[_OUTLINE] = self
        self.items.append(node)
        return made

    def _share(self, number: int, about: dict[str, Any]) -> SharedFunction:
        shared = self._functions[number] = SharedFunction()
        shared.marks = self._marks_of(shared.items, about["marks"], 0)

        def read() -> Any:
            return self._read(shared.items)

        shared.attributes = {
            key: Lazy(lambda key=key: read().__dict__[key])  # type: ignore[misc]
            if value == UNREAD
            else decode(value)
            for key, value in about["dict"].items()
        }
        if about["marked"]:
            shared.attributes["pytestmark"] = shared.marks
        shared.code = view_of_code(
            about["flags"], about["own"], about["line"], lambda: read().__code__
        )
        if not about["bound"]:
            shared.view = View(FunctionType, self._known_of(about, shared), read)
        return shared

    def _known_of(self, about: dict[str, Any], shared: SharedFunction) -> dict[str, Any]:
        return {
            "__name__": about["own"],
            "__qualname__": about["qualname"],
            "__module__": about["module"] or self.name,
            "__dict__": shared.attributes,
            "__code__": shared.code,
            **shared.attributes,
        }

    def _bound(self, made: Made, about: dict[str, Any], shared: SharedFunction) -> View:
        known = self._known_of(about, shared)
        function = View(FunctionType, known, lambda: self._read((made,)).__func__)
        instance = Lazy(lambda: self._read((made,)).__self__)
        known = known | {"__func__": function, "__self__": instance}
        return View(MethodType, known, lambda: self._read((made,)))

    def _callspec(self, made: Made, call: list[Any], marks: list[pytest.Mark]) -> Any:
        number, ids, indices, values, _ = call
        template = self._manifest["templates"][number]
        kind, scope_of = _callspec_type()
        if number not in self._scopes:
            self._scopes[number] = {name: scope_of(scope) for name, scope in template}
        params = {}
        for name, _ in template:
            value = values.get(name, UNREAD)
            read = Parameter(self, made, name)
            if value == UNREAD:
                params[name] = Lazy(read)
            elif isinstance(value, list) and value[0] == "token":
                params[name] = Token(read, value[1])
            else:
                params[name] = decode(value)
        return kind(
            params=params,
            indices=dict(zip((name for name, _ in template), indices, strict=True)),
            _arg2scope=self._scopes[number],
            _idlist=ids,
            marks=marks,
        )

    def _marks_of(
        self, owners: Sequence[Made], numbers: list[int], offset: int
    ) -> list[pytest.Mark]:
        found: list[pytest.Mark] = []
        for position, number in enumerate(numbers, offset):
            mark = self._marks.get(number)
            if mark is None:
                name, described, values = self._manifest["marks"][number]
                if values:
                    args, kwargs = decode(values)
                    mark = self._marks[number] = pytest.Mark(name, args, kwargs, _ispytest=True)
                else:
                    mark = LazyMark(
                        name,
                        described,
                        lambda position=position: self._real_mark(owners, position),  # type: ignore[misc]
                    )
            found.append(mark)
        return found

    # -- reading the module ----------------------------------------------------------------------

    def hydrate(self) -> None:
        """Import the module and make its nodes real ones; whatever that raises, raises."""
        if not self.is_hydrated:
            self._wake(self)

    def real(self, made: Made) -> Any:
        """Give a node after making it a real one."""
        self.hydrate()
        return made.node

    def _read(self, owners: Sequence[Made]) -> Any:
        """Give the object of nodes that have the same."""
        self.hydrate()
        for made in owners:
            found = made.node.obj
            if type(found) is not View:
                return found
        # Under way, or not there any more.
        raise AttributeError(f"{owners[0].node.nodeid} is not collected")

    def _real_mark(self, owners: Sequence[Made], position: int) -> pytest.Mark:
        self.hydrate()
        for made in owners:
            if made.real:
                return made.real[position]
        raise AttributeError(f"{owners[0].node.nodeid} is not collected")

    def fill(self) -> None:
        """Do what ``hydrate`` promises, at once: for whoever decides in which order it is done."""
        self.is_hydrated = True
        try:
            self._collect(self._top)
        except BaseException:  # raised again: its items must not run as they are
            self.is_hydrated = False
            raise

    def empty(self) -> None:
        """Give up what was made: pytest collects the module by itself when it is asked to."""
        self.is_hydrated = True
        for name in ("_obj", "collect"):
            vars(self.module).pop(name, None)

    def _collect(self, made: Made) -> None:
        """Collect a module or class for real and adopt what that gave."""
        node = made.node
        vars(node).pop("_obj", None)
        added = self._without(made)
        node.own_markers[:] = []
        node.obj  # noqa: B018  # imports, and adds the marks
        self._adopt_marks(made, list(node.own_markers), added)
        # Not the instance's own: that gives the nodes which are there, also from now on.
        fresh = list(type(node).collect(node))
        if [_shape(child) for child in fresh] != [_shape(child.node) for child in made.children]:
            self.differs = True
        self.fresh += [child for child in fresh if isinstance(child, pytest.Item)]
        waiting = {_shape(child): child for child in fresh}
        for child in made.children:
            found: Any = waiting.get(_shape(child.node))
            if found is None:
                continue
            if isinstance(found, pytest.Item):
                self._adopt_item(child, found)
            else:
                self._collect(child)

    def _without(self, made: Made) -> list[tuple[int, pytest.Mark]]:
        """Give the marks that were added to a node since it was made, with their places."""
        own = {id(mark): number for number, mark in enumerate(made.marks)}
        return [(own.get(id(mark), -1), mark) for mark in made.node.own_markers]

    def _adopt_marks(
        self, made: Made, real: list[pytest.Mark], had: list[tuple[int, pytest.Mark]]
    ) -> None:
        made.real = real
        if [mark.name for mark in real] != [mark.name for mark in made.marks]:
            self.differs = True
            return
        made.node.own_markers[:] = [real[place] if place >= 0 else mark for place, mark in had]
        keywords = made.node.keywords
        for mark in (*real, *(mark for place, mark in had if place < 0)):
            keywords[mark.name] = mark

    def _adopt_item(self, made: Made, fresh: Any) -> None:
        node = made.node
        had = self._without(made)
        names = list(node.fixturenames)
        location = node.location
        taken = vars(fresh).copy()
        for name in ("own_markers", "keywords", "stash", "_request", "location"):
            taken.pop(name, None)
        vars(node).update(taken)
        node.location = location
        if names != made.fixtures:
            node.fixturenames = names
        held = dict(fresh.keywords._markers)
        node.keywords.update({k: v for k, v in held.items() if not isinstance(v, pytest.Mark)})
        self._adopt_marks(made, list(fresh.own_markers), had)
        del node.stash[_STATIC]
        node._initrequest()


def outline_of(node: Any) -> Outline | None:
    """Give the outline that a node belongs to, as long as it is not hydrated."""
    found: Outline | None = node.stash.get(_OUTLINE, None)
    return None if found is None or found.is_hydrated else found


def was_outlined(node: Any) -> bool:
    """Say whether a node was made from a manifest, be it real by now."""
    return _OUTLINE in node.stash


def static_of(item: pytest.Item) -> str | None:
    """Give the digest that the manifest has of an item, unless a plugin changed the item since."""
    static, names = item.stash.get(_STATIC, (None, []))
    return static if static and getattr(item, "fixturenames", None) == names else None


def _shape(node: Any) -> tuple[type, str]:
    return type(node), node.name


def _find_type(row: list[str]) -> Any:
    module, qualname = row
    # Not imported: a plugin that is not there makes no items.
    found: Any = sys.modules[module]
    for name in qualname.split("."):
        found = getattr(found, name)
    if not (isinstance(found, type) and issubclass(found, (pytest.Function, pytest.Class))):
        raise Doubt(f"{qualname} is no type of node")
    return found


def _callspec_type() -> tuple[Any, Any]:
    """Give the private types that a parametrized item needs."""
    from _pytest import python, scope

    kind = getattr(python, "CallSpec", None) or getattr(python, "CallSpec2", None)
    if kind is None:
        raise Doubt("pytest has no such type")
    return kind, scope.Scope
