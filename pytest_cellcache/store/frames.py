"""Blobs and notes as bytes: a line that says what follows, then the content.

The line is padded to ``HEADER_BYTES`` so that content that is not compressed lies aligned for a
reader that maps the file::

    cellcache 1 <label> raw|zlib <size> <checksum of the content>     \\n

``label`` is the name of the blob or the digest of the name of the note: a file that was moved to
another name is not taken for that other thing.
"""

from __future__ import annotations

from pytest_cellcache.model.digest import SCHEMA, digest_bytes

HEADER_BYTES = 128

_MAGIC = f"cellcache {SCHEMA}"
_WORTH_BYTES = 512
_SAMPLE_BYTES = 1 << 16


def frame(label: str, data: bytes) -> bytes:
    """Write content down, compressed where that saves at least a tenth."""
    codec, content = _compress(data)
    return frame_line(label, codec, len(data), digest_bytes(data)) + content


def frame_line(label: str, codec: str, size_bytes: int, checksum: str) -> bytes:
    """Write the line that goes before a content."""
    line = f"{_MAGIC} {label} {codec} {size_bytes} {checksum}"
    return line.encode("ascii").ljust(HEADER_BYTES - 1) + b"\n"


def read_line(label: str, line: bytes) -> tuple[str, int, str]:
    """Give codec, size and checksum of what follows a line.

    Raises:
        ValueError: it is not a line of ours, or of another label.
    """
    words = line.decode("ascii").split()  # UnicodeDecodeError is a ValueError
    if len(words) != 6 or " ".join(words[:2]) != _MAGIC:
        raise ValueError(f"not a file of schema {SCHEMA}")
    _, _, found, codec, size, checksum = words
    if found != label:
        raise ValueError("it belongs under another name")
    return codec, int(size), checksum


def unframe(label: str, framed: bytes) -> bytes:
    """Read content back.

    Raises:
        ValueError: it is not whole, or of another label; the message says which.
    """
    codec, size, checksum = read_line(label, framed[:HEADER_BYTES])
    content = framed[HEADER_BYTES:]
    data = _decompress(content, size) if codec == "zlib" else content
    if len(data) != size or digest_bytes(data) != checksum:
        raise ValueError("its checksum does not match")
    return data


def _compress(data: bytes) -> tuple[str, bytes]:
    import zlib

    if len(data) < _WORTH_BYTES:
        return "raw", data
    # Arrays and archives rarely shrink; a look at the beginning saves the attempt on gigabytes.
    sample = data[:_SAMPLE_BYTES]
    if len(zlib.compress(sample, 1)) > 0.9 * len(sample):
        return "raw", data
    content = zlib.compress(data, 1)
    return ("zlib", content) if len(content) <= 0.9 * len(data) else ("raw", data)


def _decompress(content: bytes, size: int) -> bytes:
    import zlib

    try:
        # Bounded, so that a forged file cannot grow beyond the size it admits to. 0 would mean
        # "no bound"; nothing of that size is ever compressed by us.
        return zlib.decompressobj().decompress(content, max(size, 1))
    except zlib.error as error:
        raise ValueError(str(error)) from None
