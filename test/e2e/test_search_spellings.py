"""A search finds what is meant, in whatever spelling it was written down, and at every letter that is typed: by both ways alike."""

import re
from pathlib import Path

import pytest

from school import School
from servers.cluster import pg_config

# Words with a number after them: written apart, with a hyphen or as one.
NUMBERED = [("COVID", "19"), ("Hpv", "9"), ("B", "12"), ("MMR", "2"), ("type", "1"), ("K", "38.5")]
# Words of two parts, the parts, and whether they are written as one as well.
HYPHENATED = [("x-ray", True), ("follow-up", True), ("anti-inflammatory", True), ("12-year-old", False), ("check-in", True)]
# Numbers, and what else finds them.
NUMBERS = {"37.6": ["37.6"], "-41.5": ["41.5"], "temp-40.2": ["40.2", "temp 40.2", "temp-40.2"], "dose +7": ["7", "+7", "dose 7"],
           "2023-10-17": ["2023-10-17", "2023 10 17", "2023-10", "2023-1", "2023"], "1-3": ["1-3", "1 3"], "98765": ["98765", "9876"],
           "80/120": ["80/120"], "11.12.2024": ["11.12.2024"], "20mg": ["20mg", "20 mg", "20-mg"]}


def groups():
    """Yields groups of texts that mean the same thing, each with queries that all find every text of the group."""
    for word, number in NUMBERED:
        apart = [f"{word} {number}", f"{word}-{number}", f"{word}\u2013{number}", f"{word}\u2011{number}"]
        queries = [f"{word} {number}", f"{word}-{number}", f"{word}\u2013{number}", f'"{word}-{number}"']
        if "." in number:  # as one it would be the name of a host
            yield apart, [*queries, f'"{word} {number}"']
        else:
            yield [*apart, f"{word}{number}"], [*queries, f"{word}{number}"]
            yield apart, [f'"{word} {number}"']
    for word, is_joined in HYPHENATED:
        spaced = word.replace("-", " ")
        yield [word, spaced], [word, spaced, word.replace("-", "\u2011")]
        if is_joined:
            yield [word, spaced, word.replace("-", "")], [word]
    for text, queries in NUMBERS.items():
        yield [text], queries


def stop_words():
    return (Path(pg_config("sharedir")) / "tsearch_data/english.stop").read_text().split()


@pytest.fixture(scope="module")
def searched(cluster):
    cluster.create_database("search_spellings")
    school = School(cluster, "search_spellings")
    school.attach()
    student = school.add_student(studentNumber="none", firstName="Ida", lastName="Olm")
    texts = {text for written, _ in groups() for text in written} | {f"{word}zq" for word in stop_words()} | {"peanut allergy", "peanut", "plain"}
    school.sql("""INSERT INTO health_records (id, type, date, description, "studentId")
                  SELECT 'r' || n, 'CHECKUP', '2025-10-10', text, %s FROM unnest(%s::text[]) WITH ORDINALITY AS t (text, n)""", student, sorted(texts))
    school.sql("""CREATE FUNCTION found(query text) RETURNS text[] LANGUAGE sql AS $$
        SELECT coalesce(array_agg(r ->> 'description'), '{}') FROM json_array_elements(wc_search_health_records(query, page_size => 500) -> 'records') r $$""")
    school.sql("ANALYZE")
    with school.connection:
        yield school
    cluster.psql("DROP DATABASE search_spellings WITH (FORCE)")


def found(school, queries):
    """Returns what each query finds, and checks that both ways to read find the same."""
    by_way = []
    for direct_reads in "on", "off":
        school.sql(f"SET white_cross.direct_reads = {direct_reads}")
        by_way.append({query: set(texts) for query, texts in school.rows("SELECT q, found(q) FROM unnest(%s::text[]) q", sorted(set(queries)))})
    assert by_way[0] == by_way[1]
    return by_way[0]


