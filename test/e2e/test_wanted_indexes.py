"""Indexes are known by what they are: each wanted index in every variant, under its own name and another, and what is proposed then."""

import re

import pytest

from school import attached_school

# The wanted indexes: the table; columns with DESC, or the expression of a GIN index; included columns.
WANTED = {
    "idx_health_records_student_date_type": ("health_records", ['"studentId"', "date DESC", '"createdAt" DESC', "id"], ["type"]),
    "idx_health_records_student_date": ("health_records", ['"studentId"', "date DESC"], []),
    "idx_health_records_student_type": ("health_records", ['"studentId"', "type"], []),
    "idx_allergies_student_severity": ("allergies", ['"studentId"', "severity DESC"], []),
    "idx_chronic_conditions_student_status": ("chronic_conditions", ['"studentId"', "status"], []),
    "idx_health_records_date": ("health_records", ["date DESC", '"createdAt" DESC', "id"], []),
}
DOCUMENT = "to_tsvector('{}', COALESCE({}, '') || ' ' || COALESCE({}, '') || ' ' || COALESCE({}, ''))"
NAMES = "(COALESCE({}, '') || ' ' || COALESCE({}, '') || ' ' || COALESCE({}, '')) {}"
# Of GIN indexes: the definition, and whether it serves.
GIN = {
    "idx_health_records_vital_gin": ("health_records", {
        "as wanted": ("(vital)", True), "named class": ("(vital jsonb_ops)", True), "slow updates": ("(vital) WITH (fastupdate = off)", True),
        "another class": ("(vital jsonb_path_ops)", False), "another column": ("(attachments)", False), "a second column": ("(vital, attachments)", False),
        "partial": ("(vital) WHERE type = 'DENTAL'", False), "an expression": ("((vital -> 'a'))", False)}),
    "idx_health_records_search": ("health_records", {
        "as wanted": (f"({DOCUMENT.format('english', 'description', 'notes', 'provider')})", True),
        "in other words": (f"({DOCUMENT.format('pg_catalog.english', 'description', 'notes', 'provider').replace('||', 'OPERATOR(pg_catalog.||)')})", True),
        "another language": (f"({DOCUMENT.format('simple', 'description', 'notes', 'provider')})", False),
        "another order": (f"({DOCUMENT.format('english', 'notes', 'description', 'provider')})", False),
        "a column of it": ("(to_tsvector('english', description))", False),
        "partial": (f"({DOCUMENT.format('english', 'description', 'notes', 'provider')}) WHERE notes IS NOT NULL", False)}),
    "idx_students_name": ("students", {
        "as wanted": (f"({NAMES.format('&firstName&', '&lastName&', '&studentNumber&', 'gin_trgm_ops')})", True),
        "another order": (f"({NAMES.format('&lastName&', '&firstName&', '&studentNumber&', 'gin_trgm_ops')})", False),
        "another collation": (f"({NAMES.format('&firstName&', '&lastName&', '&studentNumber&', 'COLLATE &C& gin_trgm_ops')})", False),
        "two columns": ("(&firstName& gin_trgm_ops, &lastName& gin_trgm_ops)", False)}),
}


def flipped(column):
    return column.removesuffix(" DESC") if column.endswith(" DESC") else column + " DESC"


def variants(columns, included):
    """Yields each variant of a B-tree: what it is, whether it is UNIQUE, what stands behind the table's name, and whether it serves."""
    def tree(columns, included=tuple(included), more="", method=""):
        return f"{method}({', '.join(columns)})" + (f" INCLUDE ({', '.join(included)})" if included else "") + more

    yield "as wanted", "", tree(columns), True
    yield "unique", "UNIQUE ", tree(columns), True
    yield "other storage", "", tree(columns, more=" WITH (fillfactor = 70)"), True
    yield "more included", "", tree(columns, [*included, '"updatedAt"']), True
    yield "a column more", "", tree([*columns, '"updatedAt"']), True
    yield "included as a key", "", tree([*columns, *included], ['"updatedAt"']), True
    yield "a class by another name", "", tree(['"studentId" varchar_ops' if c == '"studentId"' else c for c in columns]), True
    yield "first column last", "", tree([*columns[1:], columns[0]]), False
    yield "last column missing", "", tree(columns[:-1]), False
    if included:
        yield "nothing included", "", tree(columns, []), False
    for at, column in enumerate(columns):
        name = column.removesuffix(" DESC")
        with_column = lambda other, at=at: [*columns[:at], other, *columns[at + 1:]]  # noqa: E731
        yield f"{name} from the other end", "", tree(with_column(flipped(column))), False
        yield f"NULLs of {name} at the other end", "", tree(with_column(column + (" NULLS LAST" if column.endswith("DESC") else " NULLS FIRST"))), False
        if name in ('"studentId"', "id", "status"):
            order = " DESC" if column.endswith(" DESC") else ""
            yield f"{name} of another class", "", tree(with_column(f"{name} text_pattern_ops{order}")), False
            yield f"{name} of a class for another type", "", tree(with_column(f"{name} bpchar_ops{order}")), False
            yield f"{name} of another collation", "", tree(with_column(f'{name} COLLATE "C"{order}')), False
        yield f"an expression in the place of {name}", "", tree(with_column("(upper(id))")), False
    yield "partial", "", tree(columns, more=" WHERE id <> ''"), False
    yield "hash", "", f"USING hash ({columns[0].removesuffix(' DESC')})", False


