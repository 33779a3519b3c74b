"""Finds calls whose result no footprint can hold still: clocks, random numbers, process ids.

What a test does with them is the test's business. Where a module uses them while its tests are
collected, the tests themselves may differ from run to run, so such a module is always collected.
"""

from __future__ import annotations

from typing import Final

from pytest_cellcache.graph.cells import Cell, Def
from pytest_cellcache.graph.digests import Digester
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import Refs
from pytest_cellcache.model.keys import BODY, EFFECTS, MARKERS, NAME, Key

_MODULES: Final = frozenset({"random", "secrets", "tempfile", "time", "uuid", "socket", "getpass"})
"""Everything that is called in these counts, but for ``_STEADY``."""

_STEADY: Final = frozenset(
    """uuid.UUID uuid.NAMESPACE_DNS uuid.NAMESPACE_URL uuid.NAMESPACE_OID uuid.uuid3 uuid.uuid5
    time.struct_time time.strptime time.gmtime.__doc__ time.sleep random.Random random.seed
    socket.socket socket.error socket.timeout random.getstate""".split()
)
_CALLS: Final = frozenset(
    """datetime.datetime.now datetime.datetime.utcnow datetime.datetime.today datetime.date.today
    django.utils.timezone.now django.utils.timezone.localtime pendulum.now pendulum.today
    arrow.now arrow.utcnow os.urandom os.getrandom os.getpid os.getppid os.times os.getloadavg
    os.getlogin os.cpu_count os.process_cpu_count os.stat os.sched_getaffinity
    multiprocessing.cpu_count id
    threading.get_ident threading.get_native_id psutil numpy.random faker.Faker""".split()
)
_METHODS: Final = frozenset({".now", ".utcnow", ".today", ".uuid4", ".uuid1", ".urandom"})
"""Methods of objects that are not known, by name."""


class Volatile:
    """Looks through code of a project."""

    def __init__(self, project: Project, digester: Digester) -> None:
        self._project = project
        self._digester = digester

    def call_of(self, key: Key) -> str | None:
        """Name a call of that kind that code of a key may make while it is evaluated."""
        for refs in self._refs(key):
            for chain in sorted(refs.chains | refs.calls):
                if self._is_volatile(key.path, chain):
                    return chain
        return None

    def _refs(self, key: Key) -> list[Refs]:
        kind, path, name = key
        if kind not in (BODY, NAME, EFFECTS, MARKERS):
            return []
        index = self._project.index(path)
        found: list[Cell] | list[Def]
        if kind == BODY:
            found = index.defs.get(name, [])
        elif kind == NAME:
            found = [cell for _, cell in index.binders.get(name, ())]
        elif kind == EFFECTS:
            found = [cell for _, cell in self._digester.effect_cells(path)]
        else:
            marked = index.table.markers.get(name)
            return [] if marked is None else [marked[1]]
        return [each.refs for each in found]

    def _is_volatile(self, path: str, chain: str) -> bool:
        if not chain or chain[0] == ".":
            return chain in _METHODS
        chain = chain.partition("()")[0]
        root, _, rest = chain.partition(".")
        index = self._project.index(path)
        aliases = index.aliases(root)
        if not aliases:
            return chain in _CALLS and not index.binds(root)
        for alias in aliases:
            full = ".".join(filter(None, (alias.module, alias.name, rest)))
            if full in _STEADY:
                continue
            top, _, inner = full.partition(".")
            if top in _MODULES and inner:
                return True
            parts = full.split(".")
            if any(".".join(parts[:length]) in _CALLS for length in range(1, len(parts) + 1)):
                return True
        return False
