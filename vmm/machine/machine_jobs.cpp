#include "vmm/machine/machine_jobs.h"

#include "vmm/base/log.h"
#include "vmm/base/monotonic_time.h"
#include "vmm/machine/process_copy.h"
#include "vmm/machine/snapshot_files.h"

#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace vivarium {

namespace {

constexpr uint64_t kReportIntervalNs = 100'000'000;

Error cancelled() {
    return fail(ErrorCode::Cancelled, "cancelled");
}

} // namespace

struct MachineJobs::Snapshot : Job {
    Done<control::TakeSnapshotReply> done;
    SnapshotWriter::Files files;
    bool thenPowerOff = false;
    control::TakeSnapshotReply reply;
    std::unique_ptr<SnapshotWriter> writer;
    std::optional<Result<void>> disks, memory; // how the parts ended
};

struct MachineJobs::ForkJob : Job {
    Done<control::ForkReply> done;
    control::Fork request;
    std::optional<ConfigDescriptors> descriptors;
};

Result<void> MachineJobs::checkIdle() const {
    if (m_job)
        return fail(ErrorCode::Busy, "a " + m_job->name + " of this machine is under way");
    return {};
}

Result<void> MachineJobs::begin(std::shared_ptr<Job> job) {
    TRY(checkIdle());
    m_job = std::move(job);
    return {};
}

template <class Reply>
void MachineJobs::finish(const Done<Reply>& done, Result<Reply> result) {
    m_job.reset();
    done(std::move(result));
    m_hooks.idle();
}

void MachineJobs::report(const std::string& job, uint64_t doneBytes, uint64_t totalBytes) {
    m_hooks.progress(control::JobProgress{job, doneBytes, totalBytes});
}

void MachineJobs::cancel() {
    if (!m_job)
        return;
    m_job->cancelled = true;
    if (m_job->cancel)
        m_job->cancel();
}

std::function<void(std::function<void()> task)> MachineJobs::onLoop() {
    return [this, alive = std::weak_ptr(m_alive)](std::function<void()> task) {
        m_loop.post([alive, task = std::move(task)] {
            if (alive.lock())
                task();
        });
    };
}

Result<DiskChain*> MachineJobs::disk(const std::string& drive) {
    if (DiskChain* disk = m_machine.board()->disk(drive))
        return disk;
    return fail(ErrorCode::NotFound, "the machine has no disk called " + drive);
}

Result<OverlaySwitch::Overlay> MachineJobs::overlay(const control::OverlayConfig& config,
                                                    UniqueFd file,
                                                    OverlaySwitch::Overlay::Use use) {
    OverlaySwitch::Overlay overlay;
    overlay.disk = TRY(disk(config.drive));
    if (use == OverlaySwitch::Overlay::Use::Insert && overlay.disk->readOnly())
        return fail(ErrorCode::InvalidArgument, config.drive + " is read-only");
    overlay.file = std::move(file);
    overlay.backingName = config.backingName;
    overlay.backingFormat = imageFormatOf(config.backingFormat);
    overlay.use = use;
    return overlay;
}

Result<std::vector<uint8_t>> MachineJobs::freezeWithOverlays() {
    auto state = m_machine.freeze();
    if (!state) {
        m_overlays.discard();
        return state;
    }
    if (auto inserted = m_overlays.insert(); !inserted) {
        m_machine.thaw();
        return inserted.error();
    }
    return state;
}

// --- Snapshots ---------------------------------------------------------------------------------

void MachineJobs::takeSnapshot(const control::TakeSnapshot& request, ConfigDescriptors descriptors,
                               Done<control::TakeSnapshotReply> done) {
    auto job = std::make_shared<Snapshot>();
    job->name = "snapshot";
    job->thenPowerOff = request.thenPowerOff;
    std::vector<OverlaySwitch::Overlay> overlays;
    const auto open = [&]() -> Result<void> {
        job->files.state = TRY(descriptors.take(request.stateFd, "state file"));
        job->files.ram = TRY(descriptors.take(request.ramFd, "memory file"));
        job->files.index = TRY(descriptors.take(request.ramIndexFd, "memory index file"));
        if (request.parentRam.indexFd >= 0) {
            job->files.parent.emplace(
                TRY(openRamImage(request.parentRam, descriptors, m_machine.memory().sizeBytes())));
            TRY(job->files.parent->mapForReading());
        }
        for (const control::OverlayConfig& config : request.overlays)
            overlays.push_back(TRY(overlay(config, TRY(descriptors.take(config.fd, "new layer")),
                                           OverlaySwitch::Overlay::Use::Insert)));
        return begin(job);
    };
    if (auto opened = open(); !opened)
        return done(opened.error());
    job->done = std::move(done);
    m_overlays.prepare(std::move(overlays),
                       [this, job, alive = std::weak_ptr(m_alive)](Result<void> prepared) {
                           if (alive.lock())
                               snapshotPrepared(job, std::move(prepared));
                       });
}

