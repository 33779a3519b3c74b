"""Cells of modules, the names that join them, and the closures and digests over both."""
