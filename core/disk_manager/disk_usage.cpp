#include "core/disk_manager/disk_usage.h"

#include "core/database/machine_lock.h"

#include <QFileInfo>

#include <algorithm>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

// One spelling of a file's path; files that are gone keep the one they had.
QString identity(const QString& path) {
    const QFileInfo info(path);
    const QString canonical = info.canonicalFilePath();
    return canonical.isEmpty() ? info.absoluteFilePath() : canonical;
}

bool hasDrive(const Machine& machine, const QString& wanted) {
    return std::any_of(machine.settings.drives.cbegin(), machine.settings.drives.cend(),
                       [&](const DriveSettings& drive) {
                           return !drive.path.isEmpty() && identity(drive.path) == wanted;
                       });
}

Error refused(ErrorCode code, const QString& sentence) {
    return fail(code, sentence.toStdString());
}

// “a”, “b” and so on.
QString quoted(const QStringList& names) {
    return u"“%1”"_s.arg(names.join(u"”, “"_s));
}

control::DiskFormat wireFormat(DiskFormat format) {
    return format == DiskFormat::Qcow2 ? control::DiskFormat::Qcow2 : control::DiskFormat::Raw;
}

} // namespace

QStringList DiskUsage::machinesWith(const QString& path) const {
    const QString wanted = identity(path);
    QStringList names;
    for (const Machine& machine : m_machines)
        if (hasDrive(machine, wanted))
            names << machine.settings.name;
    return names;
}

std::optional<control::DiskFormat> DiskUsage::statedFormat(const QString& path) const {
    const QString wanted = identity(path);
    for (const Machine& machine : m_machines)
        for (const DriveSettings& drive : machine.settings.drives)
            if (!drive.path.isEmpty() && identity(drive.path) == wanted)
                return drive.type == DriveType::Optical ? control::DiskFormat::Raw
                                                        : wireFormat(drive.format);
    if (const DiskLayer* known = layer(path))
        return wireFormat(known->format);
    return std::nullopt;
}

const DiskLayer* DiskUsage::layer(const QString& path) const {
    const QString wanted = identity(path);
    for (const DiskLayer& candidate : m_layers)
        if (identity(candidate.path) == wanted)
            return &candidate;
    return nullptr;
}

QStringList DiskUsage::childrenOf(const QString& path) const {
    const QString wanted = identity(path);
    QStringList children;
    for (const DiskLayer& candidate : m_layers)
        if (!candidate.parent.isEmpty() && identity(candidate.parent) == wanted)
            children << candidate.path;
    return children;
}

QString DiskUsage::machineName(const MachineId& id) const {
    for (const Machine& machine : m_machines)
        if (machine.id == id)
            return machine.settings.name;
    return {};
}

Result<void> DiskUsage::requireNoChildren(const QString& path, const QString& but) const {
    QStringList children = childrenOf(path);
    if (!but.isEmpty())
        children.removeIf([&](const QString& child) { return identity(child) == identity(but); });
    if (children.isEmpty())
        return {};
    QStringList machines;
    for (const QString& child : children)
        machines += machinesWith(child);
    if (machines.isEmpty())
        return refused(ErrorCode::Busy,
                       u"The disk image %1 is the base of %2, which would be destroyed."_s.arg(
                           path, quoted(children)));
    return refused(
        ErrorCode::Busy,
        u"The disk image %1 is the base of a disk of the machine %2, which would be destroyed."_s
            .arg(path, quoted(machines)));
}

// A layer that the program made and that is no machine's present disk belongs to a snapshot.
Result<void> DiskUsage::requireNoSnapshot(const QString& path) const {
    const DiskLayer* known = layer(path);
    if (!known || known->owner != DiskLayer::Owner::Program || known->machine.isNull() ||
        !machinesWith(path).isEmpty())
        return {};
    return refused(
        ErrorCode::Busy,
        u"The disk image %1 belongs to a snapshot of the machine “%2”; delete the snapshot instead."_s
            .arg(path, machineName(known->machine)));
}

Result<void> DiskUsage::requireNotSaved(const QString& path) const {
    const QString wanted = identity(path);
    for (const Machine& machine : m_machines)
        if (machine.isSaved() && hasDrive(machine, wanted))
            return refused(
                ErrorCode::WrongState,
                u"The disk image %1 belongs to the saved machine “%2”; continue it or discard its saved state first."_s
                    .arg(path, machine.settings.name));
    return {};
}

Result<void> DiskUsage::mayChange(const QString& path) const {
    TRY(requireNoChildren(path, {}));
    TRY(requireNoSnapshot(path));
    return requireNotSaved(path);
}

Result<void> DiskUsage::mayCommitInto(const QString& path, const QString& above) const {
    TRY(requireNoChildren(path, above));
    TRY(requireNoSnapshot(path));
    TRY(requireNotSaved(above));
    const QStringList machines = machinesWith(path);
    if (machines.isEmpty())
        return {};
    return refused(
        ErrorCode::Busy,
        u"The disk image %1 is a drive of the machine %2, whose disk would change."_s.arg(
            path, quoted(machines)));
}

Result<void> DiskUsage::mayRelink(const QString& path) const {
    const DiskLayer* known = layer(path);
    if (!known || known->owner != DiskLayer::Owner::Program || known->parent.isEmpty())
        return {};
    return refused(
        ErrorCode::Busy,
        u"The disk image %1 belongs to the snapshots of the machine “%2”; delete snapshots instead."_s
            .arg(path, machineName(known->machine)));
}

Result<void> DiskUsage::mayRemove(const QString& path) const {
    const QStringList machines = machinesWith(path);
    if (!machines.isEmpty())
        return refused(ErrorCode::Busy,
                       u"The file %1 is a drive of the machine %2; remove it there first."_s.arg(
                           path, quoted(machines)));
    TRY(requireNoChildren(path, {}));
    return requireNoSnapshot(path);
}

ImageTool::UserOf DiskUsage::userOf() const {
    return [*this](const QString& path) -> QString {
        const QString wanted = identity(path);
        for (const Machine& machine : m_machines)
            if (MachineLock::inspect(machine.folder).holder == MachineLock::Holder::Worker) {
                // Its disks with all their layers.
                for (const DriveSettings& drive : machine.settings.drives) {
                    QString next = drive.path;
                    for (qsizetype i = 0; i < kMaxChainLength && !next.isEmpty(); ++i) {
                        if (identity(next) == wanted)
                            return machine.settings.name;
                        const DiskLayer* known = layer(next);
                        next = known ? known->parent : QString();
                    }
                }
            }
        return {};
    };
}

} // namespace vivarium
