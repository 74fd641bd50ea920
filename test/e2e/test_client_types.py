"""What drivers and ORMs bind and read, with the clients themselves: those that are installed."""

import importlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from psycopg.types.json import Json, Jsonb

from node_client import run_in_node
from school import Cache

FILTERS = {"type": "CHECKUP", "provider": "nurse"}
JDBC = [Path(path) for path in (*os.environ.get("CLASSPATH", "").split(":"), "/usr/share/java/postgresql.jar") if path.endswith(".jar")]


@pytest.fixture
def ada(school):
    school.add_student("ada")
    school.add_student("bob")
    for n in range(5):
        school.add_record("ada", f"r{n}", provider="Nurse Hall", vital='{"height": 130}', date=f"2025-03-{1 + n:02}")
    school.sql("SELECT white_cross.register_worker('w')")
    return school


@pytest.fixture
def page(ada):
    """A page of records as everybody must get it."""
    found = ada.one("SELECT wc_student_records('ada'::text, 2::bigint, 2::bigint, %s::jsonb)", json.dumps(FILTERS))
    assert len(found["records"]) == 2 and found["pagination"]["total"] == 5
    return found


def needs(module, package):
    try:
        return importlib.import_module(module)
    except ImportError:
        pytest.skip(f"{module} is not installed (of Debian: {package})")


@pytest.mark.parametrize("wrap", [Json, Jsonb, json.dumps], ids=["Json", "Jsonb", "str"])
@pytest.mark.parametrize("binary", [False, True])
def test_psycopg(ada, page, wrap, binary):
    for prepare in False, True:
        cursor = ada.connection.cursor(binary=binary)
        cursor.execute("SELECT wc_student_records(%s, %s, %s, %s)", ["ada", 2, 2, wrap(FILTERS)], prepare=prepare)
        assert cursor.fetchall() == [(page,)]
        cursor.execute("SELECT wc_student_records(%s, filters => %s, page => %s, page_size => 2)", ["ada", wrap(FILTERS), 2], prepare=prepare)
        assert cursor.fetchall() == [(page,)]
        cursor.execute("SELECT wc_cache_key(%s, 1, 20, %s), wc_vital_value(%s, 'height'), wc_prewarm(%s)", ["ada", wrap({}), wrap({"height": 130}), ["ada", "bob"]],
                       prepare=prepare)
        assert cursor.fetchall() == [(Cache.key("ada", "records:1:20:{}"), 130.0, 2)]
        assert cursor.execute("SELECT wc_attach('public', %s)", [wrap({})], prepare=prepare).rowcount == 4
        cursor.execute("SELECT wc_import_health_history(%s, 'skip')", [wrap([chunk for chunk, in ada.rows("SELECT wc_export_health_history_jsonb('ada')")])])
        assert cursor.fetchone()[0]["records"] == {"inserted": 0, "updated": 0, "skipped": 5}


NODE = """
  const filters = argument;
  const one = async (text, values) => (await rows(text, values))[0];
  return [
    await one('SELECT wc_student_records($1, $2, $3, $4)', ['ada', 2, 2, filters]),
    await one('SELECT wc_student_records($1, $2, $3, $4)', ['ada', '2', '2', JSON.stringify(filters)]),
    await one('SELECT wc_student_records($1, page => $2, page_size => 2, filters => $3::json)', ['ada', 2, filters]),
    await one('SELECT wc_student_records_jsonb($1, page => $2, page_size => 2, filters => $3)', ['ada', 2, filters]),
    await one('SELECT wc_invalidate($1), wc_prewarm($2), wc_invalidate_all(), wc_vital_value($3, $4)', ['ada', ['ada', 'bob'], { height: 130 }, 'height']),
    await one('SELECT wc_student_records($1, $2, $3, $4)', ['ada', null, null, null]),
  ];
"""


def test_node_postgres(ada, page):
    *pages, counts, (first,) = run_in_node(ada, NODE, FILTERS)
    assert pages == [[page]] * 4 and counts == [1, 2, None, 130]
    assert first["pagination"] == {"page": 1, "limit": 20, "total": 5, "pages": 1}


