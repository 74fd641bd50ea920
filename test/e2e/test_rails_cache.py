"""The class of examples/summary_cache.rb: a reader gets what the database has, and stores it where that is right."""

import json
import os
import subprocess

import pytest

from cache_applications import cache, secured  # noqa: F401 (fixtures)
from gems import need_active_record
from servers.ground import ROOT

PROGRAM = """
Encoding.default_external = Encoding::UTF_8
require 'active_record'
require 'json'
require 'redis'
require ENV.fetch('SUMMARY_CACHE')
ActiveRecord::Base.establish_connection(ENV.fetch('DATABASE_URL'))
make = ->(**options) { SummaryCache.new(Redis.new(url: ENV.fetch('REDIS_URL'), timeout: 30), **options) }
cache = make.call
parsed = ->(text) { text && JSON.parse(text) }
%s
"""


@pytest.fixture(scope="module")
def gems():
    need_active_record("redis")


@pytest.fixture
def ruby(gems, school, secured):  # noqa: F811
    """ruby(program, password) → what it prints, parsed, and its warnings."""
    def ruby(program, password=secured.passwords["wc_application"]):
        url = secured.url.replace("//", f"//wc_application:{password}@")
        done = subprocess.run(["ruby", "-e", PROGRAM % program], capture_output=True, text=True, timeout=60, env=os.environ | {
            "DATABASE_URL": school.cluster.url(school.database), "REDIS_URL": url, "SUMMARY_CACHE": str(ROOT / "examples/summary_cache.rb")})
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), done.stderr
    return ruby


@pytest.fixture
def ada(school, cache):  # noqa: F811
    school.add_student("ada", firstName="Zoë")
    cache.until_drained()


def test_a_value_is_loaded_stored_and_found(ruby, ada, school, cache):  # noqa: F811
    loaded, warnings = ruby("puts JSON.generate(parsed[cache.read('ada')])")
    assert loaded == school.summary("ada") == cache.summary("ada") and not warnings
    cache.plant_summary("ada")
    found, _ = ruby("puts JSON.generate(parsed[cache.read('ada')])")
    assert found == json.loads(cache.PLANTED)


def test_nobody_waits_for_an_unknown_student(ruby, ada, cache):  # noqa: F811
    assert ruby("puts JSON.generate(make.(patience: 600).read('nobody'))") == (None, "")
    assert cache.client.exists(cache.key("nobody") + ":lease") == 0


def test_row_level_security_stores_nothing(ruby, ada, school, cache):  # noqa: F811
    """wc_cache_entries gives no snapshot where a value is not for everybody."""
    school.sql("""CREATE ROLE wc_test_rails_reader; GRANT SELECT ON ALL TABLES IN SCHEMA public TO wc_test_rails_reader;
                  ALTER TABLE students ENABLE ROW LEVEL SECURITY; CREATE POLICY all_of_them ON students TO wc_test_rails_reader USING (true)""")
    try:
        cache.until_drained()
        loaded, _ = ruby("""
            ActiveRecord::Base.connection.execute('SET ROLE wc_test_rails_reader')
            puts JSON.generate(parsed[cache.read('ada')])""")
        assert loaded == school.summary("ada") and cache.summary("ada") is None
        assert cache.client.exists(cache.key("ada") + ":lease") == 0
    finally:
        school.sql("DROP OWNED BY wc_test_rails_reader; DROP ROLE wc_test_rails_reader")


def test_an_error_of_the_database_gives_the_lease_back(ruby, ada, school, cache):  # noqa: F811
    school.sql("ALTER TABLE students RENAME TO pupils")
    error, _ = ruby("begin; make.(patience: 600).read('ada'); rescue ActiveRecord::StatementInvalid => error; puts JSON.generate(error.class.name); end")
    assert error.startswith("ActiveRecord::") and cache.client.exists(cache.key("ada") + ":lease") == 0


def test_a_reader_that_stops_waiting_for_the_lease_loads(ruby, ada, school, cache):  # noqa: F811
    assert cache.client.set(cache.key("ada") + ":lease", "1")
    assert ruby("puts JSON.generate(parsed[make.(patience: 0.05).read('ada')])")[0] == school.summary("ada")


def test_a_reader_that_waits_gets_the_value_of_the_lease_holder(ruby, ada, school, cache):  # noqa: F811
    assert cache.client.set(cache.key("ada") + ":lease", "1")
    (found, loads), _ = ruby("""
        loads = 0
        ActiveSupport::Notifications.subscribe('sql.active_record') { |*, call| loads += 1 if call[:name] == 'Cache entry' }
        asked = Queue.new
        redis = Redis.new(url: ENV.fetch('REDIS_URL'))
        redis.define_singleton_method(:call) { |*words| super(*words).tap { asked << words if words[1] == 'wc_lease' } }
        reader = Thread.new { SummaryCache.new(redis, patience: 600).read('ada') }
        asked.pop
        holder = Redis.new(url: ENV.fetch('REDIS_URL'))
        entry = ActiveRecord::Base.connection.select_one("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY['ada'])")
        holder.call('FCALL', 'wc_fill', 1, *entry.values)
        puts JSON.generate([parsed[reader.value], loads])""")
    assert found == school.summary("ada") and loads == 0


def test_a_token_shows_a_write_whatever_the_query_cache_remembers(ruby, ada, school, cache):  # noqa: F811
    names, _ = ruby("""
        name = ->(token = nil) { JSON.parse(cache.read('ada', token: token))['student']['firstName'] }
        names = ActiveRecord::Base.cache do
          before = name[]
          other = PG.connect(ENV.fetch('DATABASE_URL'))
          token = other.transaction do
            other.exec(%q(UPDATE students SET "firstName" = 'Ada'))
            other.exec('SELECT wc_write_token()').getvalue(0, 0)
          end
          [before, name[token]]
        end
        puts JSON.generate(names)""")
    assert names == ["Zoë", "Ada"]


def test_a_value_from_before_the_write_of_a_token_is_not_taken(ruby, ada, cache):  # noqa: F811
    """Whose transaction is not over, so that nothing has removed the value."""
    loads, _ = ruby("""
        loads = 0
        ActiveSupport::Notifications.subscribe('sql.active_record') { |*, call| loads += 1 if call[:name] == 'Cache entry' }
        writer = PG.connect(ENV.fetch('DATABASE_URL'))
        writer.exec('BEGIN')
        token = writer.exec('SELECT wc_write_token()').getvalue(0, 0)
        hasty = make.(patience: 0.05)
        puts JSON.generate([nil, nil, token].map { |one| hasty.read('ada', token: one) && loads })""")
    assert loads == [1, 1, 2]


def test_a_silent_redis_is_left_alone_for_a_while(ruby, ada, school):
    """Only the first of three readers waits for it."""
    (found, asked), warnings = ruby("""
        asked = 0
        redis = Object.new
        redis.define_singleton_method(:call) { |*| asked += 1; raise Redis::TimeoutError, 'silent' }
        cache = SummaryCache.new(redis)
        cache.define_singleton_method(:now) { 1000.0 }
        puts JSON.generate([Array.new(3) { parsed[cache.read('ada')] }, asked])""")
    assert found == [school.summary("ada")] * 3 and asked == 1 and "silent" in warnings


def test_without_redis_the_database_answers(ruby, ada, school):
    loaded, warnings = ruby("puts JSON.generate([parsed[cache.read('ada')], cache.read('nobody')])", password="wrong")
    assert loaded == [school.summary("ada"), None] and "WRONGPASS" in warnings
