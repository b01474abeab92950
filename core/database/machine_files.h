#pragma once

#include "core/model/machine.h"
#include "vmm/base/result.h"

#include <QString>
#include <QStringList>

#include <functional>

namespace vivarium::machine_files {

// Makes the folder of a new machine. An explicit `machine.folder` must not exist or be empty;
// without one, "<machinesFolder>/<name>" or, when that is taken, "<name> 2" and so on. Returns the
// absolute path. `isTaken` tells folders that other machines own, empty or not. Errors:
// AlreadyExists, PermissionDenied, NoSpace.
Result<QString> createFolder(const Machine& machine, const QString& machinesFolder,
                             const std::function<bool(const QString&)>& isTaken);

// The files of a machine that the library may delete with it: what supervisor and disk creation put
// into its folder (lock, logs, disks of `machine` that lie there). Absolute paths.
QStringList ownedFiles(const Machine& machine);

// Deletes the files and then `folder` if nothing else is left in it. False when a file is still
// there.
bool removeFiles(const QStringList& files, const QString& folder);

} // namespace vivarium::machine_files
