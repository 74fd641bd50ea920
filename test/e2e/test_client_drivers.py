"""How ids, arrays and JSON are bound, and where errors show SQLSTATE and hint, as docs/clients.md says it: with each driver that is installed."""

import json
import os
import shutil
import subprocess

import pytest

from gems import need_active_record
from servers.ground import ROOT

FILTERS = {"type": "CHECKUP", "provider": "nurse"}

# For each driver of npm: what it takes to begin, and the calls of docs/clients.md.
NODE = {
    "pg": """
      const { Pool } = require('pg');
      const pool = new Pool({ connectionString: url });
      const query = async (text, values) => (await pool.query(text, values)).rows;
      return {
        summary: () => query('SELECT wc_health_summary($1) AS s', [id]),
        summaries: () => query('SELECT summary AS s FROM wc_health_summaries($1)', [ids]),
        page: () => query('SELECT wc_student_records($1, filters => $2) AS s', [id, filters]),
        fails: () => query('SELECT wc_student_records($1, filters => $2) AS s', [id, { type: 'NONE' }]),
        error: (error) => [error.code, error.hint],
        cache: query,
        end: () => pool.end(),
      };""",
    "postgres": """
      const sql = require('postgres')(url);
      return {
        summary: () => sql`SELECT wc_health_summary(${id}) AS s`,
        summaries: () => sql`SELECT summary AS s FROM wc_health_summaries(${ids}::text[])`,
        page: () => sql`SELECT wc_student_records(${id}, filters => ${sql.json(filters)}::json) AS s`,
        fails: () => sql`SELECT wc_student_records(${id}, filters => ${sql.json({ type: 'NONE' })}::json) AS s`,
        error: (error) => [error.code, error.hint],
        cache: (text, values) => sql.unsafe(text, values),
        end: () => sql.end(),
      };""",
    "knex": """
      const knex = require('knex')({ client: 'pg', connection: url });
      const query = async (text, values) => (await knex.raw(text, values)).rows;
      return {
        summary: () => query('SELECT wc_health_summary(?) AS s', [id]),
        summaries: () => query('SELECT summary AS s FROM wc_health_summaries(?)', [ids]),
        page: () => query('SELECT wc_student_records(?, filters => ?) AS s', [id, filters]),
        fails: () => query('SELECT wc_student_records(?, filters => ?) AS s', [id, { type: 'NONE' }]),
        error: (error) => [error.code, error.hint],
        cache: (text, values) => query(text.replaceAll(/\\$\\d/g, '?'), values),
        end: () => knex.destroy(),
      };""",
    "kysely": """
      const { Kysely, PostgresDialect, sql, CompiledQuery } = require('kysely');
      const { Pool } = require('pg');
      const db = new Kysely({ dialect: new PostgresDialect({ pool: new Pool({ connectionString: url }) }) });
      const rows = async (statement) => (await statement.execute(db)).rows;
      return {
        summary: () => rows(sql`SELECT wc_health_summary(${id}) AS s`),
        summaries: () => rows(sql`SELECT summary AS s FROM wc_health_summaries(${ids})`),
        page: () => rows(sql`SELECT wc_student_records(${id}, filters => ${filters}) AS s`),
        fails: () => rows(sql`SELECT wc_student_records(${id}, filters => ${{ type: 'NONE' }}) AS s`),
        error: (error) => [error.code, error.hint],
        cache: (text, values) => db.executeQuery(CompiledQuery.raw(text, values)),
        end: () => db.destroy(),
      };""",
    "typeorm": """
      const { DataSource } = require('typeorm');
      const source = await new DataSource({ type: 'postgres', url }).initialize();
      return {
        summary: () => source.query('SELECT wc_health_summary($1) AS s', [id]),
        summaries: () => source.query('SELECT summary AS s FROM wc_health_summaries($1)', [ids]),
        page: () => source.query('SELECT wc_student_records($1, filters => $2) AS s', [id, filters]),
        fails: () => source.query('SELECT wc_student_records($1, filters => $2) AS s', [id, { type: 'NONE' }]),
        error: (error) => [error.driverError.code, error.driverError.hint],
        cache: (text, values) => source.query(text, values),
        end: () => source.destroy(),
      };""",
    "drizzle-orm": """
      const { drizzle } = require('drizzle-orm/node-postgres');
      const { sql } = require('drizzle-orm');
      const { Pool } = require('pg');
      const pool = new Pool({ connectionString: url });
      const db = drizzle(pool);
      const rows = async (statement) => (await db.execute(statement)).rows;
      return {
        summary: () => rows(sql`SELECT wc_health_summary(${id}) AS s`),
        summaries: () => rows(sql`SELECT summary AS s FROM wc_health_summaries(${sql.param(ids)})`),
        page: () => rows(sql`SELECT wc_student_records(${id}, filters => ${sql.param(filters)}) AS s`),
        fails: () => rows(sql`SELECT wc_student_records(${id}, filters => ${sql.param({ type: 'NONE' })}) AS s`),
        error: ({ cause }) => [cause.code, cause.hint],
        cache: (text, values) => pool.query(text, values),
        end: () => pool.end(),
      };""",
    "sequelize": """
      const { Sequelize, QueryTypes } = require('sequelize');
      const sequelize = new Sequelize(url, { logging: false });
      const query = (text, bind) => sequelize.query(text, { bind, type: QueryTypes.SELECT });
      return {
        summary: () => query('SELECT wc_health_summary($1) AS s', [id]),
        summaries: () => query('SELECT summary AS s FROM wc_health_summaries($1)', [ids]),
        page: () => query('SELECT wc_student_records($1, filters => $2) AS s', [id, filters]),
        fails: () => query('SELECT wc_student_records($1, filters => $2) AS s', [id, { type: 'NONE' }]),
        error: (error) => [error.original.code, error.original.hint],
        cache: query,
        end: () => sequelize.close(),
      };""",
}

