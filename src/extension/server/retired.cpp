#include "extension/server/retired.hpp"

extern "C" {
#include "storage/proc.h"
}

namespace wc {
namespace {

struct Retired {
    void *what;
    Free free;
    LocalTransactionId transaction;
    Retired *next;
};
Retired *all = nullptr;

LocalTransactionId current_transaction()
{
#if PG_VERSION_NUM >= 170000
    return MyProc->vxid.lxid;
#else
    return MyProc->lxid;
#endif
}

// All entries of the list belong to one transaction, that of the last call of retire().
void free_those_of_before(LocalTransactionId now)
{
    while (all != nullptr && all->transaction != now) {
        Retired *const gone = all;
        all = gone->next;
        gone->free(gone->what);
        pfree(gone);
    }
}

}  // namespace

void retire(void *what, Free free)
{
    LocalTransactionId const now = current_transaction();
    auto *const mark = static_cast<Retired *>(MemoryContextAlloc(TopMemoryContext, sizeof(Retired)));
    free_those_of_before(now);
    *mark = {what, free, now, all};
    all = mark;
}

}  // namespace wc
