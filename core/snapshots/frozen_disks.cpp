#include "core/snapshots/frozen_disks.h"

#include "core/disks/file_stamp.h"
#include "core/disks/fingerprint.h"
#include "core/snapshots/snapshot_files.h"
#include "vmm/base/log.h"

#include <QDir>
#include <QFileInfo>
#include <QJsonObject>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

bool isWritableDisk(const DriveSettings& drive) {
    return drive.type == DriveType::HardDisk && !drive.readOnly;
}

DiskLayer layerOf(const DiskFile& file, const QString& parent, uint64_t sizeBytes) {
    DiskLayer layer;
    layer.path = file.path;
    layer.format = file.format == control::DiskFormat::Raw ? DiskFormat::Raw : DiskFormat::Qcow2;
    layer.parent = parent;
    layer.sizeBytes = sizeBytes;
    return layer;
}

// What is in the machine's folder is deleted with the machine, as before there were layers.
void claim(DiskLayer& layer, const Machine& machine) {
    if (!QDir::cleanPath(layer.path).startsWith(machine.folder + u'/'))
        return;
    layer.machine = machine.id;
    layer.owner = DiskLayer::Owner::Program;
}

// The disk may have grown since the library looked into it.
Result<DiskLayer> withPresentSize(SnapshotOperation& operation, const DriveSettings& drive,
                                  DiskLayer layer) {
    uint64_t now = 0;
    if (operation.stopped()) {
        const auto kind =
            drive.format == DiskFormat::Raw ? control::ImageKind::Raw : control::ImageKind::Qcow2;
        now = TRY(operation.tool().info(drive.path, kind, operation.progress())).diskBytes;
    } else {
        const auto reply = TRY(operation.ask(control::Status{}));
        for (const control::DriveStatus& status : reply.value.drives)
            if (QString::fromStdString(status.id) == driveName(drive))
                now = status.sizeBytes;
    }
    // A guest sees whole sectors of a raw file that ends in the middle of one.
    constexpr uint64_t kSectorBytes = 512;
    if (now == 0 || now == (layer.sizeBytes + kSectorBytes - 1) / kSectorBytes * kSectorBytes)
        return layer;
    layer.sizeBytes = now;
    TRY(operation.database([&layer](SnapshotDatabase& rules) { return rules.putLayers({layer}); }));
    return layer;
}

// The drive's top as a row; rows of what is below are written when they are new.
Result<DiskLayer> knownTop(SnapshotOperation& operation, const DriveSettings& drive) {
    const Machine& machine = operation.machine();
    const auto known = TRY(
        operation.database([&drive](SnapshotDatabase& rules) { return rules.layer(drive.path); }));
    if (known && known->sizeBytes > 0 &&
        (known->owner == DiskLayer::Owner::Program ||
         !drive.path.startsWith(machine.folder + u'/')))
        return withPresentSize(operation, drive, *known);
    QList<DiskLayer> chain;
    if (drive.format == DiskFormat::Raw) {
        const auto info =
            TRY(operation.tool().info(drive.path, control::ImageKind::Raw, operation.progress()));
        chain.append(layerOf({drive.path, control::DiskFormat::Raw}, {}, info.diskBytes));
    } else {
        QString below;
        for (const ImageTool::Layer& layer : TRY(operation.tool().chain(
                 {drive.path, control::DiskFormat::Qcow2}, operation.progress()))) {
            chain.append(layerOf(layer.file, below, layer.info.diskBytes));
            below = layer.file.path;
        }
    }
    QList<DiskLayer> rows;
    for (DiskLayer& layer : chain) {
        const auto row = TRY(operation.database(
            [&layer](SnapshotDatabase& rules) { return rules.layer(layer.path); }));
        if (row && layer.path != drive.path)
            continue;
        if (row) {
            layer.machine = row->machine;
            layer.owner = row->owner;
            layer.parent = row->parent.isEmpty() ? layer.parent : row->parent;
        }
        if (layer.path == drive.path)
            claim(layer, machine);
        rows.append(layer);
    }
    TRY(operation.database([&rows](SnapshotDatabase& d) { return d.putLayers(rows); }));
    return chain.last();
}

} // namespace

control::DiskFormat controlFormat(DiskFormat format) {
    return format == DiskFormat::Raw ? control::DiskFormat::Raw : control::DiskFormat::Qcow2;
}

QList<DiskFile> diskFiles(const QList<DiskLayer>& chain) {
    QList<DiskFile> files;
    for (const DiskLayer& layer : chain)
        files.append({layer.path, controlFormat(layer.format)});
    return files;
}

