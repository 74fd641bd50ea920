-- Operation

CREATE FUNCTION @extschema@.wc_version() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_library_version';
-- Called by functions of ours, which do not rely on the name of the schema that the one above is in.
CREATE FUNCTION white_cross.library_version() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_library_version';
COMMENT ON FUNCTION @extschema@.wc_version() IS 'The version of the loaded library.';
