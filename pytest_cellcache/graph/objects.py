"""Says whose objects a body changes and asks for methods, when it is called in some way."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cellcache.graph.asking import BELOW, FIRST, GIVEN, IN_PLACE, NEW, OTHER
from pytest_cellcache.graph.candidates import (
    NEW_CLASS,
    NEW_OBJECT,
    Asked,
    is_method,
    is_telling,
    with_bases,
)
from pytest_cellcache.graph.cells import Cell, Def
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.newness import attributes_made, defaults_changed
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import Refs
from pytest_cellcache.graph.remembered import Place, at_attribute, attribute_of


def objects_changed(
    project: Project, names: Names, file: str, definition: Def, refs: Refs, how: Asked
) -> set[Place] | None:
    """Give the global whose object a body changes, if it changes any that is not new; ``None`` if
    that may be others, too.

    Args:
        refs: of all that runs when the function is called.
        how: how it is called.
    """
    if any(each.startswith(OTHER) for each in refs.sets):
        return None
    if how.on == NEW_CLASS:
        return _of_class(refs)
    made = {each for each in refs.sets if each.startswith(NEW)}
    own = {each.partition(".")[2].removesuffix(IN_PLACE) for each in refs.sets - made}
    rest = refs.attr_changes - refs.attr_stores
    if how.on is not None and how.on != NEW_OBJECT:
        found = {at_attribute(how.on, name) for name in own}
        if definition.qualname.endswith(".__new__"):  # what it has made may be a class
            found |= {at_attribute(NEW_CLASS, _attribute(each)) for each in made}
            rest -= {_attribute(each) for each in made}
        found |= set(changed_in_class(project, names, file, definition.qualname, refs))
        return None if rest - own else found
    is_new = how.on == NEW_OBJECT
    if own and not is_new and is_method(definition.qualname):
        return None
    changes_given = refs.changes_parameters or refs.changes_closure
    if how.is_strict and not is_new and (changes_given or definition.has_kept_default):
        return None
    if is_new:
        # ``self.a = []; self.a.append(1)`` fills a new object, ``cls.known.append(1)`` does not.
        owner = definition.qualname.rpartition(".")[0]
        rest = rest - attributes_made(project, names, file, owner)
    # A default that is changed outlives the call.
    found = set[Place]()
    if refs.changes_parameters:
        for chain in defaults_changed(project, names, file, definition, refs):
            if chain:
                found.update((path, name) for path, name, _ in names.resolve(file, chain).bindings)
            else:
                found.add((file, definition.qualname.partition(".")[0]))
    return None if rest else found


def changed_in_class(
    project: Project, names: Names, file: str, qualname: str, refs: Refs
) -> Iterator[Place]:
    """Give what a method changes in place that its object may have from its class.

    What no initialiser sets: ``self.known.append(1)`` below ``known = []``.
    """
    owner = qualname.rpartition(".")[0]
    changed = {
        _attribute(each)
        for each in refs.sets
        if each.startswith(FIRST + ".") and each.endswith(IN_PLACE)
    }
    if not changed or "<locals>" in qualname or not is_method(qualname):
        return
    changed -= attributes_made(project, names, file, owner) | {""}
    for path, name in with_bases(project, names, file, [owner]) if changed else ():
        for attribute in changed:
            yield at_attribute((path, name.partition(".")[0]), attribute)


def _of_class(refs: Refs) -> set[Place] | None:
    """Give what a hook of class statements changes: attributes that its bases may hold, too."""
    changed = {each for each in refs.sets if each.endswith(IN_PLACE)}
    names = {_attribute(each) for each in changed}
    is_below = any(each.startswith(BELOW) for each in refs.sets)
    others = refs.attr_changes - names - {"__dict__"}
    if is_below or others or not names.isdisjoint(("", "__dict__")):
        return None
    return {at_attribute(NEW_CLASS, name) for name in names}


def _attribute(each: str) -> str:
    return each.partition(".")[2].removesuffix(IN_PLACE)


def settle_classes(
    project: Project, names: Names, path: str, cell: Cell, changed: frozenset[Place]
) -> frozenset[Place] | None:
    """Replace attributes of a class that is being defined by those of its bases.

    Which of them holds it is not told apart.

    Returns:
        ``None`` where the bases are not known.
    """
    open_ = {place for place in changed if not place[0]}
    if not open_:
        return changed
    owners = with_bases(project, names, path, cell.refs.bases)
    bases = {(file, owner.partition(".")[0]) for file, owner in owners}
    if cell.kind != "class" or not bases:
        return None
    found = {at_attribute(base, attribute_of(place)[1]) for place in open_ for base in bases}
    return (changed - open_) | found


def methods_asked(definition: Def, refs: Refs, how: Asked) -> set[Asked] | None:
    """Give the methods that a body calls by their names only; ``None`` if it calls something of
    which nobody knows what it is."""
    found = set[Asked]()
    is_function = not is_method(definition.qualname)
    for each in refs.asked:
        whose, _, name = each.partition(".")
        if not name:
            if whose == OTHER:
                return None
            found |= {Asked("")} if whose == GIVEN else set()
        elif is_telling(name):
            is_given = whose == GIVEN or (whose == FIRST and is_function and how.on is None)
            is_new = whose == NEW or (is_given and not how.is_strict)
            on = NEW_OBJECT if is_new else None
            is_own = whose == BELOW and how.on not in (NEW_OBJECT, NEW_CLASS)
            if is_own or (whose == FIRST and not is_given):
                on = how.on
            found.add(Asked(name, on, how.is_strict or on is None))
    return found
