"""The installed objects do not depend on the settings of the database, which its owner can change for everybody."""

import pytest

from school import School

SETTINGS = {
    "search_path": "pg_temp, public, pg_catalog", "standard_conforming_strings": "off", "escape_string_warning": "off", "transform_null_equals": "on",
    "array_nulls": "off", "quote_all_identifiers": "on", "DateStyle": "German", "IntervalStyle": "sql_standard", "TimeZone": "Pacific/Apia",
    "bytea_output": "escape", "extra_float_digits": "-5", "check_function_bodies": "off", "row_security": "off", "xmloption": "document",
    "default_text_search_config": "simple", "default_transaction_isolation": "serializable", "default_transaction_deferrable": "on",
    "default_toast_compression": "pglz", "backslash_quote": "on", "lo_compat_privileges": "on", "from_collapse_limit": "1", "join_collapse_limit": "1",
    "plan_cache_mode": "force_generic_plan", "synchronize_seqscans": "off", "client_encoding": "LATIN1", "lc_numeric": "C", "work_mem": "64kB",
}

# Everything that CREATE EXTENSION made, with all that can be said of it.
INSTALLED = """
    SELECT pg_describe_object(d.classid, d.objid, 0), obj_description(d.objid, d.classid::regclass::name),
           (SELECT to_jsonb(p) - '{oid,proargtypes,prolang,pronamespace,proowner,prorettype,proallargtypes,proargdefaults,prosqlbody,proacl}'::text[]
                   || jsonb_build_object('body', pg_get_function_sqlbody(p.oid), 'arguments', pg_get_function_arguments(p.oid),
                                         'result', pg_get_function_result(p.oid))
            FROM pg_proc AS p WHERE d.classid = 'pg_proc'::regclass AND p.oid = d.objid),
           (SELECT jsonb_agg(jsonb_build_array(a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attcollation::regcollation,
                                               pg_get_expr(f.adbin, f.adrelid)) ORDER BY a.attnum)
            FROM pg_attribute AS a LEFT JOIN pg_attrdef AS f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
            WHERE d.classid = 'pg_class'::regclass AND a.attrelid = d.objid),
           (SELECT jsonb_agg(pg_get_constraintdef(c.oid) ORDER BY c.conname) FROM pg_constraint AS c WHERE d.classid = 'pg_class'::regclass AND c.conrelid = d.objid),
           (SELECT jsonb_agg(pg_get_triggerdef(t.oid) || t.tgenabled::text ORDER BY t.tgname) FROM pg_trigger AS t
            WHERE d.classid = 'pg_class'::regclass AND t.tgrelid = d.objid),
           (SELECT jsonb_build_array(e.evtevent, e.evtenabled, e.evttags) FROM pg_event_trigger AS e WHERE d.classid = 'pg_event_trigger'::regclass AND e.oid = d.objid)
    FROM pg_depend AS d JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
    WHERE e.extname = 'white_cross' AND d.deptype = 'e' ORDER BY 1"""


def differences(one, other):
    for a, b in zip(one[1:], other[1:]):
        if isinstance(a, dict):
            yield from ((one[0], key, a[key], b[key]) for key in a if a[key] != b[key])
        elif a != b:
            yield one[0], a, b


def reset(connection):
    connection.execute("SET client_encoding = UTF8; SET search_path = pg_catalog, pg_temp")
    for name in SETTINGS.keys() - {"client_encoding", "search_path"}:
        connection.execute(f"SELECT set_config('{name}', boot_val, false) FROM pg_settings WHERE name = '{name.lower()}' OR name = '{name}'")


@pytest.fixture
def odd(cluster, empty_database):
    with cluster.connect() as connection:
        for name, value in SETTINGS.items():
            connection.execute(f"""ALTER DATABASE "{empty_database}" SET {name} = {value if name == "search_path" else f"'{value}'"}""")
    school = School(cluster, empty_database)
    with school.connection:
        yield school


def test_the_same_is_installed_whatever_the_settings(odd, cluster, request):
    usual = f"{odd.database}_usual"
    cluster.create_database(usual)
    request.addfinalizer(lambda: cluster.drop_database(usual))
    odd.sql("CREATE EXTENSION white_cross SCHEMA public")
    with cluster.connect(usual) as connection:
        connection.execute("CREATE EXTENSION white_cross SCHEMA public")
        for each in connection, odd.connection:
            reset(each)
        as_usual, as_odd = connection.execute(INSTALLED).fetchall(), odd.connection.execute(INSTALLED).fetchall()
    assert len(as_usual) > 150
    assert [a[0] for a in as_usual] == [b[0] for b in as_odd]
    assert [difference for a, b in zip(as_usual, as_odd) for difference in differences(a, b)] == []


def test_it_works_under_these_settings(odd):
    odd.sql("CREATE EXTENSION white_cross SCHEMA public")
    odd.sql("SELECT public.wc_create_tables('public')")
    # Names with underscores are made from the others by a pattern with a backslash.
    odd.sql("""ALTER TABLE public.students RENAME "firstName" TO first_name; ALTER TABLE public.health_records RENAME "studentId" TO student_id""")
    odd.sql("SELECT public.wc_attach('public')")
    assert odd.one("SELECT columns ->> 'firstName' FROM white_cross.binding WHERE entity = 'students'") == "first_name"
    odd.sql("""INSERT INTO public.students (id, "studentNumber", first_name, "lastName", "dateOfBirth", grade, gender)
               VALUES ('s', '1', 'Ada', 'Quill', '2015-03-02', '5', 'MALE')""")
    assert odd.one("SELECT public.wc_health_summary('s'::text)")["student"]["dateOfBirth"] == "2015-03-02T00:00:00.000Z"
    assert {row[0] for row in odd.rows("SELECT * FROM public.wc_diagnose() WHERE status <> 'ok'")} == set()
    odd.sql("ALTER TABLE public.allergies DISABLE TRIGGER white_cross_change")
    for _, _, _, remedy in odd.rows("SELECT * FROM public.wc_diagnose() WHERE status <> 'ok'"):
        odd.psql(remedy)
    assert odd.rows("SELECT * FROM public.wc_diagnose() WHERE status <> 'ok'") == []
