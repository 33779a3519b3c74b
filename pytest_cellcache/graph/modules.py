"""Finds the first-party file that a module name means, as the import system would.

Only folders of ``sys.path`` that belong to the project are searched; a name found in none of them
is somebody else's. Modules that no search finds (``--import-mode=importlib``, import hooks of
editable installs) are taken from what the interpreter has loaded.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from pytest_cellcache.model.digest import ABSENT, Digest
from pytest_cellcache.sources.places import Places

_EXTENSIONS: Final = tuple({*importlib.machinery.EXTENSION_SUFFIXES, ".abi3.so", ".so", ".pyd"})


class Located(NamedTuple):
    """A first-party module.

    Attributes:
        file: relative path of its source or extension module; ``None`` for a namespace package.
        folders: relative folders searched for its submodules; empty for a plain module.
        passed: files of the packages on the way, which are imported first.
    """

    file: str | None
    folders: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()

    @property
    def evaluated(self) -> list[str]:
        """The Python files that importing it evaluates, its packages' first."""
        return [file for file in (*self.passed, self.file) if file and file.endswith(".py")]

    @property
    def source(self) -> str | None:
        """The Python source, if it has one."""
        return self.file if self.file and self.file.endswith(".py") else None


class Modules:
    """Resolves module names; results are kept for the run.

    Args:
        search: ``sys.path`` after collection; entries outside the project are skipped.
        loaded: file names of loaded modules by module name.
        foreign: digests a top-level module that is not the project's.
    """

    def __init__(
        self,
        places: Places,
        search: Iterable[str],
        loaded: Mapping[str, str] | None = None,
        foreign: Callable[[str], Digest] = lambda _: ABSENT,
    ) -> None:
        self._digest_foreign = foreign
        self._places = places
        self._loaded = dict(loaded or {})
        roots = [os.path.abspath(entry or os.getcwd()) for entry in search]
        self._roots = tuple(
            dict.fromkeys(
                places.relative(root)
                for root in roots
                if places.is_first_party(os.path.join(root, "x.py")) and os.path.isdir(root)
            )
        )
        self._foreign = tuple(
            root for root in roots if places.relative(root) not in self._roots and root
        )
        self._listings: dict[str, frozenset[str]] = {}
        self._found: dict[tuple[str, str], Located | None] = {}

    @property
    def roots(self) -> tuple[str, ...]:
        """Folders of the project that are searched, relative to its root."""
        return self._roots

    def is_found(self, name: str) -> bool:
        """Say whether a search finds a module, so that it need not be loaded to be known."""
        return self._search_all(name) is not None

    def find(self, name: str) -> Located | None:
        """Find an absolute module name; ``None`` when it is not the project's."""
        if ("", name) not in self._found:
            found = self._search_all(name)
            if found is None and name in self._loaded:
                found = self._from_loaded(name)
            self._found["", name] = found
        return self._found["", name]

    def find_from(self, importer: str, spec: str) -> Located | None:
        """Find a module as written in an import of the file ``importer``: ``..pkg.mod``."""
        name = spec.lstrip(".")
        level = len(spec) - len(name)
        if not level:
            return self.find(name)
        folder = os.path.dirname(importer)
        for _ in range(level - 1):
            folder = os.path.dirname(folder)
        key = (folder or ".", name)
        if key not in self._found:
            if name:
                self._found[key] = self._search((folder,), name)
            else:
                init = _join(folder, "__init__.py")
                has_init = "__init__.py" in self._listing(folder)
                self._found[key] = Located(init if has_init else None, (folder,))
        return self._found[key]

    def find_import(self, importer: str, spec: str) -> list[Located]:
        """Find what an import loads, as in ``Refs.imports``: a module, and one taken from it."""
        module, _, taken = spec.partition(":")
        located = self.find_from(importer, module)
        if located is None:
            return []
        child = self.find_child(located, taken) if taken else None
        return [located] if child is None else [located, child]

    def find_child(self, parent: Located, name: str) -> Located | None:
        """Find a submodule of a package."""
        if not parent.folders:
            return None
        key = ("\0".join(parent.folders), name)
        if key not in self._found:
            self._found[key] = self._search(parent.folders, name)
        found = self._found[key]
        if found is None or parent.file is None:
            return found
        return Located(found.file, found.folders, (*parent.passed, parent.file, *found.passed))

    def locate(self, folder: str, name: str) -> Located | None:
        """Find what a ``module`` key means, relative to ``folder`` if that is given."""
        if not folder:
            return self._search_all(name)
        base = "" if folder == "." else folder
        return self._search((base,), name) if name else Located(None, (base,))

    def digest(self, folder: str, name: str) -> Digest:
        """Digest what a ``module`` key resolves to, relative to ``folder`` if that is given."""
        found = self.locate(folder, name)
        if found is None:
            top = name.partition(".")[0]
            if folder or not top or top in sys.stdlib_module_names:
                return ABSENT
            return self._digest_foreign(top)
        return Digest(found.file or "namespace " + " ".join(found.folders))

    def _search_all(self, name: str) -> Located | None:
        """Search ``sys.path``; a folder without ``__init__.py`` yields to a module elsewhere."""
        found = self._search(self._roots, name)
        top = name.partition(".")[0]
        if found is None or self._is_regular(top):
            return found
        return None if top in sys.stdlib_module_names or self._is_foreign(top) else found

    def _is_regular(self, top: str) -> bool:
        located = self._search_one(self._roots, top)
        return located is not None and located.file is not None

    def _is_foreign(self, top: str) -> bool:
        return any(
            os.path.exists(os.path.join(root, top, "__init__.py"))
            or os.path.exists(os.path.join(root, top + ".py"))
            for root in self._foreign
        )

    def _search(self, folders: tuple[str, ...], name: str) -> Located | None:
        first, _, rest = name.partition(".")
        found = self._search_one(folders, first)
        if found is None or not rest:
            return found
        inner = self._search(found.folders, rest) if found.folders else None
        if inner is None:
            return None
        passed = (found.file,) if found.file else ()
        return Located(inner.file, inner.folders, (*passed, *inner.passed))

    def _search_one(self, folders: tuple[str, ...], name: str) -> Located | None:
        portions: list[str] = []
        for folder in folders:
            listing = self._listing(folder)
            inner = _join(folder, name)
            if name in listing:
                inside = self._listing(inner)
                if "__init__.py" in inside:
                    return Located(_join(inner, "__init__.py"), (inner,))
            for extension in _EXTENSIONS:
                if name + extension in listing:
                    return Located(inner + extension)
            if name + ".py" in listing:
                return Located(inner + ".py")
            if name in listing and os.path.isdir(self._places.absolute(inner)):
                portions.append(inner)
        return Located(None, tuple(portions)) if portions else None

    def _from_loaded(self, name: str) -> Located | None:
        filename = self._loaded[name]
        # One in an archive is found again by nobody who has not loaded it.
        if not self._places.is_first_party(filename) or not os.path.isfile(filename):
            return None
        file = self._places.relative(filename)
        folders = (os.path.dirname(file),) if file.endswith("/__init__.py") else ()
        return Located(file, folders)

    def _listing(self, folder: str) -> frozenset[str]:
        if folder not in self._listings:
            try:
                names = frozenset(os.listdir(self._places.absolute(folder)))
            except OSError:
                names = frozenset()
            self._listings[folder] = names
        return self._listings[folder]


def _join(folder: str, name: str) -> str:
    return name if folder in ("", ".") else f"{folder}/{name}"


def module_key(importer: str, spec: str) -> tuple[str, str]:
    """Give path and name of the ``module`` key for an import written in ``importer``."""
    name = spec.lstrip(".")
    level = len(spec) - len(name)
    if not level:
        return "", name
    folder = os.path.dirname(importer)
    for _ in range(level - 1):
        folder = os.path.dirname(folder)
    return folder or ".", name


__all__ = ["Located", "Modules", "module_key"]
