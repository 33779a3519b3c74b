"""Tells edits of a class that only add, remove or redeclare plain methods from all others.

Who uses the class then depends on the edit only if some code that it rests on names such a method,
or may look at any: nobody else can tell. That holds for classes that nothing looks at as they are
made: no decorators, no metaclass, no ``__init_subclass__``, no bases of other distributions.
"""

from __future__ import annotations

import builtins
import collections
import io
import threading
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.project import unnumbered
from pytest_cellcache.graph.refs import Refs, words_of
from pytest_cellcache.model.digest import Digest, digest_parts
from pytest_cellcache.model.keys import ANNOTATIONS, BODY, MARKERS, NAME, Key

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
_QUIET_BASES: Final = frozenset(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException)
) | {"object"}
_MAX_DEPTH: Final = 20


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
    if key.kind != NAME or not _is_plain(digester, key.path, key.name, 0):
        return None
    ((position, cell),) = digester.project.index(key.path).binders[key.name]
    around = digester.around(key.path, position, cell)
    return Members(digest_parts([cell.core, *around]), dict(cell.methods))


def _is_plain(digester: Digester, path: str, name: str, depth: int) -> bool:
    index = digester.project.index(path)
    binders = index.binders.get(name, [])
    if len(binders) != 1 or depth > _MAX_DEPTH:
        return False
    cell = binders[0][1]
    if cell.kind != "class" or cell.binds != (name,) or cell.is_decorated:
        return False
    if f"{name}.__init_subclass__" in index.defs:
        return False
    for base in cell.bases:
        root = base.partition(".")[0]
        if not index.binds(root):
            if base not in _QUIET_BASES or index.table.stars:
                return False
            continue
        owners = {
            (file, ".".join((found, *rest)))
            for file, found, rest in digester.names.resolve(path, base).bindings
            if any(cell.kind != "import" for cell in digester.project.index(file).bound_by(found))
        }
        if len(owners) != 1:  # of another distribution, or one of several
            return False
        if not _is_plain(digester, *owners.pop(), depth + 1):
            return False
    return True


def mentions(digester: Digester, key: Key, owner: Key, names: frozenset[str]) -> bool:
    """Say whether the code behind a key names a method of a class, is one, or may look at any."""
    if key.kind not in (BODY, NAME, MARKERS, ANNOTATIONS) or key == owner:
        return False
    if key.kind == BODY and not names.isdisjoint(unnumbered(key.name).split(".")):
        return True  # whoever has called it may find another one by that name
    if key.kind == NAME and _asks_for_some(digester, key, names):
        return True
    private = {f"_{owner.name}{name}" for name in names if name.startswith("__")}
    return any(_mentions(refs, names | private) for refs in digester.project.refs_of(key))


def _asks_for_some(digester: Digester, key: Key, names: frozenset[str]) -> bool:
    """Say whether a class may be a protocol: others are instances if they have its methods."""
    defs = digester.project.index(key.path).defs
    if not any(f"{key.name}.{name}" in defs for name in names):
        return False
    return not _is_plain(digester, key.path, key.name, 0)


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
