"""What a test left below one global, by content: rows of words and digests, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pytest_cellcache.lifecycle.graphblob import shorten
from pytest_cellcache.model.digest import Digest, digest_parts

Row = tuple[str, str]
"""A key or attribute, and a short digest of what is there."""


def row_of(word: str, content: Digest) -> Row:
    """Make a row."""
    return word, shorten(content)


def digest_of_rows(rows: Iterable[Row]) -> Digest:
    """Digest rows, their order included."""
    return digest_parts(part for row in rows for part in row)


def rows_in(body: Mapping[str, Any], place: str) -> list[Row]:
    """Give what a record says that its test has left in a place."""
    found = body.get("leaving")
    try:
        return [(str(word), str(told)) for word, told in found.get(place, ())]  # type: ignore[union-attr]
    except (TypeError, ValueError, AttributeError):
        return []


def are_rows(rows: Iterable[Row], content: str) -> bool:
    """Say whether a short digest is that of some rows."""
    return shorten(digest_of_rows(rows)) == content


def are_left(rows: Sequence[Row], now: Iterable[Row]) -> bool:
    """Say whether what was left is left again, whatever else is.

    Who runs after others than before may leave more: what he would have found done then.
    """
    words = {word for word, _ in rows}
    return bool(rows) and [row for row in now if row[0] in words] == list(rows)
