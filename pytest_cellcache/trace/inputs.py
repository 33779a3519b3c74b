"""Decides what each audit event says about the inputs of the innermost units.

Paths become absolute when the event happens; ``..`` is resolved through symbolic links then. An
argument that is a descriptor names nothing: it was opened before, which was seen.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from pytest_cellcache.model.observation import CWD, SEARCH, SURROUNDINGS
from pytest_cellcache.trace import audit, unit
from pytest_cellcache.trace.bookkeeping import is_bookkeeping
from pytest_cellcache.trace.contract import CWD_LOST, DESCRIPTOR
from pytest_cellcache.trace.databases import files_of
from pytest_cellcache.trace.importing import on_exec, on_find_class
from pytest_cellcache.trace.kinds import is_file, kind_of
from pytest_cellcache.trace.made import LINKS
from pytest_cellcache.trace.network import note_act, on_address, on_host, on_name_of
from pytest_cellcache.trace.origin import (
    EVERYBODY,
    caller,
    ensures_folder,
    ignores_errors,
    is_ignored_path,
    lines_shown,
    makes_own_folder,
    process_reach,
    reach,
    scans_for_others,
)
from pytest_cellcache.trace.programs import note_history
from pytest_cellcache.trace.searching import note_search
from pytest_cellcache.trace.surrounding import current_folder

# Taken before any shim is in place, or what tests put there.
_access, _readlink, _listdir = os.access, os.readlink, os.listdir

_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def listen() -> None:
    """Start to translate events."""
    for event, listener in _LISTENERS.items():
        audit.listen(event, listener)


def unlisten() -> None:
    """Undo ``listen``."""
    for event, listener in _LISTENERS.items():
        audit.unlisten(event, listener)


def absolute(path: Any, *, dir_fd: Any = None) -> str | None:
    """Make a path absolute as of now; ``None`` if it names nothing that counts as an input."""
    if isinstance(path, int):
        return None
    text = os.fsdecode(path)
    if "\0" in text:
        return None
    if not os.path.isabs(text):
        if text.startswith("<") and text.endswith(">"):  # code without a file, in a traceback
            return None
        if dir_fd is None:
            unit.charge(lambda each: each.look_around((CWD,)), EVERYBODY)
        base = _base_dir(dir_fd)
        if base is None:
            return None
        text = os.path.join(base, text)
    if f"{os.sep}." in text or f"{os.sep}{os.sep}" in text or text.endswith(os.sep):
        if f"{os.sep}.." in text:
            head, tail = os.path.split(text.rstrip(os.sep))
            # normpath would take link/.. for the directory that holds the link
            text = os.path.join(os.path.realpath(head), tail)
        text = os.path.normpath(text)
    return None if is_ignored_path(text) else text


def _base_dir(dir_fd: Any) -> str | None:
    if isinstance(dir_fd, int) and dir_fd >= 0:
        return _descriptor_path(dir_fd)
    if (folder := current_folder()) is None:
        unit.charge(lambda each: each.gaps.add(CWD_LOST), EVERYBODY)
    return folder


def _descriptor_path(descriptor: int) -> str | None:
    try:
        return _readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        unit.charge(lambda each: each.gaps.add(DESCRIPTOR), EVERYBODY)
        return None


def note_open(path: Any, mode: Any, flags: Any, *, dir_fd: Any = None) -> None:
    """Note an attempt to open, successful or not."""
    target = absolute(path, dir_fd=dir_fd)
    if target is None:
        return
    module, frame = caller()
    if module == "zipimport":  # a library in an archive counts as any file that is read
        module, frame = caller(beyond_importers=True)
    if not (hearers := reach(module, frame)) or is_bookkeeping(target, flags, module, frame):
        return
    letters = mode if isinstance(mode, str) else ""
    bits = flags if isinstance(flags, int) else 0
    exists = kind_of(target)
    if not bits & _WRITE_FLAGS and not set(letters) & set("wax+"):
        if exists == "directory":  # for use as dir_fd; a listing has its own event
            unit.charge(lambda each: each.stat(target), hearers)
        elif lines := lines_shown(target):
            unit.charge(lambda each: each.show(target, lines), hearers)
        else:
            unit.charge(lambda each: each.read(target), hearers)
        return
    if exists == "directory":
        return  # a nameless temporary file, or an error
    is_exclusive = "x" in letters or bool(bits & os.O_EXCL)
    truncates = "w" in letters or bool(bits & os.O_TRUNC) or is_exclusive
    # An attempt that must fail gives the unit no claim on the content that is there.
    is_fresh = exists == "absent" or (
        truncates and not is_exclusive and exists == "file" and _access(target, os.W_OK)
    )
    is_append = not truncates and ("a" in letters or bool(bits & os.O_APPEND))
    is_log = is_append and not ("+" in letters or bits & os.O_RDWR)

    def note(each: unit.OpenUnit) -> None:
        if is_exclusive and module != "tempfile":  # whose names are random
            each.stat(target)
        if is_log:
            each.append(target)
        elif not truncates:
            each.read(target)
        if is_fresh:
            each.make_file(target)
        else:
            each.write(target)

    unit.charge(note, hearers)


def _on_open(args: tuple[Any, ...]) -> None:
    note_open(*args)


def _on_scandir(args: tuple[Any, ...]) -> None:
    """Who scans himself, and not through ``os.walk`` and the like, may ask entries for their size.

    That raises no event: what is in the files counts.
    """
    _on_listing(args)
    if isinstance(args[0], int) or scans_for_others():
        return
    folder = absolute("." if args[0] is None else args[0])
    if folder is not None and (hearers := reach(*caller())):
        try:
            files = [path for name in _listdir(folder) if is_file(path := f"{folder}/{name}")]
        except OSError:  # absent, or no directory: what the listing tells
            return
        unit.charge(lambda each: each.scan(files), hearers)


def _on_listing(args: tuple[Any, ...]) -> None:
    path = args[0]
    if isinstance(path, int):
        path = _descriptor_path(path)
        if path is None:
            return
    target = absolute("." if path is None else path)
    if target is not None and (hearers := reach(*caller())):
        unit.charge(lambda each: each.list(target), hearers)


def _on_mkdir(args: tuple[Any, ...]) -> None:
    target = absolute(args[0], dir_fd=args[2])
    if target is None:
        return
    module, frame = caller()
    if makes_own_folder(module, frame):
        unit.charge(lambda each: each.make_dir(target), EVERYBODY)
    hearers = reach(module, frame)
    if not hearers:
        return
    is_new = kind_of(target) == "absent"
    is_ensured = ensures_folder()

    def note(each: unit.OpenUnit) -> None:
        if is_ensured:
            each.ensure_dir(target)
        elif module != "tempfile":
            each.stat(target)
        if is_new and not is_ensured:
            each.make_dir(target)
        else:
            each.write(target)

    unit.charge(note, hearers)


def _on_change(args: tuple[Any, ...], *, dir_fd: Any = None) -> None:
    """Removal, new times, new permissions: depend on the presence, leave the content to others."""
    target = absolute(args[0], dir_fd=dir_fd)
    if target is not None and (hearers := reach(*caller())):

        def note(each: unit.OpenUnit) -> None:
            each.stat(target)
            each.write(target)

        unit.charge(note, hearers)


def _on_change_at(args: tuple[Any, ...]) -> None:
    _on_change(args, dir_fd=args[-1])


def _on_truncate(args: tuple[Any, ...]) -> None:
    target = absolute(args[0])
    if target is not None and (hearers := reach(*caller())):

        def note(each: unit.OpenUnit) -> None:
            each.read(target)
            each.write(target)

        unit.charge(note, hearers)


def _on_move(args: tuple[Any, ...]) -> None:
    """``rename``, ``replace`` and ``link``: the content at the new name is that of the old one."""
    source = absolute(args[0], dir_fd=args[2])
    target = absolute(args[1], dir_fd=args[3])
    hearers = reach(*caller())
    if not hearers:
        return
    moves_file = source is not None and kind_of(source) == "file"

    def note(each: unit.OpenUnit) -> None:
        if source is not None:
            (each.read if moves_file else each.stat)(source)
            each.write(source)
        if target is not None and moves_file:
            each.make_file(target)
        elif target is not None:
            each.write(target)

    unit.charge(note, hearers)


def _on_symlink(args: tuple[Any, ...]) -> None:
    link = absolute(args[1], dir_fd=args[2])
    if link is not None and (hearers := reach(*caller())):
        is_new = kind_of(link) == "absent"
        LINKS.add(link)

        def note(each: unit.OpenUnit) -> None:
            each.stat(link)
            (each.make_dir if is_new else each.write)(link)

        unit.charge(note, hearers)


def _on_chdir(_: tuple[Any, ...]) -> None:
    if hearers := reach(*caller()):
        unit.charge(unit.OpenUnit.move, hearers)


def _on_copy(args: tuple[Any, ...]) -> None:
    _on_write((args[1],))


def _on_write(args: tuple[Any, ...]) -> None:
    """Note a write only: what ``shutil`` reads or creates on the way has events of its own."""
    target = absolute(args[0])
    if target is not None and (hearers := reach(*caller())):
        unit.charge(lambda each: each.write(target), hearers)


def _on_removal(args: tuple[Any, ...]) -> None:
    """Note that a directory is emptied; who ignores errors does not mind if there is none."""
    target = absolute(args[0], dir_fd=args[1] if len(args) > 1 else None)
    if target is None or not (hearers := reach(*caller())):
        return
    may_be_absent = ignores_errors()

    def note(each: unit.OpenUnit) -> None:
        (each.ensure_dir if may_be_absent else each.stat)(target)
        each.make_dir(target)

    unit.charge(note, hearers)


def note_database(database: Any) -> None:
    """Note a database that is connected to or attached."""
    for number, name in enumerate(files_of(database)):
        if not number:
            _on_truncate((name,))  # read and written
        elif (target := absolute(name)) is not None and (hearers := reach(*caller())):
            unit.charge(lambda each, path=target: each.read(path), hearers)  # type: ignore[misc]


def _on_library(args: tuple[Any, ...]) -> None:
    if args[0] is not None and not isinstance(args[0], int):
        name = os.fsdecode(args[0])
        target = absolute(name) if os.sep in name else None
        if target is not None and (hearers := reach(*caller())):
            unit.charge(lambda each: each.read(target), hearers)


def _on_process(word: str, argument: int | None) -> Callable[[tuple[Any, ...]], None]:
    def translate(args: tuple[Any, ...]) -> None:
        if not (hearers := process_reach()):
            return
        program: Any = word if argument is None else args[argument]
        if isinstance(program, (list, tuple)):
            program = program[0] if program else word
        if not isinstance(program, (str, bytes, os.PathLike)):
            program = word
        name = os.fsdecode(program)
        if word == "os.system":
            note_history([name], hearers)
            name = (name.split() or [word])[0]
        unit.charge(lambda each: each.start_child(name), hearers)

    return translate


def _on_exec(args: tuple[Any, ...]) -> None:
    if getattr(args[0], "co_name", None) == "<module>":
        for each in unit.innermost_units():
            each.has_imported = True
    on_exec(args)


def _on_import(args: tuple[Any, ...]) -> None:
    """Note that a module is searched for that is not loaded."""
    search = args[2] or ()
    is_absolute = all(isinstance(path, str) and os.path.isabs(path) for path in search)
    consulted = (SEARCH,) if is_absolute else SURROUNDINGS
    for each in unit.innermost_units():
        each.look_around(consulted)
        if not each.is_sited:
            note_search(args[0])


def _guard(translate: Callable[[tuple[Any, ...]], None]) -> audit.Listener:
    def listener(args: tuple[Any, ...]) -> None:
        try:
            translate(args)
        except unit.TROUBLES:
            unit.confess()

    return listener


_TRANSLATIONS: dict[str, Callable[[tuple[Any, ...]], None]] = {
    "open": _on_open,
    "exec": _on_exec,
    "import": _on_import,
    "pickle.find_class": on_find_class,
    "os.listdir": _on_listing,
    "os.scandir": _on_scandir,
    "os.mkdir": _on_mkdir,
    "os.rename": _on_move,
    "os.link": _on_move,
    "os.symlink": _on_symlink,
    "os.chdir": _on_chdir,
    "os.fchdir": _on_chdir,
    "os.remove": _on_change_at,
    "os.rmdir": _on_change_at,
    "os.chmod": _on_change_at,
    "os.chown": _on_change_at,
    "os.utime": _on_change_at,
    "os.truncate": _on_truncate,
    "os.setxattr": _on_change,
    "os.removexattr": _on_change,
    "shutil.copyfile": _on_copy,
    "shutil.copymode": _on_copy,
    "shutil.copystat": _on_copy,
    "shutil.copytree": _on_copy,
    "shutil.move": _on_copy,
    "shutil.rmtree": _on_removal,
    "shutil.chown": _on_write,
    "sqlite3.connect": lambda args: note_database(args[0]),
    "ctypes.dlopen": _on_library,
    "os.system": _on_process("os.system", 0),
    "os.spawn": _on_process("os.spawn", 2),
    "pty.spawn": _on_process("pty.spawn", 0),
    "os.kill": lambda args: note_act(args, "signal"),
    "os.killpg": lambda args: note_act(args, "signal"),
    "socket.bind": note_act,
    "socket.connect": on_address,
    "socket.sendto": on_address,
    "socket.sendmsg": on_address,
    "socket.getaddrinfo": on_host,
    "socket.gethostbyname": on_host,
    "socket.gethostbyaddr": on_host,
    "socket.getnameinfo": on_name_of,
}
_LISTENERS = {event: _guard(translate) for event, translate in _TRANSLATIONS.items()}
