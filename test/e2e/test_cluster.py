"""Redis Cluster: each shard is trusted, lost and found by itself."""

import signal
import threading
import time

import pytest
import redis

from cluster_stage import Stage
from school import Cache
from servers import RedisCluster, library, until
from servers.redis_cluster import is_redirection, slot_of
from stray_reader import Reader

pytestmark = pytest.mark.thorough


@pytest.fixture
def masters(ground):
    """Three, and no replica."""
    with RedisCluster(ground) as cluster:
        yield cluster


@pytest.fixture
def pairs(ground):
    """Three masters, each with a replica."""
    with RedisCluster(ground, "replicated", replicas=1) as cluster:
        yield cluster


def test_changes_reach_every_shard(masters, school, start_worker):
    stage = Stage(school, masters, start_worker)
    stage.check_that_each_shard_is_kept_fresh()
    school.sql("SELECT wc_invalidate_all()")
    stage.until_done()
    assert {stage.read(student) for student in stage.students} == {None}
    until(stage.worker.healthy, 10, "the worker to be healthy")


def test_a_shard_that_is_away_holds_back_only_its_own_students(masters, school, start_worker):
    stage = Stage(school, masters, start_worker)
    away, others = stage.students[0], stage.students[1:]
    bystander = stage.student_of(masters.masters[0], stage.students)
    stage.until_done()
    stage.load(bystander)
    masters.masters[0].send(signal.SIGSTOP)
    for student in stage.students:
        stage.rename(student, "After")
    until(school.is_drained, 20, "the queue to be empty")
    assert stage.waiting() == {away}
    assert [stage.read(student, node) for student, node in zip(others, masters.masters[1:])] == [None, None]
    until(lambda: stage.worker.get("/healthz")[0] == 503, 10, "the worker to say so")
    assert "no shard has the slots 0-5461" in stage.worker.get("/healthz")[1]
    with Reader(masters.masters[1], stage.key(others[0])) as reader:
        for name in "Again", "And again":
            until(lambda: stage.at(masters.masters[1], *library.fill(*stage.entry(others[0]))) == 1, 10, "the others to go on")
            until(lambda: reader.found and reader.found[-1][1] is not None, 10, "it to be found")
            stage.rename(others[0], name)
            until(school.is_drained, 10, "the queue to be empty")
            drained = time.monotonic()
            until(lambda: reader.found[-1][0] >= drained, 10, "an answer to a later question")
            assert reader.names(drained) <= {None, name}
    masters.masters[0].send(signal.SIGCONT)
    with Reader(masters.masters[0], stage.key(away)) as reader:
        stage.until_done()
        done = time.monotonic()
        until(lambda: stage.read(bystander) == "Before", 20, "what did not change to be found again: it is the same process")
        stage.load(away)
        assert reader.names(done) <= {None, "After"}
    until(stage.worker.healthy, 10, "the worker to be healthy")


def test_a_shard_that_was_started_anew_is_not_trusted_with_what_it_had(masters, school, start_worker):
    stage = Stage(school, masters, start_worker)
    student = stage.students[0]
    old = stage.entry(student)
    stage.rename(student, "After")
    stage.until_done()
    first = stage.trusted_with(student)
    masters.masters[0].restart(signal.SIGKILL)
    until(lambda: stage.trusted_with(student) not in (None, first), 20, "the new process to be trusted")
    assert stage.fill(student, old) == 0, "the fence is lost with the process"
    stage.load(student)
    assert stage.read(student) == "After"


def cut_replication(master, replica):
    with master.connect() as first, replica.connect() as second:
        second.config_set("masterauth", "no longer this")
        first.execute_command("CLIENT", "KILL", "TYPE", "replica")
        until(lambda: second.info("replication")["master_link_status"] == "down", 10, "the replica to be cut off")


def test_a_promoted_replica_that_lacks_a_removal_serves_nothing_of_before(pairs, school, start_worker):
    stage = Stage(school, pairs, start_worker)
    student, (first, second) = stage.students[0], (pairs.masters[0], pairs.replicas[0])
    old = stage.entry(student)
    with second.connect() as replica:
        replica.execute_command("READONLY")
        until(lambda: replica.get(stage.key(student)), 10, "the replica to have it")
    cut_replication(first, second)
    stage.rename(student, "After")
    stage.until_done()
    with Reader(second, stage.key(student)) as reader:
        first.stop(signal.SIGKILL)
        until(lambda: pairs.owner(stage.key(student)) is second, 30, "the replica to be promoted")
        assert "Before" in stage.at(second, "GET", stage.key(student)), "or there is nothing to find"
        assert stage.fill(student, old) == 0, "before the worker came"
        until(lambda: stage.is_trusted(student) and reader.found and stage.at(second, "GET", stage.key(student)) is None, 30, "it to be trusted")
        assert stage.fill(student, old) == 0, "what a fence of the first one kept out"
        stage.load(student)
        until(lambda: reader.found[-1][1] == "After", 10, "the reader to find it")
        assert reader.names() == {None, "After"}
    assert [stage.read(other) for other in stage.students[1:]] == ["Before", "Before"], "the other shards kept theirs"


