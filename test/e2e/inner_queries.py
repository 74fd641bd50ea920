"""The queries that a statement runs inside, as auto_explain sees them."""


def queries_of(school, statement, *parameters):
    """The statements that a statement runs inside, as PostgreSQL's own auto_explain sees them."""
    seen = []
    school.connection.add_notice_handler(lambda notice: seen.append(notice.message_primary))
    school.sql("LOAD 'auto_explain'")
    for setting, value in {"log_min_duration": "0", "log_nested_statements": "on", "log_level": "log"}.items():
        school.sql(f"SET auto_explain.{setting} = {value}")
    school.sql("SET client_min_messages = log")
    school.sql(statement, *parameters)
    school.sql("RESET client_min_messages")
    return [text for text in seen if "unnest($1)" in text or "SELECT $1 AS id" in text]
