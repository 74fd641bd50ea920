"""Nothing that a role without privileges plants is ever called as anybody else.

The attacker owns the application's schemas, tables and enums, and may make objects in every other schema that can be in a path.
A superuser installs the extension, attaches tables with ids of each type, calls everything, alters tables, asks the doctor and
updates: with the usual path, and with one that has the attacker's schemas first and the server's last, in which every name
without a schema is the attacker's.
"""

import shutil

import psycopg
import pytest
from psycopg import errors

import traps
from calls import VALUES, functions, literal, statements
from servers import Cluster
from traps import ATTACKER, MARK

PATHS = {"usual": "public, ext", "hostile": "{app}, ext, public, pg_catalog"}
IDS = {"text": "s1", "character varying": "s1", "uuid": "00000000-0000-0000-0000-000000000001", "bigint": "5000000000"}
APPS = {type: "app_" + type.split()[0] for type in IDS}
# Calls of a person who knows that others may have functions in that schema: each argument is there, and of the exact type.
ATTACH = "SELECT * FROM ext.wc_attach('{app}'::pg_catalog.name, NULL::pg_catalog.jsonb, true)"
CHILDREN = "health_records", "allergies", "chronic_conditions"
ENUMS = "Gender", "AllergySeverity", "HealthRecordType"

# Called by others of ours with what those look up, or each at its time in another test.
APART = {"index_statement", "create_triggers", "enable_triggers", "switch_bmi_trigger", "missing_columns", "resolve",
         "wc_attach", "wc_detach", "wc_create_tables"}


class Trapped:
    def __init__(self, cluster):
        self.cluster = cluster
        self.connection = cluster.connect("trapped")
        self.attacker = cluster.connect("trapped", ATTACKER)
        self.planted = {}
        self._attached = None
        self._seen = 0

    def sql(self, statement):
        return self.connection.execute(statement)

    def sprung(self):
        """The traps that were sprung since somebody asked."""
        marks = [line.split(MARK, 1)[1] for line in self.cluster.log.read_text().splitlines() if MARK in line]
        marks, self._seen = marks[self._seen:], len(marks)
        return sorted(set(marks))

    def use(self, path, type="text", connection=None):
        (connection or self.connection).execute("SELECT pg_catalog.set_config('search_path', %s, false)",
                                                [PATHS[path].format(app=APPS[type])])

    def plant(self, schema, **options):
        counts = traps.plant(self.attacker, schema, **options)
        for kind, count in counts.items():
            self.planted[kind] = self.planted.get(kind, 0) + count

    def attach(self, type):
        if self._attached != APPS[type]:
            if self._attached:
                self.sql(f"SELECT * FROM ext.wc_detach('{self._attached}'::pg_catalog.name)")
            self.sql(ATTACH.format(app=APPS[type]))
            self._attached = APPS[type]


def path_line():
    """Returns the line that sets the path, with which the install script and every update script begin."""
    lines = (traps.ROOT / "sql/install/head.sql").read_text().splitlines()
    return next((line for line in lines if "search_path" in line and not line.startswith("--")), "")


def write_updates(stage, clean):
    """Writes update scripts with functions whose bodies are parsed, and with statements that are put together."""
    clean.execute("SET search_path = pg_catalog")
    update = "DO $$ BEGIN EXECUTE format('COMMENT ON SCHEMA white_cross IS ''%s''', 'updated'::text); END $$;\n"
    update += "".join(clean.execute("SELECT pg_get_functiondef(%s::oid)", [f.oid]).fetchone()[0] + ";\n"
                     for f in functions(clean) if f.language == "sql")
    folder = next(stage.rglob("white_cross.control")).parent
    version = clean.execute("SELECT extversion FROM pg_extension WHERE extname = 'white_cross'").fetchone()[0]
    (folder / f"white_cross--{version}--{version}.1.sql").write_text(f"{path_line()}\n{update}")
    (folder / f"white_cross--{version}.1--{version}.2.sql").write_text(update)
    return f"{version}.1", f"{version}.2"


def make_tables(trapped, type):
    """Makes tables like wc_create_tables, with ids of another type, and then the attacker's tables."""
    app = APPS[type]
    trapped.use("hostile", type)
    trapped.sql(f"SELECT * FROM ext.wc_create_tables('{app}'::pg_catalog.name, true)")
    trapped.sql("SET search_path = pg_catalog")
    for table in CHILDREN:
        trapped.sql(f'ALTER TABLE {app}.{table} DROP CONSTRAINT "{table}_studentId_fkey"')
        trapped.sql(f'ALTER TABLE {app}.{table} ALTER "studentId" TYPE {type} USING "studentId"::{type}')
    trapped.sql(f"ALTER TABLE {app}.students ALTER id TYPE {type} USING id::{type}")
    for table in ("students", *CHILDREN):
        trapped.sql(f"ALTER TABLE {app}.{table} OWNER TO {ATTACKER}")
    for enum in ENUMS:
        trapped.sql(f'ALTER TYPE {app}."{enum}" OWNER TO {ATTACKER}')
    trapped.plant(app, enums=[f'{app}."{enum}"' for enum in ENUMS], casts=True)


