from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from pytest_cellcache.lifecycle.graphblob import StoredGraph, encode_graph
from pytest_cellcache.model.digest import Digest, digest_text
from pytest_cellcache.model.keys import Key


def node(name: str) -> Key:
    return Key("name", "a.py", name)


EDGES = {
    node("test"): [node("f"), node("x")],
    node("f"): [node("deep")],
    node("deep"): [node("f")],  # a cycle
    node("x"): [],
    node("y"): [node("lonely")],
    node("lonely"): [],
}


def stored(
    changed: set[str], edges: Mapping[Key, list[Key]] = EDGES
) -> tuple[StoredGraph, dict[Key, int]]:
    def before(key: Key) -> Digest:
        return digest_text(key.name)

    def now(key: Key) -> Digest:
        is_changed = bool(changed) if key.kind == "file" else key.name in changed
        return digest_text(key.name + ("!" if is_changed else ""))

    blob, positions = encode_graph(edges, lambda n: frozenset(edges[n]), before)
    return StoredGraph(blob, now), positions


def change_of(root: Key, *changed: str) -> str | None:
    graph, positions = stored(set(changed))
    found = graph.first_change([positions[root]])
    return found.name if found else None


def test_nothing_changed() -> None:
    assert all(change_of(root) is None for root in EDGES)


def test_what_a_root_leads_to_counts() -> None:
    assert change_of(node("test"), "deep") == "deep"
    assert change_of(node("test"), "x") == "x"


def test_what_it_does_not_lead_to_does_not() -> None:
    assert change_of(node("x"), "deep", "f", "test", "lonely") is None
    assert change_of(node("y"), "lonely") == "lonely"


def test_the_nearest_change_is_named() -> None:
    assert change_of(node("test"), "deep", "x") == "x"
    assert change_of(node("test"), "test", "deep") == "test"


def test_cycles_end() -> None:
    assert change_of(node("f"), "deep") == "deep"
    assert change_of(node("deep"), "x") is None


def test_the_blob_does_not_depend_on_order() -> None:
    def digest(key: Key) -> Digest:
        return digest_text(key.name)

    one, _ = encode_graph(EDGES, lambda n: frozenset(EDGES[n]), digest)
    two, _ = encode_graph(list(EDGES)[::-1], lambda n: frozenset(EDGES[n]), digest)
    assert one == two


@pytest.mark.parametrize("blob", [b"", b"{}", b"[]", b'{"keys": [[1]], "nodes": []}', b"\xff"])
def test_a_damaged_blob_is_told(blob: bytes) -> None:
    with pytest.raises((KeyError, TypeError, ValueError, IndexError)):
        StoredGraph(blob, lambda key: digest_text(key.name))


def test_edges_that_lead_nowhere_hide_no_change() -> None:
    blob = json.dumps({"keys": [["name", "a.py", "f", "0"]], "edges": [[7]]}).encode()
    graph = StoredGraph(blob, lambda key: digest_text(key.name))
    assert graph.first_change([0]) == Key("name", "a.py", "f")


@pytest.mark.parametrize("changed", [(), ("x",)])
def test_a_root_outside_of_the_graph_is_told(changed: tuple[str, ...]) -> None:
    graph, positions = stored(set(changed))
    for root in (len(positions), -1):
        with pytest.raises(IndexError):
            graph.first_change([0, root])
