#pragma once

#include "vmm/base/event_loop.h"
#include "vmm/control/messages.h"
#include "vmm/machine/board.h"
#include "vmm/machine/machine.h"
#include "vmm/machine/overlay_switch.h"
#include "vmm/machine/snapshot_writer.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace vivarium {

// Snapshots, merges of layers and forks of one machine: what takes longer than a request; and
// changes of its drives, which must not meet those. One at a time, else Busy. The loop's thread,
// device lock free.
class MachineJobs {
public:
    template <class Reply>
    using Done = std::function<void(Result<Reply>)>;

    struct Hooks {
        std::function<void(const control::JobProgress&)> progress;
        // After a job has been answered.
        std::function<void()> idle;
        // In a copy of the process: goes on as the machine that `clone` describes; never returns.
        std::function<void(const control::CloneConfig& clone, ConfigDescriptors descriptors,
                           MachineCopy copy, Machine::FirstState first)>
            becomeClone;
        std::vector<int> keptDescriptors; // that a copy of the process needs besides the clone's
    };
    MachineJobs(EventLoop& loop, Machine& machine, Hooks hooks)
        : m_loop(loop), m_machine(machine), m_hooks(std::move(hooks)), m_overlays(loop) {}

    bool busy() const { return m_job != nullptr; }

    // As the protocol's requests say (vmm/control/messages.h); the descriptors are theirs.
    void takeSnapshot(const control::TakeSnapshot& request, ConfigDescriptors descriptors,
                      Done<control::TakeSnapshotReply> done);
    void mergeLayers(const control::MergeLayers& request, ConfigDescriptors descriptors,
                     Done<control::Empty> done);
    void fork(control::Fork request, ConfigDescriptors descriptors, Done<control::ForkReply> done);
    Result<void> attachDrive(const control::AttachDrive& request, ConfigDescriptors descriptors);
    Result<void> detachDrive(const control::DetachDrive& request);
    void resizeDrive(const control::ResizeDrive& request, Done<control::Empty> done);
    void cancel();

private:
    struct Job {
        std::string name;
        std::function<void()> cancel; // empty: only noted
        bool cancelled = false;
        virtual ~Job() = default;
    };
    struct Snapshot;
    struct ForkJob;

    Result<void> checkIdle() const; // Busy while a job runs
    Result<void> begin(std::shared_ptr<Job> job);
    // Answers `done` and lets the next job come.
    template <class Reply>
    void finish(const Done<Reply>& done, Result<Reply> result);
    void report(const std::string& job, uint64_t doneBytes, uint64_t totalBytes);
    Result<OverlaySwitch::Overlay> overlay(const control::OverlayConfig& config, UniqueFd file,
                                           OverlaySwitch::Overlay::Use use);
    Result<DiskChain*> disk(const std::string& drive);
    // Freezes the guest and switches the disks; thawed again after an error.
    Result<std::vector<uint8_t>> freezeWithOverlays();
    void snapshotPrepared(const std::shared_ptr<Snapshot>& job, Result<void> prepared);
    Result<void> startWriting(const std::shared_ptr<Snapshot>& job);
    void snapshotOver(const std::shared_ptr<Snapshot>& job);
    void forkPrepared(const std::shared_ptr<ForkJob>& job, Result<void> prepared);
    Result<void> makeClones(ForkJob& job, std::vector<uint8_t> state);
    void tellClones(UniqueFd end);

    // Runs `task` on the loop if this object still lives then; any thread.
    std::function<void(std::function<void()> task)> onLoop();

    EventLoop& m_loop;
    Machine& m_machine;
    Hooks m_hooks;
    OverlaySwitch m_overlays;
    std::shared_ptr<Job> m_job;
    std::shared_ptr<int> m_alive = std::make_shared<int>(0); // callbacks that come late look here
};

} // namespace vivarium
