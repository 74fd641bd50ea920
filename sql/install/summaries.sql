-- Summaries

CREATE FUNCTION @extschema@.wc_health_summary(student_id text, include text[] DEFAULT '{}') RETURNS json
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_health_summary';
CREATE FUNCTION @extschema@.wc_health_summary(student_id uuid, include text[] DEFAULT '{}') RETURNS json
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_health_summary';
CREATE FUNCTION @extschema@.wc_health_summary(student_id bigint, include text[] DEFAULT '{}') RETURNS json
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_health_summary';

CREATE FUNCTION @extschema@.wc_health_summaries(student_ids text[]) RETURNS TABLE (student_id text, summary json)
LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 100 AS 'MODULE_PATHNAME', 'wc_health_summaries';
CREATE FUNCTION @extschema@.wc_health_summaries(student_ids uuid[]) RETURNS TABLE (student_id uuid, summary json)
LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 100 AS 'MODULE_PATHNAME', 'wc_health_summaries';
CREATE FUNCTION @extschema@.wc_health_summaries(student_ids bigint[]) RETURNS TABLE (student_id bigint, summary json)
LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 100 AS 'MODULE_PATHNAME', 'wc_health_summaries';
-- Text of no type, as most drivers send an array, is read as an array of text.
CREATE FUNCTION @extschema@.wc_health_summaries(student_ids text) RETURNS TABLE (student_id text, summary json)
LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 100 AS 'MODULE_PATHNAME', 'wc_health_summaries';