def add_rows(trapped, type):
    app, id = APPS[type], IDS[type]
    trapped.sql(f"""INSERT INTO {app}.students (id, "studentNumber", "firstName", "lastName", "dateOfBirth", grade, gender)
                    VALUES ('{id}', 'N-1', 'Ada', 'Quill', '2015-03-02', '5', 'FEMALE')""")
    for n, (kind, vital) in enumerate((("CHECKUP", '{"height": 130, "weight": 30}'), ("VACCINATION", None),
                                       ("CHECKUP", '{"height": 131, "weight": 31}'), ("ILLNESS", '{"temperature": 39}'))):
        trapped.connection.execute(f"""INSERT INTO {app}.health_records (id, type, date, description, vital, provider, notes, "studentId")
                                       VALUES (%s, %s, '2025-01-01', 'a fever, sore throat', %s, 'Nurse', 'rest', %s)""",
                                   [f"r{n}", kind, vital, id])
    trapped.sql(f"""INSERT INTO {app}.allergies (id, allergen, severity, "studentId") VALUES ('a1', 'Milk', 'MILD', '{id}')""")
    trapped.sql(f"""INSERT INTO {app}.chronic_conditions (id, condition, "diagnosedDate", "studentId")
                    VALUES ('c1', 'Asthma', '2022-01-01', '{id}')""")


@pytest.fixture(scope="module")
def trapped(ground):
    stage = ground.folder / "trapped-stage"
    shutil.copytree(ground.stage, stage)
    with Cluster(ground, "trapped", stage=stage) as cluster:
        for database in "clean", "trapped":
            cluster.create_database(database)
        with cluster.connect() as connection:
            connection.execute(f"CREATE ROLE {ATTACKER} LOGIN; CREATE ROLE wc_role")
        with cluster.connect("clean") as clean:
            clean.execute("CREATE SCHEMA ext; CREATE EXTENSION white_cross SCHEMA ext")
            ours = [(f.name, f.types, f.result) for f in functions(clean) if f.schema == "ext" and "internal" not in f.types]
            updates = write_updates(stage, clean)
        trapped = Trapped(cluster)
        trapped.updates = updates
        trapped.sql(f"GRANT CREATE ON SCHEMA public TO {ATTACKER}; CREATE SCHEMA ext; GRANT ALL ON SCHEMA ext TO {ATTACKER}")
        for app in APPS.values():
            trapped.sql(f"CREATE SCHEMA {app} AUTHORIZATION {ATTACKER}")
        trapped.plant("public")
        trapped.plant("ext", ours=ours)
        trapped.plant("app_text")
        trapped.use("hostile")
        trapped.sql("CREATE EXTENSION white_cross SCHEMA ext")
        for type in IDS:
            make_tables(trapped, type)
        trapped.use("hostile")
        trapped.sql("SELECT white_cross.register_worker('first')")
        trapped.sql("""INSERT INTO white_cross.growth_reference VALUES ('own', 'height', 'male', 24, 1, 86, 0.04),
                       ('own', 'height', 'male', 240, 1, 176, 0.04)""")
        yield trapped


def test_installing_springs_no_trap(trapped):
    assert trapped.sprung() == []
    assert all(trapped.planted[kind] > 100 for kind in ("functions", "operators", "types", "relations", "overloads"))
    assert trapped.planted["casts"] == 2 * 2 * len(ENUMS) * len(IDS)


