#include "core/snapshots/recovery.h"

#include "core/database/short_wait.h"
#include "core/snapshots/frozen_disks.h"
#include "core/snapshots/machine_copy.h"
#include "core/snapshots/snapshot_operation.h"
#include "core/snapshots/snapshot_files.h"
#include "vmm/base/log.h"

#include <QFileInfo>
#include <QJsonArray>

#include <algorithm>

namespace vivarium::recovery {

using namespace Qt::StringLiterals;

namespace {

class NoProgress : public Progress {
public:
    bool cancelled() const override { return false; }
    void report(qint64, qint64) override {}
};

// Whether the worker has made an image of the empty file that it was given: from then on it may
// have put it on top, and until then it has not.
bool isFormatted(const SnapshotOperation& operation, const QString& path) {
    if (QFileInfo(path).size() == 0)
        return false;
    NoProgress progress;
    return operation.tool().info(path, control::ImageKind::Qcow2, progress).has_value();
}

// The same after the worker had its time for it.
bool wasTaken(const SnapshotOperation& operation, const QString& path) {
    constexpr std::chrono::milliseconds kPatience(500);
    return waitUntil([&] { return isFormatted(operation, path) || operation.stopped(); },
                     kPatience) &&
           isFormatted(operation, path);
}

Result<void> removeCreated(SnapshotOperation& operation, const Intent& intent,
                           const QStringList& kept = {}) {
    QStringList files = TRY(operation.database(
        [&intent](SnapshotDatabase& rules) { return rules.unreferenced(intent.created); }));
    for (const QString& path : kept)
        files.removeAll(path);
    operation.removeFiles(files);
    return {};
}

Result<void> end(SnapshotOperation& operation, const Intent& intent) {
    return operation.database(
        [&intent](SnapshotDatabase& rules) { return rules.endIntent(intent.id); });
}

// The forked copies that have come to life: they hold their locks.
QList<SnapshotDatabase::Copy> runningCopies(const SnapshotOperation& operation,
                                            const Intent& intent) {
    QList<SnapshotDatabase::Copy> copies;
    for (const QJsonValue value : intent.detail.value("copies"_L1).toArray()) {
        const QJsonObject json = value.toObject();
        const QString folder = json.value("folder"_L1).toString();
        const auto inspection = MachineLock::inspect(folder);
        if (inspection.holder != MachineLock::Holder::Worker)
            continue;
        Machine machine = machineCopy(operation.machine(), operation.machine().settings,
                                      json.value("name"_L1).toString(), MacPolicy::Keep);
        machine.id = MachineId::fromString(json.value("id"_L1).toString());
        machine.folder = folder;
        machine.generationId = json.value("generationId"_L1).toString();
        machine.lastSeenRunning = true;
        const QJsonArray macAddresses = json.value("macAddresses"_L1).toArray();
        for (qsizetype i = 0; i < machine.settings.networkCards.size(); ++i)
            if (const auto address = MacAddress::parse(macAddresses.at(i).toString().toStdString()))
                machine.settings.networkCards[i].macAddress = *address;
        QList<DiskLayer> layers;
        for (const NewTop& top : topsFromJson(json.value("tops"_L1).toArray(), machine.id)) {
            layers.append(top.layer);
            for (DriveSettings& drive : machine.settings.drives)
                if (driveName(drive) == top.drive) {
                    drive.path = top.layer.path;
                    drive.format = DiskFormat::Qcow2;
                }
        }
        copies.append({machine, layers});
    }
    return copies;
}

Result<void> settleSave(SnapshotOperation& operation, const Intent& intent) {
    // The worker names this reason only when every file is on the medium.
    const bool done = operation.stopped() && operation.runRecord().exitReason == u"saved"_s &&
                      !operation.machine().isSaved();
    if (!done) {
        TRY(removeCreated(operation, intent));
        return end(operation, intent);
    }
    const QJsonObject json = intent.detail;
    MemoryState memory;
    memory.id = json.value("memory"_L1).toString();
    memory.statePath = json.value("state"_L1).toString();
    memory.indexPath = json.value("index"_L1).toString();
    memory.files = json.value("files"_L1).toVariant().toStringList();
    const QString token = json.value("token"_L1).toString();
    const QString thumbnail = json.value("thumbnail"_L1).toString();
    TRY(operation.database([&](SnapshotDatabase& rules) {
        return rules.commitSave(operation.machineId(), memory, token, thumbnail, intent.id);
    }));
    return {};
}

Result<void> settle(SnapshotOperation& operation, const Intent& intent) {
    switch (intent.kind) {
    case Intent::Kind::Take:
    case Intent::Kind::Fork:
        return undoOverlays(operation, intent);
    case Intent::Kind::Save:
        return settleSave(operation, intent);
    case Intent::Kind::Merge:
        // With the guest stopped nobody has another opinion of the chain, and what the library says
        // still reads the same.
        return operation.stopped() ? end(operation, intent) : Result<void>();
    case Intent::Kind::Restore:
    case Intent::Kind::Clone:
        TRY(removeCreated(operation, intent));
        return end(operation, intent);
    }
    return {};
}

} // namespace

Result<void> undoOverlays(SnapshotOperation& operation, const Intent& intent) {
    const bool sent = intent.detail.value("sent"_L1).toBool();
    const QList<DriveSettings> drives = operation.machine().settings.drives;
    QList<NewTop> tops;
    QStringList kept;
    for (const NewTop& top :
         topsFromJson(intent.detail.value("overlays"_L1).toArray(), operation.machineId())) {
        const auto present =
            std::find_if(drives.begin(), drives.end(), [&top](const DriveSettings& drive) {
                return driveName(drive) == top.drive;
            });
        if (present == drives.end() || present->path != top.layer.parent || !sent ||
            !wasTaken(operation, top.layer.path))
            continue;
        kept << top.layer.path;
        tops.append(top);
    }
    const QList<SnapshotDatabase::Copy> copies =
        sent ? runningCopies(operation, intent) : QList<SnapshotDatabase::Copy>();
    for (const SnapshotDatabase::Copy& copy : copies) {
        for (const DiskLayer& layer : copy.layers)
            kept << layer.path;
        kept << copy.machine.folder << copy.machine.folder + u"/snapshots"_s
             << copy.machine.folder + u"/lock"_s << copy.machine.folder + u"/worker.log"_s;
    }
    TRY(removeCreated(operation, intent, kept));
    return operation.database([&](SnapshotDatabase& rules) {
        return rules.commitFork(operation.machineId(), copies, tops, intent.id);
    });
}

Result<void> settleMachine(SnapshotOperation& operation) {
    const auto read = [&operation] {
        return operation.database(
            [&operation](SnapshotDatabase& rules) { return rules.intents(operation.machineId()); });
    };
    if (TRY(read()).isEmpty())
        return {};
    if (!TRY(operation.holdStopped())) {
        // Whoever asked its worker for something has died: it is to stop that. Two rounds, so that
        // what the dead program sent is read before.
        TRY(operation.ask(control::Status{}));
        TRY(operation.ask(control::CancelJob{}));
        TRY(operation.ask(control::Status{}));
    }
    for (const Intent& intent : TRY(read()))
        TRY(settle(operation, intent));
    return operation.removeObsolete();
}

Result<void> settleOrphan(SnapshotOperation& operation, const Intent& intent) {
    TRY(removeCreated(operation, intent));
    return end(operation, intent);
}

Result<bool> hasOpenMerge(SnapshotOperation& operation) {
    const QList<Intent> intents = TRY(operation.database(
        [&operation](SnapshotDatabase& rules) { return rules.intents(operation.machineId()); }));
    for (const Intent& intent : intents)
        if (intent.kind == Intent::Kind::Merge || intent.kind == Intent::Kind::Take)
            return true;
    return false;
}

} // namespace vivarium::recovery
