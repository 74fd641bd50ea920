"""Least privilege, rule by rule: each rule of config/users.acl is one without which Redis refuses something that its user does.  What
they do is taken from a Redis that was watched through a life of worker and application.
"""

import threading

import pytest

from redis_library import Library
from school import Cache
from secured_redis import rules
from servers import Redis, Worker, until

pytestmark = pytest.mark.thorough

# Of clusters, of clients that look before they read, of a student with more pages than one call removes; and two whose values the watcher
# shows without their limits.
RARE = {"wc_worker": [["CLUSTER", "NODES"], ["CLUSTER", "KEYSLOT", "k"], ["MSET", "wc:epoch", "v"], ["FUNCTION", "LOAD", "REPLACE", "x"],
                      ["SREM", "student:a:pages", "p"]],
        "wc_application": [["CLUSTER", "KEYSLOT", "k"], ["CLUSTER", "SLOTS"], ["CLUSTER", "SHARDS"], ["EXISTS", "student:a:health_summary"],
                           ["TTL", "student:a:health_summary"], ["PTTL", "student:a:health_summary"], ["TIME"]]}


@pytest.fixture(scope="module")
def secured(ground):
    with Redis(ground, "redis-rights", access=True) as server:
        yield server


@pytest.fixture
def commands(secured, start_worker, school):
    """{user: commands}: what each gave, and what the library did for it."""
    done = {"wc_worker": [], "wc_application": [], "admin": []}
    users, last = {}, ["admin"]

    def note(entry, administrator):
        if entry["client_type"] != "lua":
            place = f"{entry['client_address']}:{entry['client_port']}"
            if place not in users:
                users[place] = next((client["user"] for client in administrator.client_list() if client["addr"] == place), "admin")
            last[0] = users[place]
        done[last[0]].append(entry["command"])

    with secured.connect() as administrator, secured.connect() as watcher, secured.connect() as asking, watcher.monitor() as monitor:
        ended = threading.Event()

        def watch():
            for entry in monitor.listen():
                if "the end" in entry["command"]:
                    return ended.set()
                note(entry, asking)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            worker = start_worker(redis=secured, settings={"invalidate": {"scan": True}, "prewarm": {"save_interval_s": 1}, "audit": {"rate_per_s": 100},
                                                             "events": {"stream": "white_cross:changes"}})
            with secured.connect("wc_application") as client:
                live(worker, client, school, administrator)
        finally:
            administrator.set("student:x", "the end")
            thread.join()
    return {user: list({" ".join(command.split()[:2]) + str(len(command)): command for command in done[user] if not command.startswith(("MSET", "FUNCTION LOAD"))}.values()) for user in RARE}


def live(worker, client, school, administrator):
    cache, eve = Cache(client, school), school.add_student("eve")
    cache.until_drained()
    until(lambda: cache.load(eve) == 1, 10, "a fill")
    token = school.one("SELECT snapshot FROM wc_cache_entries('{eve}'::text[])")
    summary, chart = cache.key(eve), cache.key(eve, "growth_chart")
    pages = [cache.key(eve, f"records:{n}:20:{{}}") for n in range(100)]
    for page in pages:
        assert Library(client).fill(token, page, "v") == 1
    administrator.delete(*pages[:60])
    assert all(Library(client).fill(token, page, "v") == 1 for page in pages[60:])
    assert client.execute_command("FCALL", "wc_lease", 1, chart, 60_000) == 1
    assert Library(client).fill(token, chart, "v") == 1
    assert client.execute_command("FCALL_RO", "wc_get", 1, summary) and client.mget(summary)
    school.add_record(eve)
    until(lambda: administrator.exists(*pages) == 0, 10, "the pages to be gone")
    until(lambda: cache.summary(eve) and cache.is_current(eve), 10, "the new summary")
    school.sql("SELECT wc_invalidate_all()")
    cache.until_drained()
    administrator.flushall()
    until(lambda: cache.load(eve) == 1, 20, "a new epoch")
    assert worker.stop() == 0


def refused(administrator, user, commands):
    found = []
    for command in commands:
        answer = administrator.execute_command("ACL", "DRYRUN", user, *(command.split(" ") if isinstance(command, str) else command))
        if answer != "OK":
            found.append(f"{command}: {answer}")
    return found


def test_each_rule_is_one_that_its_user_needs(secured, commands):
    with secured.connect() as administrator:
        for user, rare in RARE.items():
            asked, all_rules, too_much = commands[user] + rare, rules(user), []
            assert len(commands[user]) > 10 and refused(administrator, user, asked) == []
            for rule in all_rules:
                inner = rule.strip("()").split() if rule.startswith("(") else [rule]
                for word in inner:
                    if not word.startswith(("+", "~", "%")) or word == "+@connection":
                        continue
                    rest = [other for other in all_rules if other is not rule]
                    if rule.startswith("("):
                        rest.append("(" + " ".join(other for other in inner if other is not word) + ")")
                    administrator.execute_command("ACL", "SETUSER", user, "reset", *rest)
                    if not refused(administrator, user, asked):
                        too_much.append(f"{word} of {rule}")
            administrator.execute_command("ACL", "LOAD")
            # Redis ends the sessions of the users that it has read, also this one, and perhaps while the next command is on its way.
            administrator.connection_pool.disconnect()
            assert not too_much, f"{user}: nothing fails without " + ", ".join(too_much)
