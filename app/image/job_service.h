#pragma once

#include "app/image/job_connection.h"
#include "vmm/control/image_messages.h"

#include <atomic>
#include <functional>

namespace vivarium::image {

// How a job speaks to its connection. The job's thread.
class JobOutput {
public:
    virtual ~JobOutput() = default;
    // Sent at most every kProgressIntervalMs.
    virtual void progress(uint64_t doneBytes, uint64_t totalBytes) = 0;
    virtual void extents(const control::ImageExtents& event) = 0;
    // Set when the peer has gone.
    virtual const std::atomic<bool>& cancelled() const = 0;
};
using JobFunction = std::function<Result<nlohmann::json>(JobRequest request, JobOutput& output)>;

constexpr int kProgressIntervalMs = 100;
// How long a cancelled job may take to leave its images tidy; then the process ends as if killed,
// which every image survives.
constexpr int kCancelGraceSeconds = 10;

// Takes one request from `socket`, runs `job` on a thread of its own and sends the reply. A peer
// that closes its end cancels. Errors: no request came.
Result<void> serveJob(UniqueFd socket, const JobFunction& job);

} // namespace vivarium::image
