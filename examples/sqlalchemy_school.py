"""SQLAlchemy 2 or 1.4: summaries as an attribute of a class, and from the cache.  In a copy of this folder:

    pip install sqlalchemy "psycopg[binary]>=3.1" redis PATH/OF/clients/python
    psql -d school -f school.sql
    DATABASE_URL=postgresql+psycopg://localhost/school REDIS_URL=redis://localhost python sqlalchemy_school.py

SQLAlchemy 1.4 knows no psycopg 3: install psycopg2, and begin the URL with postgresql+psycopg2.
"""

import json
import os
import uuid

import white_cross  # of clients/python
from sqlalchemy import JSON, Column, DateTime, ForeignKey, Text, create_engine, func, select
from sqlalchemy.dialects.postgresql import ENUM
from sqlalchemy.orm import Session, column_property, declarative_base, undefer

Base = declarative_base()  # of SQLAlchemy 2 only: a class of your own under DeclarativeBase


class Student(Base):
    __tablename__ = "students"

    id = Column(Text, primary_key=True)
    # Deferred: read when it is asked for, or with the students where a query says undefer().
    health_summary = column_property(func.wc_health_summary(id, type_=JSON), deferred=True)


class HealthRecord(Base):
    __tablename__ = "health_records"

    id = Column(Text, primary_key=True, default=lambda: str(uuid.uuid4()))
    student_id = Column("studentId", ForeignKey(Student.id), nullable=False)
    # psycopg sends a value with its type, and PostgreSQL makes no enum of a varchar: name the enum.
    type = Column(ENUM("CHECKUP", "VACCINATION", "DENTAL", name="HealthRecordType", create_type=False), nullable=False)
    date = Column(DateTime, nullable=False, default=func.now())
    description = Column(Text, nullable=False)


engine = create_engine(os.environ["DATABASE_URL"])


def query(statement, values):
    """A connection of the pool for each statement, so that any number of threads may read."""
    with engine.connect() as connection:
        return connection.exec_driver_sql(statement, tuple(values)).all()


def show(what, summary):
    counts = ", ".join(f"{count} {type}" for type, count in summary["recordCounts"].items())
    print(f"{what}: {summary['student']['firstName']} {summary['student']['lastName']}, {counts or 'no records'}")


cache = white_cross.Cache(redis := white_cross.connect(os.environ["REDIS_URL"]), query)

# Read, from the cache: text, which a browser can have as it is.
show("read", json.loads(cache.read("ada")))

with Session(engine) as session:
    # List, from the database: one statement for the students of any condition.
    for student in session.scalars(select(Student).options(undefer(Student.health_summary)).order_by(Student.id)):
        show("list", student.health_summary)

# Write, and read one's own write: the token makes the cache refuse what it has from before. The session sends what was added before
# it asks for the token, and commits at the end of the block.
with Session(engine) as session, session.begin():
    session.add(HealthRecord(student_id="bob", type="DENTAL", description="Check"))
    session.flush()
    token = session.scalar(select(func.wc_write_token()))
show("own write", json.loads(cache.read("bob", token=token)))

redis.close()
engine.dispose()
