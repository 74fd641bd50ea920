"""Replication for tests: a publisher and its subscriber, and waiting until a subscriber or a standby has everything."""

import pytest

from school import School
from servers import until

# What a publisher may do to ada's rows, by name.
CHANGES = {
    "insert": """INSERT INTO allergies (id, allergen, severity, verified, "updatedAt", "studentId")
                 VALUES ('new', 'Milk', 'MILD', false, now(), 'ada')""",
    "update": "UPDATE allergies SET reaction = 'Hives'",
    "delete": "DELETE FROM allergies",
    "truncate": "TRUNCATE allergies",
    "prepared": "BEGIN; UPDATE students SET grade = '9'; PREPARE TRANSACTION 'replicated'; COMMIT PREPARED 'replicated'",
}


@pytest.fixture
def publisher(school):
    """The test's own database publishes everything; a worker is registered that never comes, so that its queue fills."""
    school.sql("CREATE PUBLICATION everything FOR ALL TABLES")
    school.sql("SELECT white_cross.register_worker('worker-of-the-publisher')")
    return school


@pytest.fixture
def subscriber(cluster, publisher):
    """Another database, whose tables have the same names."""
    name = f"{publisher.database}_subscriber"
    cluster.create_database(name)
    school = School(cluster, name)
    school.attach()
    school.allow_worker()
    # In one cluster CREATE SUBSCRIPTION would wait for itself to make the slot.
    publisher.sql("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", name)
    school.sql(f"CREATE SUBSCRIPTION {name} CONNECTION '{cluster.dsn(publisher.database).replace(chr(39), chr(39) * 2)}' "
               f"PUBLICATION everything WITH (create_slot = false)")
    yield school
    # In one cluster a copy that is still to get its slot waits for the dropping transaction, and that for the copy.
    until_copied(school)
    school.sql(f"DROP SUBSCRIPTION {name}")
    school.connection.close()
    cluster.drop_database(name)


def until_copied(subscriber):
    until(lambda: subscriber.one("SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel"), 30, "the first copies")


def until_applied(publisher, subscriber):
    """All that was committed so far has come over, the tables' first copies too."""
    until_copied(subscriber)
    position = publisher.one("SELECT pg_current_wal_insert_lsn()::text")
    until(lambda: publisher.one("SELECT confirmed_flush_lsn >= %s::pg_lsn FROM pg_replication_slots WHERE slot_name = %s",
                                position, subscriber.database), 30, "the subscriber to have applied everything")


def until_replayed(school, standby):
    position = school.one("SELECT pg_current_wal_insert_lsn()::text")
    until(lambda: standby.one("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", position), 20, "the standby to catch up")
