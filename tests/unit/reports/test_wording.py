"""Every reason has plain words and an entry in docs/messages.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_cellcache.hooks.protocol import BREAKPOINT
from pytest_cellcache.model import keys, reasons
from pytest_cellcache.model.keys import Key
from pytest_cellcache.model.reasons import Reason
from pytest_cellcache.reports import words
from pytest_cellcache.trace import contract

ROOT = Path(__file__).parents[3]
SLUGS = sorted(
    value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)
)
KINDS = sorted(
    value
    for name, value in vars(keys).items()
    if name.isupper() and isinstance(value, str) and name not in ("MODE", "MODULES", "HISTORY")
)
"""Without those that only stand in ``Key.name``."""
GAPS = sorted(
    value for name, value in vars(contract).items() if name.isupper() and isinstance(value, str)
)
OTHER_SLUGS = [
    "internal-error",
    "interrupted",
    "replay-contradicted",
    "report-unwritable",
    "store-corrupt",
    "store-locked",
    "store-unreadable",
    "store-unwritable",
    "tracer-unavailable",
]


@pytest.mark.parametrize("slug", SLUGS)
def test_every_slug_has_words(slug: str) -> None:
    said = words(Reason(slug))
    assert said != slug
    assert " " in said


@pytest.mark.parametrize("slug", SLUGS)
def test_words_keep_the_subject(slug: str) -> None:
    assert "src/a.py::C.m" in words(Reason(slug, "src/a.py::C.m"))


@pytest.mark.parametrize("slug", SLUGS + OTHER_SLUGS)
def test_every_slug_is_explained_once_in_the_messages_page(slug: str) -> None:
    page = (ROOT / "docs" / "messages.md").read_text(encoding="utf-8")
    assert len(re.findall(rf"^### `{re.escape(slug)}`$", page, re.MULTILINE)) == 1


@pytest.mark.parametrize("gap", [*GAPS, BREAKPOINT])
def test_every_gap_is_explained_in_the_messages_page(gap: str) -> None:
    page = (ROOT / "docs" / "messages.md").read_text(encoding="utf-8")
    assert page.count(f"\n| `{gap}` |") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_key_has_words(kind: str) -> None:
    key = str(Key(kind, "src/a.py", "f"))
    said = words(Reason(reasons.CHANGED, key))
    assert said.endswith(" changed")
    assert "src/a.py::f" in said
    # A kind without words of its own would be named as any other subject is.
    assert said == "file src/a.py::f changed" if kind == keys.FILE else said != f"{key} changed"


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (Key(keys.BODY, "src/a.py", "C.m"), "the body of src/a.py::C.m changed"),
        (Key(keys.NAME, "src/a.py", "X"), "the definition of src/a.py::X changed"),
        (Key(keys.EFFECTS, "src/a.py"), "the top-level statements of src/a.py changed"),
        (Key(keys.WHOLE, "my code/a.py"), "the code of my code/a.py changed"),
        (Key(keys.FILE, "data/x y.json"), "file data/x y.json changed"),
        (Key(keys.EXISTS, "data/x.json"), "the existence of data/x.json changed"),
        (Key(keys.LISTING), "the list of names in directory . changed"),
        (Key(keys.ENV, "", "HOME"), "environment variable HOME changed"),
        (Key(keys.ENV, "", "*"), "the environment, which was read as a whole, changed"),
        (Key(keys.TREE), "a file of the project changed"),
        (Key(keys.RUN, "", "options"), "an option of the run changed"),
        (Key(keys.RUN, "", "weather"), "the weather of the run changed"),
    ],
)
def test_what_changed_is_named(key: Key, expected: str) -> None:
    assert words(Reason(reasons.CHANGED, str(key))) == expected


def test_subject_that_is_no_key_stands_for_itself() -> None:
    assert words(Reason(reasons.CHANGED, "something else")) == "something else changed"
    assert words(Reason(reasons.CHANGED)) == "something it uses changed"


def test_unknown_slug_falls_back_to_itself() -> None:
    assert words(Reason("from-the-future")) == "from-the-future"
    assert words(Reason("from-the-future", "x")) == "from-the-future: x"


def test_other_subjects_are_given_in_brackets() -> None:
    assert words(Reason(reasons.NETWORK, "example.org")) == "it used the network (example.org)"
    assert words(Reason(reasons.IN_FLUX, "file a.txt")) == (
        "file a.txt changed while the run used it"
    )
