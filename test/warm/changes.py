"""Single statements that change what a summary shows: (text, parameters, students)."""

STUDENTS = 40


def student(dice):
    return f"s{dice.randint(1, STUDENTS)}"


def new_id(dice):
    return f"x{dice.getrandbits(60):015x}"


def add_record(dice):
    who = student(dice)
    return ('INSERT INTO health_records (id, type, date, description, vital, "updatedAt", "studentId") VALUES (%s, %s, now()::timestamp, %s, %s, now(), %s)',
            (new_id(dice), dice.choice(["VACCINATION", "CHECKUP", "ILLNESS"]), f"d{dice.getrandbits(30)}",
             dice.choice([None, f'{{"heartRate": {dice.randint(50, 99)}}}']), who), [who])


def remove_records(dice):
    who = student(dice)
    return ('DELETE FROM health_records WHERE id IN (SELECT id FROM health_records WHERE "studentId" = %s ORDER BY date DESC LIMIT 2)', (who,), [who])


def correct_record(dice):
    who = student(dice)
    return ('UPDATE health_records SET description = %s, notes = %s WHERE id IN (SELECT id FROM health_records WHERE "studentId" = %s ORDER BY date DESC LIMIT 3)',
            (f"d{dice.getrandbits(30)}", "n" * dice.randint(0, 3000), who), [who])


def move_record(dice):
    here, there = student(dice), student(dice)
    return ('UPDATE health_records SET "studentId" = %s WHERE id IN (SELECT id FROM health_records WHERE "studentId" = %s ORDER BY date DESC LIMIT 1)',
            (there, here), [here, there])


def rename_student(dice):
    who = student(dice)
    return 'UPDATE students SET "firstName" = %s WHERE id = %s', (f"n{dice.getrandbits(30)}", who), [who]


def rename_students(dice):
    """Returns a statement that renames some students. A BEFORE trigger of a later row sees the changes of earlier rows."""
    who = sorted({student(dice) for _ in range(4)})
    return 'UPDATE students SET "lastName" = %s WHERE id = ANY (%s)', (f"l{dice.getrandbits(30)}", who), who


def add_allergy(dice):
    who = student(dice)
    return ('INSERT INTO allergies (id, allergen, severity, "updatedAt", "studentId") VALUES (%s, %s, %s, now(), %s)',
            (new_id(dice), f"a{dice.getrandbits(20)}", dice.choice(["SEVERE", "LIFE_THREATENING"]), who), [who])


def change_allergy(dice):
    who = student(dice)
    return 'UPDATE allergies SET reaction = %s WHERE "studentId" = %s', (f"r{dice.getrandbits(30)}", who), [who]


def remove_allergies(dice):
    who = student(dice)
    return 'DELETE FROM allergies WHERE "studentId" = %s', (who,), [who]


def upsert_student(dice):
    """Returns a statement that inserts or updates a student, who may have been deleted before."""
    who = student(dice)
    return ('INSERT INTO students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender, "updatedAt") '
            "VALUES (%s, %s, 'Ada', 'Quill', '2014-03-02', '5', 'FEMALE', now()) "
            'ON CONFLICT (id) DO UPDATE SET "firstName" = excluded."firstName" || %s', (who, f"N{who[1:]}", f"u{dice.getrandbits(20)}"), [who])


def remove_student(dice):
    """Returns a statement that deletes a student, and by foreign keys the rows that refer to it."""
    who = student(dice)
    return "DELETE FROM students WHERE id = %s", (who,), [who]


def change_in_pieces(dice):
    who = student(dice)
    return "SELECT hunt.change_in_pieces(%s, %s)", (who, dice.choice([3, 100])), [who]


def invalidate(dice):
    who = student(dice)
    return "SELECT wc_invalidate(%s::text)", (who,), [who]


CHANGES = {add_record: 24, remove_records: 14, correct_record: 10, move_record: 8, rename_student: 12, rename_students: 6, add_allergy: 8,
           change_allergy: 8, remove_allergies: 5, upsert_student: 5, remove_student: 1, change_in_pieces: 2, invalidate: 1}


def any_change(dice):
    return dice.choices(list(CHANGES), CHANGES.values())[0](dice)
