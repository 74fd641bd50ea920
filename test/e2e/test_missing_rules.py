"""`--check-config --connect` names the rule of config/users.acl that the worker's user lacks, and so does a worker that is refused."""

import pytest

from secured_redis import administrator, rules, secured  # noqa: F401 (fixtures)
from servers import Redis, RedisCluster, until
from servers.worker import run_worker

pytestmark = pytest.mark.thorough

USER, STREAM = "wc_worker", "white_cross:changes"
RULES = rules(USER)
# Each word that gives something, and the rules without it.
WITHOUT = {rule: [other for other in RULES if other is not rule] for rule in RULES if rule[0] in "+~("}
OF_STREAM, = [rule for rule in RULES if rule.startswith("(")]
OF_CLUSTERS = {rule for rule in WITHOUT if rule.startswith("+cluster|")}


class Several:
    """Redis servers of one worker, by name."""

    def __init__(self, servers):
        self._servers = servers

    def worker_settings(self):
        return {"target": [{"name": name} | server.worker_settings() for name, server in self._servers.items()]}


@pytest.fixture
def configured(start_worker):
    """configured(server, **settings): the configuration of a worker that is not started."""
    def make(server, **settings):
        worker = start_worker(enter=False, redis=server, settings={"events": {"stream": STREAM}} | settings)
        worker.write_configuration()
        return worker.configuration
    return make


def give(server, given):
    with server.connect() as administrator:
        administrator.execute_command("ACL", "SETUSER", USER, "reset", "on", ">" + server.passwords[USER], *given)


def look(configuration):
    """Returns the exit status, and by server what is said of it."""
    done = run_worker("--config", configuration, "--check-config", "--connect")
    assert "[redis]" in done.stdout
    return done.returncode, dict(line.rsplit(": ", 1) for line in done.stderr.splitlines())


def lacking(configuration):
    """The rules that are named, as one text for each Redis; and the exit status says whether there are some."""
    status, said = look(configuration)
    assert said.pop("postgres") == "connected"
    found = {server: sentence.removeprefix("the user lacks ").removesuffix(", which config/users.acl gives to wc_worker")
             for server, sentence in said.items() if sentence != "connected; the user has all rights that the worker needs"}
    assert status == (77 if found else 0)
    return found


def lacks(configuration):
    return "".join(lacking(configuration).values())


def test_with_all_rules_nothing_is_named_and_nothing_is_left(configured, secured, administrator):
    administrator.xadd(STREAM, {"f": "v"})
    administrator.mset({"wc:epoch": "e", "wc:alive": "a", "wc:fence:all": "0;", "student:wc:nobody:fence": "7;8"})
    before = {key: administrator.dump(key) for key in administrator.keys("*")}
    assert look(configured(secured)) == (0, {"postgres": "connected", f"redis 127.0.0.1:{secured.port}/0": "connected; the user has all rights that the worker needs"})
    assert {key: administrator.dump(key) for key in administrator.keys("*")} == before and administrator.ttl("student:wc:nobody:fence") == -1
    administrator.flushall()
    assert lacks(configured(secured)) == "" and administrator.keys("*") == []
    assert administrator.execute_command("FUNCTION", "LIST") == []


def test_each_rule_is_named_alone(configured, secured, administrator):
    configuration, named = configured(secured), {}
    assert len(WITHOUT) > 20
    for rule, rest in WITHOUT.items():
        give(secured, rest)
        named[rule] = lacks(configuration)
        # Without UNLINK it ends by itself.
        assert rule == "+unlink" or administrator.keys("*") == []
        until(lambda: administrator.keys("*") == [], 10)
    assert named == {rule: "" if rule in OF_CLUSTERS else rule for rule in WITHOUT}


@pytest.mark.parametrize("given, named", [
    (f"(+fcall ~{STREAM})", f"(+xadd ~{STREAM})"), (f"(+xadd ~{STREAM})", f"(+fcall ~{STREAM})"), ("(+fcall +xadd)", OF_STREAM),
    (f"(+xadd ~{STREAM}) (+fcall ~{STREAM})", ""),
])
def test_the_rule_of_the_stream(configured, secured, administrator, given, named):
    given = given.replace(") (", ")|(").split("|")
    give(secured, [*WITHOUT[OF_STREAM], *given])
    assert lacks(configured(secured)) == named
    assert lacks(configured(secured, events={})) == "", "nobody appends"