@pytest.mark.parametrize("type", IDS)
@pytest.mark.parametrize("path", PATHS)
def test_no_function_springs_a_trap(trapped, type, path):
    trapped.use(path, type)
    trapped.attach(type)
    app, id = APPS[type], IDS[type]
    if trapped.sql(f"SELECT pg_catalog.count(*) FROM {app}.students").fetchone()[0] == 0:
        add_rows(trapped, type)
    exported = trapped.sql(f"SELECT t.c::pg_catalog.text FROM ext.wc_export_health_history({literal(id, 'text')}) AS t (c)").fetchall()
    known = {"id": id, "app": app, "role": "wc_role", "history": "[" + ",".join(chunk for (chunk,) in exported) + "]"}
    called, failed = set(), {}
    for function in functions(trapped.connection):
        if function.name in APART or "trigger" in function.result or "internal" in function.types:
            continue
        if function.schema != "ext" and not set(function.arguments) <= set(VALUES):
            continue  # called by ours alone
        id_type = function.types[0].removesuffix("[]") if function.arguments[:1] in (["student_id"], ["student_ids"], ["ids"]) else "text"
        if id_type not in ("text", type):
            continue
        for direct in "on", "off":
            trapped.sql(f"SET white_cross.direct_reads = {direct}")
            for statement in statements(function, **known):
                try:
                    trapped.sql(statement)
                    called.add(function.name)
                except psycopg.Error as error:
                    failed[statement] = str(error)
    assert trapped.sprung() == []
    assert {statement: error for statement, error in failed.items() if "ambiguous" in error or "not unique" in error} == {}
    assert {f.name for f in functions(trapped.connection) if f.schema == "ext"} - called - APART == set(), failed


@pytest.mark.parametrize("path", PATHS)
def test_ddl_and_wc_diagnose_spring_no_trap(trapped, path):
    trapped.use(path)
    trapped.attach("text")
    broken = (
        ("ALTER TABLE app_text.allergies RENAME TO elsewhere", "ALTER TABLE app_text.elsewhere RENAME TO allergies"),
        ("ALTER TABLE app_text.allergies RENAME reaction TO response", "ALTER TABLE app_text.allergies RENAME response TO reaction"),
        ("ALTER TABLE app_text.allergies DISABLE TRIGGER white_cross_change",
         "ALTER TABLE app_text.allergies ENABLE ALWAYS TRIGGER white_cross_change"),
        ("ALTER EVENT TRIGGER white_cross_ddl DISABLE", "ALTER EVENT TRIGGER white_cross_ddl ENABLE ALWAYS"),
        ("DROP TRIGGER white_cross_truncate ON app_text.students", ATTACH.format(app="app_text")),
        ('ALTER TYPE app_text."Gender" RENAME VALUE \'OTHER\' TO \'DIVERSE\'', 'ALTER TYPE app_text."Gender" RENAME VALUE \'DIVERSE\' TO \'OTHER\''),
        ("ALTER TABLE app_text.students ADD COLUMN more pg_catalog.text", "ALTER TABLE app_text.students DROP COLUMN more"),
        ("ALTER TABLE app_text.students ENABLE ROW LEVEL SECURITY", "ALTER TABLE app_text.students DISABLE ROW LEVEL SECURITY"),
        ("CREATE TABLE app_text.part (LIKE app_text.students) PARTITION BY LIST (grade)", "DROP TABLE app_text.part"),
        ("CREATE TABLE app_text.taken AS SELECT 1 AS one", "DROP TABLE app_text.taken"),
        ("TRUNCATE app_text.chronic_conditions", "SELECT 1"),
        ("ALTER SCHEMA ext RENAME TO other", "ALTER SCHEMA other RENAME TO ext"),
    )
    for index in trapped.sql("SELECT pg_catalog.format('app_text.%I', i.indexname) FROM pg_catalog.pg_indexes AS i "
                             "WHERE i.schemaname OPERATOR(pg_catalog.=) 'app_text' AND i.indexname OPERATOR(pg_catalog.~~) 'idx%'").fetchall():
        trapped.sql(f"DROP INDEX {index[0]}")
    for change, back in broken:
        for statement in change, "SELECT * FROM {ext}.wc_diagnose()", back, "SELECT * FROM {ext}.wc_diagnose()":
            ext = trapped.sql("SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname OPERATOR(pg_catalog.=) ANY ('{ext,other}'::pg_catalog.name[])")
            trapped.sql(statement.format(ext=ext.fetchone()[0]))
    # The indexes are made by whoever pastes the statements, under a path of their own.
    missing = trapped.sql("SELECT * FROM ext.wc_index_statements('app_text'::pg_catalog.name, false)").fetchall()
    assert len(missing) == 8
    for (statement,) in missing:
        trapped.sql(statement)
    made = trapped.sql("SELECT * FROM ext.wc_row_functions('app_text'::pg_catalog.name, ''::pg_catalog.text, false)").fetchall()
    assert len(made) == 11
    for (statement,) in made:
        trapped.sql(statement)
    trapped.sql("SELECT app_text.health_summary(s), app_text.student_records(s), v.summary FROM app_text.students AS s CROSS JOIN app_text.student_summaries AS v")
    trapped.sql("DROP VIEW app_text.student_summaries")
    for form in in_catalog(trapped, "SELECT form FROM white_cross.row_forms()"):
        trapped.sql(f"DROP FUNCTION app_text.{form}")
    trapped.use(path)
    trapped.sql("UPDATE app_text.health_records SET notes = 'a rest'")
    assert trapped.sprung() == []


