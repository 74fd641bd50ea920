"""Every command that the running Redis has, tried as each user of config/users.acl: what is not in the list here is refused, by ACL DRYRUN and
when it is really sent, and what is in the list is refused on any key that is not in it.
"""

import pytest
import redis

from servers import Redis

pytestmark = pytest.mark.thorough

SUMMARY, PAGE, LEASE, FILLING = "student:a:health_summary", "student:a:records:1:20:{}", "student:a:health_summary:lease", "student:a:health_summary:filling"
PAGES, FENCE, EPOCH, STREAM, OTHER = "student:a:pages", "student:a:fence", "wc:epoch", "white_cross:changes", "session:1"
SPACES = [SUMMARY, PAGE, LEASE, FILLING, PAGES, FENCE, EPOCH, STREAM, OTHER]
STUDENTS = {SUMMARY, PAGE, LEASE, FILLING, PAGES, FENCE}
OURS = STUDENTS | {EPOCH}

# By user: the commands that it may give, with the keys.  What looks at no key has none.
MAY = {
    "wc_worker": dict.fromkeys(["info", "function|list", "function|load", "cluster|nodes", "cluster|keyslot", "time", "scan"], set())
    | dict.fromkeys(["get", "mget", "exists", "pttl", "set", "mset", "append", "unlink", "rename", "pexpire", "srem", "srandmember"], OURS)
    | {"fcall": OURS | {STREAM}, "xadd": {STREAM}},
    "wc_application": dict.fromkeys(["cluster|keyslot", "cluster|slots", "cluster|shards", "time"], set())
    | dict.fromkeys(["get", "mget", "exists", "ttl", "pttl"], OURS) | {"fcall": STUDENTS, "fcall_ro": STUDENTS}
    | {"set": {LEASE, FILLING}, "unlink": {LEASE}, "rename": {FILLING}} | dict.fromkeys(["sadd", "srem", "scard", "srandmember", "pexpire"], {PAGES}),
    "wc_consumer": dict.fromkeys(["multi", "exec"], set())
    | dict.fromkeys(["xread", "xreadgroup", "xack", "xautoclaim", "xgroup|create", "xinfo|stream", "xinfo|groups"], {STREAM}),
}
# Those whose keys do not begin behind their name, or that look for words of their own.
WORDS = {"fcall": "FCALL f 1 {k}", "fcall_ro": "FCALL_RO f 1 {k}", "xadd": "XADD {k} * f v", "set": "SET {k} v", "mset": "MSET {k} v", "append": "APPEND {k} v",
         "rename": "RENAME {k} {k}", "pexpire": "PEXPIRE {k} 9", "srem": "SREM {k} m", "sadd": "SADD {k} m", "xread": "XREAD STREAMS {k} 0",
         "xreadgroup": "XREADGROUP GROUP g c STREAMS {k} >", "xack": "XACK {k} g 0-1", "xautoclaim": "XAUTOCLAIM {k} g c 9 0",
         "xgroup|create": "XGROUP CREATE {k} g $", "xinfo|stream": "XINFO STREAM {k}", "xinfo|groups": "XINFO GROUPS {k}"}


@pytest.fixture(scope="module")
def secured(ground):
    # By default Redis refuses these two to everybody, before it looks at rights.
    with Redis(ground, "redis-commands", {"enable-debug-command": "yes", "enable-module-command": "yes"}, access=True) as server:
        yield server


def commands_of(administrator):
    """{name: its words, as many as it wants}, subcommands as container|name."""
    found = {}

    def note(information):
        name, arity, subcommands = information[0], information[1], information[9] if len(information) > 9 else []
        for subcommand in subcommands:
            note(subcommand)
        if not subcommands:
            words = name.upper().split("|")
            found[name] = words + ["x"] * (abs(arity) - len(words))

    # redis-py would make its own of both answers.
    administrator.set_response_callback("COMMAND LIST", lambda answer, **_: answer)
    administrator.set_response_callback("COMMAND INFO", lambda answer, **_: answer)
    for information in administrator.execute_command("COMMAND INFO", *administrator.execute_command("COMMAND LIST")):
        note(information)
    return found


def is_refused(answer):
    """Whether it is for the command itself, rather than for a key or a channel of it."""
    return answer != "OK" and "permissions to run" in answer


@pytest.mark.parametrize("user", MAY)
def test_no_other_command(secured, user):
    with secured.connect() as administrator, secured.connect(user) as client:
        commands = commands_of(administrator)
        assert len(commands) > 350 and {"config|set", "shutdown", "eval", "acl|setuser", "client|kill", "debug", "xgroup|destroy"} <= set(commands)

        def members(category):
            return set(administrator.execute_command("ACL", "CAT", category))
        # A connection's own affairs, of which none is an administrator's.
        own = members("connection") - members("admin") - members("dangerous")
        own = {name for name in commands if name in own or name.split("|")[0] in own and not name.startswith("client|")}
        assert len(own) > 10 and not own & {"client|kill", "client|list", "client|pause"}
        may = {name for name, words in commands.items() if not is_refused(administrator.execute_command("ACL", "DRYRUN", user, *words))}
        assert may - own == set(MAY[user]) and own <= may
        client.ping()
        before = administrator.info("commandstats")
        for name in sorted(set(commands) - may):
            with pytest.raises((redis.exceptions.NoPermissionError, redis.exceptions.ExecAbortError), match="no permissions to run"):
                client.execute_command(*commands[name])
        after = administrator.info("commandstats")
        ran = {name for name, stats in after.items() if stats["calls"] > before.get(name, {"calls": 0})["calls"]}
        assert ran <= {"cmdstat_info"}, "it was refused and ran all the same"


@pytest.mark.parametrize("user", MAY)
def test_no_other_key(secured, user):
    with secured.connect() as administrator:
        commands = commands_of(administrator)
        for name, spaces in MAY[user].items():
            words = WORDS.get(name, " ".join(name.upper().split("|")) + " {k}")
            if not spaces:
                assert administrator.execute_command("ACL", "DRYRUN", user, *commands[name]) == "OK"
                continue
            allowed = {key for key in SPACES if administrator.execute_command("ACL", "DRYRUN", user, *words.format(k=key).split()) == "OK"}
            assert allowed == spaces, name


def test_a_value_is_renamed_in_from_its_own_filling_alone(secured):
    """RENAME is the one command with two keys of different rights."""
    with secured.connect() as administrator:
        allowed = {(a, b) for a in SPACES for b in SPACES
                   if administrator.execute_command("ACL", "DRYRUN", "wc_application", "RENAME", a, b) == "OK"}
        assert allowed == {(FILLING, SUMMARY), (FILLING, PAGE), (FILLING, FILLING)}


def test_nobody_is_the_default_user(secured):
    with secured.connect() as administrator:
        assert "off" in administrator.acl_getuser("default")["flags"]
    with pytest.raises(redis.AuthenticationError), redis.Redis(port=secured.port) as stranger:
        stranger.ping()
