"""Blobs and notes as bytes: round trip, compression, what is refused."""

from __future__ import annotations

import random

import pytest

from pytest_cellcache.model.digest import SCHEMA
from pytest_cellcache.store.frames import HEADER_BYTES, frame, unframe

LABEL = "ab" * 16
TEXT = b"the same words again " * 500
NOISE = random.Random(1).randbytes(4096)


@pytest.mark.parametrize("data", [b"", b"x", TEXT, NOISE, NOISE + TEXT, TEXT * 10 + NOISE])
def test_round_trip(data: bytes) -> None:
    assert unframe(LABEL, frame(LABEL, data)) == data


def test_text_is_compressed_and_noise_lies_there_as_it_is() -> None:
    assert len(frame(LABEL, TEXT)) < len(TEXT) / 5
    assert frame(LABEL, NOISE)[HEADER_BYTES:] == NOISE
    assert HEADER_BYTES % 64 == 0


@pytest.mark.parametrize("data", [b"small", TEXT])
def test_damage_is_a_value_error_and_never_other_bytes(data: bytes) -> None:
    framed = frame(LABEL, data)
    refused = 0
    for at in range(len(framed)):
        damaged = bytearray(framed)
        damaged[at] ^= 1
        for broken in (bytes(damaged), framed[:at]):
            try:
                assert unframe(LABEL, broken) == data
            except ValueError:
                refused += 1
    # Padding of the header and the trailer of zlib carry nothing that we rely on.
    assert refused > 2 * (len(framed) - HEADER_BYTES) - 16


@pytest.mark.parametrize(
    "foreign",
    [
        b"",
        b"\xff" * 200,
        b"cellcache 1 " + b"x" * 200,
        frame("cd" * 16, b"data"),
        frame(LABEL, b"data").replace(b"cellcache %d " % SCHEMA, b"cellcache 0 "),
        frame(LABEL, b"data").replace(b" raw 4 ", b" raw x "),
        frame(LABEL, b"data").replace(b" raw 4 ", b" zlib 4 "),
    ],
)
def test_foreign_content_is_a_value_error(foreign: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        unframe(LABEL, foreign)


def test_a_forged_file_cannot_grow_beyond_the_size_it_names() -> None:
    framed = frame(LABEL, bytes(10_000_000))
    for size in (b"0", b"5", b"-1"):
        with pytest.raises(ValueError, match=r"."):
            unframe(LABEL, framed.replace(b" zlib 10000000 ", b" zlib " + size + b" "))
