#include "extension/warm/registering.hpp"

#include "extension/warm/memory.hpp"

namespace wc::warm {
namespace {

bool concerns_summaries(cache::Sections sections) noexcept
{
    return cache::is_stale(cache::Kind::HealthSummary, sections);
}

}  // namespace

void enter_changes(const changes::DirtySet &changed) noexcept
{
    if (!is_available())
        return;
    // A transaction without an id has changed nothing that others could see.
    FullTransactionId const id = GetTopFullTransactionIdIfAny();
    if (!FullTransactionIdIsValid(id))
        return;
    Xid const xid = U64FromFullTransactionId(id);
    if (concerns_summaries(changed.everything())) {
        enter_all(xid);
        return;
    }
    for (const changes::DirtySet::Entry &entry : changed) {
        if (concerns_summaries(entry.sections))
            enter_student(entry.student(), xid);
    }
}

}  // namespace wc::warm