def test_what_runs_as_the_owner_springs_no_trap(trapped):
    """The attacker's temporary schema is before the server's, unless a path says otherwise."""
    trapped.attach("text")
    trapped.sql(f"GRANT CREATE ON DATABASE trapped TO {ATTACKER}; GRANT EXECUTE ON FUNCTION ext.wc_diagnose() TO {ATTACKER}; SELECT * FROM ext.wc_grant_worker('{ATTACKER}'::pg_catalog.regrole)")
    trapped.plant("pg_temp")
    trapped.attacker.execute("SET search_path = pg_temp, app_text, ext, public, pg_catalog")
    for statement in ("CREATE TABLE app_text.mine (id pg_catalog.text)", "ALTER TABLE app_text.mine ADD COLUMN more pg_catalog.text",
                      "ALTER TABLE app_text.students ADD COLUMN more pg_catalog.text", "DROP TABLE app_text.mine",
                      "ALTER TABLE app_text.students DROP COLUMN more", 'ALTER TYPE app_text."Gender" ADD VALUE \'NEW\'',
                      "UPDATE app_text.students SET grade = '6'", "TRUNCATE app_text.chronic_conditions",
                      "CREATE TEMPORARY TABLE brief AS SELECT 1 AS one", "SELECT * FROM ext.wc_diagnose()",
                      "SELECT * FROM ext.wc_index_statements('app_text'::pg_catalog.name, false)",
                      "SELECT * FROM ext.wc_row_functions('app_text'::pg_catalog.name, ''::pg_catalog.text, false)", "SELECT * FROM ext.wc_detach('app_text'::pg_catalog.name)",
                      ATTACH.format(app="app_text"), "SELECT * FROM ext.wc_grant_worker('wc_role'::pg_catalog.regrole)",
                      "SELECT * FROM ext.wc_detach('app_text'::pg_catalog.name)", "CREATE SCHEMA made",
                      "SELECT * FROM ext.wc_create_tables('made'::pg_catalog.name, true)", ATTACH.format(app="made"),
                      "SELECT * FROM ext.wc_detach('made'::pg_catalog.name)", ATTACH.format(app="app_text")):
        trapped.attacker.execute(statement)
    names = {"register_worker", "report_worker", "distrust_cache", "serve_redis", "served_shards", "serve_shards", "unregister_worker",
             "serve_target", "vouch_target", "distrust_target", "forget_rows", "restamp_rows", "release_rows", "report_target", "take_set_aside_of", "set_aside_for"}
    of_the_worker = [f for f in functions(trapped.connection) if f.schema == "white_cross" and f.name in names]
    assert len(of_the_worker) == len(names)
    for statement in [statement for function in of_the_worker for statement in statements(function)]:
        trapped.attacker.execute(statement)
    assert trapped.sprung() == []


@pytest.mark.parametrize("table", ["students", *CHILDREN])
@pytest.mark.parametrize("direct", ["on", "off"])
def test_a_view_in_the_place_of_a_table_is_not_read(trapped, table, direct):
    trapped.use("usual")
    trapped.attach("text")
    trapped.attacker.execute("SET search_path = pg_catalog, pg_temp")
    trapped.attacker.execute(f"ALTER TABLE app_text.{table} RENAME TO real; "
                             f'CREATE VIEW app_text.{table} AS SELECT * FROM app_text.real WHERE app_text."catalog"()')
    trapped.sql(f"SET white_cross.direct_reads = {direct}")
    refused = set()
    try:
        for function in functions(trapped.connection):
            if function.arguments[:1] not in (["student_id"], ["student_ids"], ["ids"], ["query"], ["grade"]) or function.types[0].rstrip("[]") != "text":
                continue
            for statement in statements(function, id="s1", app="app_text"):
                try:
                    trapped.sql(statement)
                except errors.WrongObjectType:
                    refused.add(function.name)
                except psycopg.Error as error:
                    assert MARK not in str(error)
    finally:
        trapped.attacker.execute(f"DROP VIEW app_text.{table}; ALTER TABLE app_text.real RENAME TO {table}")
    assert trapped.sprung() == []
    assert refused


