"""A subscriber of logical replication: what arrives there is tracked there, and the publisher's own bookkeeping is not."""

import pytest

from replication import CHANGES, publisher, subscriber, until_applied  # noqa: F401 (fixtures)
from school import Cache
from servers import Worker


@pytest.fixture
def cache(ground, redis_server, subscriber):
    with redis_server.connect() as client:
        client.flushall()
        with Worker(ground, subscriber.worker_dsn, redis_server, "subscriber"):
            yield Cache(client, subscriber)


def test_what_is_applied_is_tracked(publisher, subscriber, cache):
    ada = publisher.add_student("ada")
    for change in CHANGES.values():
        publisher.add_allergy(ada)
        until_applied(publisher, subscriber)
        cache.until_drained()
        cache.plant_summary(ada)
        publisher.psql(change)
        cache.until_invalidated(cache.key(ada), timeout=20)
    until_applied(publisher, subscriber)
    assert cache.load(ada) == 1
    assert cache.summary(ada) == publisher.summary(ada)


def test_the_first_copy_is_tracked(publisher, subscriber, cache):
    """A subscription that is told to copy the tables again."""
    ada = publisher.add_student("ada")
    until_applied(publisher, subscriber)
    subscriber.sql(f"ALTER SUBSCRIPTION {subscriber.database} DISABLE")
    subscriber.sql(f"ALTER SUBSCRIPTION {subscriber.database} SET PUBLICATION nothing WITH (refresh = false)")
    publisher.sql("CREATE PUBLICATION nothing")
    subscriber.sql(f"ALTER SUBSCRIPTION {subscriber.database} ENABLE")
    subscriber.sql(f"ALTER SUBSCRIPTION {subscriber.database} REFRESH PUBLICATION")
    subscriber.sql("DELETE FROM students")
    cache.until_drained()
    cache.plant_summary(ada)
    subscriber.sql(f"ALTER SUBSCRIPTION {subscriber.database} SET PUBLICATION everything")
    cache.until_invalidated(cache.key(ada), timeout=20)


def bookkeeping(school):
    return {table: school.rows(f"SELECT * FROM white_cross.{table} ORDER BY 1")
            for table in ("worker", "binding", "hot_student", "growth_reference")}


def test_the_publishers_bookkeeping_stays_with_the_publisher(publisher, subscriber):
    """Rows of another server's queue have another server's transaction ids; and what a worker there deletes, or that it
    signs off, is no business of ours.  Neither does any of it stop the replication."""
    subscriber.sql("SELECT white_cross.register_worker('worker-of-the-subscriber')")
    subscriber.sql("INSERT INTO white_cross.hot_student VALUES ('ada', 1)")
    until_applied(publisher, subscriber)
    before = bookkeeping(subscriber)

    publisher.add_student("ben")
    publisher.sql("DELETE FROM students")
    until_applied(publisher, subscriber)
    publisher.sql("SELECT white_cross.register_worker('worker-of-the-subscriber')")
    until_applied(publisher, subscriber)
    everything = [(31, None)]
    assert subscriber.rows("SELECT sections, students FROM white_cross.invalidation") == everything, \
        "it truncates its queue, and that empties the subscriber's"
    queue = subscriber.rows("SELECT xid::text, n FROM white_cross.invalidation")

    publisher.sql("INSERT INTO white_cross.hot_student VALUES ('ada', 7), ('ben', 1)")
    publisher.sql("UPDATE white_cross.hot_student SET weight = 9")
    publisher.sql("INSERT INTO white_cross.growth_reference VALUES ('own', 'bmi', 'male', 24, 1, 16, 0.1)")
    # As if both servers had given the same transaction id.
    for xid, n in queue:
        publisher.sql("INSERT INTO white_cross.invalidation (xid, n, sections, students, queued_at) "
                      "VALUES (%s::xid8, %s, 31, '{foreign}', now())", xid, n)
    publisher.sql("SELECT wc_invalidate('foreign'::text)")
    until_applied(publisher, subscriber)
    assert subscriber.rows("SELECT xid::text, n FROM white_cross.invalidation") == queue
    publisher.sql("DELETE FROM white_cross.invalidation")
    publisher.sql("DELETE FROM white_cross.hot_student")
    publisher.sql("DELETE FROM white_cross.worker")
    ada = publisher.add_student("ada")
    until_applied(publisher, subscriber)
    assert subscriber.summary(ada), "replication goes on"
    assert bookkeeping(subscriber) == before
    assert subscriber.rows("SELECT students FROM white_cross.invalidation WHERE students IS NOT NULL") == [([ada],)]
