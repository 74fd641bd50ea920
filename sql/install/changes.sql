-- Change tracking

CREATE FUNCTION white_cross.record_change() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_record_change';
COMMENT ON FUNCTION white_cross.record_change() IS
'Trigger on the attached tables: remembers the student of a changed row; the transaction queues all of them when it commits. Argument: the entity.';

CREATE FUNCTION white_cross.announce_change() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'wc_announce_change';
COMMENT ON FUNCTION white_cross.announce_change() IS
'Trigger on white_cross.binding and white_cross.worker: makes all sessions reread the table.';

CREATE TRIGGER announce_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON white_cross.binding
FOR EACH STATEMENT EXECUTE FUNCTION white_cross.announce_change();
ALTER TABLE white_cross.binding ENABLE ALWAYS TRIGGER announce_change;
CREATE TRIGGER announce_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON white_cross.worker
FOR EACH STATEMENT EXECUTE FUNCTION white_cross.announce_change();
ALTER TABLE white_cross.worker ENABLE ALWAYS TRIGGER announce_change;
