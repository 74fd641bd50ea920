"""What the torture calls stale, without any server: its verdicts are only as good as this."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "torture"))

from board import Board  # noqa: E402
from checks import Note, faults  # noqa: E402
from components import FIRST_MOVER, SUMMARY, Shown, pack, visit  # noqa: E402

ADA, BEN, CLEO = 7, 8, 9


@pytest.fixture
def board():
    return Board()


def acknowledge(board, version, previous, owner):
    """Mover 0 went from one student to another, and the cache knows it."""
    board.floors[FIRST_MOVER] = max(board.floors[FIRST_MOVER], pack(version, owner))
    for student in {previous, owner} - {None}:
        board.visits[visit(student, FIRST_MOVER)] = max(board.visits[visit(student, FIRST_MOVER)], version)


def summary(student, mover=None):
    """With versions that nothing is later than, and the mover at the version that is given."""
    late = "v9999"
    allergies = [{"id": f"a{student}", "reaction": late, "severity": late}]
    if mover is not None:
        allergies.append({"id": "m0", "reaction": f"v{mover}", "severity": "SEVERE"})
    return Shown(student, SUMMARY, json.dumps({
        "student": {"lastName": late}, "allergies": allergies,
        "recentVitals": [{"id": f"v{student}", "vital": {"version": late}, "provider": late}],
        "recentVaccinations": [{"id": f"w{student}", "description": late, "notes": late}]}))


def stale(board, student, mover=None):
    return [(fault.component, fault.shown, fault.floor)
            for fault in faults(Note(board, {student}), student, SUMMARY, summary(student, mover))]


def test_what_left_a_student_must_not_be_shown_once_that_is_acknowledged(board):
    acknowledge(board, 1, None, ADA)
    assert not stale(board, ADA, mover=1)
    acknowledge(board, 2, ADA, BEN)
    assert stale(board, ADA, mover=1) == [(FIRST_MOVER, 1, 2)]
    assert not stale(board, ADA)
    assert not stale(board, BEN, mover=2)


def test_what_came_to_a_student_must_be_shown_once_that_is_acknowledged(board):
    acknowledge(board, 2, ADA, BEN)
    assert stale(board, BEN) == [(FIRST_MOVER, None, 2)]
    assert stale(board, BEN, mover=1) == [(FIRST_MOVER, 1, 2)]
    assert not stale(board, BEN, mover=3)


def test_a_later_move_that_is_acknowledged_first_says_nothing_of_the_student_before(board):
    """Ada to Ben, and on to Cleo: the second transaction may have got its id earlier, and so be drained earlier."""
    acknowledge(board, 1, None, ADA)
    acknowledge(board, 3, BEN, CLEO)
    assert not stale(board, ADA, mover=1)
    assert stale(board, BEN, mover=2) == [(FIRST_MOVER, 2, 3)]
    acknowledge(board, 2, ADA, BEN)
    assert stale(board, ADA, mover=1) == [(FIRST_MOVER, 1, 2)]
    assert not stale(board, CLEO, mover=3)
