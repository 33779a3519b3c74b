"""How many seconds, bytes and things are written for people."""

from __future__ import annotations


def seconds_text(duration_s: float) -> str:
    """Write a duration with one unit: ``12.3 s``, ``2.5 min``, ``1.2 h``."""
    # Each bound is where the smaller unit would round up to 60.0.
    if duration_s < 0.095:
        return f"{duration_s:.2f} s"
    if duration_s < 59.95:
        return f"{duration_s:.1f} s"
    if duration_s < 59.95 * 60:
        return f"{duration_s / 60:.1f} min"
    return f"{duration_s / 3600:.1f} h"


def size_text(size_bytes: int) -> str:
    """Write a size in powers of 1024, as ``cell_cache_max_size`` reads it: ``1.2 MB``."""
    if size_bytes < 1024:
        return f"{size_bytes} B"
    size = float(size_bytes)
    for unit in ("KB", "MB"):
        size /= 1024
        if size < 1023.95:
            return f"{size:.1f} {unit}"
    return f"{size / 1024:.1f} GB"


def age_text(age_s: float) -> str:
    """Write how long ago, in whole units; a clock that went back counts as now."""
    if age_s < 60:
        return f"{max(0, int(age_s))} s ago"
    if age_s < 3600:
        return f"{int(age_s // 60)} min ago"
    if age_s < 48 * 3600:
        return f"{int(age_s // 3600)} h ago"
    return f"{int(age_s // 86400)} days ago"


def count_text(count: int, noun: str) -> str:
    """Write ``1 file``, ``2 files``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
