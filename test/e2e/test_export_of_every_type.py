"""An export can be imported as the same row, for every type of column and for different settings of the two sessions."""

import itertools
import subprocess

import psycopg
import pytest
from psycopg import errors

from school import School
from servers import Cluster
from awkward import parsed
from exported_history import exported, import_, undated
from type_samples import FOR_GOOD, MOOD, SAMPLES, literal

# Each style with each order of day and month; the others go round, so that each meets each.
STYLES = [f"{style}, {order}" for style, order in itertools.product(("ISO", "SQL", "Postgres", "German"), ("MDY", "DMY", "YMD"))]
OTHERS = {
    "IntervalStyle": ["sql_standard", "iso_8601", "postgres_verbose", "postgres"],
    "TimeZone": ["UTC", "Asia/Kathmandu", "America/St_Johns", "<-13>13", "Europe/Berlin"],
    "extra_float_digits": ["-15", "0", "3", "1"],
    "bytea_output": ["escape", "hex"],
    "xmloption": ["document", "content"],
    "search_path": ["public", "pg_catalog", "pg_catalog, public", "''"],
    "white_cross.direct_reads": ["on", "off"],
}


def settings():
    """name → value, one dict after another, without end."""
    for n in itertools.count():
        yield {"DateStyle": STYLES[n % len(STYLES)]} | {
            name: values[(n + n // len(values)) % len(values)] for name, values in OTHERS.items()}


def set_all(school, chosen):
    for name, value in chosen.items():
        quoted = value if name == "search_path" else f"'{value}'"
        school.sql(f"SET {name} = {quoted}")


def current(school, chosen):
    return {name: school.one("SELECT current_setting(%s)", name) for name in chosen}


class Column:
    """A column to fill: one value, or NULL, for each row."""

    def __init__(self, name, type, base, values):
        self.name, self.type, self.base, self.values = name, type, base, values


def cast(type, sample):
    return f"CAST({literal(sample)} AS {type})"


def columns(school, form):
    """A column for each type, in one of the forms in which a table can have it."""
    rangeable = {name for name, in school.rows(
        "SELECT t.typname FROM pg_opclass o JOIN pg_am a ON a.oid = opcmethod AND amname = 'btree' JOIN pg_type t ON t.oid = opcintype WHERE opcdefault")}
    for n, (name, samples) in enumerate(SAMPLES.items()):
        type = f'"{name}"' if name == "char" else name
        if name == "interval" and school.connection.info.server_version >= 170000:
            samples = samples + ["infinity", "-infinity"]
        some = [cast(type, sample) for sample in samples]
        first, last, every = some[0], some[-1], ", ".join(some)

        def column(of_type, *values):
            return Column(f"{form} {name}", of_type, name, list(values))
        if form == "value":
            yield column(type, *some)
        elif form == "array":
            yield column(f"{type}[]", f"ARRAY[{every}, NULL]::{type}[]", f"ARRAY[]::{type}[]", f"ARRAY[NULL]::{type}[]", f"ARRAY[{last}]::{type}[]")
        elif form == "matrix":
            yield column(f"{type}[]", f"ARRAY[[{first}, NULL], [{last}, {first}]]::{type}[]", f"ARRAY[[[{last}]], [[NULL]]]::{type}[]")
        elif form == "bounds":
            yield column(f"{type}[]", f"array_fill({last}, '{{2}}', '{{0}}')", f"array_fill({first}, '{{1,2}}', '{{1,-3}}')")
        elif form in ("domain", "domains"):
            domain = f"d{n}"
            if form == "domain":
                school.sql(f"CREATE DOMAIN {domain} AS {type}")
                yield column(domain, *some)
            else:
                yield column(f"{domain}[]", f"ARRAY[{every}, NULL]::{domain}[]")
        elif form in ("row", "rows"):
            if form == "row":
                school.sql(f'CREATE TYPE t{n} AS ("a b" {type}, b {type}[])')
            row = f"ROW({first}, ARRAY[{every}, NULL]::{type}[])::t{n}"
            yield column(*((f"t{n}", row, f"ROW(NULL, NULL)::t{n}") if form == "row" else (f"t{n}[]", f"ARRAY[{row}, NULL]")))
        elif name in rangeable and form in ("range", "multirange"):
            if form == "range":
                school.sql(f"CREATE TYPE r{n} AS RANGE (subtype = {type}, multirange_type_name = m{n})")
                yield column(f"r{n}", f"r{n}({first}, NULL)", f"r{n}(NULL, {last})", "'empty'", f"r{n}({first}, {first}, '[]')")
            else:
                yield column(f"m{n}", f"m{n}(r{n}({last}, NULL))", "'{}'")


FORMS = ["value", "array", "matrix", "bounds", "domain", "domains", "row", "rows", "range", "multirange"]


def keep(school, table, columns):
    """A row for each of the values; the last has none."""
    for n in range(max(len(column.values) for column in columns) + 1):
        values = [column.values[n % len(column.values)] if n < 1 or len(column.values) > n else "NULL" for column in columns]
        if n == max(len(column.values) for column in columns):
            values = ["NULL"] * len(columns)
        names = ", ".join(f'"{column.name}"' for column in columns)
        school.sql(f"INSERT INTO {table} (id, type, date, description, \"updatedAt\", \"studentId\", {names}) "
                   f"VALUES ('r{n}', 'CHECKUP', '2025-01-01', 'd', '2025-01-01', 's', {', '.join(values)})")
    school.sql(f"DROP TABLE IF EXISTS kept; CREATE TABLE kept AS TABLE {table}")


def differences(school, table):
    """Columns of which not every row is as it was: by the bytes that the types send, and by text where they send none."""
    names, ways = [], []
    for name, in school.rows("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped", table):
        way = '{}."{}"::text' if "aclitem" in name else 'record_send(ROW({}."{}"))'
        names.append(name)
        ways.append(f"count(*) FILTER (WHERE {way.format('kept', name)} IS DISTINCT FROM {way.format('t', name)})")
    counts, = school.rows(f"SELECT {', '.join(ways)} FROM kept FULL JOIN {table} AS t USING (id)")
    return [name for name, count in zip(names, counts) if count]


@pytest.fixture(scope="module")
def types(cluster):
    """A school whose records get columns of every type."""
    cluster.create_database("every_type")
    school = School(cluster, "every_type")
    school.sql("CREATE EXTENSION white_cross")
    school.sql(MOOD)
    school.sql("SELECT wc_create_tables('public')")
    school.sql("SELECT wc_attach('public')")
    school.add_student("s")
    with school.connection:
        yield school
    with cluster.connect() as connection:
        connection.execute("DROP DATABASE every_type WITH (FORCE)")


def test_samples_are_of_all_types(types):
    """A type that a new PostgreSQL brings fails here until it has its samples."""
    known = {name for name, in types.rows("SELECT typname FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace "
                                          "AND typtype IN ('b', 'r', 'm') AND typname !~ '^_'")}
    assert known - set(SAMPLES) - set(FOR_GOOD) == set()


def test_every_type_comes_back(types):
    """Every form of export gives the same text under every setting. An import under other settings gives the same rows."""
    rounds, all_wrong = settings(), {}
    for form in FORMS:
        filled = list(columns(types, form))
        types.sql("ALTER TABLE health_records " + ", ".join(f'ADD COLUMN "{column.name}" {column.type}' for column in filled))
        keep(types, "health_records", filled)
        texts = {}
        for chosen in itertools.islice(rounds, len(STYLES)):
            set_all(types, chosen)
            before = current(types, chosen)
            for way in "", "_ndjson", "_csv":
                lines = [line for line, in types.rows(f"SELECT public.wc_export_health_history{way}('s'::text)::text")]
                texts.setdefault(way, lines)
                assert undated(lines) == undated(texts[way]), (form, chosen)
            assert current(types, chosen) == before
        for way, on_conflict in ("", "error"), ("_ndjson", "update"):
            chosen = next(rounds)
            set_all(types, chosen)
            before = current(types, chosen)
            types.sql("SET search_path = public")
            if on_conflict == "error":
                types.sql("DELETE FROM public.students")
            else:
                names = ", ".join(f'"{column.name}" = NULL' for column in filled)
                types.sql(f"UPDATE public.health_records SET {names}")
            set_all(types, chosen)
            types.one("SELECT public.wc_import_health_history(%s::json, %s)", f"[{','.join(texts[way])}]", on_conflict)
            assert current(types, chosen) == before
            types.sql("RESET ALL")
            wrong = differences(types, "health_records")
            if wrong:
                all_wrong[form, on_conflict] = wrong
        types.sql("DELETE FROM health_records")
        types.sql("ALTER TABLE health_records " + ", ".join(f'DROP COLUMN "{column.name}"' for column in filled))
    assert all_wrong == {}


def test_money_comes_back(ground, monkeypatch):
    """Money of a country that writes 1.234,56, and of one whose money has no fractions, in every type that can contain it."""
    locales = ground.folder_for("locales")
    for name in "de_DE", "ja_JP":
        subprocess.run(["localedef", "-i", name, "-f", "UTF-8", locales / f"{name}.utf8"], check=True)
    monkeypatch.setenv("LOCPATH", str(locales))
    with Cluster(ground, "money-pg") as cluster:
        cluster.create_database("money")
        school = School(cluster, "money")
        with school.connection:
            school.attach()
            school.add_student("s")
            school.sql("CREATE DOMAIN price AS money; CREATE TYPE bill AS (total money); CREATE TYPE prices AS RANGE (subtype = money, multirange_type_name = prices_multirange)")
            for n in range(4):
                school.add_record("s", f"r{n}")
            # Each alone: one of them is enough for the others of its row.
            for type, value in {"money": "m", "money[]": "ARRAY[m, NULL]", "price": "m", "bill": "ROW(m)", "prices": "prices(m, NULL)",
                                "prices_multirange": "prices_multirange(prices(m, NULL))"}.items():
                school.sql(f"ALTER TABLE health_records ADD COLUMN x {type}")
                for n, cents in enumerate([0, -123456, 9223372036854775807, -9223372036854775808]):
                    school.sql(f"UPDATE health_records SET x = {value} FROM (SELECT (%s::numeric / 100)::money AS m) q WHERE id = %s", cents, f"r{n}")
                school.sql("DROP TABLE IF EXISTS kept; CREATE TABLE kept AS TABLE health_records")
                exports = {}
                for locale in "C", "de_DE.utf8", "ja_JP.utf8":
                    school.sql(f"SET lc_monetary = '{locale}'")
                    exports[locale] = [undated(exported(school, "s", form)) for form in ("", "_ndjson")]
                    chunks = exported(school, "s")
                assert "-$1,234.56" not in school.one("SELECT x::text FROM health_records WHERE id = 'r1'")
                assert exports["C"] == exports["de_DE.utf8"] == exports["ja_JP.utf8"], type
                for locale in "C", "de_DE.utf8", "ja_JP.utf8":
                    school.sql(f"SET lc_monetary = '{locale}'")
                    school.sql("DELETE FROM health_records")
                    import_(school, chunks, "update")
                    assert differences(school, "health_records") == [], type
                school.sql("RESET lc_monetary; ALTER TABLE health_records DROP COLUMN x")


def test_values_that_no_import_can_read_are_not_exported(types):
    """Some types have texts that PostgreSQL cannot read, and some texts name objects that do not exist. The export reports an
    error for them."""
    types.sql("""CREATE TYPE branch AS (n integer, tree pg_node_tree);
        ALTER TABLE health_records ADD COLUMN tree pg_node_tree, ADD COLUMN trees branch[], ADD COLUMN counts pg_ndistinct,
        ADD COLUMN links pg_dependencies, ADD COLUMN function regproc, ADD COLUMN words gtsvector""")
    types.add_record("s", "r")
    types.sql("CREATE STATISTICS statistics ON id, type, date FROM health_records")
    types.sql("INSERT INTO health_records SELECT (jsonb_populate_record(r, jsonb_build_object('id', n))).* FROM health_records r, generate_series(1, 50) n; "
              "ANALYZE health_records; DELETE FROM health_records WHERE id <> 'r'")
    for type in FOR_GOOD:
        with pytest.raises(errors.FeatureNotSupported):
            types.sql(f"SELECT CAST('' AS {type})")
    export = "SELECT wc_export_health_history('s'::text)"
    assert len(types.rows(export)) == 5  # NULLs go
    for column, value, error in (
            ("tree", "(SELECT adbin FROM pg_attrdef LIMIT 1)", errors.FeatureNotSupported),
            ("trees", "ARRAY[ROW(1, (SELECT adbin FROM pg_attrdef LIMIT 1))::branch]", errors.FeatureNotSupported),
            ("counts", "(SELECT stxdndistinct FROM pg_statistic_ext_data LIMIT 1)", errors.FeatureNotSupported),
            ("links", "(SELECT stxddependencies FROM pg_statistic_ext_data LIMIT 1)", errors.FeatureNotSupported),
            ("function", "(SELECT oid FROM pg_proc WHERE proname = 'upper' LIMIT 1)", errors.AmbiguousFunction)):
        types.sql(f"UPDATE health_records SET {column} = {value}")
        with pytest.raises(error, match=f'"{column}"' if column != "function" else "upper"):
            types.rows(export)
        types.sql(f"UPDATE health_records SET {column} = NULL")


BOUND = """
CREATE TYPE severity AS ENUM ('MILD', 'SEVERE');
CREATE TABLE students (id {id} PRIMARY KEY, student_number {text}, first_name {text}, last_name {text}, date_of_birth {time}, gender {label}, grade {text}, is_active boolean);
CREATE TABLE health_records (id {id} PRIMARY KEY, student_id {id} REFERENCES students ON DELETE CASCADE, type {label}, date {time}, description {text},
    vital jsonb, provider {text}, notes {text}, attachments {list}, created_at {time}, updated_at {time});
CREATE TABLE allergies (id {id} PRIMARY KEY, student_id {id} REFERENCES students ON DELETE CASCADE, allergen {text}, severity {label}, reaction {text},
    treatment {text}, verified boolean, verified_by {text}, verified_at {time}, created_at {time}, updated_at {time});
CREATE TABLE chronic_conditions (id {id} PRIMARY KEY, student_id {id} REFERENCES students ON DELETE CASCADE, condition {text}, diagnosed_date {time},
    status {label}, severity {label}, notes {text}, care_plan {text}, medications {list}, restrictions {list}, triggers {list}, diagnosed_by {text},
    last_review_date {time}, next_review_date {time}, created_at {time}, updated_at {time});
"""
KINDS = {
    "id": ["text", "varchar", "uuid", "bigint", "integer", "char(12)"],
    "text": ["text", "varchar"], "label": ["severity", "text", "varchar"],
    "time": ["date", "timestamp", "timestamptz"], "list": ["text[]", "varchar[]"],
}
LISTS = ["{}", '{a,NULL,"NULL",""}', '{{a,NULL},{"b \\" c","{}"}}', "[0:1]={a,b}", "{{{a}},{{b}}}", "[-1:0][2:2]={{a},{b}}"]


def test_every_bound_type_comes_back(cluster, empty_database):
    """Each attribute as each type that wc_attach takes."""
    school = School(cluster, empty_database)
    school.sql("CREATE EXTENSION white_cross")
    school.sql("CREATE SCHEMA catalog")
    rounds = settings()
    with school.connection:
        fitting = {kind: {type for type, in school.rows(
            "SELECT format_type(oid, NULL) FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace AND white_cross.fits(oid, %s)", kind)} for kind in KINDS}
        names = {"char(12)": "character", "varchar": "character varying", "timestamp": "timestamp without time zone", "timestamptz": "timestamp with time zone",
                 "varchar[]": "character varying[]"}
        assert fitting == {kind: {names.get(type, type) for type in types if type != "severity"} for kind, types in KINDS.items()}
        for n in range(max(map(len, KINDS.values()))):
            chosen_types = {kind: types[n % len(types)] for kind, types in KINDS.items()}
            school.sql(BOUND.format(**chosen_types))
            school.sql("SELECT wc_attach('public')")
            tables = ["students", "health_records", "allergies", "chronic_conditions"]
            samples = {"id": ["1"], "json": SAMPLES["jsonb"], "boolean": ["t", "f"], "list": LISTS,
                       "label": ["MILD", "SEVERE"], "text": SAMPLES["text"], "time": SAMPLES[chosen_types["time"]]}
            for table in tables:
                attributes = school.rows("SELECT kind, columns ->> attribute FROM white_cross.attributes() JOIN white_cross.binding USING (entity) "
                                         "WHERE entity = %s AND columns ? attribute", table)
                # The last row has nothing but its id.
                for row in range(1, 10 if table != "students" else 2):
                    values = {}
                    for at, (kind, column) in enumerate(attributes):
                        values[column] = None if row == 9 else samples.get(kind, ["1"])[(row + at) % len(samples.get(kind, ["1"]))]
                    id = "00000000-0000-0000-0000-00000000000{}" if chosen_types["id"] == "uuid" else "{}"
                    values["id"] = id.format(row)
                    if table != "students":
                        values["student_id"] = id.format(1)
                    school.insert(table, values)
            student = school.one("SELECT id::text FROM students")
            # The times of the student, too.
            for birth in samples["time"]:
                school.sql("UPDATE students SET date_of_birth = %s", birth)
                for table in tables:
                    school.sql(f"DROP TABLE IF EXISTS catalog.{table}; CREATE TABLE catalog.{table} AS TABLE {table}")
                set_all(school, next(rounds))
                exports = [exported(school, student, form) for form in ("", "_ndjson")]
                chosen = next(rounds)
                set_all(school, chosen)
                assert [undated(exported(school, student, form)) for form in ("", "_ndjson")] == [undated(export) for export in exports]
                for export in exports:
                    school.sql("DELETE FROM public.students")
                    import_(school, export)
                    for table in tables:
                        assert school.rows(f"SELECT k.id::text, k::text, t::text FROM catalog.{table} AS k FULL JOIN public.{table} AS t USING (id) "
                                           "WHERE record_send(k) IS DISTINCT FROM record_send(t)") == []
                import_(school, exports[0], "update")
                school.sql("RESET ALL")
            for table in reversed(tables):
                school.sql(f"DROP TABLE {table} CASCADE")
            school.sql("DROP TYPE severity CASCADE")


def test_columns_that_postgresql_fills(school):
    """Identity and generated columns, bound or not: they come back, and `update` says what it cannot change."""
    # Since 18 a column may be made when it is read, and then no tuple holds it.
    kind = "VIRTUAL" if school.connection.info.server_version >= 180000 else "STORED"
    school.sql(f"""ALTER TABLE health_records ADD COLUMN always integer GENERATED ALWAYS AS IDENTITY, ADD COLUMN given bigint GENERATED BY DEFAULT AS IDENTITY,
        ADD COLUMN words integer GENERATED ALWAYS AS (length(description)) STORED, DROP COLUMN notes, DROP COLUMN provider,
        ADD COLUMN notes text GENERATED ALWAYS AS (upper(description)) {kind}, ADD COLUMN provider text""")
    school.sql("ALTER TABLE allergies DROP COLUMN \"studentId\", ADD COLUMN owner text, "
              "ADD COLUMN \"studentId\" text GENERATED ALWAYS AS (lower(owner)) STORED REFERENCES students, DROP COLUMN reaction, ADD COLUMN reaction text")
    school.sql("SELECT wc_attach('public')")
    school.add_student("s")
    school.sql("INSERT INTO allergies (id, allergen, severity, owner, \"updatedAt\") VALUES ('a', 'Milk', 'MILD', 'S', now())")
    for n in range(3):
        school.add_record("s", f"r{n}", description=f"words {n}")
    row = "SELECT id, always, given, words, notes, description FROM health_records ORDER BY id"
    allergy = "SELECT id, owner, \"studentId\" FROM allergies"
    before = school.rows(row), school.rows(allergy)
    for form in "", "_ndjson":
        chunks = exported(school, "s", form)
        assert all(f'"notes":"WORDS {n}"' in "".join(chunks) for n in range(3))
        school.sql("DELETE FROM allergies; DELETE FROM health_records; DELETE FROM students")
        import_(school, chunks)
        assert (school.rows(row), school.rows(allergy)) == before
        school.sql("UPDATE health_records SET description = 'other', given = 77")
        assert import_(school, chunks, "update")["records"] == {"inserted": 0, "updated": 3, "skipped": 0}
        assert (school.rows(row), school.rows(allergy)) == before
        school.sql("DELETE FROM health_records WHERE id = 'r1'")
        school.add_record("s", "r1", description="other")
        with pytest.raises(errors.GeneratedAlways, match='row 2, field "always"' if not form else 'field "always"'):
            import_(school, chunks, "update")
        assert import_(school, chunks, "skip")["records"] == {"inserted": 0, "updated": 0, "skipped": 3}
        assert school.one("SELECT description FROM health_records WHERE id = 'r1'") == "other"
        school.sql("DELETE FROM health_records WHERE id = 'r1'")
        import_(school, chunks, "update")
        assert (school.rows(row), school.rows(allergy)) == before


def test_the_application_keeps_its_settings(school):
    """Settings are pinned only while functions of types run. Policies, defaults and triggers run with the application's settings,
    and an error restores all settings."""
    chosen = {"DateStyle": "German, DMY", "TimeZone": "Asia/Kathmandu", "search_path": "public", "IntervalStyle": "iso_8601", "lc_monetary": "C"}
    school.sql("""ALTER TABLE health_records ADD COLUMN days daterange DEFAULT '[2025-02-03,2025-03-02)', ADD COLUMN function regproc,
        ADD COLUMN price money DEFAULT '1.50', ADD COLUMN seen text DEFAULT current_setting('DateStyle') || current_setting('TimeZone')""")
    school.sql("""CREATE TABLE seen (settings text);
        CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO public.seen VALUES (concat_ws(';', current_setting('DateStyle'), current_setting('TimeZone'), current_setting('search_path'),
                                            current_setting('IntervalStyle'), date '2025-02-03')); RETURN NEW; END $$;
        CREATE TRIGGER look BEFORE INSERT OR UPDATE ON health_records FOR EACH ROW EXECUTE FUNCTION look();
        CREATE ROLE wc_test_owner; ALTER TABLE health_records ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY, OWNER TO wc_test_owner;
        CREATE POLICY p ON health_records USING (date '2025-02-03'::text = '03.02.2025' AND current_setting('TimeZone') = 'Asia/Kathmandu');
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO wc_test_owner;
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO wc_test_owner""")
    set_all(school, chosen)
    school.add_student("s")
    for n in range(3):
        school.add_record("s", f"r{n}")
    school.sql("SET ROLE wc_test_owner")
    before, rows = current(school, chosen), school.rows("SELECT h::text FROM health_records h ORDER BY id")
    assert len(rows) == 3
    for form in "", "_ndjson":
        chunks = exported(school, "s", form)
        assert sum('"days":"[2025-02-03,2025-03-02)"' in chunk for chunk in chunks) == (3 if form else 1)
        school.sql("DELETE FROM health_records")
        import_(school, chunks, "update")
        assert school.rows("SELECT h::text FROM health_records h ORDER BY id") == rows
        assert school.rows("SELECT DISTINCT settings FROM seen") == [("German, DMY;Asia/Kathmandu;public;iso_8601;03.02.2025",)]
        with pytest.raises(psycopg.DataError, match='field "days"'):
            import_(school, [chunk.replace("[2025-02-03", "[x") for chunk in chunks], "update")
        assert current(school, chosen) == before
    school.sql("UPDATE health_records SET function = (SELECT oid FROM pg_proc WHERE proname = 'upper' LIMIT 1) WHERE id = 'r1'")
    # Also where the error is caught, and where the export is left.
    school.sql("""DO $$ BEGIN PERFORM wc_export_health_history('s'::text); RAISE EXCEPTION 'no error'; EXCEPTION WHEN ambiguous_function THEN NULL; END $$""")
    assert current(school, chosen) == before
    with pytest.raises(errors.AmbiguousFunction):
        exported(school, "s")
    school.rows("SELECT wc_export_health_history_ndjson('s'::text) LIMIT 2")
    assert current(school, chosen) == before
    # A filter that would be silent is an error for who asked that.
    school.sql("ALTER TABLE health_records NO FORCE ROW LEVEL SECURITY; RESET ROLE; CREATE ROLE wc_test_bystander; "
               "GRANT SELECT ON ALL TABLES IN SCHEMA public TO wc_test_bystander; SET ROLE wc_test_bystander; SET row_security = off")
    with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
        exported(school, "s")
    school.sql("RESET ROLE; DROP OWNED BY wc_test_owner, wc_test_bystander CASCADE; DROP ROLE wc_test_owner, wc_test_bystander")


def test_both_nulls_of_json(school):
    """SQL's and JSON's, in a bound column and in others; a name that the application took is left to it."""
    school.sql("ALTER TABLE health_records ADD COLUMN a jsonb NOT NULL DEFAULT 'null', ADD COLUMN b json, ADD COLUMN \"$jsonNulls\" jsonb")
    school.add_student("s")
    values = ["null", "[null]", None]
    for n, (vital, a, taken) in enumerate(itertools.product(values, values[:2], values)):
        school.add_record("s", f"r{n}", vital=vital, a=a, **{"$jsonNulls": taken, "b": vital})
    school.sql("CREATE TABLE kept AS TABLE health_records")
    chunks = exported(school, "s")
    rows = [dict(row) for chunk in map(dict, map(parsed, chunks)) if chunk["type"] == "records" for row in chunk["records"]]
    rows.sort(key=lambda row: row["id"])
    assert rows[0]["vital"] is None and rows[0]["$jsonNulls_"] == ["vital", "a", "$jsonNulls"] and sum("$jsonNulls_" in row for row in rows) == 14
    school.sql("DELETE FROM health_records")
    import_(school, chunks, "update")
    assert differences(school, "health_records") == []
    for names in "7", '"vital"', '["id"]', '["nothing"]', '["b"]', "[null]":
        with pytest.raises(psycopg.Error, match=r"\$jsonNulls_"):
            import_(school, [chunk.replace('["vital","a","$jsonNulls"]', names) for chunk in chunks], "update")


def test_lists_that_are_none(school):
    student = school.add_student()
    school.add_record(student, attachments="{{a,b},{c,NULL}}")
    chunks = exported(school, student)
    assert '"attachments":[["a","b"],["c",null]]' in chunks[1]
    page = school.one("SELECT wc_student_records(%s::text)", student)
    assert page["records"][0]["attachments"] == [["a", "b"], ["c", None]]
    for list in ('["a",["b"]]', '[["a"],"b"]', '[["a"],["b","c"]]', '[["a","b"],["c"]]', "[[]]", "[[],[]]", '[["a"],null]', '[[[[[[["a"]]]]]]]', '"{a"',
                 '[["a"],[["b"]]]', '{}', '[[1]]', '"[0:1]={a"'):
        with pytest.raises(psycopg.DataError if list != '[[[[[[["a"]]]]]]]' else errors.ProgramLimitExceeded, match='field "attachments"'):
            import_(school, [chunk.replace('[["a","b"],["c",null]]', list) for chunk in chunks], "update")


def test_days_beyond_those_of_timestamps(cluster, empty_database):
    """Summary, lists and pages show such days as JavaScript writes them, and infinity as null."""
    school = School(cluster, empty_database)
    with school.connection:
        school.sql(BOUND.format(id="text", text="text", label="text", time="date", list="text[]"))
        school.sql("CREATE EXTENSION white_cross")
        school.sql("SELECT wc_attach('public')")
        for day, shown in {"5874897-12-31": "+5874897-12-31", "294277-01-01": "+294277-01-01", "10000-01-01": "+010000-01-01", "0001-01-01": "0001-01-01",
                           "0001-12-31 BC": "0000-12-31", "0044-03-15 BC": "-000043-03-15", "4714-11-24 BC": "-004713-11-24",
                           "infinity": None, "-infinity": None}.items():
            school.sql("DELETE FROM students")
            school.insert("students", {"id": "s", "date_of_birth": day})
            school.insert("health_records", {"id": "r", "student_id": "s", "date": day, "type": "VACCINATION", "vital": '{"height": 140}', "description": "d"})
            for reads in "on", "off":
                school.sql(f"SET white_cross.direct_reads = {reads}")
                wanted = shown and shown + "T00:00:00.000Z"
                summary = school.summary("s")
                page = school.one("SELECT wc_student_records('s'::text)")
                assert [summary["student"]["dateOfBirth"], summary["recentVaccinations"][0]["date"], page["records"][0]["date"]] == [wanted] * 3
                # A trend is over times, and no time is so late: the measurement is left out, and not put on some other day.
                is_time = day not in ("5874897-12-31", "294277-01-01", "infinity", "-infinity")
                assert (school.one("SELECT wc_vital_trend('s'::text, 'height')") is not None) == is_time
                assert [point["date"] for point in school.one("SELECT wc_growth_chart('s'::text)")] == [wanted]
                assert school.one("SELECT wc_health_summary('s'::text, '{growth,trends}')")["trends"].keys() == ({"height"} if is_time else set())
