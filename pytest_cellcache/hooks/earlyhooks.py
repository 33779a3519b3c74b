"""Tells which of the project's files hooks may have run code of before anything is traced.

Plugins are asked for their options before the first conftest is imported. A hook that only tells
the parser of them runs nothing but its own code, whatever else its plugin has imported; other hooks
that may have run by then may have done anything. What they all may come by is looked at as it is.
"""

from __future__ import annotations

import builtins
import dis
import re
import sys
import types
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePath
from typing import Any, Final

import pytest

IsOwn = Callable[[str], bool]
"""Says whether an absolute file is the project's."""

_LATE: Final = frozenset(
    f"pytest_{name}"
    for name in """
    configure unconfigure cmdline_main sessionstart sessionfinish collection
    collection_modifyitems collection_finish ignore_collect collect_directory collect_file
    collectstart itemcollected collectreport deselected make_collect_report pycollect_makemodule
    pycollect_makeitem pyfunc_call generate_tests make_parametrize_id runtestloop runtest_protocol
    runtest_logstart runtest_logfinish runtest_setup runtest_call runtest_teardown
    runtest_makereport runtest_logreport report_to_serializable report_from_serializable
    fixture_setup fixture_post_finalizer assertrepr_compare assertion_pass report_header
    report_collectionfinish report_teststatus terminal_summary markeval_namespace
    keyboard_interrupt exception_interact enter_pdb leave_pdb
    """.split()
)
"""Hooks that nobody calls before initial conftests are loaded."""
_OPTIONS: Final = "pytest_addoption"
_GIVEN: Final = frozenset({"parser"})
"""What such a hook may be given: no way leads from it to objects of a project."""
_DYNAMIC: Final = frozenset(
    """globals locals vars eval exec __import__ import_module modules __globals__ __subclasses__
    get_objects get_referrers""".split()
)
"""Names by which code may come to what it does not name."""
_UNUSED: Final = frozenset(
    """__annotations__ __annotate__ __annotate_func__ __annotations_cache__ __doc__ __dict__
    __weakref__ __module__ __qualname__ __firstlineno__ __static_attributes__""".split()
)
"""Attributes of classes that nobody calls."""
_PLAIN: Final = (
    str, bytes, int, float, complex, type(None), re.Pattern, PurePath,
    types.BuiltinFunctionType, types.WrapperDescriptorType, types.MethodDescriptorType,
    types.GetSetDescriptorType, types.MemberDescriptorType, types.ClassMethodDescriptorType,
)  # fmt: skip
_CONTAINERS: Final = (list, tuple, set, frozenset)
_DEEPEST: Final = 8


def files_begun(config: pytest.Config, is_own: IsOwn) -> frozenset[str]:
    """Give the absolute files of hooks that may have run more of the project than their own code.

    Args:
        config: as it is before the first conftest is imported.
    """
    manager = config.pluginmanager
    is_heeded = _is_heeded(is_own)
    found: set[str] = set()
    for plugin in manager.get_plugins():
        home = getattr(plugin, "__file__", None)
        for caller in manager.get_hookcallers(plugin) or ():
            if caller.name in _LATE and not is_heeded:
                continue
            for each in caller.get_hookimpls():
                code = getattr(each.function, "__code__", None)
                file = home if code is None else code.co_filename
                if each.plugin is plugin and isinstance(file, str) and is_own(file):
                    is_quiet = file == home and caller.name == _OPTIONS and not is_heeded
                    if not is_quiet or not _is_quiet(each.function, is_own):
                        found.add(file)
    return frozenset(found)


def _is_heeded(is_own: IsOwn) -> bool:
    """Say whether something of the project is asked whenever anybody imports or warns."""
    asked = (*sys.meta_path, *sys.path_hooks, builtins.__import__, warnings.showwarning)
    kinds = (thing if isinstance(thing, type) else type(thing) for thing in asked)
    codes = (getattr(thing, "__code__", None) for thing in asked)
    files = {code.co_filename for code in codes if code is not None}
    return any(map(is_own, files)) or any(_is_of_project(kind, is_own) for kind in kinds)


def _is_of_project(kind: type, is_own: IsOwn) -> bool:
    if kind.__module__ in sys.builtin_module_names:
        return False
    module = sys.modules.get(kind.__module__)
    file = getattr(module, "__file__", None)
    return module is None or (file is not None and is_own(file))


