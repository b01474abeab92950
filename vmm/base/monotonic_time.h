#pragma once

#include <cstdint>
#include <ctime>

namespace vivarium {

// CLOCK_MONOTONIC in nanoseconds: how long something took on the host. Guest time is Clock's.
inline uint64_t monotonicNs() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

} // namespace vivarium
