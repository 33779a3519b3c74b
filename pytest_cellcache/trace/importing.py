"""Notices which modules code asks for by a name that no source tells.

By ``importlib.import_module``, whose argument may be computed, by a pickle, or by ``runpy``, which
runs one as the main module. A module that is
loaded already raises no event when it is asked for again. ``__import__``, which every import
statement goes through, is left alone.
"""

from __future__ import annotations

import dis
import functools
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from pytest_cellcache.trace import unit
from pytest_cellcache.trace.origin import caller, reach

_IMPORT = dis.opmap["IMPORT_NAME"]
_PARTS_OF_PYTEST = ("_pytest.pathlib", "_pytest.config", "_pytest.outcomes", "pluggy")
"""They import test modules and plugins, and what a test skips without."""


class ImportWatch:
    """The stand-in of one period of recording."""

    def __init__(self) -> None:
        self._real: Any = None
        self._placed: Any = None
        self._resolvers: list[tuple[Any, str, Any]] = []
        self._patching: Any = None

    def install(self) -> None:
        real = self._real = importlib.import_module

        def import_module(name: str, package: str | None = None) -> Any:
            _note(name, package)
            return real(name, package)

        import_module.__doc__ = real.__doc__
        import_module.__module__ = real.__module__
        import_module.__qualname__ = real.__qualname__
        import_module.__wrapped__ = real  # type: ignore[attr-defined]
        self._placed = import_module
        importlib.import_module = import_module
        self._watch_patches()
        self.look_again()

    def uninstall(self) -> None:
        if importlib.import_module is self._placed:  # else somebody has put his own there since
            importlib.import_module = self._real
        self._real = self._placed = None
        for owner, name, resolver in self._resolvers:
            setattr(owner, name, resolver)
        self._resolvers.clear()
        if self._patching is not None:
            vars(self._patching).pop("__import__", None)
            self._patching = None

    def _watch_patches(self) -> None:
        """Watch ``monkeypatch`` of an older pytest: it resolves dotted paths by ``__import__``."""
        patching = sys.modules.get("_pytest.monkeypatch")
        resolve = getattr(patching, "resolve", None)
        # Private: without it, or where it uses ``importlib``, there is nothing to watch here.
        if "__import__" not in getattr(getattr(resolve, "__code__", None), "co_names", ()):
            return

        def import_name(name: str, *args: Any, **kwargs: Any) -> Any:
            _note(name, None)
            return __import__(name, *args, **kwargs)

        self._patching = patching
        vars(self._patching)["__import__"] = import_name

    def look_again(self) -> None:
        """Watch what has been loaded meanwhile: ``logging.config`` is told classes by name."""
        config = sys.modules.get("logging.config")
        if config is None or self._resolvers:
            return
        base = getattr(config, "BaseConfigurator", None)
        for owner, name in ((base, "resolve"), (config, "_resolve")):
            resolver = getattr(owner, name, None)
            if callable(resolver):
                self._resolvers.append((owner, name, resolver))
                setattr(owner, name, _noting(resolver))


def _noting(resolver: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(resolver)
    def resolve(*args: Any) -> Any:  # the last one is the name
        module, _, rest = str(args[-1]).partition(".")
        if rest:
            on_find_class((module, rest))
        return resolver(*args)

    return resolve


def _note(name: object, package: object) -> None:
    try:
        if not unit.LISTENERS or not isinstance(name, str):
            return
        module, frame = caller()
        if module.startswith(_PARTS_OF_PYTEST):
            return
        if name.startswith(".") and isinstance(package, str):
            name = importlib.util.resolve_name(name, package)
        if hearers := reach(module, frame):
            wanted = _wanted_of(name, frame)
            unit.charge(lambda each: each.ask_for(f"{name}:{wanted}" if wanted else name), hearers)
    except (*unit.TROUBLES, ImportError):
        unit.confess()


def on_exec(args: tuple[Any, ...]) -> None:
    """Note what code imports that nobody has read as a source."""
    code = args[0]
    if getattr(code, "co_name", None) == "<module>":
        _note_main(code)
    if _IMPORT in getattr(code, "co_code", b"")[::2] and (hearers := reach(*caller())):
        for each in dis.get_instructions(code):
            if each.opcode == _IMPORT and each.argval:
                name = str(each.argval)
                unit.charge(lambda open_, name=name: open_.ask_for(name), hearers)  # type: ignore[misc]


def _note_main(code: CodeType) -> None:
    """Note that ``runpy`` runs a file as the main module, what asks for that name included."""
    module, frame = caller()
    if module == "runpy" and frame is not None and frame.f_locals.get("mod_name") == "__main__":
        main = f"__main__:{os.path.abspath(code.co_filename)}"
        unit.charge(lambda each: each.ask_for(main), reach(module, frame))


def on_find_class(args: tuple[Any, ...]) -> None:
    """Note what a pickle names of a module."""
    module, name = args
    if isinstance(module, str) and isinstance(name, str) and (hearers := reach(*caller())):
        unit.charge(lambda each: each.ask_for(f"{module}:{name}"), hearers)


def _wanted_of(name: str, frame: FrameType | None) -> str:
    """Give what is taken of a module by who resolves a dotted path; empty if it may be anything.

    ``patch("mod.X")`` and ``monkeypatch.setattr("mod.X", 1)`` consult no more of it.
    """
    if frame is None:
        return ""
    place = (frame.f_globals.get("__name__"), frame.f_code.co_name)
    outer = frame.f_back
    path: object = None
    if place == ("_pytest.monkeypatch", "resolve") and outer is not None:
        path = outer.f_locals.get("import_path")
    elif place == ("pkgutil", "resolve_name"):
        path = frame.f_locals.get("name")
        if outer is not None and outer.f_globals.get("__name__") == "unittest.mock":
            # Of a patch: the attribute is taken when the module is there.
            attribute = getattr(outer.f_locals.get("self"), "attribute", None)
            path = f"{path}.{attribute}" if isinstance(attribute, str) else path
    if not isinstance(path, str):
        return ""
    return path.replace(":", ".").removeprefix(name + ".") if path != name else ""