# What ours consists of: the members of the extension, and what belongs to them, such as defaults, constraints and triggers.
DEPENDENCIES = """
WITH RECURSIVE ours (classid, objid) AS (
    SELECT d.classid, d.objid FROM pg_depend AS d JOIN pg_extension AS e ON d.refobjid = e.oid
    WHERE d.refclassid = 'pg_extension'::regclass AND e.extname = 'white_cross' AND d.deptype = 'e'
    UNION
    SELECT d.classid, d.objid FROM ours JOIN pg_depend AS d ON d.refclassid = ours.classid AND d.refobjid = ours.objid
    WHERE d.deptype IN ('a', 'i', 'P', 'S')
)
SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' depends on ' || pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
FROM ours JOIN pg_depend AS d ON d.classid = ours.classid AND d.objid = ours.objid
WHERE d.refobjid >= 16384 AND NOT EXISTS (SELECT FROM ours AS o WHERE o.classid = d.refclassid AND o.objid = d.refobjid)
  AND NOT (d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'white_cross'))
  AND NOT (d.refclassid = 'pg_namespace'::regclass AND d.refobjid = (SELECT extnamespace FROM pg_extension WHERE extname = 'white_cross'))"""


def in_catalog(trapped, query):
    trapped.sql("SET search_path = pg_catalog")
    return [row[0] for row in trapped.sql(query).fetchall()]


def test_an_update_springs_no_trap_and_adopts_no_objects_of_others(trapped):
    trapped.use("hostile")
    careful, careless = trapped.updates
    trapped.sql(f"ALTER EXTENSION white_cross UPDATE TO '{careful}'")
    trapped.sql("SELECT * FROM ext.wc_diagnose()")
    assert trapped.sprung() == []
    assert in_catalog(trapped, DEPENDENCIES) == []
    # The traps would have been sprung, and what refers to them found.
    trapped.use("hostile")
    with pytest.raises(psycopg.Error, match=MARK):
        trapped.sql(f"ALTER EXTENSION white_cross UPDATE TO '{careless}'")
    assert trapped.sprung() != []


@pytest.mark.parametrize("body", ["SELECT 'text'::regtype = 'name'::regtype", "SELECT format('a'::text, 'b'::text) IS NULL"])
def test_objects_of_others_in_our_function_bodies_are_found(trapped, body):
    trapped.sql("SET search_path = ext, pg_temp")
    with trapped.connection.transaction(force_rollback=True):
        trapped.sql(f"CREATE FUNCTION white_cross.careless() RETURNS boolean LANGUAGE sql BEGIN ATOMIC {body}; END")
        trapped.sql("ALTER EXTENSION white_cross ADD FUNCTION white_cross.careless()")
        ((found),) = in_catalog(trapped, DEPENDENCIES)
    assert found.startswith("function white_cross.careless() depends on")


def test_all_of_ours_is_in_our_schemas(trapped):
    assert in_catalog(trapped, """
        SELECT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend AS d
        JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'white_cross'
        CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) AS o
        WHERE d.deptype = 'e' AND o.schema IS NOT NULL AND o.schema NOT IN ('white_cross', 'ext')""") == []


def test_every_function_that_is_parsed_when_it_runs_brings_its_path(trapped):
    careless = [f"{f.schema}.{f.name}" for f in functions(trapped.connection)
                if f.language in ("sql", "plpgsql") and not f.is_parsed and "search_path=pg_catalog, pg_temp" not in f.settings]
    assert careless == []
    definers = in_catalog(trapped, """
        SELECT p.oid::regprocedure::text FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE n.nspname IN ('white_cross', 'ext') AND pg_get_userbyid(p.proowner) <> 'mallory' AND p.prosecdef
          AND 'search_path=pg_catalog, pg_temp' <> ALL (coalesce(p.proconfig, '{}'))""")
    assert definers == []


@pytest.mark.parametrize("path, statement", [
    ("usual", "SELECT format('a'::text, 'b'::text)"),
    ("usual", "SELECT 'text'::regtype = 'name'::regtype"),
    ("usual", "SELECT ext.wc_health_summary('s1'::varchar, '{}'::text[])"),
    ("usual", """SELECT gender::text FROM app_text.students"""),
    ("hostile", "SELECT 1 + 1"),
    ("hostile", "SELECT 'a'::text"),
    ("hostile", "SELECT lower('A')"),
    ("hostile", "SELECT * FROM pg_class"),
    ("hostile", "SELECT count(1)"),
])
def test_careless_calls_spring_the_traps(trapped, path, statement):
    trapped.use(path)
    if trapped.sql("SELECT pg_catalog.count(*) FROM app_text.students").fetchone()[0] == 0:
        add_rows(trapped, "text")
    with pytest.raises(psycopg.Error, match=MARK):
        trapped.sql(statement)
    assert trapped.sprung() != []
