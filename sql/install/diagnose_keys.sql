-- wc_diagnose: what keys of Redis call the students

CREATE FUNCTION white_cross.check_keys() RETURNS SETOF white_cross.finding
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    secrets text[];
BEGIN
    secrets := string_to_array(white_cross.key_fingerprints(), ',');
    RETURN QUERY SELECT 'ok', CASE cardinality(secrets)
                                  WHEN 0 THEN 'keys of the cache have the ids of students as they are'
                                  WHEN 1 THEN format('keys of the cache have opaque ids, by the secret %s', secrets[1])
                                  ELSE format('keys of the cache have opaque ids, by the secret %s; those of %s are removed too', secrets[1], secrets[2]) END,
                        NULL::text;
EXCEPTION WHEN config_file_error THEN
    RETURN QUERY SELECT 'fail', SQLERRM, E'-- In a shell on the server, as the user that PostgreSQL runs as, for a secret that it has not had yet:\n'
                                         '-- (umask 137; openssl rand -base64 32 > FILE)';
END
$$;

