#include "core/snapshots/frozen_disks.h"
#include "core/snapshots/machine_copy.h"
#include "core/snapshots/operations.h"
#include "core/snapshots/snapshot_files.h"

#include <QDir>

namespace vivarium::operations {

using namespace Qt::StringLiterals;

namespace {

// Part of a longer job.
class PartProgress : public Progress {
public:
    PartProgress(Progress& whole, qsizetype part, qsizetype parts)
        : m_whole(whole), m_part(part), m_parts(parts) {}
    bool cancelled() const override { return m_whole.cancelled(); }
    void report(qint64 done, qint64 total) override {
        if (total > 0)
            m_whole.report(m_part * kProgressSteps + done * kProgressSteps / total,
                           m_parts * kProgressSteps);
    }

private:
    Progress& m_whole;
    qsizetype m_part, m_parts;
};

// What is copied: the settings and, for each writable disk, the layer that it shows.
struct Original {
    MachineSettings settings;
    QList<FrozenDisk> disks;
};

Result<Original> originalOf(SnapshotOperation& operation, const SnapshotId& snapshot) {
    Original original;
    if (snapshot.isNull()) {
        if (!TRY(operation.holdStopped()))
            return fail(
                ErrorCode::WrongState,
                u"“%1” is running: its disks change while they would be copied. Take a snapshot and clone that, stop the machine, or fork it."_s
                    .arg(operation.machine().settings.name)
                    .toStdString());
        original.settings = operation.machine().settings;
        original.disks = TRY(freezableDisks(operation));
        return original;
    }
    const SnapshotRecord record = TRY(operation.database(
        [&](SnapshotDatabase& rules) { return rules.snapshot(operation.machineId(), snapshot); }));
    original.settings = record.settings;
    for (const DriveSettings& drive : record.settings.drives)
        for (const SnapshotRecord::Disk& disk : record.disks) {
            if (driveName(drive) != disk.drive)
                continue;
            const auto layer = TRY(operation.database(
                [&disk](SnapshotDatabase& rules) { return rules.layer(disk.path); }));
            if (!layer)
                return fail(ErrorCode::Corrupt, "The library does not know the snapshot's disks.");
            original.disks.append({drive, *layer});
        }
    return original;
}

Result<MachineId> undo(SnapshotOperation& operation, const Intent& intent, const Machine& copy,
                       const Error& error) {
    operation.removeFiles(intent.created);
    QDir().rmdir(copy.folder);
    TRY(operation.database(
        [&intent](SnapshotDatabase& rules) { return rules.endIntent(intent.id); }));
    return error;
}

// A name that no file of the copy has yet, like the original's.
QString copyPath(const Machine& copy, const DriveSettings& drive, DiskFormat format) {
    return u"%1/%2.%3"_s.arg(copy.folder, driveName(drive),
                             format == DiskFormat::Raw ? u"img"_s : u"qcow2"_s);
}

} // namespace

Result<MachineId> cloneFull(SnapshotOperation& operation, const NewClone& wanted) {
    TRY(operation.begin());
    const Original original = TRY(originalOf(operation, wanted.snapshot));
    Machine copy =
        machineCopy(operation.machine(), original.settings, wanted.name, wanted.macPolicy);
    Intent intent;
    intent.kind = Intent::Kind::Clone;
    intent.machine = operation.machineId();
    intent.folder = operation.machine().folder;
    QList<DiskLayer> layers;
    for (const FrozenDisk& disk : original.disks) {
        const DiskFormat format = disk.layer.format;
        const QString path = copyPath(copy, disk.drive, format);
        intent.created << path;
        layers.append(
            {path, format, {}, copy.id, DiskLayer::Owner::Program, disk.layer.sizeBytes, {}});
        setDisk(copy, disk.drive, path, format);
    }
    intent.created << copy.folder;
    TRY(operation.checkCancelled());
    intent.id = TRY(operation.database(
        [&intent](SnapshotDatabase& rules) { return rules.beginIntent(intent); }));
    const auto copying = [&]() -> Result<void> {
        operation.step();
        TRY(snapshot_files::makeFolder(copy.folder));
        for (qsizetype i = 0; i < original.disks.size(); ++i) {
            const DiskLayer& layer = original.disks.at(i).layer;
            const auto chain = TRY(operation.database(
                [&layer](SnapshotDatabase& rules) { return rules.chain(layer.path); }));
            ImageTool::ConvertOptions options;
            options.shape.format = controlFormat(layer.format);
            options.locks = FileLocks::AlreadyHeld;
            PartProgress part(operation.progress(), i, original.disks.size());
            operation.step();
            TRY(operation.tool().convert(DiskSource(diskFiles(chain)), layers.at(i).path, options,
                                         part));
        }
        TRY(operation.checkCancelled());
        return operation.database([&](SnapshotDatabase& rules) {
            return rules.commitClone(copy, layers, operation.machineId(), {}, intent.id);
        });
    };
    if (const Result<void> copied = copying(); !copied)
        return undo(operation, intent, copy, copied.error());
    return copy.id;
}

Result<MachineId> cloneLinked(SnapshotOperation& operation, const NewClone& wanted) {
    TRY(operation.begin());
    const Original original = TRY(originalOf(operation, wanted.snapshot));
    Machine copy =
        machineCopy(operation.machine(), original.settings, wanted.name, wanted.macPolicy);
    const QList<NewTop> tops = planTops(original.disks, copy.id, copy.folder);
    // What a machine goes on writing to cannot be shared: it gets new tops, too. A template does
    // not.
    QList<NewTop> own;
    if (wanted.snapshot.isNull() && !operation.machine().isTemplate)
        own = planTops(original.disks, operation.machineId(), operation.machine().folder);
    QList<DiskLayer> layers;
    for (qsizetype i = 0; i < tops.size(); ++i) {
        layers.append(tops.at(i).layer);
        setDisk(copy, original.disks.at(i).drive, tops.at(i).layer.path, DiskFormat::Qcow2);
    }
    Intent intent;
    intent.kind = Intent::Kind::Clone;
    intent.machine = operation.machineId();
    intent.folder = operation.machine().folder;
    intent.created = pathsOf(tops) + pathsOf(own);
    intent.created << copy.folder + u"/snapshots"_s << copy.folder;
    intent.id = TRY(operation.database(
        [&intent](SnapshotDatabase& rules) { return rules.beginIntent(intent); }));
    const auto linking = [&]() -> Result<void> {
        operation.step();
        TRY(snapshot_files::makeFolder(copy.folder));
        TRY(makeTops(operation, tops, copy.folder));
        TRY(makeTops(operation, own, operation.machine().folder));
        TRY(operation.checkCancelled());
        return operation.database([&](SnapshotDatabase& rules) {
            return rules.commitClone(copy, layers, operation.machineId(), own, intent.id);
        });
    };
    if (const Result<void> linked = linking(); !linked)
        return undo(operation, intent, copy, linked.error());
    return copy.id;
}

Result<void> setTemplate(SnapshotOperation& operation, TemplateState state) {
    TRY(operation.begin());
    const QString name = operation.machine().settings.name;
    const bool wanted = state == TemplateState::Yes;
    if (operation.machine().isTemplate == wanted)
        return {};
    if (!TRY(operation.holdStopped()) || operation.machine().isSaved())
        return fail(ErrorCode::WrongState,
                    u"“%1” must be powered off to become a template."_s.arg(name).toStdString());
    if (!wanted) {
        const QStringList users = TRY(operation.database([&operation](SnapshotDatabase& rules) {
            return rules.dependents(operation.machineId());
        }));
        if (!users.isEmpty())
            return fail(
                ErrorCode::WrongState,
                u"“%1” has to stay a template: the disks of “%2” stand on its disks. Delete those machines first."_s
                    .arg(name, users.join(u"”, “"_s))
                    .toStdString());
    }
    return operation.database(
        [&](SnapshotDatabase& rules) { return rules.setTemplate(operation.machineId(), wanted); });
}

} // namespace vivarium::operations
