"""Decides what a value must show, given what had been acknowledged before the reader began.  Pure functions."""

import copy
from collections import namedtuple

from components import (CHILD, FIRST_MOVER, HOT, LABEL, MOVERS, NOTES, SHOWN_OF_ALL, SHOWN_PARTS, TRUNCATED, emptied_by, movers_of,
                        unpack, visit)

# shown: the version that the value shows, None where it shows none; floor: the version that it had to show at least;
# emptied: the floor of what may make it absent.
Fault = namedtuple("Fault", "component shown floor emptied")


class Note:
    """The floors at a moment: of all movers, and of these students."""

    def __init__(self, board, students):
        self.parts = {student: board.floors[student * 4:student * 4 + 4] for student in students}
        rest = board.floors[FIRST_MOVER:CHILD + 1]
        self.of_all = {component: rest[component - FIRST_MOVER] for component in (LABEL, NOTES, TRUNCATED, CHILD)}
        self.visits = {student: board.visits[visit(student, FIRST_MOVER):visit(student, LABEL)]
                       for student in students if student < HOT}
        self.moved_to = {}  # student → [(mover, version)]
        for at in range(MOVERS):
            version, owner = unpack(rest[at])
            if owner is not None:
                self.moved_to.setdefault(owner, []).append((FIRST_MOVER + at, version))

    def after(self, component, version):
        """Returns the note of a reader that must also see this version of the component."""
        student, part = divmod(component, 4)
        note = copy.copy(self)
        parts = list(self.parts[student])
        parts[part] = max(parts[part], version)
        note.parts = self.parts | {student: parts}
        return note


def faults(note, student, kind, shown):
    """[Fault]: what the value shows otherwise than a state not older than the note would.  One in which something is
    absent may still be right: later it was moved away."""
    found = []
    versions = shown.versions
    floors = note.parts[student]
    for part in SHOWN_PARTS[kind]:
        component = student * 4 + part
        version = versions.get(component)
        if version is None or version < floors[part]:
            found.append(Fault(component, version, floors[part], note.of_all[emptied_by(component)]))
    for component in SHOWN_OF_ALL[kind]:
        version = versions.get(component)
        if version is None or version < note.of_all[component]:
            # shown with an allergy, or a vaccination: absent where that is
            carrier = TRUNCATED if component == LABEL else NOTES
            found.append(Fault(component, version, note.of_all[component], note.of_all[carrier]))
    if (version := versions.get(CHILD)) is not None and version < note.of_all[CHILD]:
        found.append(Fault(CHILD, version, note.of_all[CHILD], note.of_all[TRUNCATED]))
    if student < HOT:
        for component, floor in enumerate(note.visits[student], FIRST_MOVER):
            version = versions.get(component)
            if version is not None and version < floor:
                found.append(Fault(component, version, floor, note.of_all[emptied_by(component)]))
        shown_here = movers_of(kind)
        for component, floor in note.moved_to.get(student, ()):
            if component in shown_here and component not in versions:
                found.append(Fault(component, None, floor, note.of_all[emptied_by(component)]))
    return found
