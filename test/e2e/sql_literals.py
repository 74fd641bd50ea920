"""Literals of SQL for names in which anything may stand."""


def literal(name):
    return "E'" + name.replace("\\", "\\\\").replace("'", "''") + "'"
