"""Fixtures that the tests of summaries in shared memory share."""

import pytest

from warm_school import WarmSchool


@pytest.fixture
def cluster(preloaded_cluster):
    return preloaded_cluster


@pytest.fixture
def empty_warm(school):
    """A school without students, whose connection is closed after the test."""
    warm = WarmSchool.of(school)
    with warm.connection:
        yield warm