@pytest.fixture
def engine(ada):
    sqlalchemy = needs("sqlalchemy", "python3-sqlalchemy")
    driver = "psycopg" if int(sqlalchemy.__version__.partition(".")[0]) >= 2 else "psycopg2"
    needs(driver, f"python3-{driver}")
    engine = sqlalchemy.create_engine(ada.cluster.url(ada.database).replace("postgresql://", f"postgresql+{driver}://"))
    yield engine
    engine.dispose()


@pytest.mark.parametrize("type", ["JSON", "JSONB", "String"])
def test_sqlalchemy(ada, page, engine, type):
    import sqlalchemy as sa
    from sqlalchemy.dialects import postgresql
    json_type = getattr(postgresql, type, None) or getattr(sa, type)
    filters = sa.literal(json.dumps(FILTERS) if type == "String" else FILTERS, json_type)
    with engine.begin() as connection:
        def one(*columns):
            return connection.execute(sa.select(*columns)).fetchone()

        for number in sa.BigInteger, sa.Integer, sa.SmallInteger:
            assert one(sa.func.wc_student_records("ada", sa.literal(2, number), sa.literal(2, number), filters, type_=postgresql.JSON))[0] == page
        assert one(sa.func.wc_student_records_jsonb("ada", 2, 2, filters, type_=postgresql.JSONB))[0] == page
        assert tuple(one(sa.func.wc_invalidate("ada"), sa.func.wc_prewarm(sa.cast(["ada", "bob"], postgresql.ARRAY(sa.Text))))) == (1, 2)
        students = sa.table("students", sa.column("id"))
        distinct = sa.select(sa.func.wc_vaccinations_jsonb(students.c.id, type_=postgresql.JSONB)).distinct()
        assert connection.execute(distinct).fetchall() == [([],)]
        assert connection.execute(distinct.union(distinct)).fetchall() == [([],)]


DJANGO = """
import json, sys
import django
from django.conf import settings
from django.db import Error, connection, models
from django.db.models import F, Func, JSONField, Value

settings.configure(DATABASES={'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': sys.argv[1], 'HOST': '127.0.0.1', 'PORT': sys.argv[2],
                                          'USER': 'postgres', 'PASSWORD': sys.argv[3]}}, USE_TZ=True)
django.setup()


class Student(models.Model):
    id = models.TextField(primary_key=True)

    class Meta:
        app_label, db_table, managed = 'school', 'students', False


def of(name, *arguments):
    return Func(F('id'), *arguments, function=name, output_field=JSONField())


filters = json.loads(sys.argv[4])
page = of('wc_student_records_jsonb', Value(2), Value(2), Value(filters, JSONField()))
summaries = Student.objects.annotate(summary=of('wc_health_summary_jsonb')).order_by('id').values_list('summary', flat=True)
lists = Student.objects.annotate(list=of('wc_vaccinations_jsonb')).values_list('list', flat=True)
answers = [Student.objects.annotate(page=page).get(id='ada').page, list(summaries), list(lists.distinct()), list(lists.union(lists)),
           list(lists.annotate(count=models.Count('id')).values_list('list', 'count'))]
with connection.cursor() as cursor:
    cursor.execute('SELECT wc_invalidate(%s), wc_prewarm(%s::text[])', ['ada', ['ada', 'bob']])
    answers.append(cursor.fetchone())
try:
    Student.objects.annotate(page=of('wc_student_records_jsonb', Value(1), Value(1), Value({'type': 'NONE'}, JSONField()))).get(id='ada')
except Error as error:
    cause = error.__cause__
    answers.append([getattr(cause, 'sqlstate', None) or cause.pgcode, cause.diag.message_hint])
print(json.dumps(answers))
"""


