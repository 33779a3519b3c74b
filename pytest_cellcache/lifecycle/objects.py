"""Names the objects that first-party modules hold, so that values keep their identity with them."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

_BY_VALUE: Final = (
    type(None), bool, int, float, complex, str, bytes, tuple, frozenset, types.ModuleType,
    types.BuiltinFunctionType, range, slice, type(...), types.CodeType,
)  # fmt: skip
"""Types whose identity means nothing, or that are kept by name anyway."""

_CONTAINERS: Final = (list, dict, set)


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
        self.modules: dict[int, tuple[types.ModuleType, str]] = {}
        for module in [*more, *list(sys.modules.values())]:
            file = getattr(module, "__file__", None) if type(module) is types.ModuleType else None
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
                if is_named and value.__module__ != module.__name__:
                    continue  # imported: found where it is defined
                place = (module.__name__, file, name)
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
                    if module.__name__ == value.__module__ and _reach(module, parts) is value:
                        return (module.__name__, file, *parts)
        return found

    def namespace(self, members: Mapping[str, Any]) -> tuple[str, ...] | None:
        found = self._spaces.get(id(members))
        return None if found is None else (found[0].__name__, found[1])

    def resolve(self, reference: Sequence[str]) -> Any:
        """Give what a reference names.

        Raises:
            LookupError: it is not there any more.
        """
        name, file, *parts = reference
        held = [module for module, path in self.modules.values() if path == file]
        named = [module for module in held if module.__name__ == name]
        if not held:
            try:
                named = [importlib.import_module(name)]
            except ImportError as error:
                raise LookupError(f"{name} cannot be imported: {error}") from error
        module = (named or held)[0]
        if parts == ["__dict__"]:
            return vars(module)
        found = _reach(module, parts)
        if found is None:
            raise LookupError(f"{'.'.join(parts)} is not in {name} any more")
        return found


def _is_definition(value: object) -> bool:
    # By type and never by ``isinstance``, which asks proxies what they are.
    return issubclass(type(value), (type, types.FunctionType))


def _reach(module: types.ModuleType, parts: Sequence[str]) -> Any:
    found: Any = module
    for part in parts:
        found = vars(found).get(part) if hasattr(found, "__dict__") else None
    return found
