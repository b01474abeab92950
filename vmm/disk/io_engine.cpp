#include "vmm/disk/io_engine.h"

#include "vmm/disk/io_uring_engine.h"
#include "vmm/disk/thread_pool_engine.h"

namespace vivarium {

Result<std::unique_ptr<IoEngine>> IoEngine::create(Kind kind, ThreadStarted threadStarted) {
    switch (kind) {
    case Kind::IoUring:
        return IoUringEngine::create(std::move(threadStarted));
    case Kind::ThreadPool:
        return ThreadPoolEngine::create(std::move(threadStarted));
    }
    return fail(ErrorCode::Internal, "unknown I/O engine");
}

void IoEngine::submit(std::unique_ptr<IoTask> task) {
    {
        MutexLocker lock(m_countMutex);
        ++m_tasks;
    }
    enqueue(std::move(task));
}

void IoEngine::drain() {
    MutexLocker lock(m_countMutex);
    while (m_tasks > 0)
        m_idle.wait(m_countMutex);
}

bool IoEngine::advance(std::unique_ptr<IoTask>& task, int64_t result) {
    if (task->stepDone(result))
        return true;
    task.reset();
    MutexLocker lock(m_countMutex);
    if (--m_tasks == 0)
        m_idle.notify_all();
    return false;
}

} // namespace vivarium
