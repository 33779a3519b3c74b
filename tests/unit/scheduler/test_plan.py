from __future__ import annotations

from pytest_cellcache.scheduler.plan import Action, Plan, Producer, Stored, make_plan
from pytest_cellcache.scheduler.requeue import Accept, Again, Plainly, Tried, next_step

CONN, ROWS, OTHER = 1, 2, 3
RUN, RESTORE, LEAVE = Action.RUN, Action.RESTORE, Action.LEAVE


def plan(*producers: Producer, forced: tuple[int, ...] = ()) -> Plan:
    return make_plan(producers, frozenset(forced))


def test_nothing_stored_everything_runs() -> None:
    found = plan(Producer(CONN), Producer(ROWS, (CONN,), is_direct=True))
    assert found.actions == {CONN: RUN, ROWS: RUN}
    assert found.is_live


def test_what_a_restored_one_was_made_from_is_left_out() -> None:
    found = plan(
        Producer(CONN, may_be_left=True), Producer(ROWS, (CONN,), is_direct=True, stored=Stored())
    )
    assert found.actions == {CONN: LEAVE, ROWS: RESTORE}


def test_what_had_an_effect_is_never_left_out() -> None:
    found = plan(Producer(CONN), Producer(ROWS, (CONN,), is_direct=True, stored=Stored()))
    assert found.actions == {CONN: RUN, ROWS: RESTORE}


def test_what_is_needed_for_the_value_is_there() -> None:
    stored = Stored(needs=frozenset({CONN}))
    found = plan(
        Producer(CONN, may_be_left=True), Producer(ROWS, (CONN,), is_direct=True, stored=stored)
    )
    assert found.actions == {CONN: RUN, ROWS: RESTORE}


def test_beside_what_it_may_have_changed_it_runs() -> None:
    stored = Stored(apart=frozenset({CONN}))
    rows = Producer(ROWS, (CONN,), is_direct=True, stored=stored)
    assert plan(Producer(CONN, may_be_left=True), rows).actions[ROWS] is RESTORE
    wanted = Producer(CONN, is_direct=True, may_be_left=True)
    assert plan(wanted, rows).actions == {CONN: RUN, ROWS: RUN}
    held = Producer(CONN, may_be_left=True, held="live")
    assert plan(held, rows).actions == {CONN: RUN, ROWS: RUN}


def test_beside_what_it_may_have_changed_in_missing_parts_it_is_restored_with_it() -> None:
    stored = Stored(needs=frozenset({CONN}), by=frozenset({CONN}))
    rows = Producer(ROWS, (CONN,), is_direct=True, stored=stored)
    low = Producer(CONN, may_be_left=True, stored=Stored(has_stubs=True))
    assert plan(low, rows).actions == {CONN: RESTORE, ROWS: RESTORE}
    assert plan(low, rows, forced=(CONN,)).actions == {CONN: RUN, ROWS: RUN}
    assert plan(Producer(CONN), rows).actions == {CONN: RUN, ROWS: RUN}
    held = Producer(CONN, may_be_left=True, held="live")
    assert plan(held, rows).actions == {CONN: RUN, ROWS: RUN}
    alone = rows._replace(stored=Stored(by=frozenset({CONN})))
    assert plan(low, alone).actions == {CONN: LEAVE, ROWS: RESTORE}


def test_held_ones_that_must_be_live_are_refreshed() -> None:
    rows = Producer(ROWS, (CONN,), is_direct=True, held="restored", stored=Stored())
    stub = Producer(CONN, may_be_left=True, held="stub")
    assert plan(stub, rows).refresh == frozenset()
    assert plan(stub, rows, forced=(ROWS,)).refresh == {CONN, ROWS}
    found = plan(stub, rows, forced=(CONN,))
    assert found.actions == {CONN: RUN, ROWS: RESTORE}
    assert found.refresh == {CONN}


def test_a_wide_live_one_gets_no_stub() -> None:
    low = Producer(CONN, may_be_left=True, stored=Stored(has_stubs=True))
    wide = Producer(ROWS, (CONN,), is_direct=True, is_wide=True)
    assert plan(low, wide).actions == {CONN: RUN, ROWS: RUN}
    narrow = Producer(ROWS, (CONN,), is_direct=True)
    assert plan(low, narrow).actions == {CONN: RESTORE, ROWS: RUN}


def tried(**of: object) -> Tried:
    nobody: frozenset[int] = frozenset()
    given = {"is_clean": True, "touched": nobody, "absent": nobody, "forced": nobody, **of}
    return Tried(**given)  # type: ignore[arg-type]


def test_a_clean_attempt_counts() -> None:
    assert next_step(tried(absent=frozenset({ROWS}))) == Accept()


def test_a_touch_makes_one_more_live() -> None:
    step = next_step(tried(touched=frozenset({ROWS}), absent=frozenset({ROWS, CONN})))
    assert step == Again(frozenset({ROWS}))


def test_a_producer_is_requeued_for_once() -> None:
    step = next_step(tried(touched=frozenset({ROWS}), forced=frozenset({ROWS})))
    assert step == Plainly(frozenset({ROWS}))


def test_a_failure_is_confirmed_with_everything_live() -> None:
    step = next_step(tried(is_clean=False, absent=frozenset({ROWS}), forced=frozenset({CONN})))
    assert step == Plainly(frozenset({ROWS, CONN}))
