"""A remedy that guesses is worse than none: each attached table and column is broken in each way, what wc_diagnose offers is
pasted, and either everything says what it said before, or nothing was offered for it."""

import psycopg
import pytest

from school import School

pytestmark = pytest.mark.thorough

READS = (
    """SELECT wc_health_summary('s1', ARRAY['chronicConditions', 'growth', 'trends'])""",
    "SELECT wc_student_records('s1')", "SELECT wc_student_allergies('s1')", "SELECT wc_student_conditions('s1')",
    "SELECT wc_search_health_records('checkup')", "SELECT wc_search_health_records('Quill')",
    "SELECT json_agg(e) FROM wc_export_health_history('s1') AS e",
    "SELECT wc_growth_chart('s1')",
)
TABLES = ("students", "health_records", "allergies", "chronic_conditions")

# Of one column: {c} of {t}, {type} its type.  Those that leave it where it is, under another name only, are mended.
RENAMINGS = {
    "renamed": "ALTER TABLE {t} RENAME {c} TO renamed",
    "renamed beside others": "ALTER TABLE {t} ADD other {type}, ADD another {type}; ALTER TABLE {t} RENAME {c} TO renamed",
    "renamed, with its table": "ALTER TABLE {t} RENAME {c} TO renamed; ALTER TABLE {t} RENAME TO renamed; CREATE TABLE other () INHERITS (renamed)",
}
DESTRUCTIONS = {
    "dropped beside others": "ALTER TABLE {t} ADD internal_note {type}, ADD other text DEFAULT 'secret'; UPDATE {t} SET internal_note = {c}; ALTER TABLE {t} DROP {c} CASCADE",
    "dropped, and its name given to another": "ALTER TABLE {t} ADD other {type}; ALTER TABLE {t} DROP {c} CASCADE; ALTER TABLE {t} RENAME other TO {c}",
    "of another type": "ALTER TABLE {t} DROP {c} CASCADE, ADD {c} bytea",
    "replaced": "ALTER TABLE {t} RENAME {c} TO replaced; ALTER TABLE {t} ADD {c} {type}",
}
# Of a table: {t}.
TABLE_RENAMINGS = {
    "renamed": "ALTER TABLE {t} RENAME TO renamed",
    "renamed, with a child": "CREATE TABLE child () INHERITS ({t}); ALTER TABLE {t} RENAME TO renamed",
    "renamed below a view of the name": "ALTER TABLE {t} RENAME TO renamed; CREATE VIEW {t} AS SELECT * FROM renamed",
    "renamed beside its like": "CREATE TABLE other (LIKE {t} INCLUDING ALL); ALTER TABLE {t} RENAME TO renamed",
    "renamed beside a child that left": "CREATE TABLE child () INHERITS ({t}); ALTER TABLE child NO INHERIT {t}; ALTER TABLE {t} RENAME TO renamed",
}
TABLE_DESTRUCTIONS = {
    "dropped": "DROP TABLE {t} CASCADE",
    "dropped beside its like": "CREATE TABLE other (LIKE {t} INCLUDING ALL); DROP TABLE {t} CASCADE",
    "dropped, and its child is left": "CREATE TABLE child () INHERITS ({t}); ALTER TABLE child NO INHERIT {t}; DROP TABLE {t} CASCADE",
    "replaced": "ALTER TABLE {t} RENAME TO replaced; CREATE TABLE {t} (LIKE replaced INCLUDING ALL)",
    "replaced by one that lacks a column": "ALTER TABLE {t} RENAME TO replaced; CREATE TABLE {t} (LIKE replaced INCLUDING ALL); ALTER TABLE {t} DROP id CASCADE",
    "renamed, and lacks a column": "ALTER TABLE {t} RENAME TO renamed; ALTER TABLE renamed DROP id CASCADE",
    "with a column renamed and another dropped": "ALTER TABLE {t} RENAME id TO renamed; ALTER TABLE {t} DROP {other} CASCADE",
    "replaced by a child": "CREATE TABLE child () INHERITS ({t}); ALTER TABLE {t} RENAME TO replaced; ALTER TABLE child RENAME TO {t}",
    "moved away": "CREATE SCHEMA other; ALTER TABLE {t} SET SCHEMA other",
}


@pytest.fixture(scope="module")
def broken(cluster):
    """A school with rows in all tables; what is broken in it is rolled back."""
    name = "remedies"
    cluster.create_database(name)
    school = School(cluster, name)
    school.attach()
    school.add_student("s1", gender="FEMALE")
    school.add_record("s1", vital='{"height": 140, "weight": 35}', provider="Dr. Who", notes="none", attachments=["x"])
    school.add_record("s1", type="VACCINATION")
    school.add_allergy("s1", reaction="Hives", treatment="Salve", verifiedBy="nurse", verifiedAt="2025-01-01")
    school.add_condition("s1", notes="n", carePlan="c", medications=["m"], restrictions=["r"], triggers=["t"], severity="MILD")
    with school.connection:
        yield Broken(school)
    with cluster.connect() as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def without_others(value):
    """An export has all columns that there are, some under their own names, and its time."""
    if isinstance(value, dict):
        return {key: without_others(part) for key, part in value.items() if key not in ("exportDate", "other", "another", "isActive", "renamed")}
    return [without_others(part) for part in value] if isinstance(value, list) else value


