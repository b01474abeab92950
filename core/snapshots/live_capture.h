#pragma once

#include "core/snapshots/frozen_disks.h"
#include "core/snapshots/snapshot_operation.h"

namespace vivarium {

// What a worker writes of its guest: memory, devices and, with overlays, the disks' layers.
struct LiveCapture {
    MemoryState memory;
    QString thumbnail; // path; empty: none
    QList<NewTop> tops;
};

// Takes the guest's state of a running machine into `folder`. The intent is `intent` with what is
// created added; it is open when this returns success, and settled when it fails. `thenPowerOff`:
// the guest does not go on.
enum class AfterCapture { GoOn, PowerOff };
Result<LiveCapture> captureLive(SnapshotOperation& operation, const QString& folder, Intent& intent,
                                const QList<FrozenDisk>& disks, AfterCapture after);

} // namespace vivarium
