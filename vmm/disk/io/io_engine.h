#pragma once

#include <functional>

namespace vivarium {

// What carries out a disk's file operations.
struct IoEngine {
    enum class Kind { IoUring, ThreadPool /* a few threads, where the host refuses io_uring */ };
    // Runs first on every I/O thread (thread name, seccomp filter); may be empty.
    using ThreadStarted = std::function<void()>;
};

} // namespace vivarium
