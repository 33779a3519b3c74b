"""Decides what is first-party and what a path is called in records.

First-party is every Python file outside the interpreter, its standard library and the
site-packages folders, wherever it lies: rootdir may be ``tests/`` while the package under test lies
beside it. Names in records are relative to the project root, so that a store can move between
checkouts.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

_VCS: Final = (".git", ".hg", ".svn")
_BUILD_FILES: Final = ("pyproject.toml", "setup.py", "setup.cfg")
_BACK: Final = f"{os.sep}..{os.sep}"
_FOREIGN_PARTS: Final = ("site-packages", "dist-packages")


def find_project_root(rootdir: Path, invocation_dir: Path) -> Path:
    """Choose the folder that paths in records are relative to.

    The version-control root above rootdir; without one, the nearest folder that holds both rootdir
    and the invocation directory, or above it the nearest that says how the project is built, unless
    that is the file system's root or the home directory.
    """
    for folder in (rootdir, *rootdir.parents):
        if any((folder / mark).exists() for mark in _VCS):
            return folder
    make = type(rootdir)
    common = make(os.path.commonpath([rootdir, invocation_dir]))
    too_wide = (make(common.anchor), make.home())
    for folder in (common, *common.parents):
        if folder not in too_wide and any((folder / name).is_file() for name in _BUILD_FILES):
            return folder
    return rootdir if common in too_wide else common


def _interpreter_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    found = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    found |= {os.path.realpath(path) for path in found}
    # A virtual environment inside the project is not the project.
    found |= {os.path.join(sys.prefix, "lib"), os.path.join(sys.base_prefix, "lib")}
    if sys.prefix != sys.base_prefix:
        found.add(sys.prefix)
    return tuple(sorted(path.rstrip(os.sep) + os.sep for path in found))


def temporary_folder() -> str:
    """Give the folder for temporary files; tests may see whether anybody asked for it before."""
    import tempfile  # not in a child process, where each import counts

    before = tempfile.tempdir
    try:
        return tempfile.gettempdir()
    finally:
        tempfile.tempdir = before


def _temporary_folders(root: str, basetemp: str | None) -> tuple[str, ...]:
    """Give what paths of files begin with that tests of this run make, as pytest names them.

    Code in them is no source: it follows from what the test that wrote it rests on. Where the
    project itself is such a file, as in a run within a run, they cannot be told apart.
    """
    top = os.environ.get("PYTEST_DEBUG_TEMPROOT") or temporary_folder()
    found = {os.path.join(top, "pytest-of-")}
    if basetemp:
        found.add(os.path.join(os.path.abspath(basetemp), ""))
    found |= {
        os.path.join(os.path.realpath(os.path.dirname(p)), os.path.basename(p)) for p in found
    }
    return tuple(sorted(path for path in found if not (root + os.sep).startswith(path)))


class Places(NamedTuple):
    """The project root and what lies outside the project.

    Attributes:
        root: absolute project root, symlinks resolved.
        own: absolute path of this plugin's package, which is never part of what it tracks.
    """

    root: str
    foreign: tuple[str, ...]
    own: str

    @classmethod
    def of(cls, rootdir: Path, invocation_dir: Path, basetemp: str | None = None) -> Places:
        root = os.path.realpath(find_project_root(rootdir, invocation_dir))
        own = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
        foreign = (*_interpreter_folders(), *_temporary_folders(root, basetemp))
        return cls(root, foreign, own)

    def is_first_party(self, filename: str) -> bool:
        """Say whether a code object of this file name is the project's own."""
        if not filename or filename[0] == "<" or filename.startswith(self.own):
            return False
        if not os.path.isabs(filename):
            return False
        if filename.startswith(self.foreign):
            return False
        parts = filename.split(os.sep)
        return not any(part in parts for part in _FOREIGN_PARTS)

    def relative(self, path: str) -> str:
        """Name an absolute path in records."""
        prefix = self.root + os.sep
        path = _straight(path)
        if path.startswith(prefix):
            name = path[len(prefix) :]
        else:
            name = os.path.relpath(os.path.realpath(path), self.root)
        return name.replace(os.sep, "/")

    def relative_unresolved(self, path: str) -> str:
        """Name an absolute path in records without following links."""
        return os.path.relpath(path, self.root).replace(os.sep, "/")

    def absolute(self, name: str) -> str:
        """Find the path that ``relative`` named."""
        return os.path.normpath(os.path.join(self.root, name))

    def is_inside(self, path: str) -> bool:
        """Say whether an absolute path lies under the project root."""
        path = _straight(path)
        return path == self.root or path.startswith(self.root + os.sep)

    def glob(self, pattern: str) -> list[str]:
        """List the files that a glob (``**`` allowed) matches, as relative names.

        Args:
            pattern: relative to the root; it may be absolute, or lead out of the root.
        """
        from pathlib import Path  # likewise

        given = Path(pattern)
        if given.is_absolute():
            found = Path(given.anchor).glob(str(given.relative_to(given.anchor)))
        else:
            found = Path(self.root).glob(pattern)
        return sorted({self.relative(str(path)) for path in found if path.is_file()})


def _straight(path: str) -> str:
    """Take the steps back out of a path, as ``pythonpath = ../src`` puts them into names of files.

    Through the links that are there: ``link/..`` is not the folder that holds the link.
    """
    return os.path.realpath(path) if _BACK in path else path