def cases():
    for name, (table, columns, included) in WANTED.items():
        for what, unique, definition, serves in variants(columns, included):
            yield name, table, what, unique, definition, serves
    for name, (table, definitions) in GIN.items():
        for what, (definition, serves) in definitions.items():
            yield name, table, what, "", "USING gin " + definition.replace("&", '"'), serves


CASES = list(cases())

# Pairs of indexes of a table that are the same.
DUPLICATES = """
SELECT a.indexrelid::regclass, b.indexrelid::regclass FROM pg_index AS a JOIN pg_index AS b ON a.indrelid = b.indrelid AND a.indexrelid < b.indexrelid
JOIN pg_class AS c ON c.oid = a.indexrelid JOIN pg_class AS d ON d.oid = b.indexrelid AND d.relam = c.relam
WHERE (a.indkey::text, a.indclass::text, a.indcollation::text, a.indoption::text, a.indnkeyatts, a.indexprs::text, a.indpred::text)
      IS NOT DISTINCT FROM (b.indkey::text, b.indclass::text, b.indcollation::text, b.indoption::text, b.indnkeyatts, b.indexprs::text, b.indpred::text)"""


@pytest.fixture(scope="module")
def tables(cluster):
    school = attached_school(cluster, "variants")
    school.sql("CREATE EXTENSION pg_trgm")
    for statement, in school.rows("SELECT wc_index_statements('public', false)"):
        school.sql(statement)
    with school.connection:
        yield school
    cluster.drop_database("variants")


@pytest.fixture
def undone(tables):
    tables.sql("BEGIN")
    yield tables
    tables.sql("ROLLBACK")


def proposed(school, name):
    """Returns the statements about an index or its stand-in."""
    about = re.compile(rf"\b{name}(_2)?\b(?!_)|\bmine\b")
    return [statement for statement, in school.rows("SELECT wc_index_statements('public', false)") if about.search(statement)]


def say(school):
    """Returns what wc_diagnose says of the indexes."""
    return [detail for status, detail in school.rows("SELECT status, detail FROM white_cross.check_indexes('public')") if status != "ok"]


def replace(school, name, table, unique, definition, called):
    school.sql(f"DROP INDEX {name}")
    if name == "idx_health_records_student_date":  # this one begins with the same columns
        school.sql("DROP INDEX idx_health_records_student_date_type")
        school.sql('CREATE INDEX idx_health_records_student_date_type ON health_records (id)')
    school.sql(f"CREATE {unique}INDEX {called} ON {table} {definition}")


