-- Read your own writes: the token of a transaction, and whether a statement sees it.
SET client_min_messages = warning;
CREATE EXTENSION white_cross;
RESET client_min_messages;
CREATE TABLE notes (note text);
SELECT wc_write_token() ~ '^\d+\.\d+\.\d+\.\d+$' AS has_its_form;

-- One for a transaction, whether it has written before or not, and whatever its savepoints do.
BEGIN;
SELECT wc_write_token() AS mine \gset
INSERT INTO notes VALUES ('first');
SAVEPOINT a;
SELECT wc_write_token() = :'mine' AS same_in_a_savepoint;
ROLLBACK TO a;
SELECT wc_write_token() = :'mine' AS same_after_it, split_part(:'mine', '.', 1) = pg_current_xact_id()::text AS of_this_transaction;
SELECT wc_sees_write(:'mine') AS its_own;
COMMIT;
SELECT wc_sees_write(:'mine') AS after_it;

-- A transaction that cannot write has none, unless it has written.
BEGIN READ ONLY;
SELECT wc_write_token() IS NULL AS none;
COMMIT;
BEGIN;
INSERT INTO notes VALUES ('second');
SET TRANSACTION READ ONLY;
SELECT wc_write_token() IS NULL AS none;
COMMIT;

-- Nobody knows those of another server or another life, and nobody sees one of tomorrow.
\set server 'substr(:\'mine\', strpos(:\'mine\', \'.\'))'
SELECT wc_sees_write('1.1.1.1') AS of_another, wc_sees_write(:'mine' || '0') AS of_another_life, wc_sees_write(NULL) AS nothing,
       wc_sees_write('18446744073709551615' || :server) AS of_tomorrow, wc_sees_write('3' || :server) AS of_long_ago;

-- What is no token is not shown.
SELECT wc_sees_write('');
SELECT wc_sees_write('Ada Quill');
SELECT wc_sees_write('1.1.1');
SELECT wc_sees_write('18446744073709551616.1.1.1');

-- Everybody may.
CREATE ROLE wc_anybody;
SET ROLE wc_anybody;
SELECT wc_write_token() IS NULL AS none, wc_sees_write(:'mine');
RESET ROLE;
DROP ROLE wc_anybody;
DROP TABLE notes;
DROP EXTENSION white_cross;
