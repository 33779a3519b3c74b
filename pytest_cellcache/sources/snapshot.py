"""One view of the files of a run: each is read once, and what changes meanwhile is told.

A run is a reader of files that others may write. Every digest handed out here is of content that
was the file's content when the run began: a file whose change time lies after that moment is *in
flux*, and no record that rests on it is believed or written (promise 6).

The stat cache follows git's racy rule: an entry is trusted when size, mtime, ctime and inode are
unchanged, and the file was older than the reading by more than the clock's granularity.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from json import dumps, loads
from typing import Any, Final

from pytest_cellcache.model.digest import ABSENT, Digest, digest_bytes, digest_parts
from pytest_cellcache.model.keys import MODULES
from pytest_cellcache.sources.history import Ignored, digest_history
from pytest_cellcache.sources.listings import (
    SKIPPED_FOLDERS,
    digest_module_names,
    digest_names,
    has_new_module,
    names_in,
)
from pytest_cellcache.sources.places import Places

RACY_NS: Final = 50_000_000
"""Files changed less than this before they were read may change again unseen; 50 ms covers the
timer tick of the file systems in use, also network ones that keep microseconds."""

COARSE_CLOCK_NS: Final = 20_000_000
"""Kernels stamp files with a clock that lags by up to a timer tick (4 to 10 ms on Linux, about
16 ms elsewhere): a change just after the start may carry a time just before it."""

_MAX_STAT_ENTRIES: Final = 200_000


def _stat(path: str) -> os.stat_result:
    """Ask for the status of a file; an empty log that SQLite leaves behind is as good as none."""
    status = os.stat(path)
    if not status.st_size and path.endswith("-wal"):
        raise FileNotFoundError(path)
    return status


Times = tuple[int, int, int, int]
"""Size, mtime, ctime and inode of a file."""


def _signature(status: os.stat_result) -> list[int]:
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


class Snapshot:
    """Content digests of files, directories and the whole tree, as of ``began_ns``.

    Paths are the relative names of ``Places``. Nothing here raises for an unreadable file: it
    counts as absent.

    Args:
        outputs: absolute paths that the run itself writes: reports, its store.
    """

    def __init__(
        self,
        places: Places,
        *,
        began_ns: int,
        stat_cache: bytes | None = None,
        outputs: Iterable[str] = (),
    ) -> None:
        self.places = places
        self._written_by_run: dict[str, set[str]] = {}
        for path in outputs:
            folder, _, name = places.relative(path).rpartition("/")
            self._written_by_run.setdefault(folder or ".", set()).add(name)
        self._began_ns = began_ns - COARSE_CLOCK_NS
        self._digests: dict[str, Digest] = {}
        self._content: dict[str, bytes | None] = {}
        self._flux: set[str] = set()
        self._stats: dict[str, list[Any]] = _parse_stat_cache(stat_cache)
        self._fresh_stats: dict[str, list[Any]] = {}
        self._tree: Digest | None = None
        self._sources: Digest | None = None
        self._in_tree: set[str] = set()
        self._ignored: Ignored | None = None
        self._views: dict[str, set[bool]] = {}
        self._touches: dict[str, set[tuple[Times, Times]]] = {}
        self._listings: dict[str, Digest] = {}
        self._seen_names: dict[str, set[frozenset[str]]] = {}

    def read(self, name: str) -> bytes | None:
        """Give a file's content; ``None`` when it cannot be read. Kept for the run."""
        if name not in self._content:
            self._load(name)
        return self._content[name]

    def forget_content(self) -> None:
        """Free what ``read`` kept; digests stay."""
        self._content.clear()

    def digest_file(self, name: str) -> Digest:
        """Digest a file's content; ``ABSENT`` when there is no such file."""
        found = self._digests.get(name)
        if found is not None:
            return found
        try:
            status = _stat(self.places.absolute(name))
        except (OSError, ValueError) as error:
            digest = self._digests[name] = self._digest_inside(name, error)
            return digest
        cached = self._stats.get(name)
        if cached is not None and cached[:4] == _signature(status):
            self._note_flux(name, status)
            self._fresh_stats[name] = cached
            digest = Digest(cached[4])
        else:
            self._load(name)
            digest = self._digests[name]
        self._digests[name] = digest
        return digest

    def _digest_inside(self, name: str, error: Exception) -> Digest:
        """Digest what is not found as a file: a module in an archive counts as the archive."""
        archive = self._archive(name) if isinstance(error, NotADirectoryError) else None
        if archive is None:
            return ABSENT
        digest = self.digest_file(archive)
        if archive in self._flux:
            self._flux.add(name)
        return digest

    def _archive(self, name: str) -> str | None:
        while "/" in name:
            name = name.rpartition("/")[0]
            if os.path.isfile(self.places.absolute(name)):
                return name
        return None

    def digest_listing(self, name: str) -> Digest:
        """Digest the names in a directory, caches excepted; ``ABSENT`` when there is none."""
        if name not in self._listings:
            self._listings[name] = self.digest_names(name, names_in(self.places.absolute(name)))
        return self._listings[name]

    def digest_names(self, name: str, names: Iterable[str] | None) -> Digest:
        """Digest what somebody found in a directory, but for what the run itself writes there."""
        if names is not None and name in self._written_by_run:
            own = self._written_by_run[name]
            names = [each for each in names if each.rstrip("/@") not in own]
        return digest_names(names)

    def digest_modules(self, name: str) -> Digest:
        """Digest the names in a directory that an import could find there."""
        key = f"{MODULES} {name}"
        if key not in self._listings:
            self._listings[key] = digest_module_names(self.places.absolute(name))
        return self._listings[key]

    def is_written_by_run(self, name: str) -> bool:
        """Say whether a path is, or lies below, what the run itself writes."""
        while name:
            folder, _, last = name.rpartition("/")
            if last in self._written_by_run.get(folder or ".", ()):
                return True
            name = folder
        return False

    def digest_existence(self, name: str, *, with_mode: bool = False) -> Digest:
        """Digest what a path is: absent, directory, file, what its owner may; a link, and where to.

        Args:
            with_mode: its permissions as they are. They differ between checkouts, by the umask.
        """
        path = self.places.absolute(name)
        link = ""
        try:
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                link = os.readlink(path).replace(self.places.root, "<root>") + " "
                mode = os.stat(path).st_mode
        except (OSError, ValueError):
            return Digest(f"link {link}") if link else ABSENT
        kind = "file"
        if stat.S_ISDIR(mode):
            kind = "directory"
        elif mode & stat.S_IXUSR:
            kind = "executable"
        if not mode & stat.S_IRUSR:
            kind += " unreadable"
        if not mode & stat.S_IWUSR:
            kind += " read-only"
        if with_mode:
            kind += f" {stat.S_IMODE(mode):o}"
        return Digest(f"link {link}{kind}") if link else Digest(kind)

    def digest_tree(self) -> Digest:
        """Digest every file of the project by content.

        Caches, virtual environments and what version control ignores excepted.
        """
        if self._tree is None:
            parts: list[str] = []
            for name in self._walk():
                if not self.is_output(name):
                    parts += [name, self.digest_file(name)]
                    self._in_tree.add(name)
            self._tree = digest_parts(parts)
        return self._tree

    def is_output(self, name: str) -> bool:
        """Say whether version control ignores a file that nobody needs."""
        if self._ignored is None:
            self._ignored = Ignored(self.places.root)
        return self._ignored.is_output(name)

    def digest_history(self) -> Digest:
        """Digest what version control would tell of the project."""
        return digest_history(self.places.root)

    def digest_sources(self) -> Digest:
        """Digest the names of all Python files of the project: any of them may be imported."""
        if self._sources is None:
            self._sources = digest_parts(name for name in self._walk() if name.endswith(".py"))
        return self._sources

    def _walk(self) -> Iterator[str]:
        for folder, folders, files in os.walk(self.places.root):
            folders[:] = sorted(
                name
                for name in folders
                if name not in SKIPPED_FOLDERS
                and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
            )
            for file in sorted(files):
                if not file.endswith((".pyc", ".pyo")) and not file.startswith(".coverage"):
                    yield self.places.relative(os.path.join(folder, file))

    def was_in_flux(self, name: str) -> bool:
        """Say whether a file had already changed since the run began when it was digested."""
        self.digest_file(name)
        return name in self._flux

    def is_in_flux(self, name: str) -> bool:
        """Say whether a file changed since the run began, checked at this moment."""
        if name in self._flux:
            return True
        try:
            status = _stat(self.places.absolute(name))
        except NotADirectoryError:
            archive = self._archive(name)
            return archive is None or self.is_in_flux(archive)
        except (OSError, ValueError):
            return self._digests.get(name, ABSENT) != ABSENT
        self._note_flux(name, status)
        return name in self._flux or self._digests.get(name) == ABSENT

    def is_gone(self, name: str) -> bool:
        """Say whether there is no such path now."""
        return not os.path.lexists(self.places.absolute(name))

    def is_tree_in_flux(self) -> bool:
        """Say whether a file of the project changed since the run began."""
        self.digest_tree()
        return not self._flux.isdisjoint(self._in_tree)

    def is_listing_in_flux(self, name: str, kind: str = "") -> bool:
        """Say whether names in a directory may have come or gone since the run began.

        Args:
            kind: ``MODULES``: only what an import could find there.
        """
        seen = self._seen_names.get(f"{kind} {name}")
        if seen and all(seen):
            digest = self.digest_modules if kind == MODULES else self.digest_listing
            return not all(digest(name) in each for each in seen)
        try:
            status = os.stat(self.places.absolute(name))
        except (OSError, ValueError):
            return False  # then asking for the listing told no more than that
        if max(status.st_mtime_ns, status.st_ctime_ns) <= self._began_ns:
            return False
        return kind != MODULES or has_new_module(self.places.absolute(name), self._began_ns)

    def is_absent(self, name: str) -> bool:
        """Say whether there is nothing at a path at this moment."""
        try:
            _stat(self.places.absolute(name))
        except (OSError, ValueError):
            return True
        return False

    def note_view(self, name: str, *, is_absent: bool) -> None:
        """Take down what somebody found at a path in this run: something or nothing."""
        self._views.setdefault(name, set()).add(is_absent)

    def note_touch(self, name: str, before: Times, after: Times) -> None:
        """Take down that somebody left a file as he found it, but for its times."""
        self._touches.setdefault(name, set()).add((before, after))

    def note_names(self, name: str, digests: Iterable[str], kind: str = "") -> None:
        """Take down what names somebody found in a directory.

        Args:
            digests: of ``digest_names`` or ``digest_module_names``, with and without what whoever
                looked had put there; none if they are not known.
            kind: as for ``is_listing_in_flux``.
        """
        self._seen_names.setdefault(f"{kind} {name}", set()).add(frozenset(digests))

    def was_seen_otherwise(self, name: str) -> bool:
        """Say whether somebody found something where now is nothing, or the other way round."""
        views = self._views.get(name)
        if views is None or views == {self.is_absent(name)}:
            return False
        return True in views or self._archive(name) is None

    def stat_cache(self) -> bytes:
        """Give the stat cache for the next run: entries looked at in this run, others kept."""
        merged = self._stats | self._fresh_stats
        if len(merged) > _MAX_STAT_ENTRIES:
            merged = self._fresh_stats
        return dumps(merged, separators=(",", ":")).encode()

    @property
    def stat_cache_grew(self) -> bool:
        return any(self._stats.get(name) != entry for name, entry in self._fresh_stats.items())

    def _note_flux(self, name: str, status: os.stat_result) -> None:
        newest = max(status.st_mtime_ns, status.st_ctime_ns)
        if newest > self._began_ns and not self._is_only_touched(name, status):
            self._flux.add(name)

    def _is_only_touched(self, name: str, status: os.stat_result) -> bool:
        """Say whether all that happened to a file since the run began left it as it was."""
        todo = set(self._touches.get(name, ()))
        if not todo:
            return False
        known = {before for before, _ in todo if max(before[1:3]) <= self._began_ns}
        while new := {step for step in todo if step[0] in known}:
            todo -= new
            known |= {after for _, after in new}
        return tuple(_signature(status)) in known

    def _load(self, name: str) -> None:
        path = self.places.absolute(name)
        try:
            with open(path, "rb") as file:
                status = os.fstat(file.fileno())
                content = file.read()
        except (OSError, ValueError):
            self._content[name] = None
            self._digests[name] = ABSENT
            return
        self._note_flux(name, status)
        self._content[name] = content
        digest = digest_bytes(content)
        self._digests[name] = digest
        newest = max(status.st_mtime_ns, status.st_ctime_ns)
        if newest + RACY_NS < self._began_ns:
            self._fresh_stats[name] = [*_signature(status), digest]


def digest_now(path: str) -> Digest:
    """Digest a file as it is now, whatever a snapshot has seen.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        return digest_bytes(file.read())


def _parse_stat_cache(data: bytes | None) -> dict[str, list[Any]]:
    if data is None:
        return {}
    try:
        found = loads(data)
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        name: entry
        for name, entry in found.items()
        if isinstance(entry, list) and len(entry) == 5 and isinstance(entry[4], str)
    }
