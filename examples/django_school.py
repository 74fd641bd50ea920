"""Django: summaries as a field of a query, and from the cache.  In a copy of this folder:

    pip install django "psycopg[binary]>=3.1.8" redis PATH/OF/clients/python
    psql -d school -f school.sql
    PGHOST=localhost PGDATABASE=school REDIS_URL=redis://localhost python django_school.py
"""

import json
import os
import uuid

import django
import white_cross  # of clients/python
from django.conf import settings

# A project has this in its settings, and the models in an application. An empty setting leaves it to libpq's variables: PGHOST, PGUSER.
settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"]}}, USE_TZ=True)
django.setup()

from django.db import connection, models, transaction  # noqa: E402
from django.db.models import F, Func, JSONField  # noqa: E402
from django.utils import timezone  # noqa: E402


class Student(models.Model):
    id = models.TextField(primary_key=True)

    class Meta:
        # Not managed: `migrate` leaves the table alone.
        app_label, db_table, managed = "school", "students", False


class HealthRecord(models.Model):
    id = models.TextField(primary_key=True, default=uuid.uuid4)
    student = models.ForeignKey(Student, models.CASCADE, db_column="studentId")
    type = models.TextField()
    date = models.DateTimeField(default=timezone.now)
    description = models.TextField()

    class Meta:
        app_label, db_table, managed = "school", "health_records", False


class HealthSummary(Func):
    """JSONField reads jsonb, hence the form of the function that ends in _jsonb."""

    function, output_field = "wc_health_summary_jsonb", JSONField()


def query(statement, values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def show(what, summary):
    counts = ", ".join(f"{count} {type}" for type, count in summary["recordCounts"].items())
    print(f"{what}: {summary['student']['firstName']} {summary['student']['lastName']}, {counts or 'no records'}")


cache = white_cross.Cache(redis := white_cross.connect(os.environ["REDIS_URL"]), query)

# Read, from the cache: text, which an HttpResponse can have as it is.
show("read", json.loads(cache.read("ada")))

# List, from the database: one statement for the students of any condition.
for student in Student.objects.annotate(summary=HealthSummary(F("id"))).order_by("id"):
    show("list", student.summary)

# Write, and read one's own write: the token makes the cache refuse what it has from before. Read behind the transaction: what is
# built inside one that has written is not for others.
with transaction.atomic():
    HealthRecord.objects.create(student_id="bob", type="DENTAL", description="Check")
    [[token]] = query("SELECT wc_write_token()", [])
show("own write", json.loads(cache.read("bob", token=token)))

redis.close()
