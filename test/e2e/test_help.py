"""What a person reads in a terminal of 100 columns: wc_help, the rows of wc_attach, and the cure of a renamed column."""

import re

import pytest
from psycopg import errors

WIDTH = 100


def shown(school, query):
    """The lines as psql prints them at a terminal."""
    return school.cluster.program("psql", "-X", "-q", "-c", query, database=school.database).splitlines()


def test_help_has_every_function_once(school):
    """Each has a subject, and words that do not come cut from its comment."""
    names = [name for name, in school.rows("""
        SELECT DISTINCT p.proname FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
        WHERE p.pronamespace = 'public'::regnamespace ORDER BY 1""")]
    assert len(names) > 60
    found = school.rows("SELECT subject, function, purpose FROM wc_help()")
    assert sorted(function for _, function, _ in found) == names
    assert all(subject != "other" and purpose for subject, _, purpose in found)
    subjects = [subject for subject, _, _ in found]
    assert len(set(subjects)) == len([1 for a, b in zip(subjects, [None, *subjects]) if a != b]), "a subject stands together"
    assert max(map(len, shown(school, "SELECT * FROM wc_help()"))) <= WIDTH


def test_help_shows_what_the_caller_may_call(school):
    school.sql("CREATE ROLE wc_help_reader")
    try:
        with school.connection.transaction(force_rollback=True):
            school.sql("SET LOCAL ROLE wc_help_reader")
            may = {name for name, in school.rows("SELECT function FROM wc_help()")}
        assert {"wc_health_summary", "wc_help"} < may and not may & {"wc_diagnose", "wc_invalidate_all", "wc_import_health_history"}
    finally:
        school.sql("DROP ROLE wc_help_reader")


def test_help_shows_a_function_without_words(school):
    """One that a later version adds and nobody has described here."""
    school.sql("CREATE FUNCTION wc_new() RETURNS int LANGUAGE sql RETURN 1")
    school.sql("COMMENT ON FUNCTION wc_new() IS 'Returns one. And no more.'")
    school.sql("ALTER EXTENSION white_cross ADD FUNCTION wc_new()")
    assert school.rows("SELECT subject, purpose FROM wc_help() WHERE function = 'wc_new'") == [("other", "Returns one")]


def test_attach_prints_a_short_table(school):
    lines = [line for line in shown(school, "SELECT * FROM wc_attach('public')") if line]
    assert max(map(len, lines)) <= WIDTH and len(lines) == 2 + 4 + 1
    assert school.rows("SELECT * FROM wc_attach('public')") == [
        ("students", "students", 8, None), ("health_records", "health_records", 11, None),
        ("allergies", "allergies", 11, None), ("chronic_conditions", "chronic_conditions", 16, None)]


@pytest.mark.parametrize("other", ["given", "first_name"])
def test_the_cure_of_a_renamed_column_says_only_the_difference(school, other):
    """Also where another column has had its own name all along: that one is still named, and nothing else."""
    kept = {"lastName": "family"}
    school.sql('ALTER TABLE students RENAME "lastName" TO family')
    school.sql("""SELECT wc_attach('public', '{"students": {"columns": {"lastName": "family"}}}')""")
    school.insert("students", {"id": "s", "studentNumber": "1", "firstName": "Ada", "family": "Quill", "dateOfBirth": "2014-03-02", "grade": "5", "gender": "FEMALE"})
    before = school.summary("s")
    school.sql(f'ALTER TABLE students RENAME "firstName" TO {other}')
    with pytest.raises(errors.UndefinedColumn) as refused:
        school.summary("s")
    assert "wc_diagnose" in refused.value.diag.message_hint and len(refused.value.diag.message_hint) < 200
    ((detail, remedy),) = school.rows("""SELECT detail, remedy FROM wc_diagnose() WHERE "check" = 'binding'""")
    assert other in detail
    names = dict(kept, firstName=other) if other == "given" else kept
    assert dict(re.findall(r'"(\w+)": "(\w+)"', remedy)) == names and len(remedy) < 150
    school.sql(remedy)
    assert school.summary("s") == before
    assert school.rows("SELECT other_names FROM wc_attach('public') WHERE entity = 'students'") == [(names,)]
