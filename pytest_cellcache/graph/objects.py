"""Says whose objects a body changes and asks for methods, when it is called in some way."""

from __future__ import annotations

from pytest_cellcache.graph.asking import BELOW, FIRST, GIVEN, NEW, OTHER
from pytest_cellcache.graph.candidates import NEW_OBJECT, Asked, is_method, is_telling
from pytest_cellcache.graph.cells import Def
from pytest_cellcache.graph.names import Names
from pytest_cellcache.graph.newness import attributes_made
from pytest_cellcache.graph.project import Project
from pytest_cellcache.graph.refs import Refs
from pytest_cellcache.graph.remembered import Place


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
    own = {each.partition(".")[2] for each in refs.sets}
    rest = refs.attr_changes - refs.attr_stores
    if how.on is not None and how.on != NEW_OBJECT:
        return None if rest - own else {how.on} if own else set()
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
    return None if rest else set()


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
            found.add(Asked(""))
        elif is_telling(name):
            is_given = whose == GIVEN or (whose == FIRST and is_function and how.on is None)
            is_new = whose == NEW or (is_given and not how.is_strict)
            on = NEW_OBJECT if is_new else None
            if not is_given and (whose == FIRST or (whose == BELOW and how.on != NEW_OBJECT)):
                on = how.on
            found.add(Asked(name, on, how.is_strict or on is None))
    return found
