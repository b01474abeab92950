#include "core/snapshots/live_capture.h"

#include "core/snapshots/recovery.h"
#include "core/snapshots/snapshot_files.h"
#include "core/snapshots/thumbnail.h"
#include "core/supervisor/descriptor_list.h"
#include "vmm/base/log.h"

#include <QJsonArray>

#include <fcntl.h>
#include <unistd.h>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

constexpr uint64_t kMaxScreenshotBytes = 256 << 20;

// The guest's screen, small; without it a snapshot is one all the same.
Result<QByteArray> picture(SnapshotOperation& operation) {
    const auto reply = TRY(operation.ask(control::Screenshot{}));
    if (reply.descriptors->empty() || reply.value.sizeBytes > kMaxScreenshotBytes)
        return fail(ErrorCode::Corrupt, "the worker sent no picture");
    QByteArray png(static_cast<qsizetype>(reply.value.sizeBytes), Qt::Uninitialized);
    const ssize_t length =
        ::pread(reply.descriptors->front().get(), png.data(), static_cast<size_t>(png.size()), 0);
    if (length != png.size())
        return fail(ErrorCode::Corrupt, "the worker's picture is too short");
    return makeThumbnail(png);
}

Result<void> writeFile(const QString& path, const QByteArray& bytes) {
    const UniqueFd fd = TRY(snapshot_files::create(path));
    if (::write(fd.get(), bytes.constData(), static_cast<size_t>(bytes.size())) != bytes.size())
        return systemError(errno ? errno : ENOSPC,
                           "The file " + path.toStdString() + " cannot be written");
    return {};
}

// The memory that most pages will be equal to: the current snapshot's.
Result<std::optional<MemoryState>> parentMemory(SnapshotOperation& operation) {
    const SnapshotId current = operation.machine().currentSnapshot;
    if (current.isNull())
        return std::optional<MemoryState>();
    const SnapshotRecord record = TRY(operation.database(
        [&](SnapshotDatabase& rules) { return rules.snapshot(operation.machineId(), current); }));
    if (!record.memory || record.memory->files.size() > MemoryState::kMaxInheritedFiles)
        return std::optional<MemoryState>();
    return record.memory;
}

Result<void> openParent(const MemoryState& parent, control::TakeSnapshot& request,
                        DescriptorList& descriptors) {
    request.parentRam.indexFd =
        descriptors.add(TRY(snapshot_files::open(parent.indexPath, O_RDONLY)));
    for (const QString& file : parent.files)
        request.parentRam.files.push_back(
            {descriptors.add(TRY(snapshot_files::open(file, O_RDONLY)))});
    return {};
}

Result<void> makeFiles(SnapshotOperation& operation, LiveCapture& capture,
                       const QByteArray& thumbnail, const QList<FrozenDisk>& disks,
                       control::TakeSnapshot& request, DescriptorList& descriptors) {
    const QString folder = operation.machine().folder;
    const auto make = [&operation, &descriptors](const QString& path) -> Result<int> {
        operation.step();
        return descriptors.add(TRY(snapshot_files::create(path)));
    };
    request.stateFd = TRY(make(capture.memory.statePath));
    request.ramFd = TRY(make(capture.memory.files.first()));
    request.ramIndexFd = TRY(make(capture.memory.indexPath));
    if (!capture.thumbnail.isEmpty()) {
        operation.step();
        TRY(writeFile(capture.thumbnail, thumbnail));
    }
    for (qsizetype i = 0; i < capture.tops.size(); ++i) {
        const NewTop& top = capture.tops.at(i);
        operation.step();
        TRY(snapshot_files::makeFolder(folder + u"/snapshots"_s));
        UniqueFd fd = TRY(snapshot_files::create(top.layer.path));
        TRY(snapshot_files::lockForWriting(fd.get(), top.layer.path));
        control::OverlayConfig overlay;
        overlay.drive = top.drive.toStdString();
        overlay.fd = descriptors.add(std::move(fd));
        overlay.backingName =
            snapshot_files::backingName(top.layer.path, top.layer.parent, folder).toStdString();
        overlay.backingFormat = controlFormat(disks.at(i).layer.format);
        request.overlays.push_back(overlay);
    }
    if (!capture.tops.isEmpty())
        snapshot_files::sync(folder + u"/snapshots"_s);
    return {};
}

} // namespace

Result<LiveCapture> captureLive(SnapshotOperation& operation, const QString& folder, Intent& intent,
                                const QList<FrozenDisk>& disks, AfterCapture after) {
    LiveCapture capture;
    const Result<QByteArray> thumbnail = picture(operation);
    if (!thumbnail)
        logInfo("snapshots", thumbnail.error().detail);
    const auto parent = TRY(parentMemory(operation));
    capture.memory = snapshot_files::newMemory(folder, parent);
    if (thumbnail)
        capture.thumbnail = snapshot_files::thumbnailIn(folder);
    capture.tops = planTops(disks, operation.machineId(), operation.machine().folder);

    intent.machine = operation.machineId();
    intent.folder = operation.machine().folder;
    intent.created = QStringList{capture.memory.statePath, capture.memory.files.first(),
                                 capture.memory.indexPath} +
                     pathsOf(capture.tops);
    if (thumbnail)
        intent.created << capture.thumbnail;
    intent.created << folder;
    intent.detail.insert(u"overlays"_s, topsToJson(capture.tops));
    intent.detail.insert(u"memory"_s, capture.memory.id);
    intent.detail.insert(u"state"_s, capture.memory.statePath);
    intent.detail.insert(u"index"_s, capture.memory.indexPath);
    intent.detail.insert(u"files"_s, QJsonArray::fromStringList(capture.memory.files));
    intent.detail.insert(u"thumbnail"_s, capture.thumbnail);
    TRY(operation.checkCancelled());
    intent.id = TRY(operation.database(
        [&intent](SnapshotDatabase& rules) { return rules.beginIntent(intent); }));

    const auto capturing = [&]() -> Result<void> {
        control::TakeSnapshot request;
        request.thenPowerOff = after == AfterCapture::PowerOff;
        DescriptorList descriptors;
        operation.step();
        TRY(snapshot_files::makeFolder(folder));
        TRY(makeFiles(operation, capture, thumbnail.value_or(QByteArray()), disks, request,
                      descriptors));
        if (parent)
            TRY(openParent(*parent, request, descriptors));
        snapshot_files::sync(folder);
        TRY(operation.checkCancelled());
        TRY(operation.database(
            [&intent](SnapshotDatabase& rules) { return rules.markSent(intent.id); }));
        intent.detail.insert(u"sent"_s, true);
        operation.step();
        TRY(operation.ask(request, descriptors.take()));
        return {};
    };
    if (const Result<void> captured = capturing(); !captured) {
        // What a worker that is gone had done by then is looked at once it has stopped.
        if (captured.error().code == ErrorCode::Disconnected)
            return captured.error();
        TRY(operation.refresh());
        TRY(recovery::undoOverlays(operation, intent));
        return captured.error();
    }
    return capture;
}

} // namespace vivarium
