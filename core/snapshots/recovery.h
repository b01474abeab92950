#pragma once

#include "core/model/snapshot_record.h"
#include "vmm/base/result.h"

namespace vivarium {

class SnapshotOperation;

// Finishing or undoing what a program that died in the middle has left.
namespace recovery {

// Settles the machine's intents; the operation holds its operation lock, so nobody works on them.
// With a running machine those about its disks' tops are settled as far as can be known; merges
// stay open until it has stopped (hasOpenMerge).
Result<void> settleMachine(SnapshotOperation& operation);
// An intent whose machine is not in the library (any more): removes its files.
Result<void> settleOrphan(SnapshotOperation& operation, const Intent& intent);
// Whether a worker may have merged layers that the library counts as separate: the layers' numbers
// in the worker are not known then.
Result<bool> hasOpenMerge(SnapshotOperation& operation);

// Undoes a take or a fork that has failed or was interrupted: overlays that the worker has put to
// use become the disks' tops, every other file goes.
Result<void> undoOverlays(SnapshotOperation& operation, const Intent& intent);

} // namespace recovery

} // namespace vivarium
