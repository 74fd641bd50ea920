"""The Redis function library by itself: fences, fills, pages, leases.  No PostgreSQL, no worker."""

import pytest
import redis

from redis_library import BEGAN, BIG, FENCE_MS, GROWTH, RECORDS, SUMMARY, Library, P, library, snapshot  # noqa: F401 (a fixture)
from servers import until


def test_a_fill_without_a_fence(library):
    assert library.fill(snapshot(10, 10)) == 1
    assert library.client.get(P + "health_summary") == '{"v":1}'
    assert 0 < library.client.ttl(P + "health_summary") <= 300
    assert library.call("wc_get", P + "health_summary") == '{"v":1}'
    assert library.call("wc_get", P + "growth_chart") is None


@pytest.mark.parametrize("base", [100, 2**53 - 1, 2**53, BIG])
@pytest.mark.parametrize("xid, given, accepted", [
    (0, (1, 1), 1),          # below xmin: finished
    (0, (0, 0), 0),          # not below xmax: began later
    (0, (0, 1), 1),          # between, not listed: finished
    (0, (0, 1, 0), 0),       # listed: was in progress
    (1, (0, 3, 0, 2), 1),    # between two that were in progress
    (2, (0, 3, 0, 2), 0),
    (5, (0, 3), 0),
])
def test_only_a_snapshot_that_sees_the_fenced_transaction_may_fill(library, base, xid, given, accepted):
    library.invalidate(base + xid)
    assert library.fill(snapshot(*(base + part for part in given))) == accepted


def test_neighbours_that_a_double_cannot_tell_apart(library):
    library.invalidate(BIG + 1)
    assert float(BIG) == float(BIG + 1)
    assert library.fill(snapshot(BIG, BIG + 1)) == 0
    assert library.fill(snapshot(BIG + 2, BIG + 2)) == 1
    assert library.fill(snapshot(BIG, BIG + 2, BIG + 1)) == 0


def test_shorter_is_smaller(library):
    """9 < 10, though '9' > '10'."""
    library.invalidate(9)
    assert library.fill(snapshot(10, 10)) == 1
    library.invalidate(10)
    assert library.fill(snapshot(9, 9)) == 0


def test_every_fenced_transaction_counts(library):
    library.invalidate(10, 20)
    library.invalidate(15)
    assert library.fill(snapshot(21, 21, )) == 1
    for unseen in 10, 15, 20:
        assert library.fill(snapshot(unseen, 21, unseen)) == 0


def test_a_fence_stands_though_nothing_was_cached(library):
    assert library.invalidate(10) == 0
    assert library.fill(snapshot(10, 10)) == 0


def test_a_fence_is_of_one_student(library):
    library.invalidate(10)
    assert library.fill(snapshot(5, 5), key="student:grace:health_summary") == 1


def test_a_fence_covers_all_kinds(library):
    """A later fill of any kind must have seen the change: which kinds it made stale is not remembered."""
    library.invalidate(10, kinds=SUMMARY)
    assert library.fill(snapshot(10, 10), key=P + "growth_chart") == 0
    assert library.fill(snapshot(11, 11), key=P + "growth_chart") == 1


def test_a_fence_lives_as_long_as_told_and_anew_with_each(library):
    library.call("wc_invalidate", P, 5_000, SUMMARY, 10)
    assert 0 < library.client.pttl(P + "fence") <= 5_000
    library.invalidate(11)
    assert library.client.pttl(P + "fence") > 100_000
    library.call("wc_invalidate", P, 5_000, SUMMARY, 12)
    assert library.client.pttl(P + "fence") > 100_000, "a worker that was told less does not cut it short"


