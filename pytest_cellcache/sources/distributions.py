"""Which distributions are installed, what they provide and require, and digests of them.

A distribution counts by its version, and one that was installed from a local path by the content
of its files, as its version says nothing. Editable ones hold no modules: these are the project's,
or lie beside it, and count by their cells.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from json import dumps, loads
from typing import Any, Final, NamedTuple

from pytest_cellcache.model.digest import ABSENT, Digest, digest_bytes, digest_parts

_INFO: Final = (".dist-info", ".egg-info")
_DEVELOPING: Final = re.compile(
    r"dev|test|doc|lint|typ|mypy|cov|bench|check|quality|style|format|release|ci|tox|nox|pre-?commit"
)
"""Extras that a distribution does not need to work, by their names."""

_BROWSERS: Final = frozenset({"importlib_metadata", "pkg_resources", "stevedore", "pluginlib"})
"""Modules that look at distributions in ways of their own."""

_PYTHON: Final = f"{sys.version_info[0]}.{sys.version_info[1]} {sys.platform}"

_MAX_FILES: Final = 5_000
"""Files read of a package that belongs to no distribution."""


class Distribution(NamedTuple):
    """What the metadata of one distribution says.

    Attributes:
        provides: top-level modules.
        requires: what it requires on this Python and platform.
        may_use: what its extras do, those for its developers aside.
        local: digest of its files if it was installed from a path; else empty.
        entries: digest of its entry points, scripts aside; empty if it has none.
    """

    name: str
    version: str
    provides: tuple[str, ...]
    requires: tuple[str, ...]
    may_use: tuple[str, ...]
    local: str
    entries: str


def normalise(name: str) -> str:
    """Give the one spelling of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


class Distributions:
    """What is installed, as of now; metadata is parsed once and kept by the caller.

    Args:
        search: ``sys.path``.
        cached: what ``to_keep`` gave in an earlier run.
    """

    def __init__(self, search: Iterable[str], cached: bytes | None = None) -> None:
        known = _parse(cached)
        self._kept: dict[str, Any] = {}
        self._by_name: dict[str, Distribution] = {}
        self._providers: dict[str, set[str]] = {}
        self._folders: list[str] = []
        self._archives: list[str] = []
        for folder in dict.fromkeys(search):
            self._scan(folder, known)
        self._is_new = self._kept.keys() != known.keys()
        for name, found in self._by_name.items():
            for module in found.provides:
                self._providers.setdefault(module, set()).add(name)

    def to_keep(self) -> bytes | None:
        """Give what spares the next run the parsing; ``None`` if that was known already."""
        return dumps(self._kept).encode() if self._is_new else None

    def digest(self, name: str) -> Digest:
        """Digest a distribution and what it requires.

        Args:
            name: ``*`` means all of them, ``entry-points`` all plugins they offer.
        """
        if name == "*":
            entries = [self._by_name[name].entries for name in sorted(self._by_name)]
            return digest_parts([*self._describe(self._by_name), *entries])
        if name == "entry-points":
            found = self._by_name.items()
            return digest_parts(
                part for n, d in sorted(found) if d.entries for part in (n, d.entries)
            )
        name = normalise(name)
        if name not in self._by_name:
            return ABSENT
        return digest_parts(self._describe(self._reach([name])))

    def digest_plugins(self, names: Iterable[str]) -> Digest:
        """Digest plugins, by the names of their distributions, with what they need to work."""
        found = {normalise(name) for name in names}
        return digest_parts(self._describe(self._reach(found, with_extras=False)))

    def digest_module(self, module: str) -> Digest:
        """Digest what a foreign top-level module comes with; ``ABSENT`` if there is none."""
        if module in _BROWSERS:
            return self.digest("*")
        providers = self._providers.get(module)
        if providers:
            return digest_parts(self._describe(self._reach(providers)))
        return self._digest_stray(module)

    def _reach(self, names: Iterable[str], *, with_extras: bool = True) -> set[str]:
        found: set[str] = set()
        todo = list(names)
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                if name in self._by_name:
                    todo += self._by_name[name].requires
                    todo += self._by_name[name].may_use if with_extras else ()
        return found

    def _describe(self, names: Iterable[str]) -> Iterator[str]:
        for name in sorted(names):
            found = self._by_name.get(name)
            yield name
            yield f"{found.version} {found.local}" if found is not None else "absent"

    def _digest_stray(self, module: str) -> Digest:
        """Digest a module that no distribution owns, by content."""
        for folder in self._folders:
            path = os.path.join(folder, module)
            if os.path.isdir(path):
                files = [os.path.join(at, name) for at, _, names in os.walk(path) for name in names]
                files = sorted(file for file in files if not file.endswith(".pyc"))[:_MAX_FILES]
                return digest_parts(
                    part for file in files for part in (os.path.relpath(file, path), _content(file))
                )
            for file in (path + ".py", path + ".so"):
                if os.path.isfile(file):
                    return Digest(_content(file))
        for archive in self._archives:
            if module in _top_levels(archive):
                return Digest(_content(archive))
        return ABSENT

    def _scan(self, folder: str, known: dict[str, Any]) -> None:
        try:
            names = sorted(os.listdir(folder or "."))
        except OSError:
            if os.path.isfile(folder):
                self._archives.append(folder)
            return
        infos = [name for name in names if name.endswith(_INFO)]
        if infos or "site-packages" in folder or "dist-packages" in folder:
            self._folders.append(folder)
        for name in infos:
            path = os.path.join(folder, name)
            key = f"{name} {_stamp(path)} {_PYTHON}"
            row = known.get(key)
            found = Distribution(*map(_frozen, row.values())) if row else _read(path)
            if found is not None:
                self._kept[key] = found._asdict()
                self._by_name.setdefault(found.name, found)  # the first on the path is imported


