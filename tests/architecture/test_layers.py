"""Holds the package to the list of layers in ``docs/architecture.md`` and to the house rules."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_cellcache.model

ROOT = Path(pytest_cellcache.model.__file__).parents[1]
LAYERS = (
    "plugin", "session", "hooks", "reports", "scheduler", "lifecycle", "store", "trace", "graph",
    "sources", "model",
)  # fmt: skip
MODEL_ONLY = frozenset({"reports", "scheduler"})
"""Layers that see values and nothing that acts."""

FILES = sorted(ROOT.rglob("*.py"))
PROCESS_WIDE = frozenset({"trace"})
"""Layers that may own state of the process: audit hook, monitoring tool, shims."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def layer_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@functools.lru_cache(maxsize=200)
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported_modules(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "absolute imports only: they name their layer"
            yield node.module or ""


each_file = pytest.mark.parametrize("path", FILES, ids=name_of)


def test_every_package_is_a_layer() -> None:
    assert {layer_of(path) for path in FILES} - {"__init__"} <= set(LAYERS)


@each_file
def test_layers_import_only_what_comes_after_them(path: Path) -> None:
    own = layer_of(path)
    if own == "__init__":
        return
    allowed = {"model"} if own in MODEL_ONLY else set(LAYERS[LAYERS.index(own) :])
    for module in imported_modules(tree_of(path)):
        first, _, rest = module.partition(".")
        if first == "pytest_cellcache" and rest:
            assert rest.split(".")[0] in allowed | {own}, f"{own} imports {module}"


@each_file
def test_modules_say_what_they_are_for_and_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring
    assert docstring.splitlines()[0]
    assert len(text.splitlines()) <= 400


@each_file
def test_no_module_is_a_drawer(path: Path) -> None:
    words = set(path.stem.split("_"))
    assert words.isdisjoint({"utils", "util", "common", "helpers", "helper", "manager", "misc"})


_CONSTRUCTORS = frozenset(
    "dict list set defaultdict deque Counter OrderedDict bytearray WeakValueDictionary".split()
)


def mutable_globals(tree: ast.Module) -> Iterator[str]:
    """Names bound at module level to something that is there to be changed."""
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            value: ast.expr = node.value
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            name = ast.unparse(targets[0])
            if name == "__all__" or "Final" in ast.unparse(getattr(node, "annotation", targets[0])):
                continue
            if isinstance(value, ast.Call):
                called = ast.unparse(value.func).rpartition(".")[2]
                if called in _CONSTRUCTORS:
                    yield name
            elif isinstance(value, (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp)):
                yield name
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield from node.names


@each_file
def test_no_state_hangs_off_a_module(path: Path) -> None:
    if layer_of(path) not in PROCESS_WIDE:
        assert list(mutable_globals(tree_of(path))) == []


_OPENERS = frozenset({"open", "read_text", "read_bytes", "write_text", "write_bytes"})


def opened(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id == "open":
            yield ast.unparse(node)
        elif isinstance(node.func, ast.Attribute) and node.func.attr in _OPENERS:
            # ``self._open(...)`` and the like are calls of our own.
            yield ast.unparse(node)


_MAY_OPEN = {
    # Writes the report that the user asked for; no record rests on it.
    "hooks/terminal.py",
    # Reads the ini file as text where pytest does not list its options.
    "hooks/facets.py",
}


@each_file
def test_only_sources_and_store_touch_files(path: Path) -> None:
    """An input read anywhere else would be in no record."""
    if layer_of(path) in ("sources", "store") or name_of(path) in _MAY_OPEN:
        return
    assert [call for call in opened(tree_of(path)) if "os.open" not in call] == []


@each_file
def test_only_hooks_use_private_parts_of_pytest(path: Path) -> None:
    private = [
        module for module in imported_modules(tree_of(path)) if module.split(".")[0] == "_pytest"
    ]
    if private and layer_of(path) != "hooks":
        # ``session`` wraps ``--cell-cache-show`` as pytest wraps its own such options.
        assert name_of(path) == "session.py"
        assert private == ["_pytest.main"]


@each_file
def test_pytest_is_known_to_the_outer_layers_only(path: Path) -> None:
    if layer_of(path) not in ("plugin", "session", "hooks"):
        tops = {module.split(".")[0] for module in imported_modules(tree_of(path))}
        assert tops.isdisjoint({"pytest", "_pytest", "pluggy"})


@each_file
def test_what_tests_often_replace_is_taken_once(path: Path) -> None:
    # ``patch("json.dumps").start()``, never stopped: the cache must not write what that gives.
    assert "json" not in {
        alias.name
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Import)
        for alias in node.names
    }


@each_file
def test_only_the_guard_catches_everything(path: Path) -> None:
    broad = [
        ast.unparse(node.type) if node.type else "everything"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
        # What is caught to be passed on is not swallowed.
        and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
    ]
    if name_of(path) != "hooks/guard.py":
        assert broad == []


def test_the_check_of_module_state_finds_some() -> None:
    found = mutable_globals(ast.parse("A = []\nB: dict = {}\nC = set()\nD = (1,)\n"))
    assert list(found) == ["A", "B", "C"]