def test_a_stopped_master_that_wakes_up_answers_nobody_with_what_was_removed_elsewhere(pairs, school, start_worker):
    stage = Stage(school, pairs, start_worker, ttl_ms=8000)
    student, (first, second) = stage.students[0], (pairs.masters[0], pairs.replicas[0])
    with Reader(first, stage.key(student)) as stray:
        until(lambda: "Before" in stray.names(), 10, "it to be found there")
        first.send(signal.SIGSTOP)
        until(lambda: second.role() == "master", 30, "the replica to be promoted")
        stage.rename(student, "After")
        stage.until_done()
        answered = len(stray.found)
        first.send(signal.SIGCONT)  # it first answers the question that has waited
        until(lambda: first.role() == "slave", 30, "the first to become a replica")
        assert {name for _, name in stray.found[answered:]} <= {None}
    until(lambda: stage.is_trusted(student), 30, "the promoted one to be trusted")
    stage.load(student)
    assert stage.read(student) == "After"


def test_slots_that_move_while_changes_come(masters, school, start_worker):
    stage = Stage(school, masters, start_worker)
    source, target = masters.masters[:2]
    movers = [stage.students[0]]
    while len(movers) < 6:
        movers.append(stage.student_of(source, movers))
    stage.until_done()
    for student in movers[1:]:
        stage.load(student)
    slots = [slot_of(stage.key(student)) for student in movers]
    moving = threading.Thread(target=lambda: [masters.move(slot, source, target) for slot in slots])
    moving.start()
    for number in range(4):
        for student in movers:
            stage.rename(student, f"Name {number}")
        stage.until_done()
        assert {stage.read(student) for student in movers} <= {None, f"Name {number}"}
    moving.join()
    assert all(masters.owner(stage.key(student)) is target for student in movers)
    for student in movers:
        stage.load(student)
        assert stage.read(student) == "Name 3"
    assert stage.read(stage.students[2]) == "Before"


def test_a_slot_on_its_way_holds_back_its_own_students(masters, school, start_worker):
    """Redis answers ASK.  To follow it would not do: values and fences are on both sides."""
    stage = Stage(school, masters, start_worker)
    student, slot, (source, target) = stage.students[0], slot_of(Stage.key(stage.students[0])), masters.masters[:2]
    masters.open_slot(slot, source, target)
    with pytest.raises(redis.ResponseError) as raised:
        stage.at(source, "GET", Cache.cluster_key(student, "none"))
    assert is_redirection(raised.value)
    for one in stage.students:
        stage.rename(one, "After")
    until(school.is_drained, 20, "the queue to be empty")
    assert stage.waiting() == {student}
    assert stage.read(stage.students[1]) is None
    assert stage.read(student, source) is None
    masters.move_keys(slot, source, target)
    masters.close_slot(slot, source, target)
    stage.until_done()
    assert stage.read(student) is None
    stage.load(student)
    assert stage.read(student) == "After"


@pytest.mark.parametrize("ends_at", ["source", "target"])
def test_a_slot_whose_fences_stay_elsewhere_takes_nothing_old(masters, school, start_worker, ends_at):
    """A move that is given up behind half of the way, and one that takes nothing along."""
    stage = Stage(school, masters, start_worker)
    student, slot, (source, target) = stage.students[0], slot_of(Stage.key(stage.students[0])), masters.masters[:2]
    old = stage.entry(student)
    stage.rename(student, "After")
    stage.until_done()
    masters.open_slot(slot, source, target)
    until(lambda: not stage.is_trusted(student), 20, "the worker to see it")
    if ends_at == "source":
        masters.move_keys(slot, source, target)
        for node in source, target:
            node.ask("CLUSTER", "SETSLOT", slot, "STABLE")
    else:
        target.ask("CLUSTER", "SETSLOT", slot, "NODE", target.id)
        until(lambda: slot not in source.slots(), 20, "the source to give way")
    owner = masters.owner(stage.key(student))
    assert owner is (source if ends_at == "source" else target)
    assert not stage.at(owner, "EXISTS", Cache.cluster_key(student, "fence")), "or there is nothing to find"
    until(lambda: stage.is_trusted(student), 20, "the owner to be trusted")
    stage.fill(student, old)
    assert stage.read(student) is None
    stage.load(student)
    assert stage.read(student) == "After"


def test_the_users_of_the_example_suffice(ground, school, start_worker):
    with RedisCluster(ground, "with-users", access=True) as cluster:
        stage = Stage(school, cluster, start_worker)
        student, master = stage.students[0], cluster.masters[0]
        with master.connect("wc_application") as client:
            assert client.execute_command(*library.get(stage.key(student)))
            stage.rename(student, "After")
            stage.until_done()
            assert client.execute_command(*library.get(stage.key(student))) is None
            assert client.execute_command(*library.lease(stage.key(student), 1000)) == 1
            assert client.execute_command(*library.fill(*stage.entry(student))) == 1
            assert client.execute_command("CLUSTER", "SLOTS") and client.execute_command("CLUSTER", "SHARDS")
            with pytest.raises(redis.ResponseError, match="permissions"):
                client.execute_command("CLUSTER", "SETSLOT", 0, "STABLE")
