"""The Python client of the cache on a real Redis Cluster: it reads, fills and sees changes in each shard, also of many students at once."""

import json
import sys

import pytest
import redis.cluster

from school import Cache
from servers import RedisCluster, opaque_keys, until
from servers.ground import ROOT
from servers.redis_cluster import slot_of

sys.path.insert(0, str(ROOT / "clients/python"))

import white_cross  # noqa: E402

pytestmark = pytest.mark.thorough

STUDENTS = [f"s{number}" for number in range(12)]


class Stage:
    def __init__(self, school, cluster, start_worker):
        self.school, self.cluster = school, cluster
        school.sql(f"ALTER DATABASE {school.database} SET white_cross.cluster_keys = on")
        school.sql("SET white_cross.cluster_keys = on")
        for student in STUDENTS:
            school.add_student(student, lastName="Before")
        shards = [{slot_of(Cache.cluster_key(student)) in master.slots() for student in STUDENTS} for master in cluster.masters]
        assert all(True in shard for shard in shards), "students in each shard"
        start_worker(redis=cluster, settings={"prewarm": {"enabled": False}})
        # Nothing is stored before the worker trusts a shard with the slot.
        until(lambda: self.is_filled(), 30, "each shard to take values")

    def is_filled(self):
        for key, value, ttl, snapshot in self.school.rows("SELECT key, value::text, ttl_seconds, snapshot FROM wc_cache_entries(%s::text[])", STUDENTS):
            if self.cluster.owner(key).ask("FCALL", "wc_fill", 1, key, value, ttl, snapshot) != 1:
                return False
        self.school.sql("SELECT wc_invalidate(%s::text[])", STUDENTS)
        until(self.school.is_drained, 10)
        return True

    def names(self, texts):
        return [json.loads(text)["student"]["lastName"] for text in texts]


@pytest.fixture
def stage(ground, school, start_worker):
    with RedisCluster(ground, "client-cluster") as cluster:
        yield Stage(school, cluster, start_worker)


def read_by_python(stage):
    first = stage.cluster.masters[0]
    client = redis.cluster.RedisCluster(host="127.0.0.1", port=first.port, password=stage.cluster.password, decode_responses=True)
    loads = []
    with stage.school.cluster.connect(stage.school.database) as connection:
        connection.execute("SET white_cross.cluster_keys = on")

        def query(statement, values):
            loads.extend([1] if "wc_cache_entries" in statement else [])
            return connection.execute(statement, values).fetchall()
        texts = white_cross.Cache(client, query, cluster_keys=True, opaque_keys=opaque_keys.IS_ON).read_many(STUDENTS)
    client.close()
    return texts, len(loads)


def test_each_shard_is_read_filled_and_followed(stage):
    def read():
        texts, loads = read_by_python(stage)
        return stage.names(texts), loads
    assert read() == (["Before"] * len(STUDENTS), 1), "loaded, and stored"
    assert until(lambda: (found := read())[1] == 0 and found, 10, "all of them from Redis") == (["Before"] * len(STUDENTS), 0)
    stage.school.sql('UPDATE students SET "lastName" = %s', "After")
    until(stage.school.is_drained, 10, "the change to be removed")
    assert read() == (["After"] * len(STUDENTS), 1)
