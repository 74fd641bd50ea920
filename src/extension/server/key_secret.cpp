#include "extension/server/key_secret.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extension/server/boundary.hpp"
#include "extension/server/settings.hpp"
#include "extension/server/text_buffer.hpp"

extern "C" {
#include "access/xact.h"
}

namespace wc {
namespace {

struct SecretFile {
    struct stat status;  // of the file that was read last
    opaque::Secret secrets[2];
    std::size_t count;
    const char *fault;  // null: it can be used
    int error;          // of the system, behind the fault
    // Both are 0 before the first look.
    std::uint64_t path_assigned;
    TimestampTz statement;
};
static_assert(std::is_trivially_destructible_v<SecretFile>);

SecretFile file{};

void fail(const char *fault, int error)
{
    file.fault = fault;
    file.error = error;
}

bool is_same(const struct stat &a, const struct stat &b)
{
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size && a.st_mode == b.st_mode &&
           a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec &&
           a.st_ctim.tv_sec == b.st_ctim.tv_sec && a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

void take_secrets(std::string_view text)
{
    opaque::SecretLines const lines = opaque::parse_secrets(text);
    file.fault = lines.fault;
    if (lines.fault != nullptr)
        return;
    for (std::size_t i = 0; i < lines.count; ++i)
        file.secrets[i] = opaque::Secret(lines.secrets[i]);
    file.count = lines.count;
}

void read_open(int descriptor)
{
    char text[opaque::kLargestFile + 1];
    std::size_t size = 0;
    if (fstat(descriptor, &file.status) != 0 || !S_ISREG(file.status.st_mode))
        return fail("is no regular file", 0);
    if (const char *const exposure = opaque::exposure_of(file.status.st_mode))
        return fail(exposure, 0);
    while (size < sizeof text) {
        ssize_t const got = read(descriptor, text + size, sizeof text - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            fail("cannot be read", errno);
        if (got <= 0)
            break;
        size += static_cast<std::size_t>(got);
    }
    if (file.fault == nullptr)
        take_secrets({text, size});
    explicit_bzero(text, sizeof text);
}

void read_file(const char *path)
{
    file.fault = nullptr;
    file.error = 0;
    file.count = 0;
    // Not to wait for the writer of a pipe.
    int const descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return fail("cannot be opened", errno);
    read_open(descriptor);
    close(descriptor);
}

// Looks once in a statement: all keys of one statement are of one secret, and a look costs a microsecond.
void look()
{
    TimestampTz const statement = GetCurrentStatementStartTimestamp();
    bool const is_same_path = file.path_assigned == settings::times_key_secret_file_was_assigned();
    if (is_same_path && file.statement != 0 && file.statement == statement)
        return;
    file.path_assigned = settings::times_key_secret_file_was_assigned();
    file.statement = statement;
    const char *const path = settings::key_secret_file();
    if (path == nullptr || *path == '\0')
        return fail("is not set", 0);
    struct stat found {};
    bool const is_known =
        is_same_path && file.fault == nullptr && stat(path, &found) == 0 && is_same(found, file.status);
    if (!is_known)
        read_file(path);
}

void require_secret()
{
    look();
    if (file.fault == nullptr)
        return;
    errno = file.error;
    const char *const path = settings::key_secret_file();
    ereport(ERROR,
            (errcode(ERRCODE_CONFIG_FILE_ERROR),
             errmsg("no key can be made: white_cross.opaque_keys is on, and the file of white_cross.key_secret_file %s",
                    file.fault),
             file.error != 0 ? errdetail_log("File \"%s\": %m.", path) : errdetail_log("File \"%s\".", path),
             errhint("The file has one secret a line, at most two, each of 32 characters or more, as from \"openssl "
                     "rand -base64 32\"; nobody but its owner may write it, and only the server and the worker may "
                     "read it (chmod 640). docs/security.md describes it.")));
}

}  // namespace

const opaque::Secret &key_secret()
{
    require_secret();
    return file.secrets[0];
}

const opaque::Secret *key_secret_if_any() noexcept
{
    look();
    return file.fault == nullptr ? &file.secrets[0] : nullptr;
}

void append_key_fingerprints(json::Buffer &out)
{
    require_secret();
    for (std::size_t i = 0; i < file.count; ++i) {
        if (i != 0)
            out.append(',');
        out.append(file.secrets[i].fingerprint().view());
    }
}

}  // namespace wc

using namespace wc;

// white_cross.key_fingerprints() → text
WC_FUNCTION(wc_key_fingerprints)
{
    json::Buffer out = make_buffer();
    if (settings::opaque_keys())
        append_key_fingerprints(out);
    return finish_text(out);
}
