#pragma once

#include "core/model/machine.h"
#include "core/model/snapshot_record.h"
#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

#include <QString>

// Where the files of snapshots lie, and making and removing them.
namespace vivarium::snapshot_files {

// "<folder>/snapshots/<id>" and "<folder>/saved/<id>".
QString snapshotFolder(const Machine& machine, const SnapshotId& id);
QString savedFolder(const Machine& machine, const QString& id);
QString thumbnailIn(const QString& folder);
// A path for a new overlay of the machine.
QString newLayer(const QString& machineFolder);
// The files of a memory state in `folder` that goes on from `parent` (null: in full).
MemoryState newMemory(const QString& folder, const std::optional<MemoryState>& parent);

// How a layer's header calls the one below: relative when both lie in the machine's folder, so that
// the folder can move.
QString backingName(const QString& layer, const QString& below, const QString& machineFolder);

// Makes the folder and those above it, for the user alone.
Result<void> makeFolder(const QString& path);
// A new empty file, open read-write. Errors: AlreadyExists, NoSpace, PermissionDenied.
Result<UniqueFd> create(const QString& path);
// Locks a layer for the one machine that writes to it; the lock passes on with the descriptor.
Result<void> lockForWriting(int fd, const QString& path);
// Locks a layer that others may read, too; false while somebody may write to it.
bool lockForReading(int fd);
Result<UniqueFd> open(const QString& path, int flags);
// That the folder's new entries survive a power cut.
void sync(const QString& folder);
// Deletes a file or an empty folder, then the folders above that are empty and of snapshots. True
// when it is gone.
bool remove(const QString& path);

} // namespace vivarium::snapshot_files
