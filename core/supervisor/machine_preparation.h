#pragma once

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
    QList<DiskLayer> learned; // about the disks' files, for Library::learnLayers
    UniqueFd serialStream;    // our end of the first serial port, when it was asked for
};

// Checks a machine of the library and opens its files. `others`: the library's other machines, to
// name the one that uses a file. `layers`: Library::layersOf() its disks. Blocks: for a pool
// thread. Errors as Supervisor::start.
Result<PreparedMachine> prepareMachine(const Machine& machine, const QList<Machine>& others,
                                       const QList<DiskLayer>& layers,
                                       const WorkerSockets& sockets);

// The same for a machine that is in no library, has no folder and ends with its last client.
enum class FirstSerialPort { AsSet, Stream };
Result<PreparedMachine> prepareThrowawayMachine(const MachineSettings& settings,
                                                FirstSerialPort serial);

} // namespace vivarium
