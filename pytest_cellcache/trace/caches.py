"""Knows where objects of libraries keep what they can make again (``lookups``).

By class and attribute: what a library computes itself when it is asked for it first, under a name
that is its own affair. Not where anybody's values are kept for others, however it is called.
"""

from __future__ import annotations

import collections
from typing import Any, Final

_CACHES: Final[dict[str, frozenset[tuple[str, str]]]] = {
    "_get_fields_cache": frozenset({("django.db.models.options", "Options")}),
    "_compiled_cache": frozenset(
        {("sqlalchemy.engine.base", "Engine"), ("sqlalchemy.orm.mapper", "Mapper")}
    ),
    "_strings": frozenset({("sqlalchemy.sql.compiler", "IdentifierPreparer")}),
    "_memoized_values": frozenset(
        {("sqlalchemy.orm.mapper", "Mapper"), ("sqlalchemy.util.langhelpers", "MemoizedSlots")}
    ),
    "_history": frozenset({("pytest_django.plugin", "DjangoDbBlocker")}),
}
"""By attribute, modules and names of the classes."""
_CONTAINERS: Final = frozenset(
    {dict, list, set, tuple, collections.OrderedDict, collections.defaultdict, collections.deque}
)


def is_cache(kind: type, attribute: object) -> bool:
    """Say whether an attribute of objects of a class is known for a cache."""
    owners = _CACHES.get(attribute) if type(attribute) is str else None
    return owners is not None and any(
        (str(type.__getattribute__(base, "__module__")), type.__getattribute__(base, "__name__"))
        in owners
        for base in type.__getattribute__(kind, "__mro__")
    )


def is_part_of_cache(part: Any) -> bool:
    """Say whether what lies in a cache has been made for it."""
    return type(part) in _CONTAINERS
