"""Decides what events say of other machines."""

from __future__ import annotations

import os
from typing import Any

from pytest_cellcache.trace import unit
from pytest_cellcache.trace.origin import caller, reach

_LOOPBACK = frozenset(
    {"", "localhost", "localhost.localdomain", "::1", "::", "0.0.0.0", os.uname().nodename.lower()}
)


def note_act(_args: tuple[Any, ...], word: str = "socket") -> None:
    """Note something that concerns others than this process."""
    if hearers := reach(*caller()):
        unit.charge(lambda each: each.acts.add(word), hearers)


def on_address(args: tuple[Any, ...]) -> None:
    """Note the address that a socket is to talk to."""
    note_act(args)
    address = args[1]
    if isinstance(address, tuple) and address:
        on_host((address[0],))


def on_host(args: tuple[Any, ...]) -> None:
    """Note a host by its name, this machine aside."""
    host = args[0]
    if host is None:
        return
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    plain = name.lower().removeprefix("::ffff:")
    if plain in _LOOPBACK or plain.startswith("127."):
        return
    if hearers := reach(*caller()):
        unit.charge(lambda each: each.connect(name), hearers)


def on_name_of(args: tuple[Any, ...]) -> None:
    """Note a host whose name is asked for."""
    on_host(args[0][:1])
