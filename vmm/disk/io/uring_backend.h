#pragma once

#include "vmm/base/unique_fd.h"
#include "vmm/disk/io/io_loop.h"

#include <atomic>
#include <deque>

#include <liburing.h>

namespace vivarium {

// System calls through one io_uring. The ring itself reads the wake-up eventfd, so that the loop's
// thread waits in one place.
class UringBackend final : public IoBackend {
public:
    // Calls in the kernel at one time, the wake-up's included; more wait in a backlog.
    static constexpr unsigned kQueueDepth = 256;

    // Error: Unsupported when the kernel or a filter refuses io_uring.
    static Result<std::unique_ptr<IoBackend>> create();
    // For a thread that runs one ring after the other: until it ends, a ring of one entry stays
    // open. A kernel whose workers leave with a thread's last ring (Linux 7.0, stable since 6.18:
    // "io-wq: allow io-wq workers to exit when unused") loses what the thread's next ring hands to
    // a worker that is just leaving, and the operation never ends.
    static void keepKernelWorkers();
    ~UringBackend() override;
    void start(IoOp& op) override;
    void reap(IoLoop& loop, Patience patience) override;
    void wake() override;

private:
    UringBackend(const io_uring& ring, UniqueFd wakeFd) : m_ring(ring), m_wake(std::move(wakeFd)) {}
    bool prepare(IoOp& op);
    void armWake();

    io_uring m_ring;
    UniqueFd m_wake;
    uint64_t m_wakeCount = 0; // where the ring reads the eventfd into
    unsigned m_inKernel = 0;
    std::deque<IoOp*> m_backlog;
};

} // namespace vivarium