def test_django(ada, page, tmp_path):
    """In a process of its own, because Django keeps its settings."""
    django = needs("django", "python3-django")
    driver = "psycopg" if django.VERSION >= (4, 2) else "psycopg2"
    needs(driver, f"python3-{driver}")
    script = tmp_path / "client.py"
    script.write_text(DJANGO)
    done = subprocess.run(["/usr/bin/python3", script, ada.database, str(ada.cluster.port), ada.cluster.password, json.dumps(FILTERS)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    summaries = [ada.summary("ada"), ada.summary("bob")]
    assert json.loads(done.stdout) == [page, summaries, [[]], [[]], [[[], 2]], [1, 2],
                                       ["22023", 'Give a label of "HealthRecordType", in the same spelling.']]


JAVA = """
import java.sql.*;
import org.postgresql.util.PGobject;

public class Client {
    static PGobject object(String type, String value) throws SQLException {
        PGobject object = new PGobject();
        object.setType(type);
        object.setValue(value);
        return object;
    }

    static void print(PreparedStatement statement) throws SQLException {
        try (ResultSet rows = statement.executeQuery()) {
            rows.next();
            for (int at = 1; at <= rows.getMetaData().getColumnCount(); ++at)
                System.out.println(rows.getString(at));
        }
    }

    public static void main(String[] arguments) throws Exception {
        try (Connection connection = DriverManager.getConnection(arguments[0], "postgres", arguments[1])) {
            String call = "SELECT wc_student_records(?, ?, ?, ?)";
            for (int way = 0; way < 5; ++way) {
                PreparedStatement statement = connection.prepareStatement(call);
                statement.setString(1, "ada");
                statement.setLong(2, 2);
                if (way == 0) statement.setInt(3, 2); else if (way == 1) statement.setShort(3, (short) 2); else statement.setLong(3, 2);
                if (way < 2) statement.setString(4, arguments[2]);
                else if (way == 2) statement.setObject(4, object("json", arguments[2]));
                else if (way == 3) statement.setObject(4, object("jsonb", arguments[2]));
                else statement.setObject(4, arguments[2], Types.OTHER);
                // From the fifth time on the driver prepares the statement at the server.
                for (int turn = 0; turn < 7; ++turn) print(statement);
            }
            for (int type : new int[] {Types.NULL, Types.VARCHAR, Types.OTHER}) {
                PreparedStatement statement = connection.prepareStatement("SELECT wc_student_records(?, 2, 2, filters => ?)");
                statement.setString(1, "ada");
                statement.setNull(2, type);
                print(statement);
            }
            PreparedStatement statement = connection.prepareStatement("SELECT wc_invalidate(?), wc_vital_value(?, 'height'), wc_cache_key(?, ?, ?, ?)");
            statement.setString(1, "ada");
            statement.setString(2, "{\\"height\\": 130}");
            statement.setString(3, "ada");
            statement.setLong(4, 1L << 40);
            statement.setLong(5, 20);
            statement.setString(6, "{}");
            print(statement);
        }
    }
}
"""


def test_jdbc(ada, page, tmp_path):
    jars = [str(jar) for jar in JDBC if jar.exists()]
    if not jars or not shutil.which("java"):
        pytest.skip("JDBC's driver or a JDK is not installed (of Debian: libpostgresql-jdbc-java and default-jdk-headless)")
    program = tmp_path / "Client.java"
    program.write_text(JAVA)
    done = subprocess.run(["java", "-cp", ":".join(jars), program, f"jdbc:postgresql://127.0.0.1:{ada.cluster.port}/{ada.database}", ada.cluster.password, json.dumps(FILTERS)],
                          capture_output=True, text=True)
    if "module not found: jdk.compiler" in done.stderr:
        pytest.skip("there is Java but no compiler of it (of Debian: default-jdk-headless)")
    assert done.returncode == 0, done.stderr
    *pages, count, height, key = done.stdout.splitlines()
    assert [json.loads(one) for one in pages] == [page] * (5 * 7 + 3)
    assert (count, float(height), key) == ("1", 130, Cache.key("ada", f"records:{1 << 40}:20:{{}}"))
