"""Value files in a store directory: written in parts, mapped, never used before they are checked.

A value file is a blob whose content is not compressed (see ``frames``), so that its sections can be
mapped. Checked before anything of it is used:

- *origin*: a regular file of this user that nobody else may write, in a directory of which the same
  holds. Whoever can write there can run code here;
- the *head* (what will be unpickled) against the digest that the record holds;
- the *rest* against the checksum in the file, once: as long as the file's inode, size and times
  are those of the last check, it is not read again.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from typing import Final

from pytest_cellcache.model.digest import Digest, digest_bytes, digest_stream
from pytest_cellcache.store.files import open_file, write_file
from pytest_cellcache.store.frames import HEADER_BYTES, frame_line, read_line
from pytest_cellcache.store.layout import Layout
from pytest_cellcache.store.origin import check_origin

Buffer = bytes | memoryview

MAPPED_BYTES: Final = 1 << 20
"""Smaller files are read: each mapping holds a descriptor."""


def write_value(layout: Layout, parts: Sequence[Buffer], now_s: float) -> Digest:
    """Write a value file and give its name.

    Raises:
        OSError, ValueError: it could not be written.
    """
    name = digest_stream(parts)
    path = layout.blob(name)
    size = sum(memoryview(part).nbytes for part in parts)
    try:
        # Equal content is there already, if its beginning says so; whoever reads it checks it.
        with open_file(path) as file:
            is_there = os.fstat(file.fileno()).st_size == HEADER_BYTES + size
            line = frame_line(name, "raw", size, name)
            if is_there and file.read(HEADER_BYTES) == line:
                os.utime(path, (now_s, now_s))
                return name
    except (OSError, ValueError):
        pass
    write_file(layout, path, [frame_line(name, "raw", size, name), *parts], now_s)
    return name


def read_value(
    layout: Layout, name: str, head_bytes: int, head: Digest, known: bytes | None
) -> tuple[memoryview, bytes]:
    """Give a value file's content, checked, and the mark of the file to be known next time.

    Args:
        head_bytes: size of the part that may be unpickled, and ``head`` its digest.
        known: the mark of the last check, if there was one.

    Raises:
        FileNotFoundError: there is none.
        OSError: it cannot be read.
        Foreign: it is not ours.
        ValueError: it is damaged.
    """
    path = layout.blob(name)
    check_origin(os.stat(os.path.dirname(path)), os.path.dirname(path))
    with open_file(path) as file:
        status = os.fstat(file.fileno())
        check_origin(status, path)
        times = f"{status.st_mtime_ns} {status.st_ctime_ns}"
        mark = f"{status.st_dev} {status.st_ino} {status.st_size} {times}".encode()
        is_small = status.st_size < MAPPED_BYTES
        data = memoryview(
            bytearray(file.read())  # to be written to, as a mapping is
            if is_small
            else mmap.mmap(file.fileno(), status.st_size, access=mmap.ACCESS_COPY)
        )
    codec, size, checksum = read_line(name, bytes(data[:HEADER_BYTES]))
    content = data[HEADER_BYTES:]
    if codec != "raw" or len(content) != size:
        raise ValueError("it is not whole")
    if digest_bytes(content[:head_bytes]) != head:
        raise ValueError("its head does not have the recorded digest")
    if (is_small or mark != known) and digest_bytes(content) != checksum:
        raise ValueError("its checksum does not match")
    return content, mark
