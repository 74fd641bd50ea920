#include "extension/server/text_buffer.hpp"

namespace wc {

static_assert(std::is_trivially_destructible_v<json::Buffer>);

namespace {

// Most summaries fit into it, and it is the largest chunk that a memory context hands out from a block.
constexpr Size kFirstCapacity = 8000;

char *grow(char *data, std::size_t used, std::size_t capacity)
{
    auto *const larger =
        static_cast<char *>(MemoryContextAllocHuge(GetMemoryChunkContext(data), static_cast<Size>(capacity)));
    memcpy(larger, data, used);
    pfree(data);
    return larger;
}

}  // namespace

json::Buffer make_buffer()
{
    json::Buffer buffer(static_cast<char *>(palloc(kFirstCapacity)), kFirstCapacity, grow);
    buffer.advance(buffer.data() + VARHDRSZ);
    return buffer;
}

Datum finish_text(json::Buffer &buffer)
{
    if (buffer.size() > MaxAllocSize)
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("JSON text is larger than 1 GB")));
    SET_VARSIZE(buffer.data(), buffer.size());
    return PointerGetDatum(buffer.data());
}

}  // namespace wc