void MachineJobs::snapshotPrepared(const std::shared_ptr<Snapshot>& job, Result<void> prepared) {
    if (prepared && job->cancelled)
        prepared = cancelled();
    if (!prepared)
        m_overlays.discard();
    else
        prepared = startWriting(job);
    if (!prepared)
        finish(job->done, Result<control::TakeSnapshotReply>(prepared.error()));
}

Result<void> MachineJobs::startWriting(const std::shared_ptr<Snapshot>& job) {
    const uint64_t startNs = monotonicNs();
    const std::vector<uint8_t> state = TRY(freezeWithOverlays());
    auto writer = SnapshotWriter::start(
        m_loop, m_machine.memory().mapping().bytes(), state, std::move(job->files),
        [this](const RamImageProgress& progress) {
            report("snapshot", progress.doneBytes, progress.totalBytes);
        },
        [this, job](Result<RamImageProgress> written) {
            job->memory = written ? Result<void>() : Result<void>(written.error());
            if (written)
                job->reply.writtenRamBytes = written->writtenBytes;
            snapshotOver(job);
        });
    if (!writer || !job->thenPowerOff)
        m_machine.thaw();
    if (!writer)
        return writer.error();
    job->reply.pausedNs = monotonicNs() - startNs;
    job->writer = std::move(*writer);
    job->cancel = [raw = job->writer.get()] { raw->cancel(); };
    m_overlays.whenDurable([this, job, alive = std::weak_ptr(m_alive)](Result<void> durable) {
        if (!alive.lock())
            return;
        job->disks = std::move(durable);
        snapshotOver(job);
    });
    return {};
}

void MachineJobs::snapshotOver(const std::shared_ptr<Snapshot>& job) {
    if (m_job != job)
        return; // answered already
    const bool failed = (job->memory && !*job->memory) || (job->disks && !*job->disks);
    if (!failed && (!job->memory || !job->disks))
        return;
    Result<control::TakeSnapshotReply> result = job->reply;
    if (job->memory && !*job->memory)
        result = job->memory->error();
    else if (job->disks && !*job->disks)
        result = job->disks->error();
    if (!result && job->thenPowerOff)
        m_machine.thaw();
    // Not inside the writer's own callback.
    m_loop.post([writer = std::shared_ptr<SnapshotWriter>(std::move(job->writer))] {});
    const bool ends = result && job->thenPowerOff;
    finish(job->done, std::move(result));
    if (ends)
        m_machine.endSaved();
}

// --- Merges ------------------------------------------------------------------------------------

void MachineJobs::mergeLayers(const control::MergeLayers& request, ConfigDescriptors descriptors,
                              Done<control::Empty> done) {
    DiskChain::Merge merge;
    auto job = std::make_shared<Job>();
    job->name = "merge";
    DiskChain* chain = nullptr;
    const auto open = [&]() -> Result<void> {
        chain = TRY(disk(request.drive));
        if (request.targetFd >= 0)
            merge.target = TRY(descriptors.take(request.targetFd, "layer to write"));
        if (request.aboveFd >= 0)
            merge.above = TRY(descriptors.take(request.aboveFd, "layer above"));
        return begin(job);
    };
    if (auto opened = open(); !opened)
        return done(opened.error());
    merge.kind = request.kind == control::MergeKind::Commit ? MergeRequest::Kind::Commit
                                                            : MergeRequest::Kind::Stream;
    merge.upper = request.upper;
    merge.backingName = request.backingName;
    if (!request.backingName.empty())
        merge.backingFormat = imageFormatName(imageFormatOf(request.backingFormat));
    const auto post = onLoop();
    merge.progress = [this, post, nextNs = uint64_t{0}](uint64_t doneBytes,
                                                        uint64_t totalBytes) mutable {
        const uint64_t nowNs = monotonicNs();
        if (nowNs < nextNs)
            return;
        nextNs = nowNs + kReportIntervalNs;
        post([this, doneBytes, totalBytes] { report("merge", doneBytes, totalBytes); });
    };
    job->cancel = [chain] { chain->cancelMerge(); };
    chain->startMerge(std::move(merge), [this, post, done](Result<void> merged) {
        post([this, done, merged] {
            finish(done, merged ? Result<control::Empty>(control::Empty{})
                                : Result<control::Empty>(merged.error()));
        });
    });
}

// --- Drives that come and go -------------------------------------------------------------------

Result<void> MachineJobs::attachDrive(const control::AttachDrive& request,
                                      ConfigDescriptors descriptors) {
    TRY(checkIdle());
    OpenDrive drive = TRY(m_machine.driveOpener().openDrive(request.drive, descriptors));
    return m_machine.board()->attachDrive(std::move(drive));
}

