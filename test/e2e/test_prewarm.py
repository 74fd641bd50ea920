"""A summary that is read often is built again right after a change. One that is not read is not built."""

import json

from servers import until


def test_a_hot_summary_is_rebuilt_with_the_change_in_it(school, cache):
    student = school.add_student()
    cache.until_drained()
    assert cache.load(student) == 1
    school.psql(f"UPDATE students SET \"lastName\" = 'Byron' WHERE id = '{student}'")
    until(lambda: (cache.summary(student) or {}).get("student", {}).get("lastName") == "Byron", 10, "the new summary")
    assert cache.is_current(student)
    assert 0 < cache.client.ttl(cache.key(student)) <= 300


def load_chart(school, cache, student):
    key, value, ttl, snapshot = school.rows(
        "SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s], '{growth_chart}')", student)[0]
    assert (key, ttl) == (cache.key(student, "growth_chart"), 3600)
    assert cache.client.execute_command("FCALL", "wc_fill", 1, key, value, ttl, snapshot) == 1
    return key


def test_a_hot_growth_chart_is_rebuilt_with_the_change_in_it_and_nothing_else(school, worker, cache):
    # After its start the worker builds the summaries of who is hot, whatever was read of them.
    until(lambda: "students are hot" in worker.log.read_text(), 10, "what is hot to be rebuilt after the start")
    student = school.add_student()
    school.add_record(student, vital='{"height": 140}')
    cache.until_drained()
    key = load_chart(school, cache, student)
    school.add_record(student, date="2025-11-10", vital='{"height": 141.5, "weight": 36}')
    until(lambda: [point["height"] for point in json.loads(cache.client.get(key) or "[]")] == [140, 141.5], 10, "the new chart")
    assert json.loads(cache.client.get(key)) == school.one("SELECT wc_growth_chart(%s::text)", student)
    assert 300 < cache.client.ttl(key) <= 3600
    assert not cache.client.exists(cache.key(student)), "nobody read the summary"


def test_a_load_of_a_chart_from_before_the_change_is_refused(school, cache):
    student = school.add_student()
    record = school.add_record(student, vital='{"height": 140}')
    cache.until_drained()
    old = school.rows("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s], '{growth_chart}')", student)[0]
    cache.plant(old[0])
    school.psql(f"""UPDATE health_records SET vital = '{{"height": 141}}' WHERE id = '{record}'""")
    cache.until_invalidated(old[0])
    assert cache.client.execute_command("FCALL", "wc_fill", 1, *old) == 0
    load_chart(school, cache, student)


def test_a_cold_summary_is_not_built(school, cache):
    student = school.add_student()
    school.psql(f"UPDATE students SET \"lastName\" = 'Byron' WHERE id = '{student}'")
    cache.until_drained()
    cache.assert_stays()
    assert not cache.client.exists(cache.key(student))


def test_many_hot_summaries_are_rebuilt(school, cache):
    students = [school.add_student() for _ in range(300)]
    cache.until_drained()
    assert all(cache.load(student) == 1 for student in students)
    school.psql("UPDATE students SET grade = '12', \"lastName\" = 'Byron'")
    until(lambda: all((cache.summary(s) or {}).get("student", {}).get("lastName") == "Byron" for s in students), 20,
          "all summaries to be new")
    assert all(map(cache.is_current, students))


def test_odd_text_arrives_as_it_is(school, cache):
    student = school.add_student(firstName='Zoë "Z" \\ O\'Neil', lastName="line\nbreak\ttab \U0001F9EA \u2028 \x01")
    school.add_allergy(student, allergen="Äpfel </script>", reaction="\x7f\u00a0")
    cache.until_drained()
    assert cache.load(student) == 1
    school.psql(f"UPDATE students SET grade = '6' WHERE id = '{student}'; "
                f"UPDATE allergies SET severity = 'MILD' WHERE \"studentId\" = '{student}'")
    # Two transactions: what is rebuilt after the first may have both changes in it, and goes again with the second.
    cache.until_drained()
    until(lambda: cache.is_current(student), 10, "the rebuilt one")
    assert cache.summary(student)["allergies"][0]["severity"] == "MILD"


def test_a_load_from_before_the_change_is_refused(school, cache):
    """The bug of every hand-made cache: load, then somebody commits and the worker invalidates, then store."""
    student = school.add_student()
    cache.until_drained()
    key, value, ttl, snapshot = school.rows(
        "SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s])", student)[0]
    cache.plant_summary(student)
    school.psql(f"UPDATE students SET \"lastName\" = 'Byron' WHERE id = '{student}'")
    cache.until_invalidated(key)
    assert cache.client.execute_command("FCALL", "wc_fill", 1, key, value, ttl, snapshot) == 0
    assert cache.load(student) == 1
    assert cache.is_current(student)


def test_a_caller_that_has_changed_something_gets_no_snapshot(school, cache):
    student = school.add_student()
    with school.cluster.connect(school.database, autocommit=False) as writer:
        writer.execute("UPDATE students SET \"lastName\" = 'Never' WHERE id = %s", [student])
        value, snapshot = writer.execute("SELECT value, snapshot FROM wc_cache_entries(ARRAY[%s])", [student]).fetchone()
        assert value["student"]["lastName"] == "Never" and snapshot is None
        writer.rollback()
    assert cache.client.execute_command("FCALL", "wc_fill", 1, cache.key(student), "{}", 300, "") == 0


def test_unknown_students_give_no_row(school):
    student = school.add_student()
    ids = [row[0] for row in school.rows("SELECT student_id FROM wc_cache_entries(ARRAY['nobody', %s, NULL])", student)]
    assert ids == [student]
