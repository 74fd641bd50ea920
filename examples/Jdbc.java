// JDBC: reads, lists, writes, and reads its own write.  With JDK 11 or later and the driver's jar, no step of compiling:
//
//   psql -d school -f school.sql
//   JDBC_URL=jdbc:postgresql://localhost/school java -cp postgresql.jar Jdbc.java
import java.sql.*;
import java.util.UUID;

class Jdbc {
    // The summary is JSON as text: hand it on as it is, or parse it with the library that you have. What a program wants of it in
    // columns PostgreSQL takes out itself.
    static final String SHOW = "SELECT s #>> '{student,firstName}', s #>> '{student,lastName}',"
        + " (SELECT string_agg(concat_ws(' ', value, key), ', ' ORDER BY key) FROM json_each_text(s -> 'recordCounts')) ";

    static void show(String what, ResultSet rows) throws SQLException {
        while (rows.next()) {
            String counts = rows.getString(3) == null ? "no records" : rows.getString(3);
            System.out.println(what + ": " + rows.getString(1) + " " + rows.getString(2) + ", " + counts);
        }
    }

    // An id is bound by setString, whatever type the column has.
    static void read(String what, Connection connection, String id) throws SQLException {
        try (var statement = connection.prepareStatement(SHOW + "FROM wc_health_summary(?) AS s")) {
            statement.setString(1, id);
            show(what, statement.executeQuery());
        }
    }

    public static void main(String[] arguments) throws SQLException {
        try (var connection = DriverManager.getConnection(System.getenv("JDBC_URL"))) {
            read("read", connection, "ada");

            // Many students, in the order of their ids: one statement. The array is one of text.
            try (var statement = connection.prepareStatement(SHOW + "FROM wc_health_summaries(?) AS found (id, s) ORDER BY id")) {
                statement.setArray(1, connection.createArrayOf("text", new String[] {"ada", "bob"}));
                show("list", statement.executeQuery());
            }

            // A transaction sees what it has written itself. An enum is bound as Types.OTHER: a varchar is none.
            connection.setAutoCommit(false);
            try (var statement = connection.prepareStatement(
                     "INSERT INTO health_records (id, type, date, description, \"studentId\") VALUES (?, ?, now(), ?, ?)")) {
                statement.setString(1, UUID.randomUUID().toString());
                statement.setObject(2, "DENTAL", Types.OTHER);
                statement.setString(3, "Check");
                statement.setString(4, "bob");
                statement.executeUpdate();
            }
            read("own write", connection, "bob");
            connection.commit();
        } catch (SQLException error) {
            // The SQLSTATE is the error's own; the hint is in what the driver adds to it.
            System.err.println(error.getSQLState() + " " + error.getMessage());
            System.exit(1);
        }
    }
}
