"""Options and ini values: those of a conftest count for the tests that read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite


def make(suite: Suite) -> None:
    suite.write(
        "conftest.py",
        """
        import pytest

        def pytest_addoption(parser):
            parser.addoption("--mine", default="1")
            parser.addoption("--other", default="1")
            parser.addini("my_ini", "text", default="1")

        @pytest.fixture
        def mine(request):
            return request.config.getoption("--mine")
        """,
    )
    suite.write(
        "test_a.py",
        """
        def test_option(request): request.config.getoption("--mine")
        def test_attribute(pytestconfig): pytestconfig.option.mine
        def test_fixture(mine): pass
        def test_other(request): request.config.getoption("other")
        def test_ini(request): request.config.getini("my_ini")
        def test_alone(request): request.config.getoption("verbose")
        """,
    )


def test_options_of_a_conftest_count_for_who_reads_them(suite: Suite) -> None:
    make(suite)
    suite.warm()
    again = suite.both("--mine=2")
    assert again.names == ["test_option", "test_attribute", "test_fixture"]
    reason = again.decisions["test_a.py::test_option"]["reason"]["text"]
    assert reason == "option mine of a conftest changed"
    assert suite.both("--mine=2", "--other=2").names == ["test_other"]
    assert suite.both().names == []


def test_ini_values_of_a_conftest_count_for_who_reads_them(suite: Suite) -> None:
    make(suite)
    suite.warm()
    assert suite.both("-o", "my_ini=2").names == ["test_ini"]


def test_an_option_read_by_a_hook_counts_for_all(suite: Suite) -> None:
    make(suite)
    suite.write(
        "conftest.py",
        """
        def pytest_addoption(parser):
            parser.addoption("--mine", default="1")

        def pytest_configure(config):
            config.seen = config.getoption("--mine")
        """,
    )
    suite.write(
        "test_a.py", "def test_a(request): assert request.config.seen == '1'\ndef test_b(): pass\n"
    )
    suite.warm()
    again = suite.both("--mine=2")
    assert set(again.names) == {"test_a", "test_b"}
    assert again.code == 1


def test_neutral_options_count_for_nobody(suite: Suite) -> None:
    make(suite)
    suite.warm()
    assert suite.both("-v", "--tb=short", "--durations=3", "-p", "no:logging").names != []
    assert suite.both("-v", "--tb=short", "--durations=3", "--maxfail=3").names == []


def test_where_a_plugin_keeps_its_results_counts_for_nobody(suite: Suite) -> None:
    """As pytest-benchmark does: the name of the file to save to is made from the time."""
    make(suite)
    suite.write(
        "saving.py",
        """
        import uuid

        def pytest_addoption(parser):
            parser.addoption("--benchmark-autosave", action="store_const", const=str(uuid.uuid4()))
            parser.addoption("--benchmark-json")
            parser.addoption("--benchmark-min-rounds", type=int, default=5)
        """,
    )
    suite.pytester.syspathinsert()
    chosen = ("-p", "saving", "--benchmark-autosave")
    suite.warm(*chosen)
    assert suite.both(*chosen, "--benchmark-json=b.json").names == []
    assert suite.both(*chosen, "--benchmark-min-rounds=2").names != []