def test_many_students_in_one_call(library):
    prefixes = [f"student:{n}:" for n in range(100)]
    for prefix in prefixes[::2]:
        assert library.fill(snapshot(5, 5), key=prefix + "health_summary") == 1
    arguments = [part for n in range(100) for part in (SUMMARY if n % 4 < 2 else GROWTH, 10 + n)]
    answer = library.client.execute_command("FCALL", "wc_invalidate", 100, *prefixes, FENCE_MS, *arguments)
    assert answer == [SUMMARY if n % 4 == 0 else 0 for n in range(100)]
    for n, prefix in enumerate(prefixes):
        assert library.client.exists(prefix + "health_summary") == (n % 4 == 2)
        assert library.fill(snapshot(10 + n, 10 + n), key=prefix + "health_summary") == 0
        assert library.fill(snapshot(11 + n, 11 + n), key=prefix + "health_summary") == 1


@pytest.mark.parametrize("cached", [(), (0,), (11,), (3, 4)])
@pytest.mark.parametrize("kind, name", [(SUMMARY, "health_summary"), (GROWTH, "growth_chart")])
def test_of_many_students_few_are_cached(library, cached, kind, name):
    """Where nothing is cached one command says so; leases go all the same, and each student has its fence."""
    prefixes = [f"student:{n}:" for n in range(12)]
    for prefix in prefixes:
        library.client.set(f"{prefix}{name}:lease", "somebody")
    for n in cached:
        library.client.set(f"{prefixes[n]}{name}", "{}")
    answer = library.client.execute_command("FCALL", "wc_invalidate", 12, *prefixes, FENCE_MS, *[kind, 10] * 12)
    assert answer == [kind if n in cached else 0 for n in range(12)]
    assert sorted(library.client.keys("student:*")) == sorted(f"{prefix}fence" for prefix in prefixes)


def test_one_fence_for_all_instead_of_their_own(library):
    assert library.fill(snapshot(5, 5)) == 1
    library.call("wc_fence_all", "wc:fence:all", FENCE_MS, "10,12")
    assert library.call("wc_invalidate", P, FENCE_MS, SUMMARY, "") == [SUMMARY]
    assert library.client.keys("student:*") == []
    assert library.fill(snapshot(12, 12)) == 0
    assert library.fill(snapshot(13, 13)) == 1


def test_wc_get_finds_nothing_without_liveness(library):
    key = P + "health_summary"
    assert library.fill(snapshot(5, 5)) == 1
    assert library.call("wc_get", key) == '{"v":1}'
    library.client.delete("wc:alive")
    assert library.call("wc_get", key) is None
    assert library.renew_liveness(20) == 1
    until(lambda: library.call("wc_get", key) is None, what="liveness to expire")
    assert library.client.get(key) == '{"v":1}', "it is there all the same"
    assert library.renew_liveness() == 1
    assert library.call("wc_get", key) == '{"v":1}'


def test_a_new_epoch_begins_without_liveness(library):
    assert library.fill(snapshot(5, 5)) == 1
    assert library.open_epoch(snapshot(10, 10)) == 1
    assert library.call("wc_get", P + "health_summary") is None


def test_without_an_epoch_liveness_is_refused(library):
    library.client.flushall()
    assert library.renew_liveness() == 0


def test_a_late_renewal_of_liveness_does_not_last_longer(library):
    library.client.delete("wc:alive")
    assert library.renew_liveness(0) == 0 and library.renew_liveness(-1000) == 0
    assert not library.client.exists("wc:alive")
    assert library.renew_liveness(60_000) == 1 and 0 < library.client.pttl("wc:alive") <= 60_000


def test_a_renewal_of_liveness_for_other_servers_is_refused(library):
    """Its worker did not know that another epoch had begun, in which what was cached is to be swept first."""
    assert library.fill(snapshot(5, 5)) == 1
    assert library.open_epoch(snapshot(10, 10)) == 1
    assert library.renew_liveness(servers="those before") == 0
    assert library.call("wc_get", P + "health_summary") is None


def test_a_restarted_redis_has_no_liveness(library, redis_server):
    """What it found on its disk may be older than what it had acknowledged."""
    assert library.fill(snapshot(5, 5)) == 1
    library.client.save()
    redis_server.restart()
    with redis_server.connect() as client:
        assert client.get(P + "health_summary") == '{"v":1}' and client.exists("wc:alive") == 1
        assert Library(client).call("wc_get", P + "health_summary") is None
        client.flushall()


HALF_US = FENCE_MS * 1000 // 2


