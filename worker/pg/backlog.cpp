#include "pg/backlog.hpp"

#include "pg/age_of.hpp"

namespace wc::pg {
// The statement counts up to 100,000 rows.  Beyond that it estimates the number from the share that the counted rows
// cover: of the transactions up to the newest one, or, if one transaction has written all counted rows, of the table's
// pages.
//
// Its last column names the first row that names students.  While that row stays the same, nobody drains; rows for
// every student do not show that, because they stay until a sweep is over.
namespace {

constexpr std::string_view kBacklogTypes[] = {"xid8[]", "xid8", "integer", "xid8", "integer"};
}  // namespace

const Statement kBacklog{"wc_backlog", kBacklogTypes, R"(
WITH waiting AS MATERIALIZED (
    (SELECT i.xid::text::numeric AS xid, i.n, (i.ctid::text::point)[0] AS page, i.queued_at, i.students IS NULL AS everything
     FROM white_cross.invalidation AS i WHERE i.xid = ANY ($1) AND (i.xid, i.n) > ($2, $3) ORDER BY i.xid, i.n LIMIT 100000)
    UNION ALL
    (SELECT i.xid::text::numeric, i.n, (i.ctid::text::point)[0], i.queued_at, i.students IS NULL
     FROM white_cross.invalidation AS i WHERE (i.xid, i.n) > ($4, $5) ORDER BY i.xid, i.n LIMIT 100000)),
counted AS (
    SELECT count(*) AS rows, min(queued_at) AS oldest, min(xid) AS first, max(xid) AS last, min(page) AS from_page, max(page) AS to_page
    FROM waiting),
whole AS (
    SELECT c.*, CASE WHEN c.rows >= 100000 THEN
               (SELECT i.xid::text::numeric FROM white_cross.invalidation AS i ORDER BY i.xid DESC, i.n DESC LIMIT 1) END AS newest,
           pg_relation_size('white_cross.invalidation') / current_setting('block_size')::integer AS pages
    FROM counted AS c)
SELECT CASE WHEN w.rows < 100000 THEN w.rows
            WHEN w.last > w.first THEN round(w.rows * (w.newest - w.first + 1) / (w.last - w.first + 1))
            ELSE round(w.rows * greatest(1, (w.pages - w.from_page) / (w.to_page - w.from_page + 1))) END::bigint,
       coalesce()" AGE_OF("w.oldest") R"(, 0),
       (SELECT f.xid || ':' || f.n FROM waiting AS f WHERE NOT f.everything ORDER BY f.xid, f.n LIMIT 1)
FROM whole AS w)"};

}  // namespace wc::pg
