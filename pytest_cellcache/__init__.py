"""pytest-cellcache: `pytest --cell-cache` runs again only what a change can reach."""
