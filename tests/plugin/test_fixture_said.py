"""What a fixture prints, logs and warns of is heard as if it had been set up, and once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Counted

CONFTEST = """
    import logging
    import sys
    import warnings
    import pytest

    @pytest.fixture{scope}
    def made():
        print("printed")
        print("told", file=sys.stderr)
        logging.getLogger("a").warning("logged %s", 1)
        warnings.warn("warned")
        return [1]
"""

LOOKS = {
    "capsys": 'capsys.readouterr() == ("printed\\n", "told\\n")',
    "capfd": 'capfd.readouterr() == ("printed\\n", "told\\n")',
    "recwarn": '[str(each.message) for each in recwarn] == ["warned"]',
    "caplog": '[each.message for each in caplog.get_records("setup")] == ["logged 1"]',
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_test_hears_it(counted: Counted, name: str) -> None:
    counted.write(
        conftest=CONFTEST.format(scope=""),
        test_a=f"""
        import lib

        def test_a({name}, made):
            assert lib.one() == 1
            assert {LOOKS[name]}
        """,
    )
    assert counted.run()[0].code == 0
    counted.edit()
    ran, calls = counted.run()
    assert ran.code == 0
    assert "made" not in calls
    counted.edit("test_a.py", LOOKS[name], f"not {LOOKS[name]}")
    ran, _ = counted.run()
    assert ran.code == 1


def test_people_read_it_once(counted: Counted) -> None:
    counted.write(
        conftest=CONFTEST.format(scope="(scope='session')"),
        test_a="""
        import lib

        def test_a(made):
            assert lib.one() == 1

        def test_b(made):
            assert 1
        """,
    )
    counted.run()
    counted.edit()
    for _ in range(2):
        ran, calls = counted.run("-rA")
        assert calls == {}
        words = ("printed\n", "told\n", "WARNING  a:conftest.py", "UserWarning: warned\n")
        assert [ran.text.count(word) for word in words] == [1, 1, 1, 1]
    counted.edit("test_a.py", "assert 1\n", "assert 2\n")
    ran, calls = counted.run("-rA")
    assert (ran.names, calls) == (["test_b"], {})
    assert ran.text.count("printed\n") == 1


@pytest.mark.parametrize("before", ["", "@pytest.mark.filterwarnings('ignore')\n        "])
def test_a_warning_that_is_an_error_now(counted: Counted, before: str) -> None:
    counted.write(
        conftest=CONFTEST.format(scope=""),
        test_a=f"""
        import pytest

        # marked
        {before}def test_a(made):
            pass
        """,
    )
    assert counted.run()[0].code == 0
    old = "# marked\n" + before.strip() + "\n" * bool(before)
    counted.edit("test_a.py", old, "@pytest.mark.filterwarnings('error')\n")
    ran, calls = counted.run()
    assert ran.code == 1
    assert calls["made"] >= 1


def test_a_warning_that_ends_a_set_up_ends_it_for_all(counted: Counted) -> None:
    counted.write(
        conftest="""
        import pytest, warnings

        @pytest.fixture(scope="session")
        def made():
            warnings.warn("old")
            return [1]
        """,
        test_a="""
        import pytest

        def test_first(made): assert made
        def test_second(made): assert made[0]
        def test_other(): pass
        """,
        test_b="def test_b(made): assert made\n",
    )
    counted.run()
    marked = '@pytest.mark.filterwarnings("error")\ndef test_first'
    counted.edit("test_a.py", "def test_first", marked)
    ran, _ = counted.run()
    assert ran.outcomes["test_b.py::test_b"].startswith("setup:failed")
    assert "passed" in ran.outcomes["test_a.py::test_other"]
    counted.edit("test_a.py", marked, "def test_first")
    counted.run()
