"""What a test left below one global, by content: rows of words and digests, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pytest_cellcache.lifecycle.graphblob import shorten
from pytest_cellcache.model.digest import ABSENT, Digest, digest_json

Row = tuple[str, str, tuple[tuple[str, str], ...]]
"""A key or attribute, a digest of what is there, and the same of what it has in common with what
is in other places, by place and word. Digests are short ones."""
Contents = Mapping[str, Sequence[Row]]
"""Rows by place: file::name."""


def row_of(word: str, content: Digest, links: Iterable[tuple[str, Digest]]) -> Row:
    """Make a row."""
    return word, shorten(content), tuple(sorted((where, shorten(link)) for where, link in links))


def where_of(place: str, word: str) -> str:
    """Name a place with a word for what others have in common with it."""
    return f"{place} {word}"


def digest_of_rows(rows: Iterable[Row]) -> Digest:
    """Digest rows, their order included."""
    return digest_json(list(rows))


_KEYS: Final = " keys"
_THERE: Final = "there"


def keys_of(place: str) -> str:
    """Name the keys of what is in a place, without what is below them."""
    return place + _KEYS


def keys_in(rows: Iterable[Row]) -> list[Row]:
    """Reduce rows to which keys there are."""
    gone = shorten(ABSENT)
    return sorted((word, gone if content == gone else _THERE, ()) for word, content, _ in rows)


def with_keys(contents: Contents) -> Contents:
    """Add what is left for who only asks which keys there are."""
    return {**contents, **{keys_of(place): keys_in(rows) for place, rows in contents.items()}}


def contents_in(body: Mapping[str, Any]) -> Contents:
    """Give what a record says that its test has left."""
    found = body.get("leaving")
    try:
        read = {str(place): list(map(_read, rows)) for place, rows in found.items()}  # type: ignore[union-attr]
    except (TypeError, ValueError, AttributeError):
        return {}
    return with_keys(read)


def _read(row: Any) -> Row:
    word, content, links = row
    return str(word), str(content), tuple((str(where), str(link)) for where, link in links)


def is_what(contents: Contents, place: str, digest: str) -> bool:
    """Say whether what was left in a place has a short digest."""
    return place in contents and shorten(digest_of_rows(contents[place])) == digest


def are_left(before: Contents, now: Contents, place: str) -> bool:
    """Say whether what was left in a place is left again, whatever else is.

    Who runs after others than before may leave more: what he would have found done then.
    """
    words = {row[0] for row in before.get(place, ())}
    known = {where_of(where, row[0]) for where, rows in before.items() for row in rows}
    found = [
        (word, content, tuple(link for link in links if link[0] in known))
        for word, content, links in now.get(place, ())
        if word in words
    ]
    return bool(words) and found == list(before[place])