def _top_levels(archive: str) -> set[str | None]:
    from zipfile import BadZipFile, ZipFile

    try:
        with ZipFile(archive) as file:
            return {_top_level(name) for name in file.namelist()}
    except (OSError, ValueError, BadZipFile):
        return set()


def _stamp(path: str) -> str:
    """Tell installations of one version apart: entry points are edited where a project lies."""
    found = []
    for name in ("METADATA", "PKG-INFO", "entry_points.txt", ""):
        try:
            found.append(str(os.stat(os.path.join(path, name) if name else path).st_mtime_ns))
        except OSError:
            continue
    return " ".join(found)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _read(path: str) -> Distribution | None:
    """Read one metadata folder; ``None`` where it says nothing.

    By hand: parsed as the mail messages that they are, those of one environment take a second.
    """
    name, version, requires = "", "", []
    for file in ("METADATA", "PKG-INFO", ""):
        text = _text(os.path.join(path, file) if file else path)
        if text:
            break
    for line in text.splitlines():
        if not line:
            break  # the description follows
        field, _, value = line.partition(":")
        value = value.strip()
        if field == "Name":
            name = value
        elif field == "Version":
            version = value
        elif field == "Requires-Dist":
            requires.append(value)
    if not name:
        return None
    requires += _text(os.path.join(path, "requires.txt")).splitlines()  # of an egg
    record = _text(os.path.join(path, "RECORD")).splitlines()
    rows = {line.partition(",")[0].strip('"') for line in record}
    tops = _text(os.path.join(path, "top_level.txt")).split()
    direct = _text(os.path.join(path, "direct_url.json"))
    local = ""
    if direct and '"editable": true' not in direct:
        # Hashes of all files; what lies outside or says where it came from differs by checkout.
        local = digest_parts(line for line in sorted(record) if _top_level(line.partition(",")[0]))
    return Distribution(
        name=normalise(name),
        version=version,
        provides=tuple(sorted({top for row in rows if (top := _top_level(row))}.union(tops))),
        requires=tuple(_required(requires, of_extras=False)),
        may_use=tuple(_required(requires, of_extras=True)),
        local=local,
        entries=_plugins(_text(os.path.join(path, "entry_points.txt"))),
    )


def _top_level(row: str) -> str | None:
    first, _, rest = row.replace("\\", "/").partition("/")
    if first in ("..", "", "__pycache__") or first.endswith((*_INFO, ".data", ".pth")):
        return None
    return first if rest else first.partition(".")[0]


def _required(requires: Iterable[str], *, of_extras: bool) -> Iterator[str]:
    """Name what is required here: always, or by extras that are no developers'."""
    for text in requires:
        name = re.match(r"[\w.-]+", text)
        if name is None:  # a section of an egg's list
            continue
        _, _, marker = text.partition(";")
        extras = re.findall(r"extra\s*==\s*['\"]([^'\"]+)['\"]", marker)
        if bool(extras) != of_extras:
            continue
        if extras and all(_DEVELOPING.match(extra.lower()) for extra in extras):
            continue
        if not marker or _holds(marker, extras):
            yield normalise(name[0])


def _holds(marker: str, extras: list[str]) -> bool:
    from packaging.markers import InvalidMarker, Marker

    try:
        parsed = Marker(marker)
    except InvalidMarker:
        return True
    return any(parsed.evaluate({"extra": extra}) for extra in ("", *extras))


def _plugins(text: str) -> str:
    """Digest entry points that code may look up; scripts are for people."""
    kept: list[str] = []
    is_script = False
    for line in text.splitlines():
        if line.startswith("["):
            is_script = line.strip() in ("[console_scripts]", "[gui_scripts]")
        if not is_script and line.strip():
            kept.append(line.strip())
    return digest_parts(kept) if kept else ""


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _content(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return digest_bytes(file.read())
    except OSError:
        return ABSENT


def _parse(cached: bytes | None) -> dict[str, Any]:
    try:
        found = loads(cached) if cached else {}
    except ValueError:
        return {}
    fields = len(Distribution._fields)
    if not isinstance(found, dict):
        return {}
    return {k: v for k, v in found.items() if isinstance(v, dict) and len(v) == fields}
