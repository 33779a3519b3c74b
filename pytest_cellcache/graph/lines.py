"""Digests where code stands in its file: what line numbers and excerpts of sources can tell."""

from __future__ import annotations

import re
from typing import Final

from pytest_cellcache.graph.project import Project
from pytest_cellcache.model.digest import ABSENT, Digest, digest_parts
from pytest_cellcache.model.keys import Key

_AROUND: Final = 10
"""Lines before and after a piece of code that an excerpt around one of its lines may show."""
_ENDS: Final = re.compile(r"\r\n|\r|\n")


class Lines:
    """Digests pieces of code by the numbers of their lines and by the text of these."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._texts: dict[str, list[str]] = {}

    def digest(self, key: Key) -> Digest:
        """Digest all pieces of code that have a name, as they stand in their file.

        Of a definition, which does not run any more, and of a class's methods, which have names of
        their own, only where they begin and end.
        """
        return self._digest(key, around=0)

    def digest_around(self, key: Key) -> Digest:
        """Digest them with the lines before and after."""
        return self._digest(key, around=_AROUND)

    def _digest(self, key: Key, around: int) -> Digest:
        index = self._project.index(key.path)
        if index.table.is_broken:
            return index.table.code
        found = index.find(key.name)
        # A docstring runs never, and what is before it is run by who defines the function.
        spans = [(each.start if around else each.first or each.start, each.end) for each in found]
        cells = [cell for _, cell in index.binders.get(key.name, ())]
        if not (spans or cells):
            return ABSENT
        text = self._text(key.path)
        parts = [line for line in text[:2] if "coding" in line]
        parts += [str(each.start) for each in found]
        for cell in cells:
            if cell.kind in ("class", "def") and not around:
                inside = [each for each in index.table.defs if cell.start <= each.start <= cell.end]
                parts.append(f"{cell.start} {cell.end}")
                parts += (f"{each.start} {each.end}" for each in inside)
            else:
                spans.append((cell.start, cell.end))
        for start, end in spans:
            parts += [str(start), *text[max(start - 1 - around, 0) : end + around]]
        return digest_parts(parts)

    def _text(self, path: str) -> list[str]:
        found = self._texts.get(path)
        if found is None:
            source = self._project.snapshot.read(path) or b""
            found = self._texts[path] = _ENDS.split(source.decode("latin-1"))
        return found
