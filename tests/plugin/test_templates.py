"""Templates are compiled like modules, and run for the test that asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

LIB: Final = """
    import os

    def shout(text):
        return text.upper()

    def whisper(text):
        return text.lower()

    def render(name, text):
        path = os.path.join(os.path.dirname(__file__), name)
        with open(path) as file:
            code = compile(file.read(), path, "exec")
        out = []
        exec(code, {"out": out, "text": text, "shout": shout, "whisper": whisper})
        return "".join(out)
"""


@pytest.fixture
def rendering(suite: Suite) -> Suite:
    suite.write("lib.py", LIB)
    suite.write("page.tpl", "out.append(shout(text))\n")
    suite.write("quiet.tpl", "for each in text:\n    out.append(whisper(each))\n")
    suite.write(
        "test_page.py",
        """
        import lib

        def test_page():
            assert lib.render("page.tpl", "a") == "A"

        def test_quiet():
            assert lib.render("quiet.tpl", "AB") == "ab"

        def test_plain():
            assert lib.whisper("A") == "a"
        """,
    )
    suite.write("test_other.py", "import lib\n\ndef test_other():\n    assert lib.shout\n")
    suite.write(
        "test_early.py",
        """
        import lib

        EARLY = lib.render("quiet.tpl", "X")

        def test_early():
            assert EARLY == "x"

        def test_beside():
            pass
        """,
    )
    suite.warm()
    return suite


@pytest.mark.parametrize(
    ("file", "old", "new", "live"),
    [
        ("lib.py", "text.upper()", "text.upper() + ''", ["test_page.py::test_page"]),
        ("page.tpl", "(text)", "(text + '')", ["test_page.py::test_page"]),
        (
            "lib.py",
            "text.lower()",
            "text.lower() + ''",
            ["test_early.py::test_early", "test_page.py::test_quiet", "test_page.py::test_plain"],
        ),
        (
            "quiet.tpl",
            "(each)",
            "(each + '')",
            [
                "test_early.py::test_early",
                "test_early.py::test_beside",  # it may change anything
                "test_page.py::test_quiet",
            ],
        ),
    ],
    ids=["what one calls", "one", "what another calls at import", "another at import"],
)
def test_who_runs_one_rests_on_what_it_runs(
    rendering: Suite, file: str, old: str, new: str, live: list[str]
) -> None:
    rendering.edit(file, old, new)
    assert sorted(rendering.both().live) == sorted(live)
    assert rendering.both().live == []


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [("lib.py", "text.lower()", "'?'"), ("quiet.tpl", "(each)", "('?')")],
    ids=["what it calls", "itself"],
)
def test_what_one_gave_at_import_follows_from_it(
    rendering: Suite, file: str, old: str, new: str
) -> None:
    rendering.edit(file, old, new)
    found = rendering.both().outcomes
    assert "failed" in found["test_early.py::test_early"]
    assert "failed" in found["test_page.py::test_quiet"]
    assert "failed" not in found["test_other.py::test_other"]