Result<void> MachineJobs::detachDrive(const control::DetachDrive& request) {
    TRY(checkIdle());
    // Flushed and closed without the device lock.
    const std::unique_ptr<BlockDevice> image =
        TRY(m_machine.board()->detachDrive(request.drive, request.force));
    return {};
}

void MachineJobs::resizeDrive(const control::ResizeDrive& request, Done<control::Empty> done) {
    auto job = std::make_shared<Job>();
    job->name = "resize";
    auto chain = disk(request.drive);
    if (!chain)
        return done(chain.error());
    if ((*chain)->readOnly())
        return done(fail(ErrorCode::PermissionDenied, request.drive + " is read-only"));
    if (auto begun = begin(job); !begun)
        return done(begun.error());
    (*chain)->resize(request.sizeBytes,
                     [this, post = onLoop(), done, drive = request.drive](Result<void> grown) {
                         post([this, done, drive, grown] {
                             if (grown)
                                 m_machine.board()->driveResized(drive);
                             finish(done, grown ? Result<control::Empty>(control::Empty{})
                                                : Result<control::Empty>(grown.error()));
                         });
                     });
}

// --- Forks -------------------------------------------------------------------------------------

void MachineJobs::fork(control::Fork request, ConfigDescriptors descriptors,
                       Done<control::ForkReply> done) {
    auto job = std::make_shared<ForkJob>();
    job->name = "fork";
    std::vector<OverlaySwitch::Overlay> overlays;
    const auto open = [&]() -> Result<void> {
        for (const control::OverlayConfig& config : request.overlays)
            overlays.push_back(TRY(overlay(config, TRY(descriptors.take(config.fd, "new layer")),
                                           OverlaySwitch::Overlay::Use::Insert)));
        for (const control::CloneConfig& clone : request.clones)
            for (const control::OverlayConfig& config : clone.overlays)
                overlays.push_back(
                    TRY(overlay(config, TRY(descriptors.duplicate(config.fd, "new layer")),
                                OverlaySwitch::Overlay::Use::FormatOnly)));
        return begin(job);
    };
    if (auto opened = open(); !opened)
        return done(opened.error());
    job->done = std::move(done);
    job->request = std::move(request);
    job->descriptors.emplace(std::move(descriptors));
    m_overlays.prepare(std::move(overlays),
                       [this, job, alive = std::weak_ptr(m_alive)](Result<void> prepared) {
                           if (alive.lock())
                               forkPrepared(job, std::move(prepared));
                       });
}

void MachineJobs::forkPrepared(const std::shared_ptr<ForkJob>& job, Result<void> prepared) {
    if (prepared && job->cancelled)
        prepared = cancelled();
    control::ForkReply reply;
    if (!prepared) {
        m_overlays.discard();
    } else {
        const uint64_t startNs = monotonicNs();
        if (auto state = freezeWithOverlays()) {
            prepared = makeClones(*job, std::move(*state));
            m_machine.thaw();
        } else {
            prepared = state.error();
        }
        reply.pausedNs = monotonicNs() - startNs;
    }
    finish(job->done, prepared ? Result<control::ForkReply>(reply)
                               : Result<control::ForkReply>(prepared.error()));
}

// One copy of the process is made while the guest stands still; it makes the others of itself.
Result<void> MachineJobs::makeClones(ForkJob& job, std::vector<uint8_t> state) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return systemError(errno, "connect the copies");
    UniqueFd readEnd(ends[0]);
    UniqueFd writeEnd(ends[1]); // the original alone keeps it
    std::vector<int> kept = job.descriptors->numbers();
    kept.push_back(readEnd.get());
    kept.insert(kept.end(), m_hooks.keptDescriptors.begin(), m_hooks.keptDescriptors.end());
    if (TRY(copyProcess(kept)) == ProcessSide::Original) {
        tellClones(std::move(writeEnd));
        return {};
    }
    const std::vector<control::CloneConfig>& clones = job.request.clones;
    size_t own = 0;
    for (size_t i = 1; i < clones.size() && own == 0; ++i) {
        const auto side = copyProcess(kept);
        if (!side)
            logError("fork", side.error().detail); // its connection closes without a word
        else if (*side == ProcessSide::Copy)
            own = i;
    }
    const auto first = m_machine.state() == Machine::State::Running ? Machine::FirstState::Running
                                                                    : Machine::FirstState::Paused;
    m_hooks.becomeClone(clones[own], std::move(*job.descriptors),
                        {m_machine.takeMemory(), std::move(state), std::move(readEnd)}, first);
    ::_exit(1);
}

// The copies cannot lock the layers below them while this machine holds them for writing: it closes
// their pipe when it does not any more, or when it dies.
void MachineJobs::tellClones(UniqueFd end) {
    auto shared = std::make_shared<UniqueFd>(std::move(end)); // std::function copies
    m_overlays.whenDurable([shared](Result<void> durable) {
        if (!durable)
            logError("fork", durable.error().detail);
        shared->reset();
    });
}

} // namespace vivarium
