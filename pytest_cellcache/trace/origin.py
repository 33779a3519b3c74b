"""Decides which events are noise: where they point to, and on whose behalf they happened."""

from __future__ import annotations

import os
import sys
from traceback import StackSummary
from types import FrameType
from typing import Final

from pytest_cellcache.model.observation import CLASS_BODY, CodeRef
from pytest_cellcache.trace.contract import IsFirstParty

_getframe = sys._getframe  # tests take it away, as Python has to do without it elsewhere
NOBODY: Final = 0
EVERYBODY: Final = 1 << 30
SOURCES: Final = (".py", ".pyw")
"""How names of sources end."""

_VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"
_IGNORED_TREES = (
    "/dev/",
    "/proc/",
    "/sys/",
    *{
        os.path.join(prefix, lib, _VERSION) + os.sep
        for prefix in (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)
        for lib in ("lib", "lib64")
    },
    *{
        os.path.join(prefix, "lib", _VERSION.replace(".", "") + ".zip")
        for prefix in (sys.prefix, sys.base_prefix)
    },
    os.path.dirname(os.__file__) + os.sep,
)
_INSTALLED = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))
_CACHED = f"{os.sep}__pycache__{os.sep}"

# Modules that touch files and variables for whoever calls them.
_CARRIERS = frozenset(
    """
    io _io codecs os posixpath ntpath genericpath stat pathlib pathlib._local pathlib._abc
    pathlib._os glob fnmatch shutil contextlib functools tokenize linecache traceback warnings
    inspect copy getpass collections.abc _collections_abc _pytest._py.path _pytest._py.error
    py._path.local py._error
    pytest_cellcache.trace.audit pytest_cellcache.trace.inputs pytest_cellcache.trace.shims
    pytest_cellcache.trace.environ pytest_cellcache.trace.origin pytest_cellcache.trace.spawn
    pytest_cellcache.trace.unit pytest_cellcache.trace.recorder pytest_cellcache.hooks.options
    pytest_cellcache.hooks.guard pytest_cellcache.trace.metadata
    pytest_cellcache.trace.importing pytest_cellcache.trace.attached
    pytest_cellcache.trace.databases pytest_cellcache.trace.registers pytest_cellcache.trace.chance
    pytest_cellcache.trace.network pytest_cellcache.trace.made importlib
    pytest_cellcache.trace.bookkeeping
    """.split()  # a page of quotes otherwise
)
# Finders of modules and distributions: what they find counts as a module or a version.
_IMPORTERS = frozenset(
    """
    importlib._bootstrap importlib._bootstrap_external _frozen_importlib
    _frozen_importlib_external zipimport _pytest.assertion.rewrite
    importlib.metadata importlib_metadata pkg_resources
    """.split()  # a page of quotes otherwise
)
# We ourselves; and who reads sources for constants to draw from at random, and for reports.
_BLIND = ("pytest_cellcache.", "hypothesis.internal.")
_OPTIMIZED: Final = 1
"""``inspect.CO_OPTIMIZED``: the code of a function."""

# Loader methods that others use to read data files of a package (pkgutil.get_data, linecache).
_LOADER_READS = frozenset({"get_data", "get_source"})
# Functions of carriers that ask a path for nothing but what it is.
_PRESENCE = frozenset(
    """
    exists lexists isfile isdir islink ismount isjunction is_file is_dir is_symlink is_mount
    is_junction is_socket is_fifo is_block_device is_char_device realpath _realpath resolve
    walk _walk fwalk glob rglob iglob which _access_check makedirs mkdir samefile sameopenfile
    """.split()  # a page of quotes otherwise
)
# Functions of carriers that ask for size or times, or hand permissions on to a copy.
_TIMES = frozenset(
    """
    getsize getmtime getatime getctime checkcache updatecache copy copy2 copyfile copymode copystat
    copytree move
    """.split()  # a page of quotes otherwise
)
# What stands between who looks a line up and what is told of a file.
_LOOKING_UP = frozenset(
    """
    linecache tokenize pytest_cellcache.trace.audit pytest_cellcache.trace.inputs
    pytest_cellcache.trace.shims pytest_cellcache.trace.origin
    pytest_cellcache.trace.bookkeeping
    """.split()  # a page of quotes otherwise
)
_MAKERS = frozenset({"mkdir", "makedirs"})
# Methods of pytest's ``Config`` that read an option for whoever calls them.
_OPTION_READERS = frozenset({"getoption", "getvalue", "getvalueorskip", "getini"})
# Modules of the standard library whose children tell of the system, not of the project.
_SYSTEM_ASKERS = frozenset({"ctypes.util", "platform", "uuid"})
# Parts of pytest that act for a test, not for the run.
_ACTING_FOR_TESTS = frozenset({"_pytest.pytester", "_pytest.doctest", "_pytest.monkeypatch"})


