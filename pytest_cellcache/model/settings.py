"""The only place that reads options, ini values and environment variables of our own."""

from __future__ import annotations

import re
from typing import Any, Final, Literal, NamedTuple

from pytest_cellcache.model import reasons

MODES: Final = ("auto", "read", "refresh")
_EXPLAIN: Final = "--cell-cache-explain"
_HAS_BOUND: Final = "cell_cache_has_bound"
_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_AGES_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_size(text: str) -> int:
    """Read a size such as ``500M`` or ``2 GB`` in bytes (powers of 1024).

    Raises:
        ValueError: not a number with an optional unit B, K, M or G.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?\s*", text, re.IGNORECASE)
    if match is None:
        raise ValueError(f"not a size: {text!r} (examples: 500M, 2G)")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def parse_age(text: str) -> float | None:
    """Read an age such as ``12h`` or ``7 d`` in seconds; nothing means any age.

    Raises:
        ValueError: not a number with a unit s, m, h, d or w.
    """
    if not text.strip():
        return None
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", text, re.IGNORECASE)
    if match is None:
        raise ValueError(f"not an age: {text!r} (examples: 12h, 7d)")
    return float(match[1]) * _AGES_S[match[2].lower()]


class Settings(NamedTuple):
    """Our options for one run.

    Attributes:
        mode: ``auto``, ``read`` (writes nothing) or ``refresh`` (runs all, records all).
        explain: ``None`` (off), empty (all tests) or a node id.
        max_size_bytes: bound of the store; least recently used goes first.
        env_ignore: variables, with ``*`` wildcards, that never count as inputs.
        ignore: globs, relative to the project root, of paths that never count as inputs.
        inputs: globs of paths that every test depends on.
        may_connect: tests that use the network are stored like any other.
        max_age_s: records older than this are not used; ``None``: any age.
        min_seconds: fixtures whose set-up takes less than that are not kept.
        has_bound: the run fails where it covers too little, so that all tests have to run.
    """

    mode: str = "auto"
    clear: bool = False
    directory: str | None = None
    report: str | None = None
    explain: str | None = None
    show: bool = False
    tracer: str = "auto"
    max_size_bytes: int = 1 << 30
    env_ignore: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    may_connect: bool = False
    max_age_s: float | None = None
    min_seconds: float = 0.05
    has_bound: bool = False

    @property
    def may_write(self) -> bool:
        return self.mode != "read"

    @property
    def runs_all(self) -> str | None:
        """Why every test runs, whatever is stored."""
        if self.has_bound:
            return reasons.COVERAGE
        return reasons.REFRESH if self.mode == "refresh" else None


def read_settings(config: Any) -> Settings:
    """Take our settings from a pytest ``Config``.

    Raises:
        ValueError: ``cell_cache_max_size``, ``cell_cache_max_age`` or ``cell_cache_tracer`` is not
            understood, or ``--cell-cache-explain`` is ambiguous.
    """
    option = config.option
    if option.cell_cache_explain and _EXPLAIN in config.invocation_params.args:
        # argparse gives it the next word, and the run would not be of that path but of all.
        raise ValueError(
            f"explain-ambiguous: {_EXPLAIN} took {option.cell_cache_explain!r} for its node id; "
            f"give it last to explain all tests, or write {_EXPLAIN}=NODEID"
        )
    return Settings(
        mode=option.cell_cache_mode,
        clear=option.cell_cache_clear,
        directory=option.cell_cache_dir,
        report=option.cell_cache_report,
        explain=option.cell_cache_explain,
        show=option.cell_cache_show,
        tracer=read_tracer(config),
        max_size_bytes=parse_size(config.getini("cell_cache_max_size") or "1G"),
        # No name of a variable holds a space, and other tools take them in one line.
        env_ignore=tuple(" ".join(config.getini("cell_cache_env_ignore")).split()),
        ignore=tuple(config.getini("cell_cache_ignore")),
        inputs=tuple(config.getini("cell_cache_inputs")),
        may_connect=bool(config.getini("cell_cache_network")),
        max_age_s=parse_age(config.getini("cell_cache_max_age") or ""),
        min_seconds=_seconds(config.getini("cell_cache_min_seconds") or "0.05"),
        has_bound=getattr(option, _HAS_BOUND, False),
    )


def tell_workers_of_bound(config: Any) -> None:
    """Have the settings of workers say that all tests run: they get the options of this process."""
    setattr(config.option, _HAS_BOUND, True)


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"cell_cache_min_seconds: {text!r} is not a number") from None


def read_tracer(config: Any) -> Literal["auto", "monitoring", "profile"]:
    """Take the tracer to use.

    Raises:
        ValueError: there is no such tracer.
    """
    tracer = config.getini("cell_cache_tracer") or "auto"
    known: dict[str, Literal["auto", "monitoring", "profile"]] = {
        "auto": "auto",
        "monitoring": "monitoring",
        "profile": "profile",
    }
    if tracer not in known:
        raise ValueError(f"cell_cache_tracer: {tracer!r} is not auto, monitoring or profile")
    return known[tracer]
