"""Tells where modules enter the same things in registers, and come to it in another order.

What a list holds, and which of two values an attribute has, follows from who entered last. So
beside what modules enter the order counts in which those come to it that enter in one global.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from json import dumps, loads
from typing import Final

from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.entering import Entered
from pytest_cellcache.graph.turns import Turns
from pytest_cellcache.lifecycle.sights import is_look, looks_at
from pytest_cellcache.model.observation import OUTSIDE
from pytest_cellcache.store.contract import Store

_LAST_NOTE: Final = "entered in turn"
_WHOLE: Final = "(order)"
"""In place of a key: who names one sees nothing of the order, who takes a mapping whole does."""


class TurnsNow:
    """The order in which modules of this run come to enter something.

    Args:
        roots: files that are imported one after another: plugins and modules of tests.
    """

    def __init__(self, digester: Digester, store: Store, roots: Iterable[str]) -> None:
        self._digester = digester
        self._store = store
        self._roots = list(dict.fromkeys(roots))

    def of(self, entered: Mapping[str, Iterable[Entered]]) -> list[str]:
        """Give the files of which several enter in one global."""
        looks = {path: looks_at(self._digester, path, rows) for path, rows in entered.items()}
        turns_of_looks = sorted(turn for found in looks.values() for _, turn in found)
        sharing = _sharing(entered, is_alone=bool(turns_of_looks))
        if not sharing:
            return []
        digest_file = self._digester.project.snapshot.digest_file
        asked = [
            self._roots,
            sorted(sharing),
            sorted(turn for found in looks.values() for _, turn in found),
        ]
        try:
            then, digests, found = loads(self._store.get_note(_LAST_NOTE) or b"")
            if then == asked and all(digest_file(path) == digests[path] for path in digests):
                return [str(path) for path in found]
        except (ValueError, TypeError, AttributeError):
            pass  # damaged, or not there
        turns = Turns(self._digester, sharing, looks)
        order = turns.of(self._roots)
        digests = {path: digest_file(path) for path in turns.followed}
        self._store.put_note(_LAST_NOTE, dumps([asked, digests, order]).encode())
        return order


def out_of_turn(
    then: Mapping[str, frozenset[Entered]],
    now: Mapping[str, frozenset[Entered]],
    turns_then: Sequence[str],
    turns_now: Sequence[str],
) -> Iterator[tuple[Entered, frozenset[str]]]:
    """Give what modules enter that came to it in another order then, each with these files."""
    if turns_then == turns_now:
        return
    both = set(turns_then) & set(turns_now)
    rows: dict[tuple[str, str, bool], dict[str, set[str]]] = {}
    for path in both:
        for each in then.get(path, frozenset()) & now.get(path, frozenset()):
            if each.path != OUTSIDE and not is_look(each):
                words = rows.setdefault((each.path, each.name, each.is_keyed), {})
                words.setdefault(each.word, set()).add(path)
    for (file, name, is_keyed), words in rows.items():
        groups = {word: files | words.get("", set()) for word, files in words.items()}
        if is_keyed:
            groups[_WHOLE] = set().union(*words.values())
        for word, files in groups.items():
            if _ordered(turns_then, files) != _ordered(turns_now, files):
                yield Entered(file, name, word, is_keyed, ""), frozenset(files)


def _sharing(entered: Mapping[str, Iterable[Entered]], *, is_alone: bool = False) -> set[str]:
    """Give the files that enter in the same globals as others, or look at the same.

    Args:
        is_alone: give those, too, that are the only ones.
    """
    by_place: dict[tuple[str, str], set[str]] = {}
    for path, rows in entered.items():
        for each in rows:
            if each.path != OUTSIDE and not is_look(each):
                by_place.setdefault((each.path, each.name), set()).add(path)
    least = 1 if is_alone else 2
    return set().union(*(files for files in by_place.values() if len(files) >= least))


def _ordered(turns: Iterable[str], files: set[str]) -> list[str]:
    return [path for path in turns if path in files]
