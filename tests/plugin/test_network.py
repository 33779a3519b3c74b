"""Outcomes that rest on other machines are not stored, unless the user says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

TESTS = """
import socket
import pytest

def connect(address):
    # Nothing is sent: a datagram socket only remembers where to.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((address, 9))
        except OSError:  # no route
            pass

def test_far(): connect("203.0.113.7")
def test_near(): connect("127.0.0.1")
def test_name(): socket.getaddrinfo("localhost", 80)
@pytest.mark.cell_cache(network=True)
def test_allowed(): connect("203.0.113.7")
@pytest.fixture
def far(): connect("203.0.113.8")
def test_fixture(far): pass
"""


def test_other_machines_keep_an_outcome_from_being_stored(suite: Suite) -> None:
    suite.write("test_a.py", TESTS)
    first = suite.both()
    assert first.text.count("not stored because it used the network") == 2  # one for each host
    assert "203.0.113.7" in first.decisions["test_a.py::test_far"]["unstored"]["subject"]
    assert suite.both().names == ["test_far", "test_fixture"]


def test_the_user_may_vouch_for_the_network(suite: Suite) -> None:
    suite.write("test_a.py", TESTS)
    suite.write("pytest.ini", "[pytest]\ncell_cache_network = true\n")
    suite.both()
    assert suite.both().names == []


def test_a_connection_while_importing_counts_for_all(suite: Suite) -> None:
    suite.write("test_a.py", TESTS + "connect('203.0.113.9')\n")
    assert suite.both().decisions["test_a.py::test_near"]["unstored"]["slug"] == "network"


def test_old_outcomes_expire(suite: Suite) -> None:
    suite.write("test_a.py", "def test_a(): pass\n")
    suite.cached()
    assert suite.cached("-o", "cell_cache_max_age=1h").names == []
    again = suite.cached("-o", "cell_cache_max_age=0s")
    assert again.names == ["test_a"]
    assert again.decisions["test_a.py::test_a"]["reason"]["slug"] == "expired"
    assert suite.cached("-o", "cell_cache_max_age=soon").code == 4
