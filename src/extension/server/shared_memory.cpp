#include "extension/server/shared_memory.hpp"

extern "C" {
#include "storage/ipc.h"
#include "storage/shmem.h"
}

namespace wc::shared_memory {
namespace {

Area *first = nullptr;
#if PG_VERSION_NUM >= 150000
shmem_request_hook_type next_request = nullptr;
#endif
shmem_startup_hook_type next_startup = nullptr;

void request(const Area &area)
{
    Size const size = area.size();
    if (size == 0)
        return;
    RequestAddinShmemSpace(size);
    if (area.locks != nullptr)
        RequestNamedLWLockTranche(area.name, area.locks());
}

#if PG_VERSION_NUM >= 150000
void request_all()
{
    if (next_request != nullptr)
        next_request();
    for (const Area *area = first; area != nullptr; area = area->next)
        request(*area);
}
#endif

void build_all()
{
    if (next_startup != nullptr)
        next_startup();
    LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
    for (const Area *area = first; area != nullptr; area = area->next) {
        Size const size = area->size();
        if (size == 0)
            continue;
        bool is_there = false;
        void *const memory = ShmemInitStruct(area->name, size, &is_there);
        if (!is_there)
            area->build(memory, area->locks != nullptr ? GetNamedLWLockTranche(area->name) : nullptr);
    }
    LWLockRelease(AddinShmemInitLock);
}

}  // namespace

void reserve(Area &area)
{
    Assert(process_shared_preload_libraries_in_progress && area.next == nullptr);
    if (first == nullptr) {
#if PG_VERSION_NUM >= 150000
        next_request = shmem_request_hook;
        shmem_request_hook = request_all;
#endif
        next_startup = shmem_startup_hook;
        shmem_startup_hook = build_all;
    }
    area.next = first;
    first = &area;
#if PG_VERSION_NUM < 150000
    request(area);
#endif
}

}  // namespace wc::shared_memory
