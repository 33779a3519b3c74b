"""Stores the value of a fixture and puts it back: where value files and pytest meet."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from pytest_cellcache.hooks.definitions import Definition
from pytest_cellcache.hooks.firstparty import FirstParty
from pytest_cellcache.hooks.folders import (
    TMP_PATH,
    base_folder,
    make_folder,
    tmp_path_of,
)
from pytest_cellcache.hooks.guard import Guard
from pytest_cellcache.hooks.owners import keys_of_declaration, keys_of_owner
from pytest_cellcache.hooks.setups import Loaded, Work
from pytest_cellcache.hooks.state import Changes
from pytest_cellcache.lifecycle.fixtures import (
    Consulted,
    FixtureRecord,
    Kept,
    attempt_of,
    facts_of,
)
from pytest_cellcache.lifecycle.objects import ModuleObjects
from pytest_cellcache.lifecycle.units import Attempt, Instance, TestFacts
from pytest_cellcache.model import reasons
from pytest_cellcache.model.digest import digest_bytes, digest_stream
from pytest_cellcache.model.keys import FILE, Key
from pytest_cellcache.model.observation import CodeRef, Observation
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.model.settings import Settings
from pytest_cellcache.sources.places import Places
from pytest_cellcache.store.contract import Store
from pytest_cellcache.store.likeness import find_difference
from pytest_cellcache.store.sharing import Around, follow
from pytest_cellcache.store.stubs import StubTouched, TouchLog, is_stub
from pytest_cellcache.store.trees import lay_out, list_tree, pack_tree
from pytest_cellcache.store.values import (
    Content,
    Encoded,
    Root,
    Scene,
    Unstorable,
    encode_value,
)
from pytest_cellcache.trace.recorder import Recorder

_ROOT: Final = "root"
_MODULE: Final = "module"
_SHARED_OBJECTS: Final = 50_000


class Records(Protocol):
    """What storing needs of the run."""

    def keep(self, attempt: Attempt) -> bool: ...

    def consulted_in(self, used: Collection[Instance]) -> Consulted: ...


class Worker:
    """Encodes and decodes values; its own failures and those of user classes are reasons."""

    def __init__(
        self,
        records: Records,
        store: Store,
        settings: Settings,
        places: Places,
        recorder: Recorder,
        modules: FirstParty,
        changes: Changes,
    ) -> None:
        self._records = records
        self._changes = changes
        self._store = store
        self._settings = settings
        self._places = places
        self._recorder = recorder
        self._modules = modules
        self._keys: dict[Any, frozenset[Key]] = {}
        self.log = TouchLog()

    def facts(self, definition: Definition) -> TestFacts:
        """Describe an instance as what a record is kept of."""
        declaration, keys = definition.declaration, self.keys_of(definition)
        files = sorted(key.path for key in keys if key.kind == FILE)
        declared = [*declaration.inputs, *files, *declaration.env]
        return facts_of(definition.unit, definition.group, keys, declared)

    def keys_of(self, definition: Definition) -> frozenset[Key]:
        """Give what a fixture rests on that no set-up of it shows."""
        found = self._keys.get(definition.fixturedef)
        if found is None:
            keys = keys_of_declaration(definition.declaration, self._places)
            keys |= keys_of_owner(definition.fixturedef, self._places)
            found = self._keys[definition.fixturedef] = keys
        return found

    def take_turn(self, definition: Definition, wait_s: float) -> AbstractContextManager[bool]:
        """Wait for one's turn to set a fixture up."""
        turn = self._store.only_one(definition.unit, wait_s)
        self._recorder.open_unit()  # what locking touches is nobody's input
        try:
            turn.__enter__()
        finally:
            self._recorder.close_unit()
        return turn

    # -- store -----------------------------------------------------------------------------------

    def store(
        self,
        work: Work,
        kept: Mapping[Instance, Kept],
        alive: Iterable[Instance],
        request: Any,
    ) -> Reason | None:
        """Store a value and its record; give the reason why not."""
        if not self._settings.may_write:
            return Reason(reasons.READ_MODE)
        # A guard of its own: what the user's classes raise is no failure of ours.
        guard = Guard()
        self._recorder.open_unit()
        try:
            reason = guard.call(self._store_value, None, work, kept, alive, request)
        finally:
            seen = self._recorder.close_unit()
            work.instance.seen |= Observation(codes=seen.codes)
        if guard.is_off:
            return Reason(reasons.UNPICKLABLE, guard.warned[0].text.partition(";")[0])
        return reason

    def _store_value(
        self,
        work: Work,
        kept: Mapping[Instance, Kept],
        alive: Iterable[Instance],
        request: Any,
    ) -> Reason | None:
        try:
            record, restore_s = self._encode(work, kept, request)
        except Unstorable as error:
            return Reason(reasons.UNPICKLABLE, str(error))
        except StubTouched as error:  # putting it back uses the part that is missing
            return Reason(reasons.UNPICKLABLE, str(error))
        if record is None:
            return Reason(reasons.UNWRITABLE)
        if self._settings.min_seconds > 0 and restore_s >= work.setup_s:
            return Reason(reasons.UNPAID)
        used = work.instance.with_upstream()
        consulted = self._records.consulted_in(used)
        known = (each for each in alive if each not in used and each in kept)
        others = [e for e in known if consulted.minds(kept[e].nature, e.changes)]
        record = record._replace(around=frozenset(str(kept[each].identity) for each in others))
        attempt = attempt_of(self.facts(work.definition), work.instance, others, record)
        if work.definition.declaration.pure:
            attempt = attempt._replace(seen=attempt.seen._replace(left=frozenset()))
        if not self._records.keep(attempt):
            return Reason(reasons.UNWRITABLE)
        work.value = record.value
        return None

    def _encode(
        self, work: Work, kept: Mapping[Instance, Kept], request: Any
    ) -> tuple[FixtureRecord | None, float]:
        definition = work.definition
        roots = self._roots(work.instance, kept, work.trees, request)
        objects = self._modules.objects()
        shared = self._shared(objects, definition)
        trees, files = self._pack(work, roots)
        held = self._changes.holdings()
        encoded = encode_value(work.made, objects, roots, shared, trees, files, held)
        # Functions that it holds are part of it, though they have not run.
        codes = {CodeRef(c.co_filename, c.co_firstlineno, c.co_name) for c in encoded.codes}
        work.instance.seen |= Observation(codes=frozenset(codes))
        needs = {token.rpartition("/")[0] for token in encoded.tokens} | encoded.owners
        needs -= {"", _MODULE, str(definition.identity)}
        if TMP_PATH in encoded.tokens or any(tree["token"] == TMP_PATH for tree in trees):
            needs |= {str(d.identity) for d in definition.with_upstream() if d.name == TMP_PATH}
        apart, by = self._apart(work, kept, request)
        if needs & apart:
            raise Unstorable("it shares objects with a fixture that it may have changed")
        if sum(len(part) for part in encoded.parts) > self._settings.max_size_bytes // 4:
            raise Unstorable("it is larger than a quarter of cell_cache_max_size")
        name = self._store.put_value(encoded.parts)
        head = digest_bytes(encoded.parts[0])
        if name is None:
            return None, 0.0
        began_s = time.perf_counter()
        view = self._store.get_value(name, encoded.head_bytes, head)
        if view is None:
            return None, 0.0
        paths = {root.token: root.path for root in roots}
        holders = {str(d.identity): d.fixturedef for d in definition.with_upstream()}
        scene = Scene(definition.unit, objects, TouchLog(), paths, _sharer(objects, holders))
        again = Content(view).load(scene)
        restore_s = time.perf_counter() - began_s
        other = find_difference(work.made, again, objects, is_deep=encoded.may_differ)
        if other is not None:
            raise Unstorable(f"it comes back different: {other}")
        record = FixtureRecord(
            name,
            encoded.head_bytes,
            head,
            work.setup_s,
            frozenset(needs),
            frozenset(apart),
            may_leave=self._may_leave(work, kept),
            has_stubs=bool(encoded.stubs or by & needs),
            by=frozenset(by),
        )
        return record._replace(said=work.said), restore_s

    def _roots(
        self,
        instance: Instance,
        kept: Mapping[Instance, Kept],
        trees: Mapping[str, str],
        request: Any,
    ) -> list[Root]:
        roots = [Root(token, path) for token, path in trees.items()]
        for used in instance.with_upstream() - {instance}:
            if used in kept:
                roots += [Root(token, path) for token, path in kept[used].trees.items()]
        tmp_path = tmp_path_of(request)
        if tmp_path is not None:
            roots.append(Root(TMP_PATH, tmp_path))
        roots.append(Root(_ROOT, self._places.root))
        base = base_folder(request.config)
        if base is not None:
            roots.append(Root("", base))
        return sorted(roots, key=lambda root: -len(root.path))

    def _shared(self, objects: ModuleObjects, definition: Definition) -> Around:
        """Collect what a value may share with modules and upstream values."""
        found = Around()
        for thing, reference in objects.holders():
            found.add(_MODULE, thing, (reference,), _SHARED_OBJECTS)
        for used in definition.with_upstream():
            result = used.fixturedef.cached_result
            if used.key != definition.key and used.may_share and result is not None:
                found.add(str(used.identity), result[0], (), _SHARED_OBJECTS)
        return found

    def _pack(self, work: Work, roots: Sequence[Root]) -> tuple[list[dict[str, Any]], list[bytes]]:
        trees: list[dict[str, Any]] = []
        files: list[bytes] = []
        names = [root.path for root in roots]
        todo = [(token, path, list_tree(path)) for token, path in work.trees.items()]
        folders = work.before.folders
        if folders is not None and folders.tmp_path is not None:
            added, _ = folders.written()
            if added:
                todo.append((TMP_PATH, folders.tmp_path, added))
        for token, path, listing in todo:
            tree, contents = pack_tree(token, path, listing, names, len(files))
            trees.append({**tree, "name": os.path.basename(path)})
            files += contents
        return trees, files

    def _apart(
        self, work: Work, kept: Mapping[Instance, Kept], request: Any
    ) -> tuple[set[str], set[str]]:
        """Name the upstream instances that the set-up may have changed.

        Returns:
            Those that it may have changed in any way; those in what is never restored only.
        """
        apart: set[str] = set()
        by: set[str] = set()
        by_key = {used.key: used for used in work.definition.with_upstream()}
        for instance, holder in work.before.used:
            definition = by_key.get(id(holder))
            if definition is None or not definition.may_share:
                continue
            objects = work.before.upstream.get(instance)
            if objects is not None and objects.changed() is None and not objects.is_opaque:
                continue
            again = self._again(definition, instance, holder, kept, request)
            if again is None:
                apart.add(str(definition.identity))
            elif again.stubs:
                by.add(str(definition.identity))
        return apart, by

    def _again(
        self,
        definition: Definition,
        instance: Instance,
        holder: Any,
        kept: Mapping[Instance, Kept],
        request: Any,
    ) -> Encoded | None:
        """Encode a value again if that gives what it was stored as; equal bytes prove it."""
        known = kept.get(instance)
        if known is None or known.value is None or holder.cached_result is None:
            return None
        roots = self._roots(instance, kept, known.trees, request)
        objects = self._modules.objects()
        made = holder.cached_result[0]
        again = Guard().call(encode_value, None, made, objects, roots)
        if again is None or digest_stream(again.parts) != known.value:
            shared = self._shared(objects, definition)
            again = Guard().call(encode_value, None, made, objects, roots, shared)
        if again is None or again.may_differ:  # code of the project may pickle it as it was
            return None
        return again if digest_stream(again.parts) == known.value else None

    def digest_of(
        self, instance: Instance, value: Any, kept: Mapping[Instance, Kept], request: Any
    ) -> str | None:
        """Digest what a value would be stored as; None if that does not tell all of it."""
        roots = self._roots(instance, kept, kept[instance].trees, request)
        guard = Guard()
        self._recorder.open_unit()
        try:
            found = guard.call(encode_value, None, value, self._modules.objects(), roots)
        except (Unstorable, StubTouched):
            return None
        finally:
            self._recorder.close_unit()
        if found is None or found.stubs or found.may_differ:
            return None
        return digest_stream(found.parts)

    @staticmethod
    def _may_leave(work: Work, kept: Mapping[Instance, Kept]) -> frozenset[str]:
        by_key = {used.key: used for used in work.definition.with_upstream()}
        found: set[str] = set()
        for instance, holder in work.before.used:
            definition, known = by_key.get(id(holder)), kept.get(instance)
            if definition is None or definition.is_builtin or known is None:
                continue
            if not known.nature.effects:
                found.add(str(definition.identity))
        return frozenset(found)

    # -- restore ---------------------------------------------------------------------------------

    def load(
        self,
        definition: Definition,
        record: FixtureRecord,
        upstream_trees: Mapping[str, str],
        request: Any,
    ) -> Loaded | None:
        """Put a value back; None when that is not possible, whatever the reason."""
        guard = Guard()
        try:
            return guard.call(self._load, None, definition, record, upstream_trees, request)
        except StubTouched:
            return None

    def _load(
        self,
        definition: Definition,
        record: FixtureRecord,
        upstream_trees: Mapping[str, str],
        request: Any,
    ) -> Loaded | None:
        view = self._store.get_value(record.value, record.head_bytes, record.head)
        if view is None:
            return None
        content = Content(view)
        paths = {_ROOT: self._places.root, **upstream_trees}
        tmp_path = tmp_path_of(request)
        if tmp_path is not None:
            paths[TMP_PATH] = tmp_path
        trees: dict[str, str] = {}
        written: set[str] = set()
        for tree in content.trees:
            token = tree["token"]
            if token != TMP_PATH:
                paths[token] = trees[token] = make_folder(request.config, tree["name"])
            written.update(lay_out(tree["rows"], paths[token], content.section))
        objects = self._modules.objects()
        holders = {str(d.identity): d.fixturedef for d in definition.with_upstream()}
        scene = Scene(definition.unit, objects, self.log, paths, _sharer(objects, holders))
        return Loaded(content.load(scene), record, trees, frozenset(written))


def _sharer(objects: ModuleObjects, holders: Mapping[str, Any]) -> Callable[..., Any]:
    def shared(owner: str, path: Sequence[Any]) -> Any:
        if owner == _MODULE:
            return follow(objects.resolve(path[0]), path[1:])
        result = holders[owner].cached_result
        if result is None or is_stub(result[0]):
            raise LookupError(f"{owner} is not there")
        return follow(result[0], path)

    return shared
