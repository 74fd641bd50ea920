"""The labels of enums are the catalogue's, and sessions keep a copy of it: what they say must not be older than the snapshot."""

import psycopg
import pytest


def load(connection, student):
    """The label that a value shows, and the value as it is to be stored."""
    summary, *value = connection.execute(
        "SELECT value, key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(ARRAY[%s])", [student]).fetchone()
    return summary["allergies"][0]["severity"], value


def test_a_label_is_not_renamed_under_a_transaction_that_has_read_it(school, worker, cache):
    """It would go on reading the old label, with snapshots that have seen the new one."""
    student = school.add_student()
    school.add_allergy(student, severity="MILD")
    rename = """ALTER TYPE "AllergySeverity" RENAME VALUE 'MILD' TO 'LIGHT'"""
    school.sql("SET lock_timeout = '100ms'")
    cache.until_drained()
    with school.cluster.connect(school.database, autocommit=False) as reader:
        assert load(reader, student)[0] == "MILD"
        with pytest.raises(psycopg.errors.LockNotAvailable):
            school.sql(rename)
        label, value = load(reader, student)
        assert label == "MILD"
        reader.commit()
        school.sql(rename)
        cache.until_drained()
        assert cache.client.execute_command("FCALL", "wc_fill", 1, *value) == 0
        label, value = load(reader, student)
        assert label == "LIGHT"
        assert cache.client.execute_command("FCALL", "wc_fill", 1, *value) == 1
    assert cache.is_current(student)
