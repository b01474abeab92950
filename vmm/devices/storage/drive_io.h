#pragma once

#include "vmm/base/task_queue.h"
#include "vmm/disk/block_device.h"
#include "vmm/devices/storage/storage_listener.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace vivarium {

// What happens to a host error.
enum class DriveErrorPolicy {
    Report, // the guest sees a failed command
    Stop,   // the request waits, the machine is told to pause, resuming tries again
    Ignore, // the guest sees success
};

// What happens to which error.
struct DriveErrorPolicies {
    // NOLINTNEXTLINE(google-explicit-constructor): one policy is the common case.
    DriveErrorPolicies(DriveErrorPolicy otherErrors = DriveErrorPolicy::Report,
                       DriveErrorPolicy fullFileSystem = DriveErrorPolicy::Stop)
        : errors(otherErrors), full(fullFileSystem) {}
    DriveErrorPolicy errors;
    DriveErrorPolicy full; // of writes that find no space
};

// Since the machine was built; for the status bar.
struct DriveActivity {
    uint64_t readBytes = 0;
    uint64_t writtenBytes = 0;
    uint64_t readRequests = 0;
    uint64_t writeRequests = 0;
};

// A drive's way to its image: carries completions from I/O threads to the device thread, applies
// the error policy, keeps stalled requests, and makes sure that nothing that was submitted before a
// reset is heard of after it. Device lock.
class DriveIo {
public:
    struct Services {
        TaskQueue& tasks; // outlives the machine's devices
        StorageListener& listener;
    };
    DriveIo(std::string driveId, DriveErrorPolicies policies, Services services);
    ~DriveIo();
    DriveIo(const DriveIo&) = delete;
    DriveIo& operator=(const DriveIo&) = delete;

    // Replaces the image (null: none) after cancel(). Returns the old one.
    std::unique_ptr<BlockDevice> setImage(std::unique_ptr<BlockDevice> image);
    BlockDevice* image() const { return m_image.get(); }

    // `done` runs on the device thread: 0 or an errno; never from inside submit, and not at all
    // after cancel() or abandon(). Range and access are the caller's to check. Needs an image.
    using Done = std::function<void(int errorNumber)>;
    void submit(BlockRequest::Kind kind, uint64_t offsetBytes, uint64_t lengthBytes,
                std::vector<iovec> buffers, Done done);
    // Waits for the host's I/O and drops every request with its callback.
    void cancel();
    // Drops callbacks without waiting. Guest memory may still be written to until busy() is false;
    // `idle` (setIdle) is called then.
    void abandon();
    bool busy() const { return m_hostRequests > 0; }
    void setIdle(std::function<void()> idle) { m_idle = std::move(idle); }
    // Submits again what a full disk or the Stop policy held back.
    void retryStalled();
    bool stalled() const;
    // Waits for the host's I/O; completions are then in the task queue.
    void drain();

    // The guest took the medium out.
    void reportEjected() { m_services.listener.mediumEjected(m_driveId); }
    const DriveActivity& activity() const { return m_activity; }
    const std::string& driveId() const { return m_driveId; }

private:
    struct Request {
        BlockRequest::Kind kind{};
        uint64_t offsetBytes = 0;
        uint64_t lengthBytes = 0;
        std::vector<iovec> buffers;
        Done done;
        bool stalled = false;
    };
    void start(uint64_t id, const Request& request);
    void hostDone(uint64_t generation, uint64_t id, int errorNumber);
    void stall(Request& request, int errorNumber, bool full);
    void count(const Request& request);

    std::string m_driveId;
    DriveErrorPolicies m_policies;
    Services m_services;
    std::unique_ptr<BlockDevice> m_image;
    std::map<uint64_t, Request> m_requests; // by id, which is never reused
    uint64_t m_nextId = 1;
    uint64_t m_generation = 1; // of requests whose completions count
    unsigned m_hostRequests = 0;
    std::function<void()> m_idle;
    DriveActivity m_activity;
    // Shared with posted completions, which can outlive the drive in the task queue.
    std::shared_ptr<DriveIo*> m_self;
};

} // namespace vivarium
