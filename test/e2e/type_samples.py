"""Values of every type that PostgreSQL has, as its input functions take them: ordinary ones, empty ones, the first and the last."""

NUMBERS = ["0", "-1", "{low}", "{high}"]


def whole(bits):
    return [n.format(low=-2 ** (bits - 1), high=2 ** (bits - 1) - 1) for n in NUMBERS]


FLOATS = ["0.1", "-0", "0.30000000000000004", "NaN", "Infinity", "-Infinity", "1e-30"]
DAYS = ["2025-02-03", "infinity", "-infinity", "0001-12-31 BC", "0044-03-15 BC", "4714-11-24 BC", "12025-03-04"]
TIMES = ["2025-02-03 04:05:06.789012", "2025-10-10 09:30:00", "1969-12-31 23:59:59.999999", "infinity", "-infinity", "0044-03-15 12:00:00.5 BC",
         "4714-11-24 00:00:00 BC", "294276-12-31 23:59:59.999999"]
TEXTS = ["", "plain", "\U0001F9EA \u201cq\u201d \\ \" ' , {} ()", "NULL", "two\nlines\t"]

SAMPLES = {
    "bool": ["t", "f"], "bytea": [r"\x", r"\x00ff5c27", r"\xdeadbeef"], "char": ["a", "", "\\", "\"", "\\310"], "name": ["n", "ünï \"q\"", "x" * 63],
    "int8": whole(64), "int2": whole(16), "int4": whole(32), "int2vector": ["", "1 -2 32767"], "oidvector": ["", "0 4294967295"],
    "text": TEXTS, "varchar": TEXTS, "bpchar": ["a ", "", "ab\""], "oid": ["0", "4294967295"], "tid": ["(0,1)", "(4294967295,65535)"],
    "xid": ["0", "4294967295"], "cid": ["0", "4294967295"], "xid8": ["0", "18446744073709551615"],
    "json": ['{"a": 1,  "a":2}', "null", '" x "', " [1.50, null] "],
    "jsonb": ["null", '{"a": [1, 2.50, null, {}], "": "\\"\U0001F9EA"}', '"x"', "1e400", "[]", "{}", "true"],
    "jsonpath": ["$", "$.\"a b\"[*] ? (@ > 1.5)"],
    "xml": ["<a/>", "a<b/>c", '<?xml version="1.0" encoding="UTF-8"?><a>ü</a>', "<!DOCTYPE a><a/>", ""],
    "point": ["(1.1,-0)", "(NaN,Infinity)", "(0.1,1e-300)"], "lseg": ["[(0.1,0.2),(3,4)]"], "path": ["[(0.1,0.2),(3,4)]", "((0.1,0.2),(3,4))"],
    "box": ["(3,4),(0.1,0.2)"], "polygon": ["((0.1,0.2),(3,4),(5,0))"], "line": ["{1,-1,0.3}", "{0,-1,0.1}"], "circle": ["<(0.1,0.2),0.3>"],
    "float4": FLOATS + ["3.4028235e38", "1e-45"], "float8": FLOATS + ["5e-324", "1.7976931348623157e308"],
    "numeric": ["0", "-0.00", "1.50", "NaN", "Infinity", "-Infinity", "1e-900", "-1e900", "12345678901234567890.123456789"],
    "money": ["0", "-1234.56", "92233720368547758.07", "-92233720368547758.08"],
    "inet": ["10.0.0.1/8", "::1", "::ffff:1.2.3.4"], "cidr": ["10.0.0.0/8", "::/0"], "macaddr": ["08:00:2b:01:02:03"],
    "macaddr8": ["08:00:2b:01:02:03:04:05"], "aclitem": ["postgres=arwdDxt/postgres", "=r*/postgres"],
    "date": DAYS + ["5874897-12-31"], "time": ["00:00", "24:00", "23:59:59.999999"], "timestamp": TIMES,
    "timestamptz": [time if "infinity" in time else time.replace(" BC", "+00 BC") if "BC" in time else time + "+00" for time in TIMES],
    "timetz": ["00:00+14", "24:00:00-15:59:59", "12:00:00.000001+02:00"],
    "interval": ["1 mon -2 days 03:04:05.000006", "-1 year 1 day -1 sec", "0", "178956970 years 7 mons", "-178956970 years -8 mons", "2147483647 days",
                 "-2147483648 days", "-00:00:00.000001"],
    "bit": ["0", "1"], "varbit": ["", "1011001"], "uuid": ["00000000-0000-0000-0000-000000000000", "6f9619ff-8b86-d011-b42d-00c04fc964ff"],
    "refcursor": ["c \" d"], "pg_lsn": ["0/0", "FFFFFFFF/FFFFFFFF"], "tsvector": ["", "'a''b':1A,3 'c d'"], "tsquery": ["'a' & !'b c':*AB | 'd' <2> 'e'"],
    "txid_snapshot": ["1:2:", "10:20:10,14"], "pg_snapshot": ["1:2:", "10:20:10,14"],
    "regproc": ["now", "-"], "regprocedure": ["upper(text)", "public.wc_age_months(date,date)", "-"], "regoper": ["||/", "0"],
    "regoperator": ["+(integer,integer)", "-(none,integer)"], "regclass": ["students", "pg_class", "-"],
    "regtype": ["integer", "public.mood", "timestamp with time zone[]"], "regrole": ["postgres", "-"], "regnamespace": ["public", "pg_catalog"],
    "regconfig": ["english"], "regdictionary": ["english_stem"], "regcollation": ['"C"', '"default"'],
    "int4range": ["empty", "[1,5)", "(,)", "[-2147483648,)"], "int8range": ["empty", "[1,5)", "(,)"],
    "numrange": ["empty", "[1.10,NaN]", "(,5)"], "daterange": ["empty", "[2025-02-03,2025-03-02)", "[-infinity,infinity)", "(,0044-03-15 BC)"],
    "tsrange": ["[2025-02-03 04:05:06.789012,infinity]", "(0044-03-15 12:00 BC,)"],
    "tstzrange": ["[2025-02-03 04:05:06.789012+00,2025-03-02 00:00+00)", "(,)"],
    "int4multirange": ["{}", "{[1,2),[5,)}"], "int8multirange": ["{}", "{[1,2),[5,)}"], "nummultirange": ["{[1.10,2]}"],
    "datemultirange": ["{[2025-02-03,2025-03-02),[2026-01-02,infinity)}"], "tsmultirange": ["{[2025-02-03 04:05,2025-03-02 00:00)}"],
    "tstzmultirange": ["{[2025-02-03 04:05+00,2025-03-02 00:00+00)}"],
    "mood": ["glad", "b c", "\"q\"", "NULL", "{,}", "ünï"],
    "varchar(5)": ["", "abcde"], "char(5)": ["", "ab", "abcde"], "numeric(6,2)": ["1.5", "-9999.99", "NaN"], "bit(3)": ["101"], "varbit(3)": ["1"],
    "timestamp(0)": ["2025-02-03 04:05:06"], "timestamptz(3)": ["2025-02-03 04:05:06.789+00"], "time(2)": ["23:59:59.99"],
    "interval day to second(3)": ["1 day -02:03:04.567"], "interval year to month": ["-1 year 2 mons"],
}

# What output functions write and no input function reads.
FOR_GOOD = ["gtsvector", "pg_node_tree", "pg_ndistinct", "pg_dependencies", "pg_mcv_list", "pg_brin_bloom_summary", "pg_brin_minmax_multi_summary"]

MOOD = """CREATE TYPE mood AS ENUM ('glad', 'b c', '"q"', 'NULL', '{,}', 'ünï')"""


def literal(text):
    return "'" + text.replace("'", "''") + "'"
