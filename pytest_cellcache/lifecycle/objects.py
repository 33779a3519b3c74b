"""Names the objects that first-party modules hold, so that values keep their identity with them."""

from __future__ import annotations

import importlib
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pytest_cellcache.sources.loaded import loaded_modules, name_of

_BY_VALUE: Final = (
    type(None), bool, int, float, complex, str, bytes, tuple, frozenset, types.ModuleType,
    types.BuiltinFunctionType, range, slice, type(...), types.CodeType,
)  # fmt: skip
"""Types whose identity means nothing, or that are kept by name anyway."""

_CONTAINERS: Final = (list, dict, set)
_WRAPPED: Final = 20
"""Decorators around one function that are looked through."""


class ModuleObjects:
    """First-party modules as they are now.

    Args:
        relative: gives the name in records of a first-party file, None for any other.
        more: modules that ``sys.modules`` may not know, such as a conftest that another displaced.
    """

    def __init__(
        self,
        relative: Callable[[str], str | None],
        more: Iterable[types.ModuleType] = (),
    ) -> None:
        self._relative = relative
        self._codes: dict[int, tuple[str, ...]] | None = None
        self.modules: dict[int, tuple[types.ModuleType, str]] = {}
        for module in [*more, *loaded_modules()]:
            file = vars(module).get("__file__")
            name = relative(file) if isinstance(file, str) else None
            if name is not None:
                self.modules[id(module)] = module, name
        self._spaces = {id(vars(module)): (module, file) for module, file in self.modules.values()}
        self._index: dict[int, tuple[str, ...]] = {}
        self._holders: list[tuple[object, tuple[str, ...]]] = []
        for module, file in self.modules.values():
            for name, value in list(vars(module).items()):
                if type(value) in _BY_VALUE or name.startswith(("__", "@")):
                    continue
                is_named = _is_definition(value)
                if is_named and value.__module__ != name_of(module):
                    continue  # imported: found where it is defined
                place = (name_of(module), file, name)
                if type(value) not in _CONTAINERS:
                    self._index.setdefault(id(value), place)
                if not is_named:
                    self._holders.append((value, place))

    def holders(self) -> Sequence[tuple[object, tuple[str, ...]]]:
        """Give the objects that modules hold and that may be changed, with their names."""
        return self._holders

    def reference(self, value: Any) -> tuple[str, ...] | None:
        """Name an object that a module holds, or a class or function inside of such a class."""
        found = self._index.get(id(value))
        if found is None and _is_definition(value):
            parts = getattr(value, "__qualname__", "").split(".")
            if len(parts) > 1 and "<locals>" not in parts:
                for module, file in self.modules.values():
                    if name_of(module) == value.__module__ and _reach(module, parts) is value:
                        return (name_of(module), file, *parts)
        return found

    def code(self, code: types.CodeType) -> tuple[str, ...] | None:
        """Name a code object of a first-party function by its way there; None for others.

        A function made anew on restore must run the module's own code: of a copy nobody would see
        that it runs, and it would stay what it was when the function is edited.

        Raises:
            LookupError: it is first-party, and nothing that a module holds leads to it.
        """
        if self._relative(code.co_filename) is None:
            return None
        if self._codes is None:
            self._codes = {
                id(found): (name_of(module), file, *path)
                for module, file in self.modules.values()
                for path, found in _codes_of(module)
            }
        found = self._codes.get(id(code))
        if found is None:
            raise LookupError(
                f"it holds {code.co_name}, a function that is not found in its module"
            )
        return found

    def resolve_code(self, reference: Sequence[str]) -> types.CodeType:
        """Give the code that a reference names.

        Raises:
            LookupError: it is not there any more.
        """
        module = self._module(*reference[:2])
        for path, code in _codes_of(module):
            if path == tuple(reference[2:]):
                return code
        raise LookupError(f"{reference[-1]} is not in {name_of(module)} any more")

    def namespace(self, members: Mapping[str, Any]) -> tuple[str, ...] | None:
        found = self._spaces.get(id(members))
        return None if found is None else (name_of(found[0]), found[1])

    def resolve(self, reference: Sequence[str]) -> Any:
        """Give what a reference names.

        Raises:
            LookupError: it is not there any more.
        """
        name, file, *parts = reference
        module = self._module(name, file)
        if parts == ["__dict__"]:
            return vars(module)
        found = _reach(module, parts)
        if found is None:
            raise LookupError(f"{'.'.join(parts)} is not in {name} any more")
        return found

    def _module(self, name: str, file: str) -> types.ModuleType:
        held = [module for module, path in self.modules.values() if path == file]
        named = [module for module in held if name_of(module) == name]
        if not held:
            try:
                named = [importlib.import_module(name)]
            except ImportError as error:
                raise LookupError(f"{name} cannot be imported: {error}") from error
        return (named or held)[0]


def _is_definition(value: object) -> bool:
    # By type and never by ``isinstance``, which asks proxies what they are.
    return issubclass(type(value), (type, types.FunctionType))


def _reach(module: types.ModuleType, parts: Sequence[str]) -> Any:
    found: Any = module
    for part in parts:
        found = vars(found).get(part) if hasattr(found, "__dict__") else None
    return found


def _codes_of(module: types.ModuleType) -> Iterator[tuple[tuple[str, ...], types.CodeType]]:
    """Give the code objects that the functions of a module and of its classes lead to."""
    stack: list[tuple[tuple[str, ...], Any]] = [((), module)]
    name_here, file = name_of(module), vars(module).get("__file__")
    seen: set[int] = set()
    while stack:
        path, space = stack.pop()
        for name, value in list(vars(space).items()):
            if name.startswith(("__", "@")) and space is module:
                continue
            if issubclass(type(value), type):
                if value.__module__ == name_here and id(value) not in seen:
                    seen.add(id(value))
                    stack.append(((*path, name), value))
                continue
            for kind, function in _functions_in(value):
                if function.__code__.co_filename == file:
                    yield from _inner_codes((*path, name + kind), function.__code__)


def _functions_in(value: Any) -> Iterator[tuple[str, types.FunctionType]]:
    """Unwrap what decorators made of functions."""
    kind = type(value)
    if kind is property:
        for name in ("fget", "fset", "fdel"):
            yield from _functions_in(getattr(value, name))
        return
    if kind in (staticmethod, classmethod):
        value = value.__func__
    depth = 0
    while depth < _WRAPPED:
        if type(value) is types.FunctionType:
            yield ("@" * depth, value)
        members = getattr(value, "__dict__", None) if _may_wrap(value) else None
        value = members.get("__wrapped__") if isinstance(members, dict) else None
        depth += 1


def _may_wrap(value: Any) -> bool:
    # Not of any object: attributes of proxies are what they like.
    return type(value) is types.FunctionType or type(value).__module__.startswith(
        ("_pytest.", "functools")
    )


def _inner_codes(
    path: tuple[str, ...], code: types.CodeType
) -> Iterator[tuple[tuple[str, ...], types.CodeType]]:
    yield path, code
    numbers: dict[str, int] = {}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            number = numbers[constant.co_name] = numbers.get(constant.co_name, 0) + 1
            yield from _inner_codes((*path, f"{constant.co_name} {number}"), constant)
