#pragma once

#include "core/database/library_store.h"
#include "core/database/machine_lock.h"
#include "core/model/disk_layer.h"
#include "core/model/machine.h"
#include "core/supervisor/config_translator.h"
#include "core/supervisor/worker_sockets.h"
#include "vmm/base/result.h"

#include <QList>

#include <optional>

namespace vivarium {

// Everything that a worker needs, opened and locked.
struct PreparedMachine {
    WorkerConfiguration configuration;
    UniqueFd log;
    QString vncAddress;
    // Our copy of the machine's lock, to note a failed start; not for a throw-away machine.
    std::optional<MachineLock> lock;
    QString savedToken;       // of the saved state that it goes on from; empty: none
    QList<DiskLayer> learned; // about the disks' files, for Library::learnLayers
    UniqueFd serialStream;    // our end of the first serial port, when it was asked for
};

// Checks a machine of the library and opens its files: as the library has it once its lock is ours,
// since another program may have changed its disks a moment before. `others`: the library's other
// machines, to name the one that uses a file. Blocks: for a pool thread; `library` outlives that.
// Errors as Supervisor::start.
Result<PreparedMachine> prepareMachine(const Machine& machine, const QList<Machine>& others,
                                       LibraryStore& library, const WorkerSockets& sockets);

// The images of a drive that a running machine is to get, opened and locked like a start's, base
// first; none: an empty optical drive.
struct PreparedDrive {
    std::vector<OpenedImage> images;
    QList<DiskLayer> learned; // for Library::learnLayers
};
Result<PreparedDrive> prepareDrive(const DriveSettings& drive, const QList<Machine>& others,
                                   const QList<DiskLayer>& layers);

// A copy of a running machine, for its worker to fork. `disks`: the open images of each of its
// drives, as OpenedFiles::drives; the machine has a folder of its own that nobody else uses.
Result<PreparedMachine> prepareFork(const Machine& copy,
                                    std::vector<std::vector<OpenedImage>> disks,
                                    const WorkerSockets& sockets, size_t firstDescriptor);

// The same for a machine that is in no library, has no folder and ends with its last client.
enum class FirstSerialPort { AsSet, Stream };
Result<PreparedMachine> prepareThrowawayMachine(const MachineSettings& settings,
                                                FirstSerialPort serial);

} // namespace vivarium
