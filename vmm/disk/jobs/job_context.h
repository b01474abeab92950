#pragma once

#include "vmm/disk/chain/layer_stack.h"
#include "vmm/disk/jobs/image_jobs.h"

namespace vivarium {

// What every job needs: a loop on the calling thread, and the chains that it opened.
class JobContext {
public:
    static Result<std::unique_ptr<JobContext>> create(const JobControl& control);

    IoLoop& loop() { return *m_loop; }
    // Which layers of a chain are opened for writing.
    enum class Writes { None, Top, TopTwo };
    Result<std::unique_ptr<LayerStack>> open(ImageChain chain, Writes writes);
    Result<std::unique_ptr<AsyncFile>> file(UniqueFd fd, Layer::Access access);
    // Runs a coroutine that yields an errno, then closes the chain if it was given.
    Result<void> run(Task<int> task, const char* what);
    Result<void> close(LayerStack& stack);

    // Reports progress; ECANCELED when the job is to end, else 0.
    int step(uint64_t doneBytes, uint64_t totalBytes);

private:
    JobContext(std::unique_ptr<IoLoop> loop, const JobControl& control)
        : m_loop(std::move(loop)), m_control(control) {}
    std::unique_ptr<IoLoop> m_loop;
    const JobControl& m_control;
};

// The error of a job's coroutine. ECANCELED is Cancelled.
Error jobError(int errorNumber, const char* what);

// Bytes that a file takes on the host's disk.
uint64_t allocatedBytes(int fd);

constexpr uint64_t kJobChunkBytes = 2 << 20;

} // namespace vivarium
