"""Plain values come back equal, everything else is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cellcache.hooks.plainvalues import NotPlain, decode, encode
from pytest_cellcache.sources.places import Places

PLACES = Places("/project", (), "/nowhere/")
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20).filter(lambda text: "/project" not in text)
    | st.sampled_from([int, ValueError, dict]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(PLAIN)
def test_round_trip(value: Any) -> None:
    try:
        data = encode(value, PLACES)
    except NotPlain:  # too deep
        return
    back = decode(json.loads(json.dumps(data)))
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "value",
    [
        object(),
        lambda: 1,
        {1, 2},
        b"x",
        float("nan"),
        "a/project/x" + "/project",
        "x" * 201,
        [object()],
    ],
)
def test_refused(value: Any) -> None:
    with pytest.raises(NotPlain):
        encode(value, PLACES)


@pytest.mark.parametrize("data", [["eval"], ["builtin", "eval"], ["builtin", "nothing"], [{}], [1]])
def test_what_was_never_written_is_refused(data: Any) -> None:
    with pytest.raises((TypeError, ValueError, AttributeError)):
        decode(data)