def is_ignored_path(path: str) -> bool:
    """Say whether an absolute path is an installed, cached or kernel file: versions tell these."""
    if path.startswith(_IGNORED_TREES) or path.endswith(".pyc"):
        return True
    path += os.sep
    return _CACHED in path or _INSTALLED[0] in path or _INSTALLED[1] in path


def caller(*, beyond_importers: bool = False) -> tuple[str, FrameType | None]:
    """Give module name and frame of the nearest caller that is not a mere carrier.

    Args:
        beyond_importers: finders of modules and distributions are carriers, too.
    """
    frame: FrameType | None = _getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__")
        is_passing_on = name == "_pytest.config" and frame.f_code.co_name in _OPTION_READERS
        if (
            not is_passing_on
            and name not in _CARRIERS
            and not (
                name in _IMPORTERS and (beyond_importers or frame.f_code.co_name in _LOADER_READS)
            )
        ):
            return (name if isinstance(name, str) else ""), frame
        frame = frame.f_back
    return "", None


def asks_presence_only() -> bool:
    """Say whether whoever asks for a path's status gives away no more than what the path is."""
    return _is_asked_by(_PRESENCE)


def asks_times_only() -> bool:
    """Say whether he gives away no permissions."""
    return _is_asked_by(_TIMES)


def ensures_folder() -> bool:
    """Say whether who makes a directory, or asks for one, is content if there is one."""
    return _is_asked_with("exist_ok", _MAKERS)


def makes_own_folder(module: str, frame: FrameType | None) -> bool:
    """Say whether pytest makes a new directory for who asks ``tmp_path_factory`` for one."""
    is_asked = False
    while frame is not None and module in ("_pytest.pathlib", "_pytest.tmpdir"):
        if frame.f_code.co_name == "getbasetemp":
            return False
        if is_asked:  # by pytest itself, for ``tmp_path``
            return False
        is_asked = frame.f_code.co_name == "mktemp"
        frame = frame.f_back
        module = "" if frame is None else str(frame.f_globals.get("__name__"))
    return is_asked


def ignores_errors() -> bool:
    """Say whether who removes a directory with all in it is content if there is none."""
    return _is_asked_with("ignore_errors", frozenset({"rmtree"}))


def lines_shown(path: str) -> tuple[CodeRef, ...]:
    """Give the lines of a source that are looked up to show a traceback, if that is what goes on.

    Each with the name of the code that runs it, which others may have left. Nothing where a file
    is read for anything else, or nobody knows what for.
    """
    frame: FrameType | None = _getframe(1) if path.endswith(SOURCES) else None
    while frame is not None and frame.f_globals.get("__name__") in _LOOKING_UP:
        frame = frame.f_back
    while frame is not None and frame.f_globals.get("__name__") == "traceback":
        shown = frame.f_locals.get("result")  # all of them: the next may be known by then
        if type(shown) is StackSummary:
            refs = (CodeRef(each.filename, each.lineno or 0, each.name) for each in shown)
            return tuple(ref for ref in refs if ref.filename == path)
        frame = frame.f_back
    return ()


def begins_program(path: str, flags: object) -> bool:
    """Say whether the interpreter itself opens a source that it is about to run as the program.

    What runs of it is in the trace. It asks first whether the source is an archive. The lines of a
    traceback, which it looks up itself before 3.13, it opens with flags.
    """
    is_beginning = flags == 0
    frame: FrameType | None = _getframe(1)
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if name == "zipimport":
            is_beginning = True
        elif not name.startswith("pytest_cellcache."):
            return False
        frame = frame.f_back
    return is_beginning and path.endswith(SOURCES)


