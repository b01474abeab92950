#pragma once

#include "core/database/database.h"
#include "core/model/disk_layer.h"

#include <QStringList>

#include <optional>

// The rows of the disks' layers. Callers bring the transaction.
namespace vivarium::layer_rows {

Result<QList<DiskLayer>> readAll(Database& database);
Result<std::optional<DiskLayer>> read(Database& database, const QString& path);
// The chain below and with `top`, base first; empty when it is not known. Error: LimitExceeded
// (more than kMaxChainLength).
Result<QList<DiskLayer>> readChain(Database& database, const QString& top);
Result<LayerUsers> readUsers(Database& database, const QString& path);

// Writes all fields, for a new layer or a known one; the parent is known. A chain may not become a
// loop: the caller's concern.
Result<void> put(Database& database, const DiskLayer& layer);
// What looking into the file has told: adds a layer that is not known; of a known one it changes
// stamp and size, and format and parent if the file is the user's own.
Result<void> learn(Database& database, const DiskLayer& layer);
// A file has another name now. Drives and children follow.
Result<void> rename(Database& database, const QString& from, const QString& to);
// Error: AlreadyExists when a layer stands on it.
Result<void> remove(Database& database, const QString& path);

// Forgets the user's own files that no drive and no layer needs any more.
Result<void> forgetUnused(Database& database);

// The paths of the layers that the program made in a machine's folder.
Result<QStringList> readOwned(Database& database, const MachineId& machine);
// Another machine whose disks stand on files in the folder of `machine`, and one such file; null
// when there is none.
struct Dependent {
    MachineId machine;
    QString path;
};
Result<std::optional<Dependent>> readDependent(Database& database, const MachineId& machine);
// Forgets the layers that the program made in a machine's folder; the others stay the user's.
Result<void> removeOwned(Database& database, const MachineId& machine);
// The same files are the user's from now on.
Result<void> disown(Database& database, const MachineId& machine);

} // namespace vivarium::layer_rows
