"""What `alembic revision --autogenerate` would write, one operation a line: alembic_diff.py URL FOLDER [with]

Creates the tables of the models if they are not there.  With "with" it has the declarations of the folder's alembic_objects.py.
"""

import sys
import warnings

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

_, url, folder, *declared = sys.argv
sys.path.insert(0, folder)
from alembic_objects import include_object  # noqa: E402

warnings.simplefilter("ignore", sa.exc.SAWarning)  # of indexes of expressions and of types that SQLAlchemy does not know
models = sa.MetaData()
times = "createdAt", "updatedAt"


def table(name, texts, others=()):
    key = [sa.Column("id", sa.Text, primary_key=True)]
    if name != "students":
        key.append(sa.Column("studentId", sa.Text, sa.ForeignKey("students.id"), nullable=False))
    sa.Table(name, models, *key, *(sa.Column(text, sa.Text) for text in texts),
             *(sa.Column(time, sa.DateTime, nullable=False, server_default=sa.func.now()) for time in times), *others)


table("students", ["studentNumber", "firstName", "lastName", "grade", "gender"], [sa.Column("dateOfBirth", sa.DateTime)])
table("health_records", ["type", "description", "provider", "notes"],
      [sa.Column("date", sa.DateTime), sa.Column("vital", sa.dialects.postgresql.JSONB), sa.Column("attachments", sa.ARRAY(sa.Text))])
table("allergies", ["allergen", "severity", "reaction", "treatment", "verifiedBy"], [sa.Column("verified", sa.Boolean), sa.Column("verifiedAt", sa.DateTime)])
table("chronic_conditions", ["condition", "status", "severity", "notes", "carePlan", "diagnosedBy"],
      [*(sa.Column(name, sa.DateTime) for name in ("diagnosedDate", "lastReviewDate", "nextReviewDate")),
       *(sa.Column(name, sa.ARRAY(sa.Text)) for name in ("medications", "restrictions", "triggers"))])

engine = sa.create_engine(url)
models.create_all(engine)
with engine.connect() as connection:
    options = {"include_schemas": True} | ({"include_object": include_object} if declared else {})
    for operation in compare_metadata(MigrationContext.configure(connection, opts=options), models):
        print(operation[0], operation[1].schema if operation[0].endswith("table") else operation[1].table.schema, operation[1].name)