PROGRAM = """
const [url, id, ids, filters, root] = JSON.parse(process.argv[1]);
(async () => {
  const { Cache } = await import(root + '/clients/node/index.js');
  const driver = await (async () => { %s })();
  const values = async (rows) => (await rows).map(({ s }) => s);
  const error = await driver.fails().then(() => null, driver.error);
  const redis = { on() {}, off() {}, mGet: async () => { throw new Error('no Redis here'); } };
  const cache = new Cache({ redis, query: driver.cache });
  const cached = (await cache.readMany([id, 'nobody'])).map(JSON.parse);
  console.log(JSON.stringify([await values(driver.summary()), await values(driver.summaries()), await values(driver.page()), error, cached]));
  await driver.end();
})();
"""


@pytest.fixture
def ada(school):
    school.add_student("ada")
    school.add_student("bob")
    school.add_record("ada", provider="Nurse Hall")
    school.page = school.one("SELECT wc_student_records('ada', filters => %s::json)", json.dumps(FILTERS))
    assert len(school.page["records"]) == 1
    return school


def has_hint(error):
    code, hint = error
    return code == "22023" and hint.startswith("Give a label of")


@pytest.mark.parametrize("driver", NODE)
def test_of_npm(ada, driver):
    paths = ":".join(filter(None, [os.environ.get("NODE_PATH"), "/usr/share/nodejs"]))
    environment = os.environ | {"NODE_PATH": paths}
    for package in {driver, "pg"} - ({"pg"} if driver == "postgres" else set()):
        if not shutil.which("node") or subprocess.run(["node", "-e", f"require('{package}')"], env=environment, capture_output=True).returncode != 0:
            pytest.skip(f"{package} is not installed (of npm, with NODE_PATH)")
    arguments = [ada.cluster.url(ada.database), "ada", ["ada", "bob"], FILTERS, str(ROOT)]
    done = subprocess.run(["node", "-e", PROGRAM % NODE[driver], json.dumps(arguments)], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    summary, summaries, page, error, cached = json.loads(done.stdout)
    assert (summary, summaries, page) == ([ada.summary("ada")], [ada.summary("ada"), ada.summary("bob")], [ada.page])
    assert has_hint(error) and cached == [ada.summary("ada"), None]


def test_asyncpg(ada):
    asyncpg = pytest.importorskip("asyncpg", reason="asyncpg is not installed (of Debian: python3-asyncpg)")
    import asyncio

    async def run():
        connection = await asyncpg.connect(ada.cluster.url(ada.database))
        try:
            summary = await connection.fetchval("SELECT wc_health_summary($1)", "ada")
            summaries = await connection.fetch("SELECT summary FROM wc_health_summaries($1::text[])", ["ada", "bob"])
            page = await connection.fetchval("SELECT wc_student_records($1, filters => $2::json)", "ada", json.dumps(FILTERS))
            try:
                await connection.fetchval("SELECT wc_student_records($1, filters => $2::json)", "ada", '{"type": "NONE"}')
            except asyncpg.PostgresError as error:
                return summary, [row[0] for row in summaries], page, (error.sqlstate, error.hint)
        finally:
            await connection.close()

    summary, summaries, page, error = asyncio.run(run())
    assert json.loads(summary) == ada.summary("ada") and json.loads(page) == ada.page
    assert [json.loads(one) for one in summaries] == [ada.summary("ada"), ada.summary("bob")] and has_hint(error)


def test_psycopg(ada):
    import psycopg
    from psycopg.types.json import Json
    connection = ada.connection
    assert connection.execute("SELECT wc_health_summary(%s)", ["ada"]).fetchone()[0] == ada.summary("ada")
    assert connection.execute("SELECT summary FROM wc_health_summaries(%s)", [["ada", "bob"]]).fetchall() == [(ada.summary("ada"),), (ada.summary("bob"),)]
    assert connection.execute("SELECT wc_student_records(%s, filters => %s)", ["ada", Json(FILTERS)]).fetchone()[0] == ada.page
    with pytest.raises(psycopg.Error) as failed:
        connection.execute("SELECT wc_student_records(%s, filters => %s)", ["ada", Json({"type": "NONE"})])
    assert has_hint((failed.value.sqlstate, failed.value.diag.message_hint))


def test_sqlalchemy_shows_the_driver_s_error(ada):
    sqlalchemy = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed (of Debian: python3-sqlalchemy)")
    is_new = int(sqlalchemy.__version__.partition(".")[0]) >= 2
    pytest.importorskip("psycopg" if is_new else "psycopg2", reason="psycopg2 is not installed (of Debian: python3-psycopg2)")
    driver = "psycopg" if is_new else "psycopg2"
    engine = sqlalchemy.create_engine(ada.cluster.url(ada.database).replace("postgresql://", f"postgresql+{driver}://"))
    with engine.connect() as connection, pytest.raises(sqlalchemy.exc.DBAPIError) as failed:
        connection.execute(sqlalchemy.text("""SELECT wc_student_records('ada', filters => '{"type": "NONE"}')"""))
    original = failed.value.orig
    assert has_hint((original.sqlstate if is_new else original.pgcode, original.diag.message_hint))
    engine.dispose()


RAILS = """
require 'active_record'
require 'json'
ActiveRecord::Base.establish_connection(ENV.fetch('DATABASE_URL'))
class Student < ActiveRecord::Base
  scope :with_summary, -> { select("wc_health_summary(students.id) AS summary") }
end
id, ids, filters = JSON.parse(ARGV[0])
connection = Student.connection
fails = lambda do
  connection.select_value("SELECT wc_student_records($1, filters => $2)", nil, [id, { type: 'NONE' }.to_json])
rescue ActiveRecord::StatementInvalid => error
  [PG::PG_DIAG_SQLSTATE, PG::PG_DIAG_MESSAGE_HINT].map { |field| error.cause.result.error_field(field) }
end
puts JSON.generate([
  Student.with_summary.find(id).summary,
  Student.order(:id).pluck(Arel.sql('wc_health_summary(id)')),
  JSON.parse(connection.select_value('SELECT wc_health_summary($1)', nil, [id])),
  Student.find_by_sql(['SELECT summary FROM wc_health_summaries(ARRAY[?])', ids]).map(&:summary),
  connection.exec_query('SELECT wc_student_records($1, page => $2, filters => $3)', nil, [id, 1, filters.to_json]).cast_values.first,
  fails.call,
  Student.with_summary.count(:all),
  Student.select('wc_vaccinations_jsonb(id) AS list').distinct.map(&:list),
])
"""


def test_rails(ada):
    need_active_record()
    done = subprocess.run(["ruby", "-e", RAILS, json.dumps(["ada", ["ada", "bob"], FILTERS])], capture_output=True, text=True,
                          env=os.environ | {"DATABASE_URL": ada.cluster.url(ada.database)})
    assert done.returncode == 0, done.stderr
    attribute, plucked, value, summaries, page, error, count, distinct = json.loads(done.stdout)
    both = [ada.summary("ada"), ada.summary("bob")]
    assert attribute == value == both[0] and plucked == summaries == both and page == ada.page
    assert has_hint(error) and count == 2 and distinct == [[]]


def test_odbc(ada):
    pyodbc = pytest.importorskip("pyodbc", reason="pyodbc is not installed (of Debian: python3-pyodbc)")
    driver = next(filter(os.path.exists, (os.environ.get("PSQLODBC", ""), "/usr/lib/x86_64-linux-gnu/odbc/psqlodbcw.so")), None)
    if not driver:
        pytest.skip("psqlodbc is not installed (of Debian: odbc-postgresql; elsewhere PSQLODBC is its path)")
    cluster = ada.cluster
    with pyodbc.connect(f"DRIVER={driver};SERVER=127.0.0.1;PORT={cluster.port};DATABASE={ada.database};UID=postgres;PWD={cluster.password}") as connection:
        def values(statement, *bound):
            return [json.loads(row[0]) for row in connection.execute(statement, *bound).fetchall()]

        assert values("SELECT wc_health_summary(?)", "ada") == [ada.summary("ada")]
        assert values("SELECT summary FROM wc_health_summaries(?)", "{ada,bob}") == [ada.summary("ada"), ada.summary("bob")]
        assert values("SELECT wc_student_records(?, page => ?, filters => ?)", "ada", 1, json.dumps(FILTERS)) == [ada.page]
        with pytest.raises(pyodbc.Error) as failed:
            values("SELECT wc_student_records(?, filters => ?)", "ada", '{"type": "NONE"}')
        assert failed.value.args[0] == "22023"
