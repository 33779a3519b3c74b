"""A test that ran otherwise meanwhile leaves what its older record tells when that holds again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

LIB = "STATE = []\n\ndef one():\n    return 1\n\ndef two():\n    return 2\n"


@pytest.mark.parametrize(
    "leaves",
    [
        "lib.STATE.append(1)",
        "Path('left').write_text('1')",
        "os.environ['LEFT_AGAIN'] = '1'",
    ],
)
@pytest.mark.parametrize("reads", ["assert {}", "assert not {}", "if {}: pytest.skip('no')"])
def test_what_a_failure_did_not_leave_is_there_again(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, leaves: str, reads: str
) -> None:
    monkeypatch.delenv("LEFT_AGAIN", raising=False)
    there = {
        "l": "lib.STATE",
        "P": "Path('left').exists()",
        "o": "os.environ.get('LEFT_AGAIN')",
    }[leaves[0]]
    suite.write("lib.py", LIB)
    suite.write(
        "conftest.py",
        """
        import os
        import pytest

        @pytest.fixture(scope="session", autouse=True)
        def clean():
            yield
            os.environ.pop("LEFT_AGAIN", None)
            if os.path.exists("left"): os.unlink("left")
        """,
    )
    suite.write(
        "test_a.py",
        f"""
        import lib
        import os
        import pytest
        from pathlib import Path

        def test_leaves():
            assert lib.one() == 1
            {leaves}

        def test_between(): assert lib.two()

        def test_reads():
            {reads.format(there)}
        """,
    )
    suite.both()
    suite.both()
    for old, new in (
        ("return 1", "return 3"),
        ("return 2", "return 4"),
        ("return 3", "return 1"),
        ("return 4", "return 2"),
        ("return 1", "return 3"),
        ("return 3", "return 1"),
    ):
        suite.edit("lib.py", old, new)
        suite.both()
        suite.both()
