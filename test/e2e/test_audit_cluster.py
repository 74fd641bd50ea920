"""The worker compares what the shards of a Redis Cluster hold with the database, as it does with one Redis."""

import json
import signal

import pytest

from cluster_stage import Stage
from servers import RedisCluster, until
from servers.redis_cluster import slot_of

pytestmark = pytest.mark.thorough

FAST = {"audit": {"rate_per_s": 100}}


@pytest.fixture
def masters(ground):
    with RedisCluster(ground, "audited-cluster") as cluster:
        yield cluster


def until_checked(worker, more=20):
    before = worker.audited("checked")
    until(lambda: worker.audited("checked") >= before + more, 30, f"{more} comparisons")


def stale(stage, student):
    """A value of the student that the database never had."""
    value = json.loads(stage.entry(student)[1])
    value["student"]["lastName"] = "Never"
    return json.dumps(value)


def at_owner(stage, key, *command):
    return stage.at(stage.cluster.owner(key), *command)


def test_a_stale_value_of_each_shard_is_found_counted_and_removed(masters, school, start_worker):
    stage = Stage(school, masters, start_worker, settings=FAST)
    until_checked(stage.worker)
    assert stage.worker.audited("stale") == 0
    keys = [stage.key(student) for student in stage.students]
    loaded = [stage.entry(student) for student in stage.students]
    for student, key in zip(stage.students, keys):
        at_owner(stage, key, "SET", key, stale(stage, student), "PX", 300_000)
    until(lambda: stage.worker.audited("stale") == 3, 30, "three stale values to be counted")
    until(lambda: not any(at_owner(stage, key, "EXISTS", key) for key in keys), 10, "and to be removed")
    assert [stage.fill(student, entry) for student, entry in zip(stage.students, loaded)] == [0, 0, 0], "the removal left fences"
    for student in stage.students:
        stage.load(student)
    until_checked(stage.worker)
    assert stage.worker.audited("stale") == 3, "what is right is not accused"
    assert len([line for line in stage.worker.warnings() if "audit:" in line]) == 3
    assert "Never" not in stage.worker.log.read_text()


def test_slots_that_move_are_no_failure(masters, school, start_worker):
    """Until the worker hears of it, it asks the shard that had the slot; and the one that has it trusts nothing of before."""
    stage = Stage(school, masters, start_worker, settings=FAST)
    student, (first, second, _) = stage.students[0], masters.masters
    key = stage.key(student)
    until_checked(stage.worker)
    for source, target in [(first, second), (second, first)] * 3:
        masters.move(slot_of(key), source, target)
        assert stage.at(target, "FCALL", "wc_sample", 1, key) is None, "nobody has covered it there"
        until(lambda: stage.is_trusted(student), 30, "the other shard to be trusted with it")
        stage.load(student)
        until_checked(stage.worker)
    assert [line for line in stage.worker.warnings() if "audit" in line] == [] and stage.worker.audited("stale") == 0


def test_shards_that_come_and_go_and_slots_that_move(masters, school, start_worker):
    """What nobody could read is not there, and what is read is compared."""
    stage = Stage(school, masters, start_worker, settings=FAST)
    first, second, third = masters.masters
    key = stage.key(stage.students[0])
    masters.move(slot_of(key), first, second)
    until(lambda: stage.is_trusted(stage.students[0]), 30, "the other shard to be trusted with it")
    stage.load(stage.students[0])
    until_checked(stage.worker)
    stage.at(second, "SET", key, stale(stage, stage.students[0]), "PX", 300_000)
    until(lambda: stage.worker.audited("stale") == 1, 30, "the stale value to be found where it is now")

    third.send(signal.SIGSTOP)
    until(lambda: not stage.worker.healthy(), 20, "the shard to be away")
    third.send(signal.SIGCONT)
    until(stage.worker.healthy, 30, "it to be back")
    until_checked(stage.worker)
    assert stage.worker.audited("stale") == 1
