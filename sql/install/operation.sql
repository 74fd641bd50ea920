-- Operation

CREATE FUNCTION wc_version() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'wc_library_version';
COMMENT ON FUNCTION wc_version() IS 'The version of the loaded library.';
