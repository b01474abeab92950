#include "core/model/mac_address_text.h"
#include "core/snapshots/frozen_disks.h"
#include "core/snapshots/live_capture.h"
#include "core/snapshots/machine_copy.h"
#include "core/snapshots/operations.h"
#include "core/snapshots/recovery.h"
#include "core/snapshots/snapshot_files.h"
#include "core/supervisor/descriptor_list.h"
#include "core/supervisor/machine_preparation.h"

#include <QFile>
#include <QJsonArray>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

namespace vivarium::operations {

using namespace Qt::StringLiterals;

namespace {

constexpr int kHelloTimeoutMs = 10'000;

// A copy on its way.
struct Fork {
    Machine machine;
    QList<NewTop> tops;
    std::optional<PreparedMachine> prepared;
    UniqueFd connection; // our end
};

// The request with the descriptors that it names.
struct Parcel {
    control::Fork request;
    DescriptorList descriptors;
};

control::OverlayConfig overlayConfig(const NewTop& top, const DiskLayer& below,
                                     const QString& folder) {
    control::OverlayConfig overlay;
    overlay.drive = top.drive.toStdString();
    overlay.backingName =
        snapshot_files::backingName(top.layer.path, below.path, folder).toStdString();
    overlay.backingFormat = controlFormat(below.format);
    return overlay;
}

Result<UniqueFd> makeOverlay(SnapshotOperation& operation, const NewTop& top,
                             const QString& folder) {
    operation.step();
    TRY(snapshot_files::makeFolder(folder + u"/snapshots"_s));
    UniqueFd fd = TRY(snapshot_files::create(top.layer.path));
    TRY(snapshot_files::lockForWriting(fd.get(), top.layer.path));
    return fd;
}

// The open images of the copy's drives: what the original has, and for a writable disk a layer on
// top.
Result<std::vector<std::vector<OpenedImage>>> openDisks(SnapshotOperation& operation, Fork& fork) {
    std::vector<std::vector<OpenedImage>> disks;
    for (const DriveSettings& drive : operation.machine().settings.drives) {
        std::vector<OpenedImage>& images = disks.emplace_back();
        if (drive.path.isEmpty())
            continue;
        const auto top = std::find_if(fork.tops.begin(), fork.tops.end(),
                                      [&](const NewTop& t) { return t.drive == driveName(drive); });
        const auto chain = TRY(operation.database(
            [&drive](SnapshotDatabase& rules) { return rules.chain(drive.path); }));
        for (const DiskLayer& layer : chain)
            images.push_back({TRY(snapshot_files::open(layer.path, O_RDONLY)), layer.format});
        if (chain.isEmpty())
            images.push_back({TRY(snapshot_files::open(drive.path, O_RDONLY)), drive.format});
        // The original has its top locked for writing; the copy's worker waits until it shares it.
        for (const OpenedImage& image : images)
            if (!snapshot_files::lockForReading(image.fd.get()) && top == fork.tops.end())
                return fail(
                    ErrorCode::Busy,
                    u"The medium %1 is being written to by another program; close it there first."_s
                        .arg(drive.path)
                        .toStdString());
        if (top != fork.tops.end())
            images.push_back(
                {TRY(makeOverlay(operation, *top, fork.machine.folder)), DiskFormat::Qcow2});
    }
    return disks;
}

Result<void> prepare(SnapshotOperation& operation, Fork& fork, const QList<FrozenDisk>& disks,
                     Parcel& parcel) {
    operation.step();
    TRY(snapshot_files::makeFolder(fork.machine.folder));
    auto images = TRY(openDisks(operation, fork));
    fork.prepared =
        TRY(prepareFork(fork.machine, std::move(images),
                        operation.environment().supervisor.sockets(), parcel.descriptors.size()));
    WorkerConfiguration& configuration = fork.prepared->configuration;
    control::CloneConfig clone;
    for (UniqueFd& fd : configuration.descriptors)
        parcel.descriptors.add(std::move(fd));
    clone.config = std::move(configuration.config);
    for (qsizetype i = 0; i < fork.tops.size(); ++i) {
        control::OverlayConfig overlay =
            overlayConfig(fork.tops.at(i), disks.at(i).layer, fork.machine.folder);
        for (const control::DriveConfig& drive : clone.config.drives)
            if (drive.id == overlay.drive)
                overlay.fd = drive.images.back().fd;
        clone.overlays.push_back(overlay);
    }
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return systemError(errno, "The copy's worker cannot be connected");
    fork.connection = UniqueFd(ends[0]);
    clone.controlFd = parcel.descriptors.add(UniqueFd(ends[1]));
    clone.logFd = parcel.descriptors.add(std::move(fork.prepared->log));
    parcel.request.clones.push_back(std::move(clone));
    return {};
}

// Whether the copy lives: it says hello, or its connection closes.
bool saysHello(const UniqueFd& connection) {
    pollfd waiting{connection.get(), POLLIN, 0};
    if (::poll(&waiting, 1, kHelloTimeoutMs) != 1)
        return false;
    char byte = 0;
    return ::recv(connection.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

QJsonArray describe(const std::vector<Fork>& forks) {
    QJsonArray list;
    for (const Fork& fork : forks) {
        QJsonArray macAddresses;
        for (const NetworkCardSettings& card : fork.machine.settings.networkCards)
            macAddresses << macAddressText(card.macAddress);
        list.append(QJsonObject{{u"id"_s, fork.machine.id.toString()},
                                {u"name"_s, fork.machine.settings.name},
                                {u"folder"_s, fork.machine.folder},
                                {u"generationId"_s, fork.machine.generationId},
                                {u"macAddresses"_s, macAddresses},
                                {u"tops"_s, topsToJson(fork.tops)}});
    }
    return list;
}

} // namespace

Result<QList<MachineId>> fork(SnapshotOperation& operation, const QStringList& names) {
    TRY(operation.begin());
    const Machine& original = operation.machine();
    if (TRY(operation.holdStopped()))
        return fail(ErrorCode::WrongState,
                    u"“%1” is not running; a machine that is stopped can be cloned."_s
                        .arg(original.settings.name)
                        .toStdString());
    const QList<FrozenDisk> disks = TRY(freezableDisks(operation));
    const QList<NewTop> own = planTops(disks, operation.machineId(), original.folder);
    std::vector<Fork> forks;
    Intent intent;
    intent.kind = Intent::Kind::Fork;
    intent.machine = operation.machineId();
    intent.folder = original.folder;
    intent.created = pathsOf(own);
    for (const QString& name : names) {
        Fork fork;
        fork.machine = machineCopy(original, original.settings, name, MacPolicy::New);
        fork.machine.lastSeenRunning = true;
        fork.tops = planTops(disks, fork.machine.id, fork.machine.folder);
        for (qsizetype i = 0; i < fork.tops.size(); ++i)
            setDisk(fork.machine, disks.at(i).drive, fork.tops.at(i).layer.path, DiskFormat::Qcow2);
        const QString folder = fork.machine.folder;
        intent.created += pathsOf(fork.tops);
        intent.created << folder + u"/snapshots"_s << folder + u"/lock"_s
                       << folder + u"/worker.log"_s << folder;
        forks.push_back(std::move(fork));
    }
    intent.detail.insert(u"overlays"_s, topsToJson(own));
    intent.detail.insert(u"copies"_s, describe(forks));
    TRY(operation.checkCancelled());
    intent.id = TRY(operation.database(
        [&intent](SnapshotDatabase& rules) { return rules.beginIntent(intent); }));

    const auto forking = [&]() -> Result<void> {
        Parcel parcel;
        for (qsizetype i = 0; i < own.size(); ++i) {
            control::OverlayConfig overlay =
                overlayConfig(own.at(i), disks.at(i).layer, original.folder);
            overlay.fd =
                parcel.descriptors.add(TRY(makeOverlay(operation, own.at(i), original.folder)));
            parcel.request.overlays.push_back(overlay);
        }
        for (Fork& fork : forks)
            TRY(prepare(operation, fork, disks, parcel));
        if (parcel.descriptors.size() > static_cast<size_t>(control::kMaxDescriptors))
            return fail(
                ErrorCode::LimitExceeded,
                u"So many copies at a time need %1 open files, more than %2; make fewer at a time."_s
                    .arg(parcel.descriptors.size())
                    .arg(control::kMaxDescriptors)
                    .toStdString());
        TRY(operation.checkCancelled());
        TRY(operation.database(
            [&intent](SnapshotDatabase& rules) { return rules.markSent(intent.id); }));
        intent.detail.insert(u"sent"_s, true);
        operation.step();
        TRY(operation.ask(parcel.request, parcel.descriptors.take()));
        for (const Fork& fork : forks)
            if (!saysHello(fork.connection))
                return fail(ErrorCode::Internal, "A copy's worker ended before it ran; its log is "
                                                 "lost with it.");
        return {};
    };
    const Result<void> forked = forking();
    QList<MachineId> ids;
    for (Fork& fork : forks) {
        if (forked && fork.prepared)
            fork.prepared->lock->handedOver();
        fork.prepared.reset(); // our copy of its lock
        if (!forked)
            operation.environment().supervisor.sockets().remove(fork.machine.id);
        ids << fork.machine.id;
    }
    // What has come of it is the same question as after a crash.
    TRY(operation.refresh());
    TRY(recovery::undoOverlays(operation, intent));
    return forked ? Result<QList<MachineId>>(ids) : Result<QList<MachineId>>(forked.error());
}

} // namespace vivarium::operations
