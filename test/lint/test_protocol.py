"""What extension, worker, SQL and the library in Redis share stands in src/core/protocol/; SQL and Lua say the same."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROTOCOL = ROOT / "src/core/protocol"
LUA = "\n".join(path.read_text() for path in sorted((ROOT / "worker/redis/library").glob("*.lua")))
SQL = {path.name: path.read_text() for path in sorted((ROOT / "sql/install").glob("*.sql"))}


def constants(header):
    """name → value of the header's constants: texts, characters and numbers."""
    text = (PROTOCOL / header).read_text()
    found = {name: value.strip("\"'") for name, value in re.findall(r"constexpr [\w:<> *]*?\b(k\w+) = (\"[^\"]*\"|'.'|[0-9A-Za-z]+);", text)}
    assert found, f"the test finds no constant in {header}"
    return found


def locals_of_lua():
    found = {}
    for names, values in re.findall(r"^local ([A-Z_, ]+) = ([^{\n]+)$", LUA, re.M):
        names, values = names.split(", "), values.split(", ")
        assert len(names) == len(values)
        found |= dict(zip(names, (value.strip("'") for value in values)))
    return found


def as_lua(name):
    """kFenceAll → FENCE_ALL"""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.removeprefix("k")).upper()


def sections():
    text = (PROTOCOL / "section.hpp").read_text()
    bits = {name: 1 << int(shift) for name, shift in re.findall(r"(k\w+) = 1 << (\d+)", text)}
    names = re.search(r"kAllSections = ([^;]+);", text)[1].split(" | ")
    return bits, sum(bits[name] for name in names)


def kinds():
    """The names of the cached kinds, in the order of their bits."""
    order = re.search(r"enum class Kind : [\w:]+ \{ ([^}]+) \}", (PROTOCOL / "section.hpp").read_text())[1].split(", ")
    names = dict(re.findall(r"case Kind::(\w+): return \"(\w+)\";", (PROTOCOL / "key.hpp").read_text()))
    return [names[kind] for kind in order]


@pytest.mark.parametrize("name", sorted(set(constants("library.hpp")) - {"kSweep"}))
def test_the_library_in_redis_has_the_constant(name):
    assert locals_of_lua()[as_lua(name)] == constants("library.hpp")[name]


def test_the_library_has_only_keys_of_the_protocol():
    ours = {value for value in constants("library.hpp").values() if value.startswith("wc:")}
    assert set(re.findall(r"'(wc:[\w:]+)'", LUA)) == ours
    assert constants("library.hpp")["kSweep"] == locals_of_lua()["WAS_MISFIT"]


def test_the_library_has_the_kinds():
    lua = locals_of_lua()
    assert [lua["SUMMARY"], lua["RECORDS"], lua["GROWTH"]] == [str(1 << at) for at in range(3)]
    summary, records, growth = kinds()
    assert f"remove(SUMMARY, '{summary}')" in LUA and f"remove(GROWTH, '{growth}')" in LUA and f"'{records}:'" in LUA
    assert f"KINDS: 1 {summary}, 2 {records}, 4 {growth}" in LUA
    assert set(re.findall(r"prefix \.\. '(\w+)'", LUA)) == {constants("key.hpp")["kPages"], constants("key.hpp")["kFence"]}
    start = constants("key.hpp")["kKeyStart"]
    assert all(text in LUA for text in (f"'^({start}.*:)([a-z_]*)$'", f"~= '{start}'", f"'^{start}{{.*}}:$'"))


def test_the_library_reads_the_token_that_the_extension_writes():
    token = constants("snapshot_token.hpp")
    bound, ids, start = token["kAfterBound"], token["kBetweenIds"], token["kBeforeStart"]
    server, part = token["kBeforeServer"], token["kBetweenServerParts"]
    assert f"'^(%d+){bound}(%d+){bound}([%d{ids}]*){start}(%d+)(.*)$'" in LUA
    assert f"'^{server}?[%d{part}]*$'" in LUA
    assert sorted(token["kCharacters"]) == sorted("0123456789" + bound + ids + start + server + part)


def test_the_library_reads_the_token_of_a_write_that_the_extension_writes():
    dot = re.escape(constants("write_token.hpp")["kAfterXid"]).replace("\\", "%")
    assert f"'^(%d+){dot}(%d+{dot}%d+{dot}%d+)$'" in LUA


def test_sql_names_the_drain_lock():
    lock = {name: int(value, 0) for name, value in constants("queue.hpp").items() if name != "kChannel"}
    expected = (lock["kDrainLockClass"], lock["kDrainLockId"], lock["kDrainLockKind"])
    found = [tuple(map(int, ids)) for text in SQL.values()
             for ids in re.findall(r"classid = (\d+) AND \w+\.objid = (\d+) AND \w+\.objsubid = (\d+)", text)]
    assert len(found) == 2 and set(found) == {expected}
    assert sum(len(re.findall(r"locktype = 'advisory'", text)) for text in SQL.values()) == len(found), "a lock is named in another form"


def test_sql_has_the_sections():
    bits, everything = sections()
    assert re.findall(r"VALUES \(pg_current_xact_id\(\), -1, (\d+),", SQL["worker.sql"]) == [str(everything)]
    comment = re.search(r"COMMENT ON COLUMN white_cross.invalidation.sections IS '([^']*)'", SQL["tables.sql"])[1]
    assert [int(bit) for bit in re.findall(r"\b(\d+)\b", comment)] == [1 << at for at in range(len(bits))]


@pytest.mark.parametrize("kind", kinds())
def test_sql_documents_the_kind(kind):
    comment = re.search(r"'Returns the Redis key of a student''s cached value[^\n]*", SQL["cache.sql"])[0]
    assert kind in comment