def test_what_is_given_for_other_keys_alone(configured, secured, administrator):
    give(secured, [*WITHOUT["~student:*"], "%R~student:*"])
    assert lacks(configured(secured)) == "(+fcall +set +append +unlink +rename +pexpire +srem ~student:*)"
    give(secured, [*WITHOUT["+get"], "(+get ~student:*)"])
    assert lacks(configured(secured)) == "(+get ~wc:*)"
    give(secured, [*RULES, "-set", "-append", "-srem", "-@connection"])
    assert lacks(configured(secured)) == "+@connection +set +append +srem"
    assert administrator.keys("*") == [], "without SET, APPEND has made nothing that stays"
    give(secured, [*RULES, "-set"])
    assert lacks(configured(secured)) == "+set" and administrator.keys("*") == []


@pytest.mark.parametrize("pattern, settings", [
    ("~student:{*}:*", {"cluster_keys": True}), ("~student:" + "?" * 22 + ":*", {"opaque_keys": True}),
], ids=["cluster_keys", "opaque_keys"])
def test_keys_are_tried_in_the_form_that_they_have(configured, secured, administrator, tmp_path, pattern, settings):
    secret = tmp_path / "secret"
    secret.touch(0o600)
    secret.write_text("s" * 32)
    give(secured, [*WITHOUT["~student:*"], pattern])
    assert lacks(configured(secured, redis={"key_secret_file": str(secret)} | settings)) == ""
    assert lacks(configured(secured, redis={"opaque_keys": False})) == "~student:*"


def test_each_shard_of_a_cluster(configured, ground):
    """Which has users of its own."""
    with RedisCluster(ground, "redis-missing-cluster", access=True) as cluster:
        configuration = configured(cluster)
        assert lacking(configuration) == {}
        nodes = {f"redis 127.0.0.1:{node.port}/0": node for node in cluster.nodes}
        lacks_of = dict(zip(nodes, ["+cluster|keyslot", "~student:*", OF_STREAM]))
        for server, rule in lacks_of.items():
            give(nodes[server], WITHOUT[rule])
        assert len(lacks_of) == 3 and lacking(configuration) == lacks_of
        for node in nodes.values():
            give(node, WITHOUT["+cluster|nodes"])
        status, said = look(configuration)
        assert status == 77 and any("the user lacks +cluster|nodes, which" in sentence for sentence in said.values())


def test_each_of_several_redis(configured, secured, administrator, ground):
    """The first one alone has the stream."""
    with Redis(ground, "redis-missing-too", access=True) as other:
        several = Several({"a": secured, "b": other})
        configuration = configured(several)
        assert lacking(configuration) == {}
        give(secured, WITHOUT[OF_STREAM])
        give(other, [*WITHOUT[OF_STREAM], "-time"])
        assert lacking(configuration) == {f'redis.target "a" 127.0.0.1:{secured.port}/0': OF_STREAM, f'redis.target "b" 127.0.0.1:{other.port}/0': "+time"}


def test_a_login_and_an_address(configured, secured, administrator):
    status, said = look(configured(secured, redis={"password_file": "", "password": "hush"}))
    assert status == 77 and "hush" not in str(said) and any("redis.password_file" in sentence for sentence in said.values())
    status, said = look(configured(secured, redis={"url": "redis://127.0.0.1:1"}))
    assert (status, said["redis 127.0.0.1:1/0: cannot connect to 127.0.0.1:1"]) == (69, "Connection refused")
    give(secured, ["-@all"])
    status, said = look(configured(secured, postgres={"url": "postgresql://nobody@127.0.0.1:1/x"}))
    assert status == 77 and "+@connection +info +function|list" in str(said), "who has no right hears of each"


def test_connect_is_a_part_of_check_config():
    assert run_worker("--connect").returncode == 64
