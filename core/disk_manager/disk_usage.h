#pragma once

#include "core/jobs/image_tool.h"
#include "core/model/disk_layer.h"
#include "core/model/machine.h"
#include "vmm/base/result.h"

#include <QList>
#include <QString>
#include <QStringList>

#include <optional>

namespace vivarium {

// Who needs which image file, and so what may be done to it: a value made from the library's
// machines and layers at one moment. Any thread.
class DiskUsage {
public:
    DiskUsage() = default;
    DiskUsage(QList<Machine> machines, QList<DiskLayer> layers)
        : m_machines(std::move(machines)), m_layers(std::move(layers)) {}

    // Names of the machines that have it as a drive, in the library's order.
    QStringList machinesWith(const QString& path) const;
    // What a machine's drive or the library says it is; nothing for a file nobody knows.
    std::optional<control::DiskFormat> statedFormat(const QString& path) const;

    // Whether what a guest sees in it may change (resize). Errors: Busy or WrongState, a sentence
    // that names who would lose by it.
    Result<void> mayChange(const QString& path) const;
    // The same for a backing file into which the image above it is committed: nobody but that one
    // may stand on it.
    Result<void> mayCommitInto(const QString& path, const QString& above) const;
    // Whether it may get another backing file or be committed by a user: not what the program's
    // snapshots are made of. Error: Busy.
    Result<void> mayRelink(const QString& path) const;
    // Errors: Busy, naming the machines or images that need it.
    Result<void> mayRemove(const QString& path) const;

    // Names the running machine that has a file locked.
    ImageTool::UserOf userOf() const;

private:
    const DiskLayer* layer(const QString& path) const;
    QStringList childrenOf(const QString& path) const;
    QString machineName(const MachineId& id) const;
    // `but`: a child that does not count; may be empty.
    Result<void> requireNoChildren(const QString& path, const QString& but) const;
    Result<void> requireNotSaved(const QString& path) const;
    Result<void> requireNoSnapshot(const QString& path) const;

    QList<Machine> m_machines;
    QList<DiskLayer> m_layers;
};

} // namespace vivarium
