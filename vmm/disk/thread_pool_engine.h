#pragma once

#include "vmm/disk/io_engine.h"

#include <array>
#include <deque>
#include <thread>

namespace vivarium {

// The engine for hosts without io_uring: a few threads that make blocking calls.
class ThreadPoolEngine final : public IoEngine {
public:
    static constexpr size_t kThreads = 4;

    static Result<std::unique_ptr<IoEngine>> create(ThreadStarted threadStarted);
    ~ThreadPoolEngine() override;
    Kind kind() const override { return Kind::ThreadPool; }

private:
    ThreadPoolEngine() = default;
    void enqueue(std::unique_ptr<IoTask> task) override;
    void run(const ThreadStarted& threadStarted);
    std::unique_ptr<IoTask> waitForTask(); // null: stop

    Mutex m_mutex;
    std::condition_variable_any m_available;
    std::deque<std::unique_ptr<IoTask>> m_queue GUARDED_BY(m_mutex);
    bool m_stopping GUARDED_BY(m_mutex) = false;
    std::array<std::jthread, kThreads> m_threads; // last: everything above exists while they run
};

} // namespace vivarium
