"""Tells edits of a class that only add, remove or redeclare plain methods from all others.

Who uses the class then depends on the edit only if some code that it rests on names such a method,
or may look at any: nobody else can tell. That holds for classes that nobody else looks at as they
are made (``plainness``). So it does for who imports a module in which such a class may have an
effect: what the class statement ran is part of what he rests on.
"""

from __future__ import annotations

import collections
import io
import threading
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.plainness import hands_to_anybody
from pytest_cellcache.graph.project import unnumbered
from pytest_cellcache.graph.refs import Refs, words_of
from pytest_cellcache.model.digest import Digest, digest_parts
from pytest_cellcache.model.keys import (
    ANNOTATIONS,
    BODY,
    EFFECTS,
    MAIN,
    MARKERS,
    NAME,
    WRITES,
    Key,
)

_KNOWN_KINDS: Final[tuple[type, ...]] = (
    dict, list, set, str, bytes, int, float, type(iter([])), memoryview, BaseException,
    io.StringIO, io.BytesIO, io.TextIOWrapper, io.BufferedReader, threading.Thread,
    collections.deque, collections.OrderedDict, collections.UserDict, property, type,
)  # fmt: skip
_PROTOCOLS: Final = """to_dict to_json for_json toJSON as_dict asdict dict json serialize to_python
    model_dump render as_sql resolve_expression contribute_to_class deconstruct get_absolute_url
    process_bind_param process_result_value init_app main invoke convert callback dispatch
    process_request process_response fit predict transform get_params set_params forward next send
    throw emit handle format filter default visit generic_visit run start stop join shutdown connect
    cursor execute fetchone fetchall commit rollback acquire release notify wait""".split()
_ASKED_FOR: Final = frozenset(name for kind in _KNOWN_KINDS for name in dir(kind)).union(_PROTOCOLS)
"""Names that code of other distributions may look for on any object."""
_XUNIT: Final = ("setup", "teardown", "setUp", "tearDown", "pytest_", "_repr_", "runTest")
_LOOKING_AT_ALL: Final = frozenset(
    """Mock MagicMock AsyncMock NonCallableMock create_autospec patch getmembers help dir vars
    total_ordering signature singledispatchmethod getdoc""".split()
)
"""Functions that may look at all members of what they are given."""
_KINDS_OF_CODE: Final = frozenset({BODY, WRITES, NAME, EFFECTS, MAIN, MARKERS, ANNOTATIONS})


class Members(NamedTuple):
    """A class whose plain methods can be told from the rest.

    Attributes:
        core: digest of the rest.
        methods: digests of their signatures by name.
    """

    core: Digest
    methods: Mapping[str, Digest]

    def differing(self, other: Members) -> frozenset[str] | None:
        """Name the methods in which two forms of a class differ; ``None`` if that is not all."""
        if self.core != other.core:
            return None
        names = self.methods.keys() | other.methods.keys()
        found = {name for name in names if self.methods.get(name) != other.methods.get(name)}
        if any(name in _ASKED_FOR or name.startswith(_XUNIT) for name in found):
            return None
        return frozenset(found)


def members_of(digester: Digester, key: Key) -> Members | None:
    """Give the members of a class by its ``name`` key; ``None`` where they cannot be told apart."""
    if key.kind == EFFECTS:
        return _members_of_effects(digester, key)
    if key.kind != NAME or not digester.plainness.is_plain(key.path, key.name):
        return None
    ((position, cell),) = digester.project.index(key.path).binders[key.name]
    around = digester.around(key.path, position, cell)
    return Members(digest_parts([cell.core, *around]), dict(cell.methods))


def _members_of_effects(digester: Digester, key: Key) -> Members | None:
    owners: dict[str, list[str]] = {}
    for _, cell in digester.effect_cells(key.path):
        if cell.shape and digester.plainness.is_plain(key.path, cell.binds[0]):
            for name, _ in cell.methods:
                is_private = name.startswith("__")
                called = f"_{cell.binds[0]}{name}" if is_private else name
                owners.setdefault(called, []).append(cell.binds[0])
    if not owners:
        return None
    core = digester.effects(key.path, is_bare=True)
    return Members(core, {name: digest_parts(those) for name, those in owners.items()})


def mentions(digester: Digester, key: Key, owner: Key, names: frozenset[str]) -> bool:
    """Say whether the code behind a key names a method of a class, is one, or may look at any."""
    if key.kind not in _KINDS_OF_CODE or key == owner:
        return False
    if key.kind in (BODY, WRITES):
        if not names.isdisjoint(unnumbered(key.name).split(".")):
            return True  # whoever has called it may find another one by that name
        if digester.plainness.may_decorate(key.path, unnumbered(key.name)) and any(
            map(hands_to_anybody, _refs_behind(digester, key))
        ):
            return True
    if key.kind == NAME and _asks_for_some(digester, key, names):
        return True
    private = {f"_{owner.name}{name}" for name in names if name.startswith("__") and owner.name}
    return any(_mentions(refs, names | private) for refs in _refs_behind(digester, key))


def _refs_behind(digester: Digester, key: Key) -> list[Refs]:
    if key.kind == WRITES:
        return digester.project.refs_of(key._replace(kind=BODY))
    if key.kind == EFFECTS:
        cells = digester.project.index(key.path).table.cells
        return [cell.refs for cell in cells if cell.kind == "effect"]
    return digester.project.refs_of(key)


def _asks_for_some(digester: Digester, key: Key, names: frozenset[str]) -> bool:
    """Say whether a class may be a protocol: others are instances if they have its methods."""
    defs = digester.project.index(key.path).defs
    if not any(f"{key.name}.{name}" in defs for name in names):
        return False
    return not digester.plainness.is_plain(key.path, key.name)


def _mentions(refs: Refs, names: frozenset[str]) -> bool:
    if refs.reflects or refs.reads_namespace:
        return True
    if any(not names.isdisjoint(a) for a in (refs.attrs, refs.attr_stores, refs.attr_changes)):
        return True
    if any(words_of(name) <= refs.words for name in names):
        return True
    return any(_last_parts(chains) for chains in (refs.chains, refs.calls))


def _last_parts(chains: Iterable[str]) -> bool:
    return any(not _LOOKING_AT_ALL.isdisjoint(chain.split(".")) for chain in chains)
