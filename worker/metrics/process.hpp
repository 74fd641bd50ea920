// Figures that the operating system has of this process.
#pragma once

namespace wc::metrics {

/// An unknown figure is NaN.
struct ProcessNumbers {
    double cpu_seconds, resident_bytes, virtual_bytes, open_descriptors, most_descriptors;
    double started;  ///< Unix time
};

/// Thread-safe.
ProcessNumbers look_at_process();

}  // namespace wc::metrics
