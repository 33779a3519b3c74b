"""Installed distributions: those that a test can reach count, the others do not."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite


class Site:
    """A folder of installed distributions."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def install(
        self,
        name: str,
        version: str = "1.0",
        *,
        requires: tuple[str, ...] = (),
        code: str = "",
        direct: str = "",
        entries: str = "",
    ) -> None:
        for old in self.path.glob(f"{name}-*.dist-info"):
            shutil.rmtree(old)
        module = name.lower().replace("-", "_")
        (self.path / f"{module}.py").write_text(code)
        info = self.path / f"{name}-{version}.dist-info"
        info.mkdir()
        needs = "".join(f"Requires-Dist: {text}\n" for text in requires)
        head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}\nText\n"
        (info / "METADATA").write_text(head)
        (info / "RECORD").write_text(f"{module}.py,sha256={hash(code)},{len(code)}\n")
        if direct:
            (info / "direct_url.json").write_text(direct)
        if entries:
            (info / "entry_points.txt").write_text(entries)


@pytest.fixture
def site(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Site:
    folder = suite.path.parent / f"{suite.path.name}-env" / "site-packages"
    folder.mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder)])
    return Site(folder)


def test_only_what_is_reached_counts(suite: Suite, site: Site) -> None:
    site.install("Used", requires=("needed>=1", 'never; sys_platform == "none"'))
    site.install("needed")
    site.install("never")
    site.install("unrelated")
    suite.write("lib.py", "import used\ndef f():\n    return 1\n")
    suite.write("lazy.py", "def f():\n    import late\n    return late\n")
    suite.write(
        "optional.py",
        "try:\n    import absent\nexcept ImportError:\n    absent = None\n",
    )
    site.install("late")
    suite.write("test_lib.py", "import lib\ndef test_lib(): lib.f()\n")
    suite.write("test_lazy.py", "import lazy\ndef test_lazy(): lazy.f()\ndef test_calm(): pass\n")
    suite.write(
        "test_optional.py",
        "import optional\ndef test_optional(): assert optional.absent is None\n",
    )
    suite.write("test_alone.py", "def test_alone(): pass\n")
    suite.warm()

    def ran() -> set[str]:
        return set(suite.both().names)

    site.install("unrelated", "2.0")
    site.install("never", "2.0")
    site.install("new")
    assert ran() == set()
    site.install("Used", "1.0.1", requires=("needed>=1",))
    assert ran() == {"test_lib"}
    site.install("needed", "2.0")
    assert ran() == {"test_lib"}
    site.install("late", "2.0")
    assert ran() == {"test_lazy"}
    site.install("absent")
    again = suite.both()
    assert set(again.names) == {"test_optional"}
    assert again.code == 1


def test_local_installs_count_by_content(suite: Suite, site: Site) -> None:
    local = '{"url": "file:///somewhere", "dir_info": {}}'
    site.install("local", code="X = 1", direct=local)
    suite.write("test_a.py", "import local\ndef test_a(): local.X\n")
    suite.warm()
    site.install("local", code="X = 1", direct=local)
    assert suite.both().names == []
    site.install("local", code="X = 2", direct=local)
    assert suite.both().names == ["test_a"]


def test_entry_points_count_where_the_version_stays(suite: Suite, site: Site) -> None:
    site.install("lib", entries="[mine]\na = lib:a\n")
    suite.write(
        "test_a.py",
        """
        from importlib import metadata
        def test_plugins(): assert [e.name for e in metadata.entry_points(group="mine")] == ["a"]
        def test_other(): pass
        """,
    )
    suite.cached()
    assert suite.cached().names == []
    entries = site.path / "lib-1.0.dist-info" / "entry_points.txt"
    entries.write_text("[mine]\nb = lib:a\n")
    assert suite.cached().names == ["test_plugins"]


def test_what_is_looked_up_by_name_counts(suite: Suite, site: Site) -> None:
    site.install("found")
    site.install("other")
    suite.write("lib.py", "from importlib.metadata import version\nVERSION = version('found')\n")
    suite.write(
        "test_a.py",
        """
        import importlib.metadata as metadata
        import lib
        import pytest

        def test_version(): lib.VERSION
        def test_absent():
            with pytest.raises(metadata.PackageNotFoundError):
                metadata.version("absent")
        def test_plugins(): assert not metadata.entry_points(group="mine")
        def test_all(): list(metadata.distributions())
        """,
    )
    suite.write("test_b.py", "def test_b(): pass\n")
    suite.warm()
    site.install("other", "2.0", entries="[console_scripts]\nx = other:x\n")
    assert set(suite.both().names) == {"test_all"}
    site.install("found", "2.0")
    again = set(suite.both().names)
    assert {"test_version", "test_all"} <= again
    assert not {"test_b", "test_absent"} & again
    site.install("other", "2.0", entries="[mine]\nx = other:x\n")
    again = suite.both()
    assert again.decisions["test_a.py::test_plugins"]["outcome"] == "failed"
    assert again.decisions["test_a.py::test_absent"]["source"] == "cached"
    site.install("absent")
    assert suite.both().decisions["test_a.py::test_absent"]["outcome"] == "failed"