@pytest.mark.parametrize("age, accepted", [(0, 1), (HALF_US * 9 // 10, 1), (HALF_US + 1, 0), (10 * HALF_US, 0),
                                           (-HALF_US * 9 // 10, 1), (-HALF_US * 11 // 10, 0)])
def test_a_value_older_than_half_the_life_of_a_fence_is_refused(library, age, accepted):
    """Its fence may be gone by now.  One from the future says that the clocks are not as they are thought to be."""
    assert library.fill(snapshot(5, 5, began=BEGAN - age)) == accepted


@pytest.mark.parametrize("lost", ["wc:clock", "wc:epoch:life"])
def test_a_value_whose_age_cannot_be_known_is_refused(library, lost):
    library.client.delete(lost)
    assert library.fill(snapshot(5, 5)) == 0


def test_a_fence_is_bounded_and_its_floor_errs_on_the_safe_side(library):
    for xid in range(1000, 2000):
        library.invalidate(xid)
    assert library.client.strlen(P + "fence") <= 512
    assert library.client.pttl(P + "fence") > 100_000
    # everything is refused that would have been refused with all of them remembered
    for unseen in 1000, 1500, 1999:
        assert library.fill(snapshot(unseen, 2000, unseen)) == 0
    assert library.fill(snapshot(2000, 2000)) == 1


def test_many_at_once_are_bounded_too(library):
    library.invalidate(*range(BIG, BIG + 500))
    assert library.client.strlen(P + "fence") <= 512
    assert library.fill(snapshot(BIG + 499, BIG + 500, BIG + 499)) == 0
    assert library.fill(snapshot(BIG + 500, BIG + 500)) == 1


def test_what_was_cached_is_told_and_gone(library):
    seen = snapshot(5, 5)
    page = P + "records:1:20:{}"
    assert [library.fill(seen, key=P + "health_summary"), library.fill(seen, key=P + "growth_chart"), library.fill(seen, key=page)] == [1, 1, 1]
    assert library.invalidate(10, kinds=SUMMARY) == SUMMARY
    assert library.client.exists(P + "health_summary") == 0 and library.client.exists(page, P + "growth_chart") == 2
    assert library.invalidate(11, kinds=SUMMARY | RECORDS | GROWTH) == RECORDS | GROWTH
    assert library.client.exists(page, P + "growth_chart", P + "pages") == 0


def test_pages_are_remembered_in_a_set(library):
    pages = [P + f'records:{n}:20:{{"type":"DENTAL"}}' for n in range(30)]
    assert all(library.fill(snapshot(5, 5), key=page) == 1 for page in pages)
    assert library.client.smembers(P + "pages") == set(pages)
    assert library.client.ttl(P + "pages") > 0
    library.invalidate(10, kinds=RECORDS)
    assert library.client.exists(*pages, P + "pages") == 0


def test_a_set_of_pages_cannot_make_it_delete_others_keys(library):
    library.client.set("student:grace:health_summary", "hers")
    library.client.set("session:1", "mine")
    library.client.sadd(P + "pages", "student:grace:health_summary", "session:1", P + "photo")
    library.client.set(P + "photo", "not ours")
    library.invalidate(10, kinds=RECORDS)
    assert library.client.exists("student:grace:health_summary", "session:1", P + "photo") == 3


def test_keys_with_a_hash_tag(library):
    tagged = "student:{ada}:"
    assert library.open_epoch(snapshot(1, 1, began=0), servers="these servers tagged") == 1
    assert library.fill(snapshot(5, 5), key=tagged + "health_summary") == 1
    assert library.fill(snapshot(5, 5), key=tagged + "records:1:20:{}") == 1
    assert library.invalidate(10, prefix=tagged, kinds=SUMMARY | RECORDS) == SUMMARY | RECORDS
    assert library.fill(snapshot(10, 10), key=tagged + "health_summary") == 0
    assert library.client.keys("student:{ada}:*") == ["student:{ada}:fence"]


@pytest.mark.parametrize("token", ["", "10:10:", "10:10@1", "@", "10:9:@1", "x:10:@1", "10:10:1;2@1", "-1:10:@1", "010:11:@1",
                                   "1e3:1e4:@1", "10:10:@", "9" * 21 + ":" + "9" * 21 + ":@1"])
def test_a_malformed_snapshot_stores_nothing(library, token):
    assert library.fill(token) == 0
    assert not library.client.exists(P + "health_summary")


@pytest.mark.parametrize("arguments", [
    ("wc_fill", P + "health_summary", "v", "0", snapshot(1, 1)), ("wc_fill", P + "health_summary", "v", "-5", snapshot(1, 1)),
    ("wc_fill", P + "health_summary", "v", "soon", snapshot(1, 1)), ("wc_fill", P + "health_summary", "v", "300"),
    ("wc_fill", "session:1", "v", "300", snapshot(1, 1)), ("wc_fill", P + "fence", "0;", "300", snapshot(1, 1)),
    ("wc_fill", P + "pages", "v", "300", snapshot(1, 1)),
    ("wc_invalidate", P, FENCE_MS, 16, 10), ("wc_invalidate", P, FENCE_MS, "all", 10), ("wc_invalidate", P, 0, 1, 10),
    ("wc_invalidate", P, FENCE_MS, 1), ("wc_invalidate", P, FENCE_MS, 1, "ten"), ("wc_invalidate", P, FENCE_MS, 1, "1,,2"),
    ("wc_invalidate", P, FENCE_MS, 1, "1,"), ("wc_invalidate", P, FENCE_MS, 1, "9" * 21), ("wc_invalidate", P, FENCE_MS, 1, 1, 1, 2),
    ("wc_fence_all", P, FENCE_MS, "1"), ("wc_fence_all", "wc:fence:all", FENCE_MS, ""), ("wc_fence_all", "wc:fence:all", "x", "1"),
    ("wc_alive", "wc:alive", 0, "these servers", "1:1:@0"), ("wc_alive", P, BEGAN, "these servers", "1:1:@0"), ("wc_alive", "wc:alive", BEGAN),
    ("wc_alive", "wc:alive", BEGAN, "these servers"), ("wc_alive", "wc:alive", BEGAN, "these servers", "all"),
    ("wc_invalidate", P, FENCE_MS, 1, 1, "all"), ("wc_hello", "session:1"), ("wc_hello", P), ("wc_hello", P + "fence"),
    ("wc_get", P + "health_summary", "7"), ("wc_get", P + "health_summary", "x.7.1.5"), ("wc_get", P + "health_summary", "07.7.1.5"),
    ("wc_get", P + "health_summary", "7.7.1"), ("wc_get", P + "health_summary", "7.7.1.5.6"), ("wc_get", P + "health_summary", "7.7.1.5 "),
    ("wc_get", P + "health_summary", "1" * 21 + ".7.1.5"), ("wc_lease", P + "health_summary", 10, "7"),
    ("wc_lease", P + "health_summary", 10, "", "-1"), ("wc_lease", P + "health_summary", 10, "", "1e3"),
    ("wc_lease", P + "health_summary", 10, "", "1" * 13),
    ("wc_lease", P + "health_summary", 0), ("wc_lease", P + "health_summary", "x"),
])
def test_wrong_arguments_are_errors_and_change_nothing(library, arguments):
    with pytest.raises(redis.ResponseError):
        library.call(*arguments)
    assert library.client.keys("student:*") == []


def test_a_lease_is_given_once(library):
    key = P + "health_summary"
    assert [library.call("wc_lease", key, 60_000) for _ in range(3)] == [1, 0, 0]
    # whoever loads gives it back by filling, refused or not
    library.invalidate(10)
    assert library.call("wc_lease", key, 60_000) == 1
    assert library.fill(snapshot(10, 10)) == 0
    assert library.call("wc_lease", key, 60_000) == 1
    assert library.fill(snapshot(11, 11)) == 1
    library.client.delete(key)
    assert library.call("wc_lease", key, 60_000) == 1


def test_no_lease_on_what_is_there(library):
    """Whoever missed it just before another stored it would load it again."""
    key = P + "health_summary"
    assert library.fill(snapshot(5, 5)) == 1
    assert library.call("wc_lease", key, 60_000) == 0
    library.client.delete("wc:alive")
    assert library.call("wc_lease", key, 60_000) == 1, "without liveness a value is a miss"


def test_reading_is_allowed_where_writing_is_not(library):
    """wc_get has the no-writes flag: FCALL_RO may call it."""
    library.fill(snapshot(5, 5))
    assert library.client.execute_command("FCALL_RO", "wc_get", 1, P + "health_summary") == '{"v":1}'
    with pytest.raises(redis.ResponseError):
        library.client.execute_command("FCALL_RO", "wc_lease", 1, P + "health_summary", 10)


@pytest.mark.parametrize("id", ["", ":", "a:b", "records:1:2:x", "Zoë 1", "health_summary", "x" * 10_000, "a:records:1:20:b", "a:records:1:20:{}",
                                "a:records:1:20:records:1:20:{", 'a:records:1:20:{"b', "{a", "a}", "a:fence", ":records:1:20:"])
def test_ids_of_all_kinds(library, id):
    prefix = f"student:{id}:"
    for name in "health_summary", "growth_chart", 'records:2:50:{"from":"2025-01-01"}':
        assert library.fill(snapshot(5, 5), key=prefix + name) == 1
    assert library.invalidate(10, prefix=prefix, kinds=7) == 7
    assert library.fill(snapshot(10, 10), key=prefix + "health_summary") == 0
    assert library.client.keys("student:*") == [prefix + "fence"]


def test_without_an_epoch_nothing_is_stored(library):
    library.client.delete("wc:epoch")
    assert library.fill(snapshot(10, 10)) == 0
    assert library.open_epoch(snapshot(10, 10)) == 1
    assert library.fill(snapshot(10, 10)) == 1


@pytest.mark.parametrize("base", [100, 2**53 - 1, BIG])
@pytest.mark.parametrize("given, accepted", [
    ((0, 4, 1), 1),          # the epoch's own snapshot
    ((4, 4), 1),             # all that was in progress has ended since
    ((1, 9, 1, 5), 1),       # later, with a transaction in progress that the epoch has not seen either
    ((0, 3, 1), 0),          # older: 3 is not visible
    ((0, 4, 1, 3), 0),       # 3 was visible to the epoch
    ((0, 9, 0, 1), 0),       # 0 was visible to the epoch
])
def test_a_fill_must_have_seen_all_that_the_epoch_saw(library, base, given, accepted):
    assert library.open_epoch(snapshot(base, base + 4, base + 1)) == 1
    assert library.fill(snapshot(*(base + xid for xid in given))) == accepted


@pytest.mark.parametrize("origin, accepted", [
    ("7.1.5", 1),    # the server that the epoch was opened on
    ("7.1", 1),      # its standby
    ("7.1.6", 0),    # before a crash, which may have lost transactions: their ids are given out again
    ("7.2.5", 0),    # another timeline
    ("7.2", 0),
    ("8.1.5", 0),    # another cluster
    ("8.1", 0),
    ("", 0),
])
def test_only_values_of_the_epochs_own_server_are_accepted(library, origin, accepted):
    assert library.open_epoch(f"10:10:@{BEGAN}#7.1.5") == 1
    assert library.fill(f"20:20:@{BEGAN}#{origin}") == accepted


def test_an_epoch_whose_opening_was_lost_is_not_opened(library):
    assert library.open_epoch(snapshot(50, 50), opening="mine", held="another's") == 0
    assert library.fill(snapshot(10, 10)) == 1, "the one before is in force"


@pytest.mark.parametrize("arguments", [(), ("o",), ("o", "no snapshot", "servers", 1000), ("o", "1:1:@1", "servers", 0),
                                       ("o", "1:1:@1", "servers", 1000, "more")])
def test_an_epoch_needs_its_arguments(library, arguments):
    library.client.set("wc:epoch:opening", "o")
    with pytest.raises(redis.ResponseError):
        library.call("wc_open_epoch", "wc:epoch", *arguments)
