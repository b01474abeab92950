#include "core/snapshots/frozen_disks.h"
#include "core/snapshots/operations.h"
#include "core/snapshots/recovery.h"
#include "core/snapshots/snapshot_files.h"
#include "core/supervisor/descriptor_list.h"
#include "vmm/base/log.h"

#include <QFileInfo>
#include <QSet>

#include <fcntl.h>
#include <sys/stat.h>

namespace vivarium::operations {

using namespace Qt::StringLiterals;

namespace {

using Mergeable = SnapshotDatabase::Mergeable;
using control::MergeKind;

uint64_t allocatedBytes(const QString& path) {
    struct stat status {};
    if (::stat(QFile::encodeName(path).constData(), &status) != 0)
        return 0;
    return static_cast<uint64_t>(status.st_blocks) * 512;
}

// Which way two layers become one; null: not now. The lower can go away only when we may delete it;
// the upper only when nobody but one layer (whose header is then changed) stands on it.
std::optional<MergeKind> mergeKind(const Mergeable& pair, bool inRunningChain) {
    const bool mayStream = pair.lower.owner == DiskLayer::Owner::Program;
    // A running guest's top is not merged down: between the worker's last step and our noting it, a
    // crash would leave the library with a top that the guest has left.
    const bool mayCommit = pair.childrenOfUpper <= 1 && !(inRunningChain && pair.upperIsCurrent);
    if (!mayCommit)
        return mayStream ? std::optional(MergeKind::Stream) : std::nullopt;
    if (!mayStream || pair.lower.parent.isEmpty()) // a disk keeps its file's name
        return MergeKind::Commit;
    return allocatedBytes(pair.upper.path) <= allocatedBytes(pair.lower.path) ? MergeKind::Commit
                                                                              : MergeKind::Stream;
}

struct Neighbour {
    std::string name; // as a header calls it; empty: none
    control::DiskFormat format = control::DiskFormat::Raw;
};

// What the header of `layer` will say of `below` (may be empty).
Result<Neighbour> neighbour(SnapshotOperation& operation, const QString& layer,
                            const QString& below) {
    if (below.isEmpty())
        return Neighbour{};
    const auto row =
        TRY(operation.database([&below](SnapshotDatabase& rules) { return rules.layer(below); }));
    return Neighbour{
        snapshot_files::backingName(layer, below, operation.machine().folder).toStdString(),
        row ? controlFormat(row->format) : control::DiskFormat::Qcow2};
}

Result<QList<DiskLayer>> chainOf(SnapshotOperation& operation, const QString& top) {
    if (top.isEmpty())
        return QList<DiskLayer>();
    return operation.database([&top](SnapshotDatabase& rules) { return rules.chain(top); });
}

Result<void> noteMerge(SnapshotOperation& operation, const Mergeable& pair, MergeKind kind) {
    TRY(operation.database([&](SnapshotDatabase& rules) {
        return kind == MergeKind::Commit ? rules.commitMergeDown(pair) : rules.commitMergeUp(pair);
    }));
    return operation.removeObsolete();
}

// From here on its contents change, by us.
Result<void> forgetLook(SnapshotOperation& operation, DiskLayer layer) {
    if (layer.fingerprint.isEmpty())
        return {};
    layer.stamp.clear();
    layer.fingerprint.clear();
    return operation.database(
        [&layer](SnapshotDatabase& rules) { return rules.putLayers({layer}); });
}

Result<void> mergeStopped(SnapshotOperation& operation, const Mergeable& pair, MergeKind kind) {
    const ImageTool& tool = operation.tool();
    const QList<DiskLayer> chain = TRY(chainOf(operation, pair.upper.path));
    if (kind == MergeKind::Commit)
        TRY(forgetLook(operation, pair.lower));
    operation.step();
    if (kind == MergeKind::Commit) {
        TRY(tool.commit(DiskSource(diskFiles(chain)), operation.progress(),
                        FileLocks::AlreadyHeld));
        for (const DiskLayer& above : pair.above) {
            const QList<DiskLayer> lower = TRY(chainOf(operation, pair.lower.path));
            ImageTool::RebaseOptions options;
            options.below = diskFiles(lower);
            options.backingName =
                QString::fromStdString(TRY(neighbour(operation, above.path, pair.lower.path)).name);
            options.nameOnly = true;
            options.locks = FileLocks::AlreadyHeld;
            operation.step();
            TRY(tool.rebase(DiskSource(diskFiles(chain + QList{above})), options,
                            operation.progress()));
        }
    } else {
        ImageTool::RebaseOptions options;
        options.below = diskFiles(TRY(chainOf(operation, pair.lower.parent)));
        options.backingName = QString::fromStdString(
            TRY(neighbour(operation, pair.upper.path, pair.lower.parent)).name);
        options.locks = FileLocks::AlreadyHeld;
        TRY(tool.rebase(DiskSource(diskFiles(chain)), options, operation.progress()));
    }
    return noteMerge(operation, pair, kind);
}

// Where the pair is in the running guest's disks.
struct Place {
    QString drive;
    uint32_t upper = 0; // counted from the base
};

Result<std::optional<Place>> placeInGuest(SnapshotOperation& operation, const Mergeable& pair) {
    for (const DriveSettings& drive : operation.machine().settings.drives) {
        if (drive.type != DriveType::HardDisk || drive.path.isEmpty())
            continue;
        const QList<DiskLayer> chain = TRY(chainOf(operation, drive.path));
        for (qsizetype i = 1; i < chain.size(); ++i)
            if (chain.at(i).path == pair.upper.path)
                return std::optional(Place{driveName(drive), static_cast<uint32_t>(i)});
    }
    return std::optional<Place>();
}

Result<void> mergeRunning(SnapshotOperation& operation, const Mergeable& pair, MergeKind kind,
                          const Place& place) {
    control::MergeLayers request;
    request.drive = place.drive.toStdString();
    request.kind = kind;
    request.upper = place.upper;
    DescriptorList descriptors;
    Neighbour below;
    if (kind == MergeKind::Commit) {
        TRY(forgetLook(operation, pair.lower));
        request.targetFd = descriptors.add(TRY(snapshot_files::open(pair.lower.path, O_RDWR)));
        if (!pair.above.isEmpty()) {
            request.aboveFd =
                descriptors.add(TRY(snapshot_files::open(pair.above.first().path, O_RDWR)));
            below = TRY(neighbour(operation, pair.above.first().path, pair.lower.path));
        }
    } else {
        request.targetFd = descriptors.add(TRY(snapshot_files::open(pair.upper.path, O_RDWR)));
        below = TRY(neighbour(operation, pair.upper.path, pair.lower.parent));
    }
    request.backingName = below.name;
    request.backingFormat = below.format;

    Intent intent;
    intent.kind = Intent::Kind::Merge;
    intent.machine = operation.machineId();
    intent.folder = operation.machine().folder;
    intent.id = TRY(operation.database(
        [&intent](SnapshotDatabase& rules) { return rules.beginIntent(intent); }));
    operation.step();
    const auto reply = operation.ask(request, descriptors.take());
    // Without an answer nobody knows how far it came; the intent says so until the guest has
    // stopped.
    if (!reply && reply.error().code == ErrorCode::Disconnected)
        return reply.error();
    if (reply)
        TRY(noteMerge(operation, pair, kind));
    TRY(operation.database(
        [&intent](SnapshotDatabase& rules) { return rules.endIntent(intent.id); }));
    return reply ? Result<void>() : Result<void>(reply.error());
}

} // namespace

Result<void> collect(SnapshotOperation& operation) {
    TRY(operation.database(
        [&operation](SnapshotDatabase& d) { return d.dropUnusedLayers(operation.machineId()); }));
    TRY(operation.removeObsolete());
    const bool stopped = TRY(operation.holdStopped());
    const bool uncertain = !stopped && TRY(recovery::hasOpenMerge(operation));
    QSet<QString> skipped; // uppers
    for (;;) {
        TRY(operation.checkCancelled());
        TRY(operation.refresh());
        const auto pairs = TRY(operation.database([&operation](SnapshotDatabase& rules) {
            return rules.mergeable(operation.machineId());
        }));
        bool merged = false;
        for (const Mergeable& pair : pairs) {
            if (skipped.contains(pair.upper.path))
                continue;
            skipped.insert(pair.upper.path);
            const auto place =
                stopped ? std::optional<Place>() : TRY(placeInGuest(operation, pair));
            const auto kind = mergeKind(pair, place.has_value());
            if (!kind || (place && uncertain))
                continue;
            TRY(place ? mergeRunning(operation, pair, *kind, *place)
                      : mergeStopped(operation, pair, *kind));
            merged = true;
            skipped.clear(); // its neighbours have new ones
            break;
        }
        if (!merged)
            return {};
    }
}

Result<void> remove(SnapshotOperation& operation, const SnapshotId& id, Children children) {
    TRY(operation.begin());
    TRY(operation.database([&](SnapshotDatabase& rules) {
        return rules.remove(operation.machineId(), id, children == Children::Remove);
    }));
    return collect(operation);
}

Result<void> tidyUp(SnapshotOperation& operation) {
    TRY(operation.begin());
    return collect(operation);
}

} // namespace vivarium::operations
