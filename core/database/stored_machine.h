#pragma once

#include "core/model/disk_layer.h"
#include "core/model/machine.h"
#include "core/model/snapshot_record.h"

#include <QList>

#include <optional>

namespace vivarium {

// A machine as the library has it this moment, with what starting it takes.
struct StoredMachine {
    Machine machine;
    QList<DiskLayer> layers;           // Library::layersOf() its disks
    std::optional<MemoryState> memory; // of its saved state
    // A program died while it changed the machine's disks: not to be started before somebody has
    // settled that (core/snapshots).
    bool unsettled = false;
};

} // namespace vivarium
