#pragma once

#include "vmm/base/unique_fd.h"
#include "vmm/disk/io_engine.h"

#include <deque>
#include <thread>

#include <liburing.h>

namespace vivarium {

// Tasks through one io_uring that one thread feeds and reaps. Submitters append to a queue and
// wake that thread by an eventfd which the ring itself reads, so the thread waits in one place.
class IoUringEngine final : public IoEngine {
public:
    // Entries of the submission ring: the wake-up read and at most kQueueDepth - 1 tasks; more
    // wait in a backlog.
    static constexpr unsigned kQueueDepth = 128;

    static Result<std::unique_ptr<IoEngine>> create(ThreadStarted threadStarted);
    ~IoUringEngine() override;
    Kind kind() const override { return Kind::IoUring; }

private:
    IoUringEngine(const io_uring& ring, UniqueFd wake) : m_ring(ring), m_wake(std::move(wake)) {}
    void enqueue(std::unique_ptr<IoTask> task) override;
    void wakeThread();
    void run(const ThreadStarted& threadStarted);
    bool takeIncoming(); // false: stop
    void fillRing();
    void armWake();
    bool prepare(IoTask& task);
    void reap();

    // Of the I/O thread.
    io_uring m_ring;
    UniqueFd m_wake;
    uint64_t m_wakeCount = 0; // where the ring reads the eventfd into
    std::deque<std::unique_ptr<IoTask>> m_backlog;
    unsigned m_inRing = 0; // tasks

    Mutex m_mutex;
    std::deque<std::unique_ptr<IoTask>> m_incoming GUARDED_BY(m_mutex);
    bool m_stopping GUARDED_BY(m_mutex) = false;
    std::jthread m_thread; // last: everything above exists while it runs
};

} // namespace vivarium
