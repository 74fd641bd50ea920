"""What a search finds, compared with what plain SQL finds of the same words."""

DOCUMENT = """to_tsvector('english', coalesce(r.description, '') || ' ' || coalesce(r.notes, '') || ' ' || coalesce(r.provider, ''))"""
NAME = """(s."firstName" || ' ' || s."lastName" || ' ' || s."studentNumber")"""


def tsquery(typed):
    """As a search understands it: the last word is the beginning of one, unless it is in quotes or excluded."""
    if typed.startswith('"'):
        return f"phraseto_tsquery('english', '{typed[1:-1]}')"
    words = typed.split()
    last = [f"to_tsquery('english', '{word}:*')" for word in words[-1:] if not word.startswith("-")]
    return " && ".join([f"to_tsquery('english', '{word.replace('-', '!')}')" for word in words[:len(words) - len(last)]] + last)


def named(typed):
    words = typed.strip('"').split() if not typed.startswith('"') else [typed.strip('"')]
    return " AND ".join(f"NOT ({NAME} ILIKE '%%{word[1:]}%%') AND NOT {DOCUMENT} @@ to_tsquery('english', '{word[1:]}')" if word.startswith("-")
                        else f"{NAME} ILIKE '%%{word}%%'" for word in words)


def check(school, typed, page=1, size=20, highlight=False, type=None):
    found = school.one("SELECT wc_search_health_records(%s, %s, page => %s, page_size => %s, highlight => %s)", typed, type, page, size, highlight)
    wanted = [id for (id,) in school.rows(f"""
        SELECT r.id FROM health_records r JOIN students s ON s.id = r."studentId"
        WHERE ({DOCUMENT} @@ ({tsquery(typed)}) OR {named(typed)}) AND r.type::text = coalesce(%s, r.type::text) ORDER BY r.date DESC, r."createdAt" DESC, r.id""", type)]
    told = (typed, page, size, type)
    shown = [record["id"] for record in found["records"]]
    assert shown == wanted[(page - 1) * size: page * size], told
    pagination = found["pagination"]
    if pagination.get("totalIsLowerBound"):
        assert 2000 < pagination["total"] <= len(wanted), told
    else:
        assert pagination["total"] == len(wanted), told
    if highlight and not typed.startswith("-"):
        words = [word for word in typed.strip('"').split() if not word.startswith("-")]
        assert all("<mark>" in record["highlight"]["description"] for record in found["records"]), (told, words)
    return len(wanted)
