#pragma once

#include "core/model/machine_id.h"
#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

#include <QList>
#include <QString>

namespace vivarium {

// The folder of the workers' control sockets, "<runtime>/<machine id>.sock". Any thread.
class WorkerSockets {
public:
    explicit WorkerSockets(QString folder) : m_folder(std::move(folder)) {}

    const QString& folder() const { return m_folder; }
    // Makes the folder for this user alone. Error: PermissionDenied when it belongs to somebody
    // else (a shared /tmp) or cannot be made.
    Result<void> prepareFolder() const;
    // Machines that have a socket file, running or not.
    QList<MachineId> present() const;
    QString path(const MachineId& id) const;
    Result<UniqueFd> listen(const MachineId& id) const;
    Result<UniqueFd> connect(const MachineId& id) const;
    // Removes the file of a worker that is gone.
    void remove(const MachineId& id) const;

private:
    QString m_folder;
};

} // namespace vivarium
