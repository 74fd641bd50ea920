"""The components that can change, and where a cached value shows their versions.  arena.sql makes the rows.

A component is a number: four for each student, then one for each mover, then those of the whole district.  A floor is the
last version of a component whose invalidation was acknowledged; a mover's is packed with the student that then had it.

Of movers there is also what was acknowledged for each student by itself, the last version that came to it or left it.  A
mover that goes from one student to a second and on to a third is changed by two transactions, and the second may be
acknowledged first: that says nothing of what is cached of the first student.
"""

import json

HOT, COLD = 50, 2000
STUDENTS = HOT + COLD
NAME, ALLERGY, VITAL, VACCINATION = PARTS = range(4)
ALLERGY_MOVERS, RECORD_MOVERS = 40, 4
MOVERS = ALLERGY_MOVERS + RECORD_MOVERS

FIRST_MOVER = STUDENTS * 4
LABEL, NOTES, TRUNCATED, CHILD = range(FIRST_MOVER + MOVERS, FIRST_MOVER + MOVERS + 4)
COMPONENTS = CHILD + 1

SUMMARY, PAGE, CHART = KINDS = ("health_summary", "records:1:20:{}", "growth_chart")
# The components that each kind of value shows.
SHOWN_PARTS = {SUMMARY: (NAME, ALLERGY, VITAL, VACCINATION), PAGE: (NAME, VITAL, VACCINATION), CHART: (VITAL,)}
SHOWN_OF_ALL = {SUMMARY: (LABEL, NOTES), PAGE: (NOTES,), CHART: ()}
PART_OF_PREFIX = {"s": NAME, "a": ALLERGY, "v": VITAL, "w": VACCINATION}

# Of the records that a growth chart shows.
PREFIX_OF_TYPE = {"CHECKUP": "v", "DENTAL": "r"}

# What a version that was to be rolled back is read as: older than everything.
NEVER_COMMITTED = -1

OWNERS = 4096


cluster_keys = False  # of the run: keys have the id in braces


def key(student, kind):
    return f"student:{{s{student}}}:{kind}" if cluster_keys else f"student:s{student}:{kind}"


def is_mover(component):
    return FIRST_MOVER <= component < LABEL


def is_record_mover(component):
    return FIRST_MOVER + ALLERGY_MOVERS <= component < LABEL


def visit(student, component):
    """The number of what a mover means to a student."""
    return student * MOVERS + component - FIRST_MOVER


def movers_of(kind):
    """Returns the movers that a value of this kind shows."""
    return range(FIRST_MOVER if kind == SUMMARY else FIRST_MOVER + ALLERGY_MOVERS, LABEL)


def emptied_by(component):
    """The component whose change may make this one absent to those who read with an older snapshot: PostgreSQL shows them
    an emptied table, and one that was rewritten, as empty."""
    is_allergy = component % 4 == ALLERGY if component < FIRST_MOVER else not is_record_mover(component)
    return TRUNCATED if is_allergy else NOTES


def name_of(component):
    if component < FIRST_MOVER:
        return f"{('last name', 'allergy', 'vital', 'vaccination')[component % 4]} of s{component // 4}"
    if is_mover(component):
        return f"{'record' if is_record_mover(component) else 'allergy'} mover {component - FIRST_MOVER}"
    return ("label of the enum", "notes of all vaccinations", "table of allergies", "child of allergies")[component - LABEL]


# ---- floors ----

def pack(version, owner):
    return version * OWNERS + (0 if owner is None else owner + 1)


def unpack(floor):
    version, owner = divmod(floor, OWNERS)
    return version, owner - 1 if owner else None


# ---- values ----

class Torn(Exception):
    """A value that no state of the database can explain: two parts of one row differ."""


def version_of(text):
    return int(text[1:]) if text[0] == "v" else NEVER_COMMITTED


class Shown:
    """The versions that a cached value shows: {component: version}."""

    def __init__(self, student, kind, text):
        self.versions = {}
        value = json.loads(text)
        first = student * 4
        if kind == SUMMARY:
            self.versions[first + NAME] = version_of(value["student"]["lastName"])
            for allergy in value["allergies"]:
                if self._put(student, allergy["id"], allergy["reaction"]):
                    self.versions[LABEL] = version_of(allergy["severity"])
            for record in value["recentVitals"]:
                if record["vital"]["version"] != record["provider"]:
                    raise Torn(f"{record}")
                self._put(student, record["id"], record["provider"])
            for record in value["recentVaccinations"]:
                self._put(student, record["id"], record["description"])
                self.versions[NOTES] = version_of(record["notes"])
        elif kind == PAGE:
            self.versions[first + NAME] = version_of(value["name"])
            for record in value["records"] or ():
                if record["id"][0] == "w":
                    self.versions[NOTES] = version_of(record["notes"])
                self._put(student, record["id"], record["version"])
        else:
            for point in value:
                prefix = PREFIX_OF_TYPE[point["recordType"]]
                self._put(student, f"{prefix}{point['weight'] - 1}", f"{'v' if point['height'] > 0 else 'x'}{abs(point['height'])}")

    def _put(self, student, id, text):
        """True for the part that every student has."""
        prefix = id[0]
        if prefix == "j":  # a record that only counts
            return False
        number = int(id[1:])
        if prefix in "mr":
            self.versions[FIRST_MOVER + number] = version_of(text)
            return False
        if number == student and prefix == "i":  # in a child of the table, while there is one
            self.versions[CHILD] = version_of(text)
            return False
        if number != student:
            raise Torn(f"{id} in a value of s{student}")
        self.versions[student * 4 + PART_OF_PREFIX[prefix]] = version_of(text)
        return True
