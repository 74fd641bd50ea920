"""The memory of a backend over many calls, and how much it may grow by."""

import re

CALLS = 20_000
LIMIT_KB = 1_500  # the noise of malloc; a leak of 100 bytes a call shows as 2,000

LOOPS = """
CREATE FUNCTION calls(n int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. n LOOP PERFORM {expression}; END LOOP;
END $$;
CREATE FUNCTION errors(n int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE seen text;
BEGIN
    FOR i IN 1 .. n LOOP
        BEGIN
            PERFORM {expression};
        EXCEPTION WHEN OTHERS THEN seen := SQLSTATE;
        END;
    END LOOP;
    RETURN seen;
END $$;
"""


def resident_kb(pid):
    # Anonymous memory alone: pages of shared buffers count when they are first touched.
    return int(re.search(r"RssAnon:\s+(\d+) kB", open(f"/proc/{pid}/status").read())[1])