def _is_quiet(function: Any, is_own: IsOwn) -> bool:
    code = getattr(function, "__code__", None)
    if not isinstance(code, types.CodeType) or code.co_flags & (_VARIADIC | _KEYWORDS):
        return False
    count = code.co_argcount + code.co_kwonlyargcount
    return _GIVEN.issuperset(code.co_varnames[:count]) and _Quiet(is_own).begins(function)


_VARIADIC, _KEYWORDS = 4, 8  # ``inspect.CO_VARARGS`` and ``CO_VARKEYWORDS``


class _Quiet:
    """Says of code whether it runs nothing of the project that lies elsewhere."""

    def __init__(self, is_own: IsOwn) -> None:
        self._is_own = is_own
        self._names: set[str] = set()
        self._seen: set[int] = set()
        self._classes: list[type] = []

    def begins(self, function: Any) -> bool:
        # What attributes of a class are asked for is known when all code has been looked at.
        return self._function(function, 0) and all(map(self._class, self._classes))

    def _function(self, function: Any, depth: int) -> bool:
        if type(function) is not types.FunctionType or function.__closure__:
            return False
        if id(function) in self._seen:
            return True
        self._seen.add(id(function))
        codes = [*_codes_in(function.__code__)]
        names = {name for code in codes for name in code.co_names}
        self._names |= names
        steps = (step.opname for code in codes for step in dis.get_instructions(code))
        if "IMPORT_NAME" in steps or not names.isdisjoint(_DYNAMIC):
            return False
        given: list[object] = [*(function.__defaults__ or ())]
        given += (function.__kwdefaults__ or {}).values()
        known: dict[str, object] = function.__globals__
        used = [known[name] for name in sorted(names) if name in known]
        return self._all([*given, *used], function.__code__.co_filename, depth)

    def _all(self, things: Iterable[object], file: str, depth: int) -> bool:
        return all(self._thing(thing, file, depth + 1) for thing in things)

    def _thing(self, thing: object, file: str, depth: int) -> bool:
        if depth > _DEEPEST:
            return False
        kind = type(thing)
        if isinstance(thing, _PLAIN):
            return not _is_of_project(kind, self._is_own)
        if kind in _CONTAINERS:
            return self._all(thing, file, depth)  # type: ignore[arg-type]
        if isinstance(thing, dict) and kind is dict:
            return self._all((*thing, *thing.values()), file, depth)
        if isinstance(thing, types.ModuleType):
            return not self._is_own(str(getattr(thing, "__file__", None)))
        if isinstance(thing, type):
            self._classes.append(thing)
            return True
        if isinstance(thing, types.FunctionType):
            where = thing.__code__.co_filename
            if where == file:
                return self._function(thing, depth)
            return not self._is_own(where) and not thing.__closure__
        return False

    def _class(self, kind: type) -> bool:
        metaclass: type = type(kind)
        every = (*kind.__mro__, *metaclass.__mro__)
        own = [each for each in every if _is_of_project(each, self._is_own)]
        foreign = {name for each in every if each not in own for name in vars(each)}
        return all(
            self._member(name, value, each, foreign)
            for each in own
            for name, value in vars(each).items()
            if name not in _UNUSED
        )

    def _member(self, name: str, value: object, owner: type, inherited: set[str]) -> bool:
        """Say so of an attribute of a class of the project: by itself, or as nobody asks for it."""
        if not (name.startswith("_") or name in inherited or name in self._names):
            return True
        return self._is_harmless(value, owner)

    def _is_harmless(self, value: Any, owner: type) -> bool:
        kind = type(value)
        if isinstance(value, (*_PLAIN, owner)):
            return kind is owner or not _is_of_project(kind, self._is_own)
        if kind is dict:
            return all(self._is_harmless(each, owner) for each in (*value, *value.values()))
        if kind in _CONTAINERS:
            return all(self._is_harmless(each, owner) for each in value)
        if isinstance(value, (staticmethod, classmethod)):
            return self._is_harmless(value.__func__, owner)
        if isinstance(value, types.FunctionType):
            return not self._is_own(value.__code__.co_filename) and not value.__closure__
        return isinstance(value, type) and not _is_of_project(value, self._is_own)


def _codes_in(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from _codes_in(each)
