"""What a file does as the main module counts for who runs it, not for who imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Suite

_TOOL = """
    from pack import other

    def add(a, b):
        return a + b

    if __name__ == "__main__":
        print("sum", add(1, 2), other.MORE)
    """


@pytest.fixture
def tool(suite: Suite) -> Suite:
    suite.write("pack/__init__.py", "")
    suite.write("pack/other.py", "MORE = 3\n")
    suite.write("pack/tool.py", _TOOL)
    return suite


def _edit(suite: Suite) -> None:
    suite.edit("pack/tool.py", '"sum"', '"total"')


def test_importers_do_not_rest_on_it(tool: Suite) -> None:
    text = "from pack.tool import add\n\ndef test_add():\n    assert add(1, 2) == 3\n"
    tool.write("test_a.py", text)
    tool.both()
    _edit(tool)
    assert tool.both().live == []
    tool.edit("pack/tool.py", 'if __name__ == "__main__":', 'if "__main__" == __name__ and add:')
    assert tool.both().live == []
    tool.write("pack/tool.py", _TOOL.partition("    if ")[0])
    assert tool.both().live == []
    text += "\nif __name__ == '__main__':\n    import pytest\n    pytest.main([__file__])\n"
    tool.write("test_a.py", text)
    assert tool.both().live == []


@pytest.mark.parametrize(
    "how",
    [
        "runpy.run_module('pack.tool', run_name='__main__')",
        "runpy.run_path('pack/tool.py', run_name='__main__')",
        "getattr(runpy, 'run_' + 'module')('pack.tool', run_name='__main__')",
        "subprocess.run([sys.executable, '-m', 'pack.tool'], check=True)",
        "subprocess.run([sys.executable, 'pack/tool.py'], check=True, env={'PYTHONPATH': '.'})",
    ],
)
def test_who_runs_it_does(tool: Suite, how: str) -> None:
    tool.write("test_a.py", f"import runpy, subprocess, sys\n\ndef test_a():\n    {how}\n")
    tool.both()
    assert tool.both().live == []
    _edit(tool)
    assert tool.both().names == ["test_a"]
    tool.edit("pack/other.py", "MORE = 3", "MORE = 4")
    assert tool.both().names == ["test_a"]
    tool.write("pack/tool.py", _TOOL.partition("    if ")[0])
    assert tool.both().names == ["test_a"]
    tool.write("pack/tool.py", _TOOL.replace("sum", "all"))
    assert tool.both().names == ["test_a"]


def test_what_was_run_when_modules_were_imported(tool: Suite) -> None:
    tool.write(
        "test_a.py",
        """
        import runpy
        from pack.other import MORE

        FOUND = runpy.run_module("pack.tool", run_name="__main__")

        def test_found():
            assert FOUND["add"]

        def test_more():
            assert MORE
        """,
    )
    tool.both()
    _edit(tool)
    assert "test_found" in tool.both().names


def test_a_module_that_names_itself(suite: Suite) -> None:
    suite.write("tool.py", "__name__ = '__main__'\nX = 1\nif __name__ == '__main__':\n    X = 2\n")
    suite.write("test_a.py", "import tool\n\ndef test_x():\n    assert tool.X > 1\n")
    suite.both()
    suite.edit("tool.py", "    X = 2", "    X = 3")
    assert suite.both().names == ["test_x"]


def test_what_runs_otherwise(suite: Suite) -> None:
    suite.write("tool.py", "if __name__ == '__main__':\n    X = 1\nelse:\n    X = 2\nY = 1\n")
    suite.write(
        "test_a.py",
        "import tool\n\ndef test_x():\n    assert tool.X > 1\n\ndef test_y():\n    assert tool.Y\n",
    )
    suite.both()
    suite.edit("tool.py", "    X = 1", "    X = 0")
    assert suite.both().live == []
    suite.edit("tool.py", "    X = 2", "    X = 3")
    assert suite.both().names == ["test_x"]


_SCRIPT = """
    # A comment.
    import sys
    from pack import other

    FACTOR = 2
    START = 1

    class Kept:
        size = 1

        def grow(self):
            return self.size

    def used():
        return FACTOR

    def unused(n):
        return n

    for step in range(START):
        print("step", step, used(), Kept.size)

    if "grow" in sys.argv:
        print(Kept().grow(), unused(1))

    if __name__ == "__main__":
        print("end", other.MORE)
    """


def test_a_script_counts_by_what_runs_of_it(tool: Suite) -> None:
    tool.write("pack/script.py", _SCRIPT)
    tool.write(
        "test_a.py",
        """
        import subprocess, sys

        def run(*words):
            command = [sys.executable, "pack/script.py", *words]
            subprocess.run(command, check=True, env={"PYTHONPATH": "."})

        def test_short(): run()
        def test_grown(): run("grow")
        """,
    )
    tool.both()

    def ran_after(old: str, new: str) -> list[str]:
        tool.edit("pack/script.py", old, new)
        found = tool.both().names
        tool.write("pack/script.py", _SCRIPT)
        tool.both()
        return found

    every = ["test_short", "test_grown"]
    assert ran_after("# A comment.", "# Another one.\n") == []
    assert ran_after("return n", "return n + 1") == ["test_grown"]
    assert ran_after("return self.size", "return self.size + 1") == ["test_grown"]
    for old, new in (
        ("FACTOR = 2", "FACTOR = 3"),
        ("START = 1", "START = 2"),
        ("size = 1", "size = 2"),
        ("return FACTOR", "return -FACTOR"),
        ('"step"', '"a step"'),
        ('"grow" in', '"grow" not in'),
        ('"end"', '"the end"'),
        ("import sys", "import sys, missing"),
        ("START = 1", "START = 1 / 0"),
        ("START = 1", "START = 1\nrange = lambda n: [n]"),
        ("FACTOR = 2", "FACTOR = 2\nprint('more')"),
        ("for step", "raise SystemExit(1)\nfor step"),
        ("FACTOR = 2", "FACTOR = = 2"),
    ):
        assert ran_after(old, new) == every, new
