"""What Alembic leaves alone: the extension's own schema, and the indexes of wc_index_statements.

In env.py: context.configure(..., include_object=include_object)
"""

INDEXES = {
    "idx_allergies_student_severity",
    "idx_chronic_conditions_student_status",
    "idx_health_records_date",
    "idx_health_records_search",
    "idx_health_records_student_date",
    "idx_health_records_student_date_type",
    "idx_health_records_student_type",
    "idx_health_records_vital_gin",
    "idx_students_name",
}


def include_object(object, name, type_, reflected, compare_to):
    if type_ == "index":
        return name not in INDEXES
    return not (type_ == "table" and object.schema == "white_cross")