def test_one_thing_in_several_spellings(searched):
    by_query = found(searched, [query for _, queries in groups() for query in queries])
    missed = [(query, text) for texts, queries in groups() for query in queries for text in texts if text not in by_query[query]]
    assert not missed, missed


def test_nothing_else_is_found(searched):
    """For two different numbers or words, neither query finds the other one."""
    of_words = {}
    for texts, queries in groups():
        for query in queries:
            of_words.setdefault(frozenset(re.findall(r"[a-z]+|\d+", query.lower())), set()).update(texts)
    letters = {query for _, queries in groups() for query in queries if re.match(r'"?[A-Za-z]', query) and not query.startswith(("K", '"K', "temp", "type", '"type'))}
    wrong = []
    for query, texts in found(searched, letters).items():
        wanted = of_words[frozenset(re.findall(r"[a-z]+|\d+", query.lower()))]
        wrong += [(query, text) for text in texts - wanted]
    assert not wrong, wrong


def test_while_a_word_is_typed_nothing_that_it_finds_is_missing(searched):
    whole = [query for texts, queries in groups() for query in queries if " " not in query and '"' not in query]
    beginnings = {word: [word[:n] for n in range(1, len(word)) if re.search(r"\w", word[:n])] for word in whole}
    by_query = found(searched, [*whole, *(one for some in beginnings.values() for one in some)])
    lost = [(one, word, text) for word, some in beginnings.items() for one in some for text in by_query[word] - by_query[one]]
    # The last part of follow up is in no index, so that its beginning finds only what is written with a hyphen.
    assert [one for one in lost if not one[1].startswith("follow")] == []
    assert "follow-up" in by_query["follow-u"]


def test_a_stop_word_is_the_beginning_of_others(searched):
    words = stop_words()
    assert {"all", "not", "be", "her", "in"} <= set(words) and len(words) > 100
    typed = {word: [word[:n] for n in range(1, len(word) + 1)] for word in words}
    by_query = found(searched, [*(one for some in typed.values() for one in some), *(f'"{word}' for word in words), *(f"of {word}" for word in words)])
    lost = [(one, word) for word, some in typed.items() for one in some if f"{word}zq" not in by_query[one]]
    lost += [word for word in words if f"{word}zq" not in by_query[f'"{word}'] or f"{word}zq" not in by_query[f"of {word}"]]
    assert not lost, lost


def test_after_other_words_a_stop_word_restricts_nothing(searched):
    """It may be a whole one, which no index has: nothing that the other words find may be hidden."""
    by_query = found(searched, ["peanut", *(f"peanut {word}" for word in stop_words())])
    assert by_query["peanut"] == {"peanut", "peanut allergy"}
    assert {frozenset(texts) for texts in by_query.values()} == {frozenset(by_query["peanut"])}


def test_what_is_excluded_is_so_in_every_spelling(searched):
    for word, number in NUMBERED[:4]:
        texts = {f"{word} {number}", f"{word}-{number}", f"{word}{number}", f"{word}\u2013{number}"}
        by_query = found(searched, ["", f"-{word}-{number}", f"-{word}{number}", "plain"])
        for query in f"-{word}-{number}", f"-{word}{number}":
            assert not by_query[query] & texts and "plain" in by_query[query] and len(by_query[query]) > 100, query


@pytest.mark.parametrize("query", ["-" * 3000, "1 " * 2000, "a1" * 1500, '"' + "1 2 " * 2000, "a-" * 1500, ("x" * 40 + "-" + "9" * 40 + " ") * 70,
                                   " ".join(f"w{n} {n}" for n in range(200)), "-" + "a1-" * 600, "\u2011" * 900, "9" * 2046 + "-1"],
                         ids=lambda query: f"{query[:12]}...")
def test_any_text_is_a_query(searched, query):
    found(searched, [query, query[1:], f"-{query}", f'"{query}'])
