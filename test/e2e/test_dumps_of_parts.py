"""pg_dump of the application's schema alone, with the extension and without it; docs/operations.md says what to do with each."""

import pytest

from school import School
from servers import ServerFailed


@pytest.fixture
def filled(school):
    school.add_student("ada")
    school.add_allergy("ada")
    return school


@pytest.fixture
def copy(cluster, school):
    name = f"{school.database}_copy"
    cluster.create_database(name)
    with School(cluster, name) as copy:
        yield copy
    cluster.drop_database(name)


def tracks_changes(school):
    school.sql("SELECT white_cross.register_worker('w')")
    school.sql("UPDATE allergies SET allergen = 'Milk'")
    return school.queue_length() == 1


def test_a_dump_of_the_schema_and_the_extension_is_attached(filled, copy, cluster):
    dump = cluster.program("pg_dump", "-n", "public", "-e", "white_cross", database=filled.database)
    cluster.psql("DROP SCHEMA public; " + dump, copy.database)
    assert copy.summary("ada") == filled.summary("ada")
    assert tracks_changes(copy)


def test_a_dump_of_the_schema_alone_is_attached_afterwards(filled, copy, cluster):
    dump = cluster.program("pg_dump", "-n", "public", database=filled.database)
    with pytest.raises(ServerFailed, match='schema "white_cross" does not exist'):
        cluster.psql("DROP SCHEMA public; " + dump, copy.database)
    cluster.program("psql", "-X", "-q", database=copy.database, input="DROP SCHEMA public; " + dump)
    assert copy.one("SELECT count(*) FROM allergies") == 1
    copy.sql("CREATE EXTENSION white_cross")
    copy.sql("SELECT wc_attach('public')")
    assert copy.summary("ada") == filled.summary("ada")
    assert tracks_changes(copy)
