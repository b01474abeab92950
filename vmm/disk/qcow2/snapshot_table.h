#pragma once

#include "vmm/base/bytes.h"
#include "vmm/base/result.h"
#include "vmm/disk/qcow2/format.h"

#include <string>
#include <vector>

namespace vivarium::qcow2 {

// An internal snapshot as listed in an image. This program makes none, and keeps those it finds.
struct Snapshot {
    std::string id;
    std::string name;
    uint64_t l1Offset = 0;
    uint32_t l1Entries = 0;
    uint32_t dateSeconds = 0; // since 1970
    uint32_t dateNanoseconds = 0;
    uint64_t guestNanoseconds = 0; // how long the guest had run
    uint64_t stateBytes = 0;       // 0: disks only
    uint64_t diskBytes = 0;        // 0: not recorded
};

struct SnapshotTable {
    std::vector<Snapshot> snapshots;
    uint64_t bytes = 0; // how long the table is
};

// `bytes`: the file from the table's start on. Corrupt when `count` entries do not fit;
// LimitExceeded for lengths nobody writes.
Result<SnapshotTable> parseSnapshotTable(ConstByteSpan bytes, uint32_t count);

} // namespace vivarium::qcow2