class Broken:
    def __init__(self, school):
        self.school = school
        self.before = self.read_all()

    def read_all(self):
        return {read: self._read(read) for read in READS}

    def _read(self, read):
        try:
            with self.school.connection.transaction():
                return without_others(self.school.one(read))
        except psycopg.Error as error:
            return error.sqlstate

    def troubles(self):
        return self.school.rows("""SELECT "check", detail, remedy FROM wc_diagnose()
                                   WHERE status <> 'ok' AND "check" IN ('binding', 'triggers', 'event triggers')""")

    def outcome(self, breakage):
        """What came of the breakage and the remedies: untouched (nobody can tell that it is broken), mended, left as it was; or what
        is wrong with them."""
        with self.school.connection.transaction(force_rollback=True):
            self.school.sql(breakage)
            damaged = self.read_all()
            found = self.troubles()
            remedies = [remedy for _, _, remedy in found if remedy]
            if any("wc_detach" in remedy for remedy in remedies):
                return f"a remedy that detaches: {remedies}"
            for remedy in remedies:
                try:
                    self.school.sql(remedy)
                except psycopg.Error as error:
                    return f"a remedy that fails: {remedy}: {error}"
            after = self.read_all()
            if after == self.before:
                return "mended" if remedies else "untouched"
            if any(check == "binding" and remedy for check, _, remedy in found):
                return f"a remedy that does not mend: {remedies}"
            if after != damaged:
                return f"remedies that change what is read: {remedies}"
            return "left" if any(check == "binding" for check, _, _ in found) else "unseen"


def breakages(broken, table, kinds):
    columns = broken.school.rows("""
        SELECT c.key || ' ' || c.value, quote_ident(c.value), format_type(a.atttypid, a.atttypmod)
        FROM white_cross.binding AS b CROSS JOIN jsonb_each_text(b.columns) AS c
        JOIN pg_attribute AS a ON a.attrelid = to_regclass(b.table_name) AND a.attname = c.value WHERE b.entity = %s""", table)
    return {(name, column): script.format(t=table, c=quoted, type=type)
            for column, quoted, type in columns for name, script in kinds.items()}


@pytest.mark.parametrize("table", TABLES)
def test_a_column_that_is_renamed_is_found_again(broken, table):
    outcomes = {what: broken.outcome(script) for what, script in breakages(broken, table, RENAMINGS).items()}
    assert len(outcomes) >= 3 * 7 and {what: outcome for what, outcome in outcomes.items() if outcome != "mended"} == {}


@pytest.mark.parametrize("table", TABLES)
def test_a_dropped_column_has_no_remedy(broken, table):
    outcomes = {what: broken.outcome(script) for what, script in breakages(broken, table, DESTRUCTIONS).items()}
    # A column that took the place of one that was dropped is what the application reads by that name too.
    fine = {what for what, outcome in outcomes.items() if outcome in ("left", "untouched")
            or (outcome == "unseen" and what[0] == "dropped, and its name given to another")}
    assert len(outcomes) >= 4 * 7 and {what: outcome for what, outcome in outcomes.items() if what not in fine} == {}


@pytest.mark.parametrize("table", TABLES)
def test_tables(broken, table):
    outcomes = {name: broken.outcome(script.format(t=table, other='"studentNumber"' if table == "students" else '"createdAt"')) for name, script in (TABLE_RENAMINGS | TABLE_DESTRUCTIONS).items()}
    expected = {name: "mended" for name in TABLE_RENAMINGS} | {name: "left" for name in TABLE_DESTRUCTIONS}
    assert outcomes == expected


def test_all_tables_moved_to_a_schema_of_another_name(broken):
    outcome = broken.outcome("CREATE SCHEMA app; " + "; ".join(f"ALTER TABLE {table} SET SCHEMA app" for table in TABLES))
    assert outcome == "left"


def test_nothing_is_remembered_of_before_a_restore(cluster, broken):
    """A dump carries names only.  The numbers of the database that it is restored into are written down anew: they prove as much."""
    dump = cluster.program("pg_dump", database="remedies")
    cluster.create_database("remedies_restored")
    try:
        cluster.psql(dump, "remedies_restored")
        school = School(cluster, "remedies_restored")
        with school.connection:
            assert school.rows("SELECT entity, attribute FROM white_cross.bound_column") == broken.school.rows(
                "SELECT entity, attribute FROM white_cross.bound_column")
            assert Broken(school).outcome("ALTER TABLE allergies RENAME reaction TO renamed") == "mended"
    finally:
        with cluster.connect() as connection:
            connection.execute("DROP DATABASE remedies_restored WITH (FORCE)")
