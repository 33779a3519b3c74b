from __future__ import annotations

import random
from typing import Any

import pytest

from pytest_cellcache.lifecycle.setters import is_within
from pytest_cellcache.lifecycle.sides import Around, Sides
from pytest_cellcache.model.keys import BODY, Key

FILES = ["a.py", "b.py"]


def a_world(draw: random.Random) -> dict[str, Any]:
    """Make tests, fixtures that some of them used, and what all of these rest on."""
    tests = {
        Key("unit", file := draw.choice(FILES), f"{file}::test_{number}"): f"{file}::test_{number}"
        for number in range(draw.randint(1, 8))
    }
    fixtures = {}
    used: dict[Key, set[Key]] = {}
    for number in range(draw.randint(0, 5)):
        fixture = Key("unit", draw.choice(FILES), f"fixture made {number}")
        users = [test for test in tests if draw.random() < 0.4] or [draw.choice([*tests])]
        fixtures[fixture] = users, draw.choice(["", "", "a.py::made@a.py"])
        for user in users:
            used.setdefault(user, set()).add(fixture)
    every = [*tests, *fixtures, Key(BODY, "a.py", "f")]
    hubs = {
        Key("unit", "", f"left {number}"): frozenset(
            draw.sample(every, draw.randint(1, len(every)))
        )
        for number in range(3)
    }
    units = {
        key: frozenset(draw.sample([*every, *hubs], draw.randint(0, 3)))
        for key in [*tests, *fixtures]
    }
    changed = {key for key in [*tests, *fixtures] if draw.random() < 0.8}
    return {
        "order": tests, "changed": changed, "fixtures": dict(sorted(fixtures.items())),
        "used": used, "units": units, "hubs": hubs,
    }  # fmt: skip


def plainly(world: dict[str, Any], unit: Key, roots: set[Key]) -> Around:
    """Say the same one by one."""
    order, used = world["order"], world["used"].get(unit, set())
    ranks = {key: rank for rank, key in enumerate(order)}

    def units_of(root: Key) -> set[Key]:
        known = {*order, *world["changed"]}
        return {key for key in world["hubs"].get(root, {root}) if key in known and key not in used}

    found = {key for root in roots for key in units_of(root)}
    for fixture in found & world["fixtures"].keys():
        found = found | {key for root in world["units"][fixture] for key in units_of(root)}
    own = ranks.get(unit, len(ranks))
    tests = sorted(found & order.keys(), key=ranks.__getitem__)
    before = [order[key] for key in tests if ranks[key] < own]
    later = [order[key] for key in tests if ranks[key] > own]
    either = []
    for fixture in sorted(found & world["fixtures"].keys()):
        users, where = world["fixtures"][fixture]
        if where and not is_within(unit.name, where):
            continue
        if ranks[users[0]] < own:
            either.append(tuple(order[user] for user in users if ranks[user] < own))
        else:
            later += [order[user] for user in users]
    return Around(tuple(before), tuple(later), tuple(either))


@pytest.mark.parametrize("seed", range(200))
def test_sides_are_what_they_are_one_by_one(seed: int) -> None:
    draw = random.Random(seed)
    world = a_world(draw)
    sides = Sides(**world)
    for unit in [*world["order"], Key("unit", "a.py", "a.py::new")]:
        every = [*world["order"], *world["fixtures"], *world["hubs"]]
        roots = set(draw.sample(every, draw.randint(0, len(every))))
        assert sides.around(unit, roots) == plainly(world, unit, roots)
        assert sides.before(unit, roots) == plainly(world, unit, roots).before


def test_who_sets_a_fixture_up_needs_none_of_its_users() -> None:
    test, fixture = Key("unit", "a.py", "a.py::test"), Key("unit", "a.py", "fixture made 0")
    sides = Sides({test: test.name}, {fixture}, {fixture: ([test], "")}, {}, {}, {})
    other = Key("unit", "a.py", "a.py::other")
    assert sides.around(other, [fixture]).either == (("a.py::test",),)
    assert sides.around(Key("unit", "a.py", "fixture other 1"), [fixture]).either == ()
