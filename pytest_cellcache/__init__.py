"""pytest-cellcache: `pytest --cell-cache` runs again only what a change can reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_cellcache.model.declare import cell_cache

__all__ = ["cell_cache"]


def __getattr__(name: str) -> Any:
    # When asked for: installed but off, importing the package must cost nothing.
    if name == "cell_cache":
        from pytest_cellcache.model.declare import cell_cache

        return cell_cache
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