def _is_asked_with(flag: str, names: frozenset[str]) -> bool:
    frame: FrameType | None = _getframe(2)
    while frame is not None and frame.f_globals.get("__name__") in _CARRIERS:
        if frame.f_code.co_name in names:
            return bool(frame.f_locals.get(flag))
        frame = frame.f_back
    return False


def _is_asked_by(names: frozenset[str]) -> bool:
    frame: FrameType | None = _getframe(2)
    while frame is not None and frame.f_globals.get("__name__") in _CARRIERS:
        if frame.f_code.co_name in names:
            return True
        frame = frame.f_back
    return False


def project_frames(is_first_party: IsFirstParty) -> tuple[CodeRef, ...]:
    """Give the frames of a ``Site``, as of now."""
    found: list[CodeRef] = []
    frame: FrameType | None = _getframe(1)
    while frame is not None and frame.f_globals.get("__name__") != "_pytest.pytester":
        code = frame.f_code
        is_module = code.co_name == "<module>"
        if not code.co_filename.startswith("<") and is_first_party(code.co_filename):
            if code.co_flags & _OPTIMIZED:
                found.append(CodeRef(code.co_filename, code.co_firstlineno, code.co_name))
            else:
                name = code.co_name if is_module else CLASS_BODY
                found.append(CodeRef(code.co_filename, frame.f_lineno or 0, name))
            if is_module:
                break
        elif is_module and _is_imported(frame):
            return ()  # a foreign module, imported once for whoever comes later
        frame = frame.f_back
    return tuple(found)


def _is_imported(frame: FrameType) -> bool:
    # Not the script that the process was started with, nor what a worker was told to execute.
    names = frame.f_globals
    return names.get("__name__") != "__main__" and names.get("__spec__") is not None


def scans_for_others() -> bool:
    """Say whether a carrier scans a directory: it gives away no more than names and kinds."""
    frame: FrameType | None = _getframe(1)
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if not name.startswith("pytest_cellcache."):
            return name in _CARRIERS or name in _IMPORTERS
        frame = frame.f_back
    return False


def reach(module: str, frame: FrameType | None) -> int:
    """Say who should hear of an event, given ``caller()``: 0 if it is noise to everybody.

    Noise is what the import system, pytest itself and we do. But a pytest that pytester runs
    inside a test does what that test wants. So the answer is a bound: recorders whose
    ``pytester_depth`` at their start is below it are told.
    """
    if module in _IMPORTERS or module.startswith(_BLIND):
        return NOBODY
    if not module.startswith("_pytest.") or module in _ACTING_FOR_TESTS:
        return EVERYBODY
    return pytester_depth(frame)


def process_reach() -> int:
    """Say the same of starting a child process."""
    frame: FrameType | None = _getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__")
        if name in _SYSTEM_ASKERS:
            return NOBODY
        if name != "subprocess" and name not in _CARRIERS:
            return reach(str(name), frame)
        frame = frame.f_back
    return EVERYBODY


def variable_reach(module: str, frame: FrameType | None) -> int:
    """Say the same of a look at the environment; setting a variable is no look at it."""
    if module in _SYSTEM_ASKERS:  # it is for their children
        return NOBODY
    if module == "unittest.mock":  # patch.dict keeps the old values only to put them back
        return NOBODY
    if module == "_pytest.monkeypatch":  # so does setenv; delenv may fail, which tells something
        is_blind = frame is not None and frame.f_code.co_name in ("setitem", "undo")
        return NOBODY if is_blind or removes_if_there(module, frame) else EVERYBODY
    return NOBODY if module.startswith("xdist.") else reach(module, frame)


def removes_if_there(module: str, frame: FrameType | None) -> bool:
    """Say whether the one who looks for a variable sees to it that there is none."""
    return (
        module == "_pytest.monkeypatch"
        and frame is not None
        and frame.f_code.co_name == "delitem"
        and not frame.f_locals.get("raising", True)
    )


def pytester_depth(frame: FrameType | None) -> int:
    """Count the frames of pytester that ``frame`` runs in."""
    if "_pytest.pytester" not in sys.modules:
        return 0
    depth = 0
    while frame is not None:
        depth += frame.f_globals.get("__name__") == "_pytest.pytester"
        frame = frame.f_back
    return depth