@pytest.mark.parametrize("called", ["its own name", "mine"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_what_is_proposed(undone, case, called):
    name, table, _, unique, definition, serves = case
    replace(undone, name, table, unique, definition, name if called != "mine" else called)
    before = len(undone.rows(DUPLICATES))
    statements = proposed(undone, name)
    if serves:
        assert statements == []
        assert [detail for detail in say(undone) if name + " " in detail] == []
        return
    (statement,) = statements
    new = name if called == "mine" else name + "_2"
    assert statement.startswith(f"CREATE INDEX {new} ON public.{table} ") and statement.endswith(";")
    (detail,) = [detail for detail in say(undone) if name + " " in detail]
    assert ("is missing" if called == "mine" else "has another definition") in detail
    undone.sql(statement)
    assert proposed(undone, name) == []
    assert len(undone.rows(DUPLICATES)) == before, "a duplicate was proposed"


def test_the_matrix_has_all_wanted_indexes(tables):
    assert {name for name, in tables.rows("SELECT index_name FROM white_cross.wanted_indexes('public')")} == {case[0] for case in CASES}
    assert len(CASES) > 100


@pytest.mark.parametrize("called", ["its own name", "mine"])
@pytest.mark.parametrize("name", [*WANTED, *GIN])
def test_an_invalid_index_is_made_anew(undone, name, called):
    table = (WANTED.get(name) or GIN[name])[0]
    definition = undone.one("SELECT definition FROM white_cross.wanted_indexes('public') WHERE index_name = %s", name)
    called = name if called != "mine" else called
    replace(undone, name, table, "", definition, called)
    undone.sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", called)
    assert proposed(undone, name) == [f"REINDEX INDEX public.{called};"]
    assert any(f"index {called} of public.{table} is invalid" in detail for detail in say(undone))
    undone.sql(proposed(undone, name)[0])
    assert proposed(undone, name) == []
    # One that serves is enough.
    undone.sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", called)
    undone.sql(f"CREATE INDEX a_valid_one ON {table} {definition}")
    assert proposed(undone, name) == []


FORMER = {"idx_health_records_student_date_type": '("studentId", date DESC, id) INCLUDE (type)', "idx_health_records_date": "(date DESC, id)"}


@pytest.mark.parametrize("name", FORMER)
def test_one_that_an_older_version_made_is_replaced(undone, name):
    replace(undone, name, "health_records", "", FORMER[name], name)
    undone.sql(f"CREATE INDEX {name}_before ON health_records (notes)")
    statements = [statement for statement, in undone.rows("SELECT wc_index_statements('public', false)") if name in statement]
    assert [statement.split()[0] for statement in statements] == ["ALTER", "CREATE", "DROP"]
    for statement in statements:
        undone.sql(statement)
    assert proposed(undone, name) == []
    assert undone.one("SELECT indnatts FROM pg_index WHERE indexrelid = %s::regclass", f"{name}_before") == 1


@pytest.mark.parametrize("name", FORMER)
@pytest.mark.parametrize("called", ["its own name", "mine"])
@pytest.mark.parametrize("like", ["with a column more", "unique", "invalid"])
def test_what_is_only_like_an_older_version_s_is_left_alone(undone, name, called, like):
    definition = FORMER[name].replace(", id)", ', id, "updatedAt")') if like == "with a column more" else FORMER[name]
    called = name if called != "mine" else called
    replace(undone, name, "health_records", "UNIQUE " if like == "unique" else "", definition, called)
    undone.sql("UPDATE pg_index SET indisvalid = %s WHERE indexrelid = %s::regclass", like != "invalid", called)
    assert [statement.split()[0] for statement in proposed(undone, name)] == ["CREATE"]


def test_an_index_that_is_being_dropped_serves_nobody(undone):
    """As DROP INDEX CONCURRENTLY leaves it while it waits for the last who read by it."""
    undone.sql("UPDATE pg_index SET indisvalid = false, indisready = false, indislive = false WHERE indexrelid = 'idx_allergies_student_severity'::regclass")
    (statement,) = proposed(undone, "idx_allergies_student_severity")
    assert statement.startswith("CREATE INDEX idx_allergies_student_severity_2 ON")


def test_an_index_of_a_partitioned_table_is_made_at_once(undone):
    """PostgreSQL makes none of these concurrently."""
    undone.sql("""CREATE TABLE parts (LIKE allergies) PARTITION BY LIST ("studentId"); CREATE TABLE part PARTITION OF parts DEFAULT;
        DROP TABLE allergies; ALTER TABLE parts RENAME TO allergies; DROP INDEX idx_chronic_conditions_student_status""")
    statements = {" ".join(s.split()[:3]): s for s, in undone.rows("SELECT wc_index_statements('public')")}
    assert statements.keys() == {"CREATE INDEX idx_allergies_student_severity", "CREATE INDEX CONCURRENTLY"}
    undone.sql(statements["CREATE INDEX idx_allergies_student_severity"])
    assert proposed(undone, "idx_allergies_student_severity") == []


def test_a_name_that_something_else_has(undone):
    undone.sql("DROP INDEX idx_allergies_student_severity; CREATE TABLE idx_allergies_student_severity (); "
               "CREATE INDEX idx_allergies_student_severity_2 ON chronic_conditions (id)")
    (statement,) = [s for s, in undone.rows("SELECT wc_index_statements('public', false)")]
    assert statement.startswith("CREATE INDEX idx_allergies_student_severity_3 ON public.allergies ")
    undone.sql(statement)
    assert undone.rows("SELECT wc_index_statements('public')") == []


def test_the_statements_of_a_new_schema_are_piped(tables):
    """By psql into psql, and by \\gexec; then none is left and no two indexes are the same."""
    for n, way in enumerate(("pipe", "gexec")):
        tables.psql(f"CREATE SCHEMA piped_{n}; SELECT wc_create_tables('piped_{n}', false)")
        ask = f"SELECT wc_index_statements('piped_{n}')"
        tables.psql(tables.psql(ask) if way == "pipe" else ask + " \\gexec\n")
        assert tables.psql(ask) == ""
        assert len(tables.rows("SELECT FROM pg_indexes WHERE schemaname = %s AND indexname LIKE 'idx%%'", f"piped_{n}")) == 9
    assert tables.rows(DUPLICATES) == []
