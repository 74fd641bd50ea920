"""What the catalog says of an extension's objects: the same text for the same objects, in whatever order they were made."""

# The members of the extension, and what belongs to them: columns' defaults, constraints, triggers, row types.
_OURS = """
WITH RECURSIVE ours (classid, objid) AS (
    SELECT d.classid, d.objid FROM pg_depend AS d JOIN pg_extension AS e ON d.refobjid = e.oid
    WHERE d.refclassid = 'pg_extension'::regclass AND e.extname = 'white_cross' AND d.deptype = 'e'
    UNION
    SELECT d.classid, d.objid FROM ours JOIN pg_depend AS d ON d.refclassid = ours.classid AND d.refobjid = ours.objid
    WHERE d.deptype IN ('a', 'i')
), own AS (
    SELECT o.classid, o.objid, pg_describe_object(o.classid, o.objid, 0) AS name FROM ours AS o
    -- Tables of TOAST have numbers as names.
    WHERE NOT EXISTS (SELECT FROM pg_class AS c WHERE o.classid = 'pg_class'::regclass AND c.oid = o.objid AND c.relnamespace = 'pg_toast'::regnamespace)
)"""

_QUERIES = {
    "extension": """
        SELECT 'white_cross', (e.extversion, e.extrelocatable, n.nspname, ARRAY(SELECT c::regclass::text FROM unnest(e.extconfig) AS c ORDER BY 1), e.extcondition)::text
        FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'white_cross'""",
    "member": """
        SELECT o.name, (SELECT string_agg(d.deptype::text, '') FROM pg_depend AS d
                        WHERE (d.classid, d.objid) = (o.classid, o.objid) AND d.refclassid = 'pg_extension'::regclass) FROM own AS o""",
    "function": """
        SELECT o.name, pg_get_functiondef(p.oid) || p.proowner::regrole::text || p.procost::text || p.prorows::text || p.prosupport::text
        FROM own AS o JOIN pg_proc AS p ON o.classid = 'pg_proc'::regclass AND p.oid = o.objid AND p.prokind = 'f'""",
    "aggregate": """
        SELECT o.name, ((to_jsonb(a) || to_jsonb(p)) - '{id,oid,proacl,pronamespace}'::text[])::text
        FROM own AS o JOIN pg_proc AS p ON o.classid = 'pg_proc'::regclass AND p.oid = o.objid
        JOIN (SELECT aggfnoid::oid AS id, a.* FROM pg_aggregate AS a) AS a ON a.id = p.oid WHERE p.prokind = 'a'""",
    "relation": """
        SELECT o.name, (c.relkind, c.relpersistence, c.reloptions, c.relrowsecurity, c.relforcerowsecurity, c.relreplident, c.relowner::regrole,
                        CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) WHEN c.relkind IN ('i', 'I') THEN pg_get_indexdef(c.oid) END)::text
        FROM own AS o JOIN pg_class AS c ON o.classid = 'pg_class'::regclass AND c.oid = o.objid""",
    "column": """
        SELECT o.name || ' column ' || a.attnum, (a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attstorage, a.attstattarget,
                                                  a.attcollation::regcollation, a.attidentity, a.attgenerated, pg_get_expr(f.adbin, f.adrelid))::text
        FROM own AS o JOIN pg_attribute AS a ON o.classid = 'pg_class'::regclass AND a.attrelid = o.objid AND a.attnum > 0
        LEFT JOIN pg_attrdef AS f ON f.adrelid = a.attrelid AND f.adnum = a.attnum""",
    "constraint": """
        SELECT o.name, pg_get_constraintdef(c.oid) FROM own AS o JOIN pg_constraint AS c ON o.classid = 'pg_constraint'::regclass AND c.oid = o.objid""",
    "trigger": """
        SELECT o.name, pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text FROM own AS o JOIN pg_trigger AS t ON o.classid = 'pg_trigger'::regclass AND t.oid = o.objid""",
    "event trigger": """
        SELECT o.name, (t.evtevent, t.evtenabled, t.evttags, t.evtfoid::regprocedure, t.evtowner::regrole)::text
        FROM own AS o JOIN pg_event_trigger AS t ON o.classid = 'pg_event_trigger'::regclass AND t.oid = o.objid""",
    "type": """
        SELECT o.name, (t.typtype, t.typlen, t.typalign, t.typstorage, t.typnotnull, t.typdefault, t.typowner::regrole)::text
        FROM own AS o JOIN pg_type AS t ON o.classid = 'pg_type'::regclass AND t.oid = o.objid""",
    "comment": """
        SELECT o.name || ' ' || d.objsubid, d.description FROM own AS o JOIN pg_description AS d ON (d.classoid, d.objoid) = (o.classid, o.objid)""",
    "privilege": """
        SELECT o.name || ' ' || coalesce(a.attnum, 0), (
            SELECT string_agg(g::text, ' ' ORDER BY g::text)
            FROM unnest(coalesce(a.attacl, p.proacl, acldefault('f', p.proowner), c.relacl, acldefault('r', c.relowner),
                                 n.nspacl, acldefault('n', n.nspowner), t.typacl, acldefault('T', t.typowner))) AS g)
        FROM own AS o
        LEFT JOIN pg_proc AS p ON o.classid = 'pg_proc'::regclass AND p.oid = o.objid
        LEFT JOIN pg_class AS c ON o.classid = 'pg_class'::regclass AND c.oid = o.objid
        LEFT JOIN pg_namespace AS n ON o.classid = 'pg_namespace'::regclass AND n.oid = o.objid
        LEFT JOIN pg_type AS t ON o.classid = 'pg_type'::regclass AND t.oid = o.objid
        LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attacl IS NOT NULL""",
    # What a dump leaves out, because CREATE EXTENSION gives it.  What everybody has of such an object need not be written.
    "first privilege": """
        SELECT o.name || ' ' || i.objsubid, (SELECT string_agg(g::text, ' ' ORDER BY g::text) FROM unnest(i.initprivs) AS g)
        FROM own AS o JOIN pg_init_privs AS i ON (i.classoid, i.objoid) = (o.classid, o.objid)
        LEFT JOIN pg_proc AS p ON o.classid = 'pg_proc'::regclass AND p.oid = o.objid
        LEFT JOIN pg_class AS c ON o.classid = 'pg_class'::regclass AND c.oid = o.objid
        LEFT JOIN pg_type AS t ON o.classid = 'pg_type'::regclass AND t.oid = o.objid
        CROSS JOIN LATERAL coalesce(acldefault('f', p.proowner), acldefault('r', c.relowner), acldefault('T', t.typowner)) AS given
        WHERE i.objsubid <> 0 OR NOT coalesce(i.initprivs @> given AND given @> i.initprivs, false)""",
    "dependency": """
        SELECT o.name || ' on ' || pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid), string_agg(DISTINCT d.deptype::text, '')
        FROM own AS o JOIN pg_depend AS d ON (d.classid, d.objid) = (o.classid, o.objid) WHERE d.refobjid > 0 GROUP BY 1""",
}


def extension_catalog(connection):
    """Returns what there is: {(kind, name): description}."""
    found = {}
    with connection.transaction():
        # Names without the schema that is in the path would not tell one schema from another.
        connection.execute("SET LOCAL search_path = pg_catalog")
        for kind, query in _QUERIES.items():
            for name, description in connection.execute(f"{_OURS} {query}" if "own AS o" in query else query).fetchall():
                assert (kind, name) not in found, (kind, name)
                found[kind, name] = description
    return found


def differences(one, other):
    """Returns a text for each object that only one of them has, or that they describe differently."""
    return [f"{kind} {name}:\n  {one.get((kind, name), 'absent')}\n  {other.get((kind, name), 'absent')}"
            for kind, name in sorted({*one, *other}) if one.get((kind, name)) != other.get((kind, name)) or ((kind, name) in one) != ((kind, name) in other)]
