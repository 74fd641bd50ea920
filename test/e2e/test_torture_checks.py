"""Tests the torture's own checks without any server: its verdicts can only be as good as these checks."""

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
    """Returns a summary with versions that no change follows, and with the mover at the given version."""
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


def test_whoever_has_the_token_of_a_write_must_see_it(board):
    board.floors[ADA * 4] = 5
    note = Note(board, {ADA, BEN})
    of_a_writer = note.after(ADA * 4, 7)
    assert of_a_writer.parts[ADA][0] == 7 and note.parts[ADA][0] == 5, "the others need not"
    assert of_a_writer.parts[BEN] == note.parts[BEN] and note.after(ADA * 4, 3).parts[ADA][0] == 5


def test_tokens_are_handed_over_whole(board):
    for n in range(20):
        board.handover.give(3, [(ADA * 4, n), (BEN * 4, n)], f"{n}.1.1.1")
    held = board.handover.held()
    assert {version for _, version, _ in held} <= {17, 18, 19} and all(token == f"{version}.1.1.1" for _, version, token in held)
    board.handover._begun[3 * 6 + 1] += 6  # one that is being written
    assert len(board.handover.held()) == len(held) - 1