Result<QList<FrozenDisk>> freezableDisks(SnapshotOperation& operation) {
    QList<FrozenDisk> disks;
    for (const DriveSettings& drive : operation.machine().settings.drives) {
        if (!isWritableDisk(drive))
            continue;
        const QString other = TRY(operation.database([&](SnapshotDatabase& rules) {
            return rules.otherUserOf(operation.machineId(), {drive.path});
        }));
        if (!other.isEmpty())
            return fail(
                ErrorCode::WrongState,
                u"The disk %1 is also attached to “%2”, which would go on writing to it; take it off one of the two machines."_s
                    .arg(drive.path, other)
                    .toStdString());
        const DiskLayer layer = TRY(knownTop(operation, drive));
        const auto chain = TRY(operation.database(
            [&drive](SnapshotDatabase& rules) { return rules.chain(drive.path); }));
        if (chain.size() >= kMaxChainLength)
            return fail(
                ErrorCode::LimitExceeded,
                u"The disk %1 consists of %2 layers, the most that there can be; delete snapshots first."_s
                    .arg(drive.path)
                    .arg(chain.size())
                    .toStdString());
        disks.append({drive, layer});
    }
    return disks;
}

void noteFrozen(SnapshotOperation& operation, const QList<FrozenDisk>& disks) {
    for (const FrozenDisk& disk : disks) {
        DiskLayer layer = disk.layer;
        if (layer.owner != DiskLayer::Owner::User)
            continue;
        const QString stamp = fileStamp(layer.path);
        const auto fingerprint = contentFingerprint(layer.path);
        if (!fingerprint) {
            logInfo("snapshots", fingerprint.error().detail); // the next start takes it
            continue;
        }
        layer.stamp = stamp;
        layer.fingerprint = *fingerprint;
        const auto noted = operation.database(
            [&layer](SnapshotDatabase& rules) { return rules.putLayers({layer}); });
        if (!noted)
            logInfo("snapshots", noted.error().detail);
    }
}

QList<NewTop> planTops(const QList<FrozenDisk>& disks, const MachineId& machine,
                       const QString& folder) {
    QList<NewTop> tops;
    for (const FrozenDisk& disk : disks)
        tops.append({driveName(disk.drive),
                     {snapshot_files::newLayer(folder),
                      DiskFormat::Qcow2,
                      disk.layer.path,
                      machine,
                      DiskLayer::Owner::Program,
                      disk.layer.sizeBytes,
                      {}}});
    return tops;
}

QStringList pathsOf(const QList<NewTop>& tops) {
    QStringList paths;
    for (const NewTop& top : tops)
        paths << top.layer.path;
    return paths;
}

QJsonArray topsToJson(const QList<NewTop>& tops) {
    QJsonArray list;
    for (const NewTop& top : tops)
        list.append(QJsonObject{{u"drive"_s, top.drive},
                                {u"path"_s, top.layer.path},
                                {u"below"_s, top.layer.parent},
                                {u"sizeBytes"_s, static_cast<double>(top.layer.sizeBytes)}});
    return list;
}

QList<NewTop> topsFromJson(const QJsonArray& list, const MachineId& machine) {
    QList<NewTop> tops;
    for (const QJsonValue value : list) {
        const QJsonObject json = value.toObject();
        tops.append({json.value("drive"_L1).toString(),
                     {json.value("path"_L1).toString(),
                      DiskFormat::Qcow2,
                      json.value("below"_L1).toString(),
                      machine,
                      DiskLayer::Owner::Program,
                      static_cast<uint64_t>(json.value("sizeBytes"_L1).toDouble()),
                      {}}});
    }
    return tops;
}

Result<void> makeTops(SnapshotOperation& operation, const QList<NewTop>& tops,
                      const QString& folder) {
    if (tops.isEmpty())
        return {};
    operation.step();
    TRY(snapshot_files::makeFolder(folder + u"/snapshots"_s));
    for (const NewTop& top : tops) {
        const auto below = TRY(operation.database(
            [&top](SnapshotDatabase& rules) { return rules.layer(top.layer.parent); }));
        if (!below)
            return fail(
                ErrorCode::NotFound,
                u"The library does not know the disk's layer %1 any more."_s.arg(top.layer.parent)
                    .toStdString());
        if (!QFileInfo::exists(below->path))
            return fail(ErrorCode::NotFound,
                        u"The disk's layer %1 is gone; put it back where it was."_s.arg(below->path)
                            .toStdString());
        control::ImageShape shape;
        shape.format = control::DiskFormat::Qcow2;
        shape.diskBytes = below->sizeBytes;
        shape.backingName =
            snapshot_files::backingName(top.layer.path, below->path, folder).toStdString();
        shape.backingFormat = below->format == DiskFormat::Raw ? "raw" : "qcow2";
        operation.step();
        TRY(operation.tool().create(top.layer.path, shape, operation.progress()));
    }
    return {};
}

} // namespace vivarium
