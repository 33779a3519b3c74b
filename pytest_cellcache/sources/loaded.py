"""Asks what stands in ``sys.modules``, which may be anything: objects in the place of modules,
modules that load parts when they are asked for them, proxies of modules that are gone.
"""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Mapping
from typing import Any, Final

from pytest_cellcache.sources.places import Places

_TROUBLES: Final = (TypeError, AttributeError, ValueError, RuntimeError, LookupError, OSError)


def loaded_modules() -> list[types.ModuleType]:
    """Give the real modules; those that answer by code of their own are none."""
    # By type and never by ``isinstance``, which asks proxies what they are.
    return [module for module in list(sys.modules.values()) if type(module) is types.ModuleType]


def name_of(module: types.ModuleType) -> str:
    """Give the name of a module; none where code has taken that away or replaced it."""
    name = vars(module).get("__name__")
    return name if type(name) is str else ""


def loaded_files() -> dict[str, str]:
    """List what has a file, by name."""
    found = ((name, attribute_of(module, "__file__")) for name, module in list(sys.modules.items()))
    return {name: filename for name, filename in found if type(filename) is str}


def read_source(filename: str) -> bytes | None:
    """Read the file of a module; ``None`` where it cannot be."""
    try:
        with open(filename, "rb") as file:
            return file.read()
    except OSError:
        return None


def outer_folders(places: Places) -> set[str]:
    """List the folders of first-party modules outside the project root, links resolved or not."""
    given = {
        os.path.dirname(file) for file in loaded_files().values() if places.is_first_party(file)
    }
    folders = {found for folder in given for found in (folder, os.path.realpath(folder))}
    return {folder for folder in folders if folder and not places.is_inside(folder)}


def attribute_of(thing: Any, name: str) -> Any:
    """Give what an object itself holds under a name, without asking it; ``None`` for nothing."""
    return (members_of(thing) or {}).get(name)


def members_of(thing: Any) -> Mapping[str, Any] | None:
    """Give what an object itself holds, without asking it; ``None`` where that is not known."""
    try:
        found = object.__getattribute__(thing, "__dict__")
    except _TROUBLES:  # has none; the proxy of something that is gone
        return None
    return found if isinstance(found, (dict, types.MappingProxyType)) else None
