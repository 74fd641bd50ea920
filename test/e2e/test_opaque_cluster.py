"""Opaque keys on a Redis Cluster, where a student's names may be in different shards."""

import pytest

from cluster_stage import Stage
from opaque_school import FIRST, SECOND, opaque
from opaque_school import school, secrets, server  # noqa: F401 (fixtures)
from servers import RedisCluster, until

pytestmark = pytest.mark.thorough


class OpaqueStage(Stage):
    @staticmethod
    def key(student, secret=FIRST):
        return f"student:{{{opaque(student, secret)}}}:health_summary"

    def plant(self, student):
        """A value under the name of each secret, which may be in different shards.  Returns how to look for them."""
        keys = [self.key(student, secret) for secret in (FIRST, SECOND)]
        places = [(self.cluster.owner(key), key) for key in keys]
        for node, key in places:
            self.at(node, "SET", key, "planted", "PX", 300_000)
        return lambda: sum(self.at(node, "EXISTS", key) for node, key in places)


def test_each_shard_is_kept_fresh(ground, school, start_worker, secrets):  # noqa: F811 (fixtures)
    with RedisCluster(ground, "opaque-cluster") as cluster:
        stage = OpaqueStage(school, cluster, start_worker, settings={"redis": {"opaque_keys": True, "key_secret_file": str(secrets.path)}})
        stage.check_that_each_shard_is_kept_fresh()
        secrets.write(FIRST, SECOND)
        for student in stage.students:
            left = stage.plant(student)
            # The worker reads a file that was replaced within a second: of what it has read, each change removes both.
            until(lambda: stage.rename(student, "Again") or stage.until_done() or left() == 0, 20, "both names to be removed")
        for master in cluster.masters:
            with master.connect() as node:
                assert not [key for key in node.scan_iter() for student in stage.students if f"{{{student}}}" in key]


def test_the_audit_looks_under_the_names_of_both_secrets(ground, school, start_worker, secrets):  # noqa: F811 (fixtures)
    secrets.write(FIRST, SECOND)
    with RedisCluster(ground, "audited-opaque-cluster") as cluster:
        settings = {"audit": {"rate_per_s": 100}, "redis": {"opaque_keys": True, "key_secret_file": str(secrets.path)}}
        stage = OpaqueStage(school, cluster, start_worker, settings=settings)
        left = [stage.plant(student) for student in stage.students]
        until(lambda: not any(one() for one in left), 30, "the values under both names to be found and removed")
        assert 3 <= stage.worker.audited("stale") <= 6
        until(lambda: stage.worker.audited("checked") > 0 and stage.worker.healthy(), 30, "the worker to be healthy")
