#pragma once

#include "vmm/base/guest_address.h"

#include <cstdint>
#include <vector>

namespace vivarium {

// Which pages of directly mapped memory the CPUs have written (regions mapped with
// MemoryRegion::DirtyLog::On). Any thread; a leaf, so it may be called with the device lock held.
class DirtyLog {
public:
    static constexpr uint64_t kPageBytes = 4096;

    virtual ~DirtyLog() = default;
    // Sets bit i of `pages` (bit i % 64 of word i / 64, resized to fit, other bits cleared) when
    // page i of [base, base + sizeBytes) was written since the last fetch, and forgets it. `base`
    // and `sizeBytes` are whole pages. Memory that is mapped without a log counts as written,
    // unmapped memory as untouched. Writes before a region was (re)mapped are not remembered: treat
    // a new mapping as all written. Returns whether any bit is set.
    virtual bool fetchDirtyPages(GuestAddress base, uint64_t sizeBytes,
                                 std::vector<uint64_t>& pages) = 0;
};

} // namespace vivarium
