"""Rails: the migration of examples/migrations, and what schema.rb and structure.sql keep of it. The mapping, wc_attach gives again."""

import os
import subprocess

import pytest
from psycopg import errors

from gems import need_active_record
from school import School
from servers.ground import ROOT

MIGRATION = ROOT / "examples/migrations/attach_white_cross.rb"
INITIALIZER = ROOT / "examples/migrations/white_cross_initializer.rb"

# Tables as Rails makes them, behind them the migration of examples/migrations, and what Rails' commands do.
PROGRAM = """
require 'active_record'
load ENV.fetch('INITIALIZER')
ActiveRecord::Base.establish_connection(ENV.fetch('DATABASE_URL'))
ActiveRecord::Migration.verbose = false
action, file = ARGV
tasks = ActiveRecord::Tasks::PostgreSQLDatabaseTasks.new(ActiveRecord::Base.connection_db_config)
case action
when 'migrate'
  ActiveRecord::Schema.define do
    create_table :students do |t|
      t.string :student_number, :first_name, :last_name, :grade, :gender, null: false
      t.date :date_of_birth, null: false
      t.timestamps
    end
    create_table :health_records do |t|
      t.references :student, null: false, foreign_key: { on_delete: :cascade }
      t.string :type, :description, null: false
      t.string :provider, :notes
      t.string :attachments, array: true
      t.datetime :date, null: false
      t.jsonb :vital
      t.timestamps
    end
  end
  load file
  AttachWhiteCross.migrate(:up)
when 'undo'
  load file
  AttachWhiteCross.migrate(:down)
when 'dump schema.rb'
  of = ActiveRecord::Base.public_send(ActiveRecord.version < Gem::Version.new('7.2') ? :connection : :connection_pool)
  File.open(file, 'w') { |to| ActiveRecord::SchemaDumper.dump(of, to) }
when 'load schema.rb' then load file
when 'dump structure.sql' then tasks.structure_dump(file, nil)
when 'load structure.sql' then tasks.structure_load(file, nil)
end
"""


@pytest.fixture(scope="module")
def rails(cluster):
    """rails(database, action, file): does what Rails' command does."""
    need_active_record()

    def rails(database, action, file):
        done = subprocess.run(["ruby", "-e", PROGRAM, action, file], capture_output=True, text=True,
                              env=os.environ | {"DATABASE_URL": cluster.url(database), "INITIALIZER": str(INITIALIZER), "PATH": f"{cluster.bin}:{os.environ['PATH']}"})
        assert done.returncode == 0, done.stderr
    return rails


@pytest.fixture(scope="module")
def migrated(cluster, rails):
    cluster.create_database("rails")
    rails("rails", "migrate", MIGRATION)
    yield "rails"
    cluster.drop_database("rails")


@pytest.fixture(scope="module", params=["schema.rb", "structure.sql"])
def loaded(request, cluster, rails, migrated, tmp_path_factory):
    """Another database, as Rails loads it from its file, with rows that were written before wc_attach and the error of a read."""
    file = tmp_path_factory.mktemp("rails") / request.param
    database = f"rails_{request.param}"
    cluster.create_database(database)
    rails(migrated, f"dump {request.param}", file)
    rails(database, f"load {request.param}", file)
    with School(cluster, database) as school:
        now = "2025-09-01 08:00"
        school.insert("students", {"student_number": "N1", "first_name": "Ada", "last_name": "Quill", "grade": "5", "gender": "FEMALE",
                                   "date_of_birth": "2015-03-10", "created_at": now, "updated_at": now})
        school.insert("health_records", {"student_id": 1, "type": "CHECKUP", "description": "Check", "date": now, "created_at": now, "updated_at": now})
        with pytest.raises(errors.ObjectNotInPrerequisiteState) as school.failed:
            school.summary("1")
        school.sql("SELECT wc_attach('public')")
        school.file = request.param
        yield school
    cluster.drop_database(database)


def test_wc_attach_gives_the_mapping_again(loaded):
    """Until then rows can be written, and nothing is read."""
    assert "wc_attach" in loaded.failed.value.diag.message_hint
    assert loaded.summary("1")["recordCounts"] == {"CHECKUP": 1}
    assert loaded.rows("SELECT * FROM wc_diagnose() WHERE status <> 'ok'") == []


def test_indexes_are_kept(loaded):
    assert loaded.rows("SELECT wc_index_statements('public')") == []


def test_structure_sql_keeps_functions_on_rows_and_schema_rb_does_not(loaded):
    statements = "\n".join(statement for statement, in loaded.rows("SELECT wc_row_functions('public')"))
    for name in "health_summary", "student_summaries":
        assert (f"public.{name}" in statements) == (loaded.file == "schema.rb")


def test_the_migration_can_be_undone(loaded, rails):
    rails(loaded.database, "undo", MIGRATION)
    assert loaded.rows("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal UNION ALL SELECT proname FROM pg_proc WHERE proname ~ '^wc_|health_summary' "
                       "UNION ALL SELECT viewname FROM pg_views WHERE schemaname = 'public'") == []
    assert loaded.one("SELECT count(*) FROM health_records") == 1
