#include "pg/builder.hpp"

#include "core/protocol/key.hpp"
#include "core/text/number.hpp"

namespace wc::pg {
namespace {

// Writes only weights that differ by more than a tenth: all weights decay all the time at the same rate, and need no
// write for that.
constexpr std::string_view kSaveHotTypes[] = {"text[]", "real[]"};
constexpr Statement kSaveHot{"wc_save_hot", kSaveHotTypes, R"(
WITH list AS MATERIALIZED (SELECT * FROM unnest($1, $2) AS l(student, weight)),
gone AS (DELETE FROM white_cross.hot_student AS h WHERE NOT EXISTS (SELECT FROM list AS l WHERE l.student = h.student))
INSERT INTO white_cross.hot_student AS h (student, weight) SELECT student, weight FROM list
ON CONFLICT (student) DO UPDATE SET weight = EXCLUDED.weight WHERE abs(h.weight - EXCLUDED.weight) > h.weight / 10)"};

constexpr std::string_view kBuildTypes[] = {"text[]", "text[]"};

// Lighter students are not saved: they are not rebuilt anyway, and the column's type cannot hold much smaller numbers.
constexpr double kLeastWeight = 1e-6;
// Longer ids, in bytes, are not saved, because an index of PostgreSQL cannot hold them.
constexpr std::size_t kLongestStudent = 2000;

std::vector<std::string> settings_of(bool cluster_keys, bool is_audit)
{
    std::vector<std::string> settings{std::string("white_cross.cluster_keys = ") + (cluster_keys ? "on" : "off")};
    if (is_audit)
        settings.insert(settings.end(), {"white_cross.summary_cache = off", "row_security = off"});
    return settings;
}

}  // namespace

Builder::Builder(const Target &target, const Timeouts &timeouts, bool cluster_keys, Purpose purpose)
    : connection_(target, timeouts, purpose == Purpose::Audit ? "audit" : "prewarm",
                  settings_of(cluster_keys, purpose == Purpose::Audit))
{
    if (connection_.is_direct())
        connection_.keep_session();
    auto const home = connection_.run(
        "SELECT n.nspname FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = "
        "'white_cross'");
    if (home.rows() == 0)
        throw Error("this database has no extension white_cross: CREATE EXTENSION white_cross");
    build_ = "SELECT student_id, key, value, ttl_seconds, snapshot FROM " + quoted_identifier(home.text(0, 0)) +
             ".wc_cache_entries($1, $2)";
    connection_.prepare(build());
    connection_.prepare(kSaveHot);
}

Statement Builder::build() const { return {"wc_build", kBuildTypes, build_}; }

std::vector<app::Entry> Builder::build(std::span<const std::string> students, cache::Kind kind)
{
    std::string const kinds[] = {std::string(cache::name(kind))};
    auto const result =
        connection_.run(connection_.call(build(), std::vector{array_literal(students), array_literal(kinds)}));
    std::vector<app::Entry> entries;
    entries.reserve(static_cast<std::size_t>(result.rows()));
    for (int row = 0; row < result.rows(); ++row)
        entries.push_back({std::string(result.text(row, 0)), std::string(result.text(row, 1)),
                           std::string(result.text(row, 2)), static_cast<int>(result.integer(row, 3)),
                           std::string(result.text(row, 4))});
    return entries;
}

void Builder::save_hot(std::span<const app::Hot> hot)
{
    std::vector<std::string> students, weights;
    for (auto const &one : hot) {
        if (one.weight < kLeastWeight || one.student.size() > kLongestStudent)
            continue;
        students.push_back(one.student);
        weights.push_back(std::to_string(one.weight));
    }
    connection_.run(connection_.call(kSaveHot, std::vector{array_literal(students), array_literal(weights)}));
}

std::vector<app::Hot> Builder::load_hot()
{
    auto const result = connection_.run("SELECT student, weight FROM white_cross.hot_student");
    std::vector<app::Hot> hot;
    for (int row = 0; row < result.rows(); ++row) {
        auto const weight = parse_number<double>(result.text(row, 1));
        if (!weight)
            throw Error("the server's answer is not a number, as expected");
        hot.push_back({std::string(result.text(row, 0)), *weight});
    }
    return hot;
}

std::vector<std::string> Builder::students_after(const std::string &student, int most)
{
    auto const after = student.empty() ? std::string("NULL") : quote_literal(student);
    auto const result =
        connection_.run("SELECT i FROM white_cross.student_ids(" + after + ", " + std::to_string(most) + ") AS i");
    std::vector<std::string> students;
    for (int row = 0; row < result.rows(); ++row)
        students.emplace_back(result.text(row, 0));
    return students;
}

std::string Builder::snapshot() { return std::string(connection_.run("SELECT white_cross.snapshot()").text(0, 0)); }

app::Xid Builder::commit_transaction() { return connection_.run("SELECT pg_current_xact_id()").xid(0, 0); }

}  // namespace wc::pg
