"""Says whether importing a module, or parametrising its tests, consults the clock or chance.

Ids of tests that hold the time or a random number differ from run to run: they must come from the
module itself, never from the store. Only what cells show is seen: a call by name, in the module's
own statements or in what of the project these call and use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import Refs

_CHANCE: Final = re.compile(
    r"time\.(time|monotonic|perf_counter|process_time|thread_time|localtime|gmtime|ctime|strftime"
    r"|clock_gettime)(_ns)?\b"
    r"|datetime\.(datetime|date)\.(now|utcnow|today)\b"
    r"|(random|secrets|numpy\.random|faker|os\.urandom|os\.getrandom)\b"
    r"|uuid\.(uuid1|uuid4|uuid6|uuid7|uuid8|getnode)\b"
    r"|(django\.utils\.timezone|pendulum|arrow|whenever)\b.*\b(now|today|utcnow)\b"
)
_PARAMETRISING: Final = "pytest_generate_tests"
_MAX_STEPS: Final = 2_000
"""Pieces of code followed; beyond that the answer is yes."""


def consults_chance(project: Project, names: Names, path: str) -> str | None:
    """Name the first call of the clock, ``random``, ``uuid`` and the like that ``path`` leads to.

    Args:
        path: a module of tests, or a conftest.

    Returns:
        The call as a dotted path; ``None`` if there is none.
    """
    todo = [(path, refs) for refs in _own(project, path)]
    seen: set[tuple[str, str]] = set()
    for _ in range(_MAX_STEPS):
        if not todo:
            return None
        file, refs = todo.pop()
        for chain in refs.chains | {call for call in refs.calls if call and call[0] != "."}:
            for full in _full_names(project, file, chain):
                if _CHANCE.match(full):
                    return full
            for found_file, name, rest in names.resolve(file, chain).bindings:
                if (found_file, name) in seen:
                    continue
                seen.add((found_file, name))
                index = project.index(found_file)
                todo += [(found_file, cell.refs) for cell in index.bound_by(name)]
                qualnames = [name, ".".join((name, *rest)), f"{name}.__init__"]
                for qualname in dict.fromkeys(qualnames):
                    todo += [(found_file, d.refs) for d in index.defs.get(qualname, ())]
        for spec in refs.imports:  # made by a function for itself
            full = spec.replace(":", ".")
            if _CHANCE.match(full):
                return full
    return "more code than can be followed"


def _own(project: Project, path: str) -> Iterator[Refs]:
    index = project.index(path)
    for cell in index.table.cells:
        yield cell.refs
    for _, refs in index.table.markers.values():
        yield refs
    for found in index.defs.get(_PARAMETRISING, ()):
        yield found.refs


def _full_names(project: Project, path: str, chain: str) -> Iterator[str]:
    root, _, rest = chain.partition(".")
    for alias in project.index(path).aliases(root):
        yield ".".join(part for part in (alias.module, alias.name, rest) if part)
