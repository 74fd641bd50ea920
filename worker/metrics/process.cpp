#include "metrics/process.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <limits>
#include <memory>

namespace wc::metrics {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// The service may not see /proc/stat, which says when the machine started: so the clock is read at the start.
const double kStarted = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();

double seconds(const timeval &time)
{
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double open_descriptors()
{
    std::unique_ptr<DIR, int (*)(DIR *)> const folder(opendir("/proc/self/fd"), closedir);
    if (!folder)
        return kUnknown;
    int count = 0;
    while (auto const *entry = readdir(folder.get()))
        count += entry->d_name[0] != '.';
    // That of the folder itself.
    return count - 1;
}

}  // namespace

ProcessNumbers look_at_process()
{
    ProcessNumbers numbers{kUnknown, kUnknown, kUnknown, open_descriptors(), kUnknown, kStarted};
    rusage usage{};
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        numbers.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        numbers.most_descriptors = static_cast<double>(limit.rlim_cur);
    std::unique_ptr<std::FILE, int (*)(std::FILE *)> const file(std::fopen("/proc/self/statm", "re"), std::fclose);
    long pages = 0, resident = 0;
    if (file && std::fscanf(file.get(), "%ld %ld", &pages, &resident) == 2) {
        auto const size = static_cast<double>(sysconf(_SC_PAGESIZE));
        numbers.virtual_bytes = static_cast<double>(pages) * size;
        numbers.resident_bytes = static_cast<double>(resident) * size;
    }
    return numbers;
}

}  // namespace wc::metrics
