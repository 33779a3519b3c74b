"""Who only asks where a module is rests on which modules there are, not on what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite


def test_where_a_module_of_a_computed_name_is(suite: Suite) -> None:
    suite.write("pack/__init__.py", "")
    suite.write("pack/part.py", "VALUE = 1\n")
    suite.write(
        "test_a.py",
        """
        import importlib.util
        import pytest
        import pack.part

        @pytest.mark.parametrize("name", ["part", "absent"])
        def test_find(name):
            found = importlib.util.find_spec("pack." + name)
            assert (found is None) == (name == "absent")
        """,
    )
    suite.both()
    assert suite.both().live == []
    suite.edit("pack/part.py", "VALUE = 1", "VALUE = 2")
    assert suite.both().live == []
    suite.write("pack/absent.py", "")
    assert suite.both().code == 1
    (suite.path / "pack/absent.py").unlink()
    suite.write("pack/__init__.py", "raise ImportError('no')\n")
    assert suite.both().code != 0


def test_the_name_of_a_logger_is_no_module(suite: Suite) -> None:
    suite.write("pack/__init__.py", "")
    suite.write("pack/part.py", "import logging\nLOG = logging.getLogger(__name__)\nVALUE = 1\n")
    suite.write(
        "test_a.py",
        """
        import logging
        import pack.part

        def test_a():
            assert not logging.getLogger("pack.part").handlers
        """,
    )
    suite.both()
    suite.edit("pack/part.py", "VALUE = 1", "VALUE = 2")
    assert suite.both().live == []
