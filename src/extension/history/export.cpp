#include "extension/history/export.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<HistoryExport>);

HistoryExport::HistoryExport(const HistoryForm &form, const Datum *ids, const bool *nulls, int count)
    : form_(form), rows_(ids, nulls, count)
{}

bool HistoryExport::next(json::Buffer &out)
{
    std::size_t const before = out.size();
    while (rows_.advance()) {
        position_ = rows_.position();
        if (form_.write(out, rows_))
            return true;
        out.truncate(before);
    }
    close();
    return false;
}

}  // namespace wc
