"""DogStatsD, against a socket that reads each line by its grammar."""

import pytest

from destinations import Agent
from servers import until

FAST = {"interval_s": 1}


def settings(agent):
    return {"destinations": FAST, "dogstatsd": {"address": agent.address, "tags": "env:test"}}


@pytest.mark.parametrize("by_path", [False, True], ids=["udp", "socket"])
def test_counts_add_up(start_worker, school, ground, by_path):
    with Agent(ground.socket_folder_for(ground.folder_for("agent")) / "dsd.socket" if by_path else None) as agent:
        worker = start_worker(settings=settings(agent))
        for number in range(6):
            school.add_student(f"datadog-{number}")
            until(school.is_drained, 10)
        students = until(lambda: worker.metrics()["wc_worker_drained_students_total"] >= 6 and worker.metrics()["wc_worker_drained_students_total"], 10)
        until(lambda: agent.sums()["wc_worker_drained_students_total"] == students, 20, "all students")
        until(lambda: agent.sums()["wc_worker_gone_seconds.count"] == worker.metrics()["wc_worker_gone_seconds_count"], 20, "all removals")
        samples = agent.samples()
        assert all("env:test" in tags for *_, tags in samples)
        assert ("wc_worker_is_drainer", 1, "g", frozenset(["env:test"])) in samples
        assert any(name == "wc_worker_gone_seconds.p99" and 0 < value < 300 for name, value, *_ in samples)


def test_an_agent_that_is_started_anew_is_found_again(start_worker, school, ground):
    path = ground.socket_folder_for(ground.folder_for("agent")) / "dsd.socket"
    with Agent(path) as agent:
        worker = start_worker(settings=settings(agent))
        until(lambda: agent.samples(), 20)
    lost = 'wc_export_lost_total{destination="dogstatsd",reason="refused"}'
    until(lambda: worker.metrics()[lost] >= 1, 20, "the agent to be missed")
    with Agent(path) as agent:
        until(lambda: agent.samples(), 20, "the new agent")
    assert worker.healthy() and "the agent takes no packets" in worker.log.read_text()
