#pragma once

#include "vmm/disk/io/io_loop.h"

#include <array>
#include <condition_variable>
#include <deque>
#include <thread>
#include <utility>

namespace vivarium {

// The backend for hosts without io_uring: a few threads that make blocking calls.
class PoolBackend final : public IoBackend {
public:
    static constexpr size_t kThreads = 4;

    static Result<std::unique_ptr<IoBackend>> create(const IoEngine::ThreadStarted& threadStarted);
    ~PoolBackend() override;
    void start(IoOp& op) override;
    void reap(IoLoop& loop, Patience patience) override;
    void wake() override;

private:
    PoolBackend() = default;
    void run(const IoEngine::ThreadStarted& threadStarted);
    IoOp* waitForOp(); // null: stop

    Mutex m_mutex;
    std::condition_variable_any m_available; // for the pool
    std::condition_variable_any m_finished;  // for the loop
    std::deque<IoOp*> m_queue GUARDED_BY(m_mutex);
    std::deque<std::pair<IoOp*, int64_t>> m_done GUARDED_BY(m_mutex);
    bool m_woken GUARDED_BY(m_mutex) = false;
    bool m_stopping GUARDED_BY(m_mutex) = false;
    std::array<std::jthread, kThreads> m_threads; // last: everything above exists while they run
};

} // namespace vivarium
