"""Takes each cure of the clients, of what they call and of the declarations for migration tools out, one at a time, and shows which
test finds that.

    make client-mutations MUTATIONS="'node: rest' 'sql: semicolon'"     some of them; all, if none is named

`found_by` names the file and its tests, as pytest's -k takes them.  Tests that need packages of npm find them by NODE_PATH.
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from mutants import ROOT, Mutants, Mutation  # noqa: E402

NODE, PYTHON = "clients/node/cache.js", "clients/python/white_cross/cache.py"
NODE_AUDIT, PYTHON_AUDIT = "clients/node/audit.js", "clients/python/white_cross/audit.py"
LIVENESS, CONNECTION = "clients/node/liveness.js", "clients/python/white_cross/connection.py"
BINDING, INDEXES, ROWS, RECORDS, PRIVILEGES, JSONB, HELP, WORKER = (
    f"sql/install/{name}.sql" for name in ("binding", "indexes", "row_functions", "records", "privileges", "jsonb", "help", "worker"))
COLUMN_KIND, INDEX_DEFINITION = "src/extension/binding/column_kind.cpp", "src/extension/binding/index_definition.cpp"
MIGRATIONS, RUBY = "examples/migrations/", "examples/summary_cache.rb"


def one(file, before, after, found_by):
    return Mutation([(file, before, after)], found_by)


OF_NODE = {
    # what is asked of Redis
    "token of a read": one(NODE, "token ? this.#getEach(part, token) : this.#getTogether(part)", "this.#getTogether(part)", "test_clients_in_trouble and before_its_transaction_was_drained and node"),
    "token of a lease": one(NODE, "this.#patience, token ?? '', hits)", "this.#patience, '', hits)", "test_clients_connections and asked_for_with_the_token"),
    "a text that is no token": one(NODE, "    checkToken(token);\n    return this.keys(", "    return this.keys(", "test_clients_in_trouble and text_that_is_no_token and node"),
    "lease of nobody": one(NODE, "      if (store) for (const key of keys) if (!stored.has(key)) this", "      if (store) for (const key of []) this", "test_clients and unknown_student and node"),
    "lease of an error": Mutation([(NODE, "    try {\n      for (const { n, ...entry } of await this.#rows(", "    const rows = await this.#rows("),
                                   (NODE, "JSON.stringify([...ids.values()])])) {\n", "JSON.stringify([...ids.values()])]);\n    try {\n      for (const { n, ...entry } of rows) {\n")],
                                  "test_clients_in_trouble and a_database_that_fails and node"),
    "patience": one(NODE, "failed || Date.now() > giveUp ? missing : mine", "failed ? missing : mine", "test_clients and stops_waiting and node"),
    "one loads for many": one(NODE, "mine: missing.filter((_, at) => leases[at])", "mine: missing", "test_clients and 200_concurrent_misses and node"),
    "key of the row": one(NODE, "        this.#store(entry);", "        this.#store({ ...entry, key: keys[n - 1] });", "test_clients_in_trouble and another_spelling and Node"),
    "keys of a cluster": one(NODE, "`student:{${student}}:${kind}` : ", "`student:${student}:${kind}` : ", "test_clients_commands and keys_of_a_cluster"),
    "stored once": one(NODE, "if (!store || stored.has(entry.key)) continue;", "if (!store) continue;", "test_clients_commands and stored_once"),
    "nothing is stored where Redis failed": one(NODE, "ids.get(key)])), kind, !failed)", "ids.get(key)])), kind, true)", "test_clients_commands and where_redis_failed"),
    "keys in a command": one(NODE, "this.#next.at.size + keys.length <= KEYS_IN_A_COMMAND ? ", "this.#next.at.size <= 1e9 ? ", "test_clients_in_trouble and reads_of_one_turn"),
    "a turn": one(NODE, "this.#next !== null && this.#next.at.size", "false && this.#next.at.size", "test_clients_in_trouble and reads_of_one_turn"),
    "a key that is not allowed": one(NODE, "if (batch.at.size === keys.length || ", "if (true || ", "test_clients_in_trouble and not_allowed"),
    "hits": one(NODE, "      this.#hits += texts", "      texts", "test_clients_commands and hits"),
    "hits once": one(NODE, "    this.#hits = 0;\n", "", "test_clients_commands and hits"),
    # time
    "time-out": one(NODE, "      }, this.#timeout);", "      }, 1e6);", "test_clients_commands and answers_nothing"),
    "time-out by default": one(NODE, "timeout = 500,", "timeout = 1e6,", "test_clients_commands and answers_nothing"),
    "rest": one(NODE, "        this.#restsUntil = Date.now() + REST_MS;\n", "", "test_clients_commands and answers_nothing"),
    "end of the rest": one(NODE, "Date.now() + REST_MS;", "Infinity;", "test_clients_in_trouble and answers_nothing and node"),
    "closing waits": one(NODE, "    await Promise.all(this.#storing);\n", "", "test_clients_commands and closing"),
    "closed": one(NODE, "    this.#closed = true;\n", "", "test_clients_in_trouble and closing"),
    "warning": one(NODE, "onError = warner()", "onError = () => {}", "test_clients_in_trouble and told_of_once_by_node"),
    "one warning": one(NODE, "    again = Date.now() + WARN_AGAIN_MS;\n", "", "test_clients_in_trouble and told_of_once_by_node"),
    # which run of Redis
    "run": one(LIVENESS, "alive !== null && alive === this.#connection.run", "alive !== null", "test_clients and another_runs and node"),
    "alive": one(LIVENESS, "alive !== null && alive === this.#connection.run", "alive === this.#connection.run", "test_clients_commands and without_liveness"),
    "another connection": one(LIVENESS, "    redis.on('ready', this.#forget);\n", "", "test_clients_connections and connection_before"),
    "answer of the connection before": one(LIVENESS, "{ connection.run = run; }", "{ this.#connection.run = run; }", "test_clients_connections and connection_before"),
    "several connections": one(LIVENESS, "this.isKnowable = hasOneConnection(redis);", "this.isKnowable = true;", "test_clients_connections and several_connections"),
    "asks once a second": one(LIVENESS, "    if (Date.now() < connection.askAgain) return;\n", "", "test_clients_commands and once_a_second"),
    "listener": one(LIVENESS, "    this.#redis.off('ready', this.#forget);\n", "", "test_clients_commands and the_listener_goes"),
    # opaque keys
    "plain keys where keys are opaque": one(NODE, "    if (this.#opaqueKeys) throw new Error('keys are opaque", "    if (false) throw new Error('keys are opaque", "test_clients_commands and keys_are_opaque"),
    "asked once": one(NODE, "        this.#remember(unknown[n - 1], key);\n", "", "test_clients_commands and known_students"),
    "another secret": one(NODE, "        if (this.#opaqueKeys) this.#remember(", "        if (false) this.#remember(", "test_opaque_keys and clients_ask_once and NodeReader"),
    "known students": one(NODE, "    if (this.#prefixes.size >= KNOWN_STUDENTS) this.#prefixes.clear();\n", "", "test_clients_commands and known_students"),
    # the audit
    "opaque names": one(NODE, "    if (!this.#opaqueKeys) return students.map(String);", "    return students.map(String);", "test_clients_audit and lines_of_node"),
    "line of an error": one(NODE, "      this.#audit(auditLine({ ...line, rows: 0, fromRedis: 0, error: read.reason }));\n", "", "test_clients_audit and lines_of_node"),
    "line before the value": one(NODE, "    this.#audit(auditLine({ ...line, rows: texts", "    setImmediate(this.#audit, auditLine({ ...line, rows: texts", "test_clients_audit and lines_of_node"),
    "filters": one(NODE_AUDIT, "kind.split(':')[0]", "kind", "test_clients_audit and lines_of_node"),
    "ids of a line": one(NODE_AUDIT, "students.slice(0, MOST_IDS)", "students", "test_clients_audit and lines_of_node"),
    "bytes of an id": one(NODE_AUDIT, "bytes > LONGEST_ID", "bytes > 2 * LONGEST_ID", "test_clients_audit and lines_of_node"),
    "who": one(NODE_AUDIT, "user: reader.user ?? null", "user: null", "test_clients_audit and lines_of_node"),
    "code of an error": one(NODE_AUDIT, "typeof error?.code === 'string' && error.code.length === 5 ? error.code : null", "error?.code ?? null", "test_clients_audit and lines_of_node"),
    "what came from Redis": one(NODE, "      fromRedis += texts.filter((text) => text !== null).length;\n", "", "test_clients_audit and from_redis"),
    "file of the audit is private": one(NODE_AUDIT, "0o600", "0o644", "test_clients_audit and lines_of_node"),
    "file of the audit": one(NODE_AUDIT, "openSync(path, 'a', 0o600)", "openSync(path, 'w', 0o600)", "test_clients_audit and lines_of_node"),
}

OF_PYTHON = {
    "token of a read": one(PYTHON, "self._get_each if token else self._get_together", "self._get_together", "test_clients_in_trouble and before_its_transaction_was_drained and python"),
    "token of a lease": one(PYTHON, "* 1000)), token or \"\", hits)", "* 1000)), \"\", hits)", "test_clients_connections and asked_for_with_the_token"),
    "a text that is no token": one(PYTHON, "        check_token(token)\n        found = []", "        found = []", "test_clients_in_trouble and text_that_is_no_token and python"),
    "the whole token": one(PYTHON, "TOKEN.fullmatch(token)", "TOKEN.match(token)", "test_clients_in_trouble and text_that_is_no_token and python"),
    "digits": one(PYTHON, ", re.ASCII)", ")", "test_clients_in_trouble and text_that_is_no_token and python"),
    "lease of nobody": one(PYTHON, "            for key in keys:\n                if store and key not in stored:", "            for key in ():\n                if store and key not in stored:", "test_clients and unknown_student and python"),
    "lease of an error": one(PYTHON, "        finally:\n            # Of what is not stored", "        except redis.RedisError:\n            # Of what is not stored", "test_clients_in_trouble and a_database_that_fails and python"),
    "patience": one(PYTHON, "if failed or time.monotonic() > give_up else mine", "if failed else mine", "test_clients and stops_waiting and python"),
    "one loads for many": one(PYTHON, "if key not in values and self.lease(key, token)]", "if key not in values]", "test_clients and 200_concurrent_misses and python"),
    "key of the row": one(PYTHON, "                    self._store(entry)", "                    self._store(entry._replace(key=keys[n - 1]))", "test_clients_in_trouble and another_spelling and Python"),
    "keys of a cluster": one(PYTHON, "return f\"student:{{{student}}}:{kind}\" if", "return f\"student:{student}:{kind}\" if", "test_clients_cluster"),
    "a cluster": one(PYTHON, "        if pool is None:", "        if False:", "test_clients_cluster"),
    "stored once": one(PYTHON, "if store and entry.key not in stored:", "if store:", "test_clients_commands and stored_once"),
    "nothing is stored where Redis failed": one(PYTHON, "for key in load}, kind, not failed)", "for key in load}, kind, True)", "test_clients_commands and where_redis_failed"),
    "keys in a command": one(PYTHON, "KEYS_IN_A_COMMAND = 200", "KEYS_IN_A_COMMAND = 100_000", "test_clients_commands and many_keys"),
    "hits": one(PYTHON, "        self._hits += sum(", "        sum(", "test_clients_commands and hits"),
    "hits once": one(PYTHON, "        hits, self._hits = self._hits, 0", "        hits = self._hits", "test_clients_commands and hits"),
    "filters as Node writes them": one(PYTHON, "ensure_ascii=False, separators=(',', ':'))", "ensure_ascii=False)", "test_clients_in_trouble and other_kinds and python"),
    # time
    "rest": one(PYTHON, "            self._rests_until = time.monotonic() + REST\n", "", "test_clients_commands and answers_nothing"),
    "end of the rest": one(PYTHON, "self._rests_until = time.monotonic() + REST\n", "self._rests_until = float(\"inf\")\n", "test_clients_commands and answers_nothing"),
    "time-out by default": one(CONNECTION, "\"socket_timeout\": timeout, ", "", "test_clients_commands and answers_nothing"),
    "warning": one(PYTHON, "on_error or self._warn", "on_error or (lambda error: None)", "test_clients_in_trouble and told_of_once"),
    "one warning": one(PYTHON, "            self._warn_again = time.monotonic() + WARN_AGAIN\n", "", "test_clients_in_trouble and told_of_once"),
    # which run of Redis
    "run": one(PYTHON, "        if not alive or alive != connection.run:", "        if not alive:", "test_clients and another_runs and python"),
    "alive": one(PYTHON, "        if not alive or alive != connection.run:", "        if alive != connection.run:", "test_clients_commands and without_liveness"),
    "another connection": one(CONNECTION, "    def disconnect(self, *arguments, **options):\n        self.run, self.ask_again = None, 0\n", "    def disconnect(self, *arguments, **options):\n", "test_clients and redis_py_that_comes_back"),
    "asks once a second": one(PYTHON, " and time.monotonic() >= connection.ask_again", "", "test_clients_commands and once_a_second"),
    "no library yet": one(CONNECTION, "except redis.ResponseError:", "except redis.TimeoutError:", "test_clients_commands and without_the_library"),
    "an answer under way": one(PYTHON, "            connection.disconnect()  #", "            pass  #", "test_clients_commands and under_way"),
    "connection of connect": one(CONNECTION, "    pool.connection_class = classes[url.partition(\":\")[0]]\n", "", "test_clients_commands and hits"),
    "text": one(CONNECTION, "\"decode_responses\": True, ", "", "test_clients_commands and many_keys"),
    # opaque keys
    "asked once": one(PYTHON, "            self._remember({name: known[name] for name in unknown})\n", "", "test_clients_commands and known_students"),
    "another secret": one(PYTHON, "                if self._ask_keys is not None:  #", "                if False:  #", "test_opaque_keys and clients_ask_once and PythonReader"),
    "known students": one(PYTHON, "        if len(self._prefixes) + len(prefixes) > KNOWN_STUDENTS:\n            self._prefixes = {}\n", "", "test_clients_commands and known_students"),
    # the audit
    "opaque names": one(PYTHON, "        if self._ask_keys is None:\n            return [str(student)", "        if True:\n            return [str(student)", "test_clients_audit and lines_of_python"),
    "line of an error": one(PYTHON, "        except BaseException as failure:\n            error = failure\n            raise\n        finally:\n            self._audit", "        except ZeroDivisionError:\n            raise\n        else:\n            self._audit", "test_clients_audit and lines_of_python"),
    "filters": one(PYTHON_AUDIT, "kind.split(':')[0]", "kind", "test_clients_audit and lines_of_python"),
    "ids of a line": one(PYTHON_AUDIT, "in students[:MOST_IDS]]", "in students]", "test_clients_audit and lines_of_python"),
    "bytes of an id": one(PYTHON_AUDIT, "[:LONGEST_ID]", "", "test_clients_audit and lines_of_python"),
    "who": one(PYTHON_AUDIT, "\"user\": reader.user,", "\"user\": None,", "test_clients_audit and lines_of_python"),
    "what came from Redis": one(PYTHON, "            from_redis += len(values)\n", "", "test_clients_audit and from_redis"),
    "file of the audit is private": one(PYTHON_AUDIT, "0o600", "0o644", "test_clients_audit and lines_of_python"),
    "file of the audit": one(PYTHON_AUDIT, "os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)", "os.O_WRONLY | os.O_CREAT, 0o600)", "test_clients_audit and lines_of_python"),
}


def without(function):
    """The function is dropped at the end of the install script."""
    end = "GRANT SELECT ON @extschema@.wc_stat_cache TO pg_monitor;\n"
    return [(PRIVILEGES, end, f"{end}DROP FUNCTION @extschema@.{function};\n")]


def filters_as(type):
    made = ", filters {}) RETURNS json '\n                       'LANGUAGE c STABLE PARALLEL SAFE AS ''MODULE_PATHNAME'', ''wc_student_records''"
    commented = "wc_student_records(%s, bigint, bigint, {})"
    return [(RECORDS, made.format("anycompatible DEFAULT ''{}''::text"), made.format(f"{type} DEFAULT ''{{}}''")),
            (RECORDS, commented.format("anycompatible"), commented.format(type))]


OF_SQL = {
    # arguments as drivers bind them
    "summaries of untyped ids": Mutation(without("wc_health_summaries(text)"), "test_untyped_arrays and list_of_psycopg and summaries"),
    "entries of untyped ids": Mutation(without("wc_cache_entries(text, text[])"), "test_untyped_arrays and list_of_psycopg and entries"),
    "prewarm of untyped ids": Mutation(without("wc_prewarm(text)"), "test_untyped_arrays and list_of_psycopg and prewarm"),
    "histories of untyped ids": Mutation(without("wc_export_health_histories(text, bigint)"), "test_untyped_arrays and list_of_psycopg and histories"),
    "deleting untyped ids": Mutation(without("wc_bulk_delete_records(text)"), "test_untyped_arrays and test_deleting"),
    "an array of node-postgres": Mutation(without("wc_health_summaries(text)"), "test_untyped_arrays and node_postgres"),
    "filters of every type": Mutation(filters_as("jsonb"), "test_argument_types and json_in_every_type"),
    "filters of a call by name": Mutation(filters_as("json"), "test_argument_types and as_they_were_before"),
    "numbers of every width": Mutation([(RECORDS, "wc_recent_vitals(student_id %s, n bigint DEFAULT 5)", "wc_recent_vitals(student_id %s, n integer DEFAULT 5)"),
                                        (RECORDS, "wc_recent_vitals(%s, bigint) IS", "wc_recent_vitals(%s, integer) IS")], "test_argument_types and numbers_of_every_width"),
    "overrides as json": Mutation([(BINDING, "'{json,text}'::text[]", "'{text}'::text[]"), (BINDING, "'{jsonb,json,text}'::text[]", "'{jsonb,text}'::text[]")],
                                  "test_argument_types and json_in_every_type"),
    "history as json": Mutation(without("wc_import_health_history(json, text)"), "test_argument_types and json_in_every_type"),
    # the jsonb forms
    "jsonb of sets": one(JSONB, "          AND pg_get_function_result(p.oid) ~", "          AND NOT p.proretset AND pg_get_function_result(p.oid) ~", "test_jsonb_forms and every_function_that_reads"),
    "jsonb of NULL": one(JSONB, "CASE WHEN p.proisstrict THEN 'STRICT' ELSE '' END", "''::text", "test_jsonb_forms and every_function_that_reads"),
    "rows of jsonb": one(JSONB, "'ROWS ' || p.prorows", "'ROWS 1'", "test_jsonb_forms and every_function_that_reads"),
    "jsonb of what writes": one(JSONB, " AND p.provolatile = 's'\n", "\n", "test_jsonb_forms and every_function_that_reads"),
    # functions on rows
    "attached tables alone": one(ROWS, "IF NOT EXISTS (SELECT FROM white_cross.binding AS b WHERE b.schema_name = application_schema) THEN", "IF false THEN", "test_row_functions and test_errors"),
    "owner of rows": one(ROWS, "    PERFORM white_cross.require_owner(caller,", "    PERFORM white_cross.require_owner(10,", "test_owners and who_may_do_what and functions and plain"),
    "names too long": one(ROWS, "IF wanted.bytes > longest THEN", "IF false THEN", "test_row_functions and test_a_prefix"),
    "what is there": one(ROWS, "p.oid IS NOT NULL AND p.prorettype = to_regtype(", "p.oid IS NULL AND p.prorettype = to_regtype(", "test_row_functions and only_what_is_missing"),
    "another result": one(ROWS, "p.prorettype = to_regtype('pg_catalog.' || f.result_type) AND ", "", "test_row_functions and names_that_others_have"),
    "a column of the name": one(ROWS, "a.attname = f.name AND NOT a.attisdropped)", "a.attname = f.name AND false)", "test_row_functions and names_that_others_have"),
    "a function of somebody else": one(ROWS, "f.result_type) AND white_cross.calls_own('pg_proc', p.oid, f.called) AS", "f.result_type) AS", "test_row_functions and names_that_others_have"),
    "a type of the name": one(ROWS, "WHEN EXISTS (SELECT FROM pg_type AS t WHERE t.typnamespace = s.relnamespace AND t.typname = 'student_summaries')\n                      OR EXISTS (", "WHEN EXISTS (",
                              "test_row_functions and names_that_others_have"),
    "an index of the name": one(ROWS, "\n                      OR EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = s.relnamespace AND c.relname = 'student_summaries')\n", "\n",
                                "test_row_functions and names_that_others_have"),
    "a comment of one line": one(ROWS, "white_cross.literal_on_one_line(wanted.name)", "wanted.name", "test_row_functions and does_not_leave_the_comment"),
    "notice beside gexec": one(ROWS, "            RAISE NOTICE '%', said;\n", "", "test_row_functions and names_that_others_have"),
    "view as its caller": one(ROWS, "WITH (security_invoker = true) ", "", "test_row_functions and rights_of_their_caller"),
    "policies of a view": one(ROWS, "WITH (security_invoker = true) ", "", "test_row_functions and policies_hold"),
    "stable functions": one(ROWS, "LANGUAGE sql STABLE PARALLEL SAFE RETURN", "LANGUAGE sql VOLATILE RETURN", "test_row_functions and graphql"),
    "numbers of GraphQL": one(ROWS, "', page integer DEFAULT 1, page_size integer", "', page bigint DEFAULT 1, page_size bigint", "test_row_functions and graphql"),
    "the overload of the id": one(ROWS, "CASE WHEN b.type = 'uuid'::regtype THEN 'pg_catalog.uuid'", "CASE WHEN false THEN 'pg_catalog.uuid'", "test_row_functions and ids_of_each_type"),
    "what stays": one(ROWS, "    IF names IS NOT NULL THEN\n", "    IF false THEN\n", "test_row_functions and says_what_stays"),
    "what stays of others": one(ROWS, "right(p.proname, length(f.form)) = f.form", "true", "test_row_functions and says_what_stays"),
    "what stays as jsonb": one(ROWS, " OR white_cross.calls_own('pg_proc', p.oid, ('wc_' || f.form || '_jsonb')::name)", "", "test_row_functions and says_what_stays"),
    # what wc_attach takes
    "absent tables": one(BINDING, "may_be_absent := part.name IN ('allergies', 'chronic_conditions')", "may_be_absent := part.name IN ('allergies')", "test_absent_tables and reads_an_empty_list"),
    "tables that are required": one(BINDING, "may_be_absent := part.name IN ('allergies', 'chronic_conditions')", "may_be_absent := part.name IN ('allergies', 'chronic_conditions', 'health_records')",
                                    "test_absent_tables and records_are_required"),
    "not forgotten unasked": one(BINDING, "        IF (overrides -> absent.entity -> 'table') IS DISTINCT FROM 'null' THEN", "        IF false THEN", "test_absent_tables and not_forgotten_unasked"),
    "looked for again": one(BINDING, " WHERE o.value -> 'table' <> 'null'), '{}')", "), '{}')", "test_absent_tables and sees_it_come"),
    "stale without the table": one(BINDING, "        -- Also if no trigger was left to drop.\n        PERFORM white_cross.invalidate_all();\n", "", "test_absent_tables and makes_all_stale"),
    "triggers of what is absent": one(BINDING, "            PERFORM white_cross.drop_trigger(made.relation, made.trigger);\n        END LOOP;\n        DELETE", "        END LOOP;\n        DELETE",
                                      "test_absent_tables and not_forgotten_unasked"),
    "owner of what is absent": one(BINDING, "            PERFORM white_cross.require_owner(caller, ARRAY[made.relation]);\n", "", "test_owners and told_to_be_absent"),
    "told of what is absent": one(BINDING, "RAISE NOTICE 'schema \"%\" has no table for", "RAISE DEBUG 'schema \"%\" has no table for", "test_absent_tables and reads_an_empty_list"),
    "another table of the name": one(BINDING, "another := CASE WHEN may_be_absent AND", "another := CASE WHEN false AND", "test_absent_tables and something_else"),
    "citext": one(BINDING, "is_citext := is_citext OR", "is_citext := is_citext AND", "test_char_ids and citext"),
    "only the difference": one(BINDING, "nullif(o.value ->> 'table', o.key), 'columns', white_cross.other_names(c.oid, o.value -> 'columns')", "o.value ->> 'table', 'columns', o.value -> 'columns'",
                               "test_help and cure_of_a_renamed"),
    "a short table": one(BINDING, "other_names := white_cross.other_names(part.relation, part.columns);", "other_names := part.columns;", "test_help and short_table"),
    "help for the caller": one(HELP, " AND has_function_privilege(p.oid, 'EXECUTE')", "", "test_help and what_the_caller_may_call"),
    "help without words": one(HELP, "FROM callable AS c LEFT JOIN known", "FROM callable AS c JOIN known", "test_help and without_words"),
    # who may
    "all tables of another owner": one(BINDING, "    PERFORM white_cross.require_owner(caller, ARRAY(SELECT r.relation FROM white_cross.resolve(application_schema, wanted) AS r));\n", "", "test_owners and a_role_is_told"),
    "owner who attaches": Mutation([(BINDING, "    PERFORM white_cross.require_owner(caller, ARRAY(SELECT r.relation FROM white_cross.resolve(application_schema, wanted) AS r));\n", ""),
                                    (BINDING, "        PERFORM white_cross.require_owner(caller, ARRAY[part.relation]);\n", ""),
                                    (BINDING, "    PERFORM white_cross.require_owner_of_attached(caller, false);\n    PERFORM white_cross.grant_tables", "    PERFORM white_cross.grant_tables")],
                                   "test_owners and who_may_do_what and attach and plain"),
    "owner in the end": one(BINDING, "    PERFORM white_cross.require_owner_of_attached(caller, false);\n    PERFORM white_cross.grant_tables", "    PERFORM white_cross.grant_tables", "test_owners and takes_the_name_meanwhile"),
    "owner who detaches": one(BINDING, "    PERFORM white_cross.require_owner_of_attached(caller, true);\n", "", "test_owners and who_may_do_what and detach and plain"),
    "owner of the database": one(BINDING, "AND NOT (may_be_gone AND EXISTS", "AND NOT (false AND EXISTS", "test_owners and who_detaches"),
    "tables that were renamed": one(BINDING, "    IF cardinality(tables) = 0 THEN\n", "    IF false THEN\n", "test_owners and who_detaches"),
    "owner who grants": one(WORKER, "    PERFORM white_cross.require_owner_of_attached(caller, false);\n    FOR needed IN", "    FOR needed IN", "test_owners and who_may_do_what and grant and privileges"),
    "grants of the schema": one(WORKER, "    PERFORM white_cross.grant_tables(caller, worker_role);\nEND", "    PERFORM white_cross.grant_tables(10, worker_role);\nEND", "test_owners and not_theirs_to_grant"),
    "owner who asks for indexes": one(INDEXES, "    PERFORM white_cross.require_owner(caller,", "    PERFORM white_cross.require_owner(10,", "test_owners and who_may_do_what and statements and plain"),
    "members that inherit": one(BINDING, "pg_has_role(caller, c.relowner, 'USAGE')", "pg_has_role(caller, c.relowner, 'MEMBER')", "test_owners and who_may_do_what and inherit"),
    "tables of the caller": one(BINDING, "    PERFORM white_cross.run_as(caller, format($statements$", "    PERFORM white_cross.run_as(10, format($statements$", "test_owners and whoever_may_make_them"),
    "what is inside": one(PRIVILEGES, "white_cross.attach(oid, name, jsonb, boolean), ", "", "test_owners and no_role_may_call"),
    "default privileges": one(PRIVILEGES, "p.prosecdef OR\n", "false OR\n", "test_owners and default_privileges"),
    "default privileges on tables": one(PRIVILEGES, "        EXECUTE format('REVOKE ALL ON TABLE %s FROM %s', given.relation, given.grantee);\n", "        NULL;\n", "test_owners and default_privileges"),
    # indexes by what they are
    "an index that serves": one(INDEXES, "CASE WHEN white_cross.index_serves(i.indexrelid, w.definition) THEN", "CASE WHEN c.relname = w.index_name THEN", "test_wanted_indexes and what_is_proposed"),
    "an index of another name": one(INDEXES, "CASE WHEN white_cross.index_serves(i.indexrelid, w.definition) THEN", "CASE WHEN c.relname = w.index_name AND white_cross.index_serves(i.indexrelid, w.definition) THEN",
                                    "test_wanted_indexes and what_is_proposed"),
    "an invalid index": one(INDEXES, "CASE WHEN i.indisvalid THEN 'valid' ELSE 'invalid' END", "'valid'::text", "test_wanted_indexes and made_anew"),
    "an index of an older version": one(INDEXES, "THEN 'outdated'", "THEN 'another'", "test_wanted_indexes and older_version_made"),
    "columns of an older version": one(INDEXES, " AND i.indnatts = CASE w.n WHEN 1 THEN 4 ELSE 2 END\n", "\n", "test_wanted_indexes and only_like"),
    "a unique index of an older version": one(INDEXES, "i.indisvalid AND NOT i.indisunique AND ", "i.indisvalid AND ", "test_wanted_indexes and only_like"),
    "an invalid index of an older version": one(INDEXES, "WHEN i.indisvalid AND NOT i.indisunique", "WHEN NOT i.indisunique", "test_wanted_indexes and only_like"),
    "an index that is being dropped": one(INDEXES, " AND i.indislive)", ")", "test_wanted_indexes and being_dropped"),
    "the best index": one(INDEXES, "array_position('{valid,invalid,outdated,another}'::text[], k.state), ", "", "test_wanted_indexes and made_anew"),
    "a name that is free": one(INDEXES, "ELSE white_cross.unused_name(n.oid, index_name) END AS name", "ELSE index_name::text END AS name", "test_wanted_indexes and something_else_has"),
    "semicolon": one(INDEXES, "w.present, \"concurrently\") || ';'", "w.present, \"concurrently\")", "test_wanted_indexes and are_piped"),
    "concurrently": one(INDEXES, "CASE WHEN \"concurrently\" AND c.relkind = 'r' THEN", "CASE WHEN c.relkind = 'r' THEN", "test_wanted_indexes and what_is_proposed"),
    "partitioned tables": one(INDEXES, "\"concurrently\" AND c.relkind = 'r'", "\"concurrently\"", "test_wanted_indexes and partitioned"),
    "an index of json": one(INDEXES, " AND a.atttypid = 'jsonb'::regtype),", "),", "test_json_vitals and not_wanted"),
}

OF_LIBRARY = {
    "queued students": one("src/extension/changes/invalidate.cpp", "has_worker_now() ? static_cast<int32>(students.size()) : 0", "static_cast<int32>(students.size())", "test_invalidate_by_hand and how_many"),
    "vitals as json": one(COLUMN_KIND, "return type == JSONBOID || type == JSONOID;", "return type == JSONBOID;", "test_json_vitals and reads_as_jsonb"),
    "padded ids": one(COLUMN_KIND, "type == VARCHAROID || type == BPCHAROID || type == UUIDOID", "type == VARCHAROID || type == UUIDOID", "test_char_ids and one_key"),
    "an index's condition": one(INDEX_DEFINITION, " ||\n        !heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, nullptr))", ")", "test_wanted_indexes and what_is_proposed and partial"),
    "an index's expression": one(INDEX_DEFINITION, "expressions == NIL || !equal(linitial(expressions), key.expression)", "expressions == NIL", "test_wanted_indexes and what_is_proposed and another"),
    "an index's collation": one(INDEX_DEFINITION, "index->rd_indcollation[at] == key.collation && ", "", "test_wanted_indexes and what_is_proposed and collation"),
    "an index's class": one(INDEX_DEFINITION, "index->rd_opfamily[at] == get_opclass_family(wanted) &&\n           ", "", "test_wanted_indexes and what_is_proposed and class"),
    "an index's order": one(INDEX_DEFINITION, " &&\n           has_order(index, at, element);", " &&\n           (true || has_order(index, at, element));", "test_wanted_indexes and what_is_proposed and end"),
    "what an index includes": one(INDEX_DEFINITION, "        if (!carries(index, keys, ", "        if (false && !carries(index, keys, ", "test_wanted_indexes and what_is_proposed and included"),
    "columns of GIN": one(INDEX_DEFINITION, "is_btree ? present < keys : present != keys", "is_btree || true ? present < keys : present != keys", "test_wanted_indexes and what_is_proposed and column"),
    "columns behind those of a B-tree": one(INDEX_DEFINITION, "is_btree ? present < keys : present != keys", "is_btree && false ? present < keys : present != keys", "test_wanted_indexes and what_is_proposed and column"),
}

OF_EXAMPLES = {
    "Alembic: an index": one(MIGRATIONS + "alembic_objects.py", '    "idx_health_records_student_date",\n', "", "test_migration_tools and second_run and Alembic"),
    "Alembic: tables": one(MIGRATIONS + "alembic_objects.py", 'return not (type_ == "table" and object.schema == "white_cross")', "return True", "test_migration_tools and second_run and Alembic"),
    "Prisma: an index": one(MIGRATIONS + "schema.prisma", '  @@index([vital], map: "idx_health_records_vital_gin", type: Gin)\n', "", "test_migration_tools and second_run and Prisma"),
    "TypeORM: an index": one(MIGRATIONS + "typeorm.cjs", "      left('idx_health_records_vital_gin', 'vital'),\n", "", "test_migration_tools and second_run and TypeORM"),
    "TypeORM: left": one(MIGRATIONS + "typeorm.cjs", "columns, synchronize: false }", "columns }", "test_migration_tools and second_run and TypeORM"),
    "MikroORM: an index": one(MIGRATIONS + "mikro_orm.cjs", "    ['idx_health_records_vital_gin', 'USING gin (\"vital\")'],\n", "", "test_migration_tools and second_run and MikroORM"),
    "MikroORM: schema": one(MIGRATIONS + "mikro_orm.cjs", "ignoreSchema: ['white_cross']", "ignoreSchema: []", "test_migration_tools and second_run and MikroORM"),
    "Drizzle: an index": one(MIGRATIONS + "drizzle.cjs", "  index('idx_health_records_vital_gin').using('gin', t.vital),\n", "", "test_migration_tools and second_run and Drizzle"),
    "Drizzle: view": one(MIGRATIONS + "drizzle.cjs", "['!wc_*', '!student_summaries']", "['!wc_*']", "test_migration_tools and second_run and Drizzle"),
    "Drizzle: views of the extension": one(MIGRATIONS + "drizzle.cjs", "['!wc_*', '!student_summaries']", "['!student_summaries']", "test_migration_tools and second_run and Drizzle"),
    "token": one("examples/fenced.py", '"health_summary", token)', '"health_summary")', "test_clients and test_the_python_example"),
    "token in Node": one("examples/fenced.mjs", "'health_summary', { token })", "'health_summary')", "test_clients and test_the_node_example"),
    "Ruby: token": one(RUBY, 'text = call("wc_get", key, token.to_s)', 'text = call("wc_get", key, "")', "test_rails_cache and before_the_write"),
    "Ruby: query cache": one(RUBY, "ActiveRecord::Base.uncached { ", "ActiveRecord::Base.then { ", "test_rails_cache and token_shows_a_write"),
    "Ruby: lease of nobody": one(RUBY, '    store(key, "null", 1, nil) unless', "    nil unless", "test_rails_cache and unknown_student"),
    "Ruby: patience": one(RUBY, "if mine || now > give_up", "if mine", "test_rails_cache and stops_waiting"),
    "Ruby: rest": one(RUBY, "      @rests_until = now + REST\n", "", "test_rails_cache and silent_redis"),
    "Ruby: an error of Redis": one(RUBY, "  rescue Redis::BaseError => error # an", "  rescue ZeroDivisionError => error # an", "test_rails_cache and without_redis"),
    "API: token": one("examples/api/routes.mjs", "{ token: writeToken(headers['x-write-token']) }", "{}", "test_example_api and reads_their_own_write"),
    "API: text of an error": one("examples/api/server.mjs", "error instanceof Refusal ? error : new Refusal(500, 'an error of the server')", "error instanceof Refusal ? error : new Refusal(500, error.message)", "test_example_api and error_of_the_program"),
    "API: text of the database": one("examples/api/refusal.mjs", "new Refusal(status, message, sqlstate)", "new Refusal(status, error.message, sqlstate)", "test_example_api"),
    "API: who calls": one("examples/api/server.mjs", "if (!isSame(request.headers.authorization ?? '', authorization))", "if (false)", "test_example_api and refused_and_shown"),
    "API: opaque keys": one("examples/api/routes.mjs", "if (text.includes('wc_cache_entries')) reading", "reading", "test_example_api and opaque_key"),
    "API: audit": one("examples/api/routes.mjs", "redis, onError, audit,", "redis, onError,", "test_example_api and audit"),
    "log: one student": one("examples/audit_log.py", "if options.student is None or options.student in line.get(\"students\", []):", "if True:", "test_audit_lines"),
    "log: lines that cannot be read": one("examples/audit_log.py", "                unread += 1", "                pass", "test_audit_lines and cannot_be_read"),
}

MUTATIONS = {f"{kind}: {name}": mutation for kind, mutations in {"node": OF_NODE, "python": OF_PYTHON, "sql": OF_SQL, "library": OF_LIBRARY, "example": OF_EXAMPLES}.items()
             for name, mutation in mutations.items()}


def files(which):
    return [path for path in (ROOT / "test/e2e").glob("test_*.py") if re.search(rf"\b{path.stem}\b", which)]


if __name__ == "__main__":
    sys.exit(Mutants(MUTATIONS, files).run(sys.argv[1:]))
