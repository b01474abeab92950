#include "vmm/disk/thread_pool_engine.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace vivarium {

namespace {

int64_t runStep(const IoStep& step) {
    int64_t result = 0;
    auto offset = static_cast<off_t>(step.offsetBytes);
    switch (step.kind) {
    case IoStep::Kind::None:
        return 0;
    case IoStep::Kind::Read:
        result = ::preadv(step.fd, step.buffers, static_cast<int>(step.bufferCount), offset);
        break;
    case IoStep::Kind::Write:
        result = ::pwritev2(step.fd, step.buffers, static_cast<int>(step.bufferCount), offset,
                            step.flags);
        break;
    case IoStep::Kind::DataSync:
        result = ::fdatasync(step.fd);
        break;
    case IoStep::Kind::Allocate:
        result = ::fallocate(step.fd, step.flags, offset, static_cast<off_t>(step.lengthBytes));
        break;
    }
    return result < 0 ? -int64_t{errno} : result;
}

} // namespace

Result<std::unique_ptr<IoEngine>> ThreadPoolEngine::create(ThreadStarted threadStarted) {
    std::unique_ptr<ThreadPoolEngine> engine(new ThreadPoolEngine);
    try {
        for (std::jthread& thread : engine->m_threads)
            thread =
                std::jthread([self = engine.get(), threadStarted] { self->run(threadStarted); });
    } catch (const std::system_error& refused) {
        return systemError(refused.code().value(), "start disk thread");
    }
    return std::unique_ptr<IoEngine>(std::move(engine));
}

ThreadPoolEngine::~ThreadPoolEngine() {
    drain();
    {
        MutexLocker lock(m_mutex);
        m_stopping = true;
    }
    m_available.notify_all();
}

void ThreadPoolEngine::enqueue(std::unique_ptr<IoTask> task) {
    {
        MutexLocker lock(m_mutex);
        m_queue.push_back(std::move(task));
    }
    m_available.notify_one();
}

std::unique_ptr<IoTask> ThreadPoolEngine::waitForTask() {
    MutexLocker lock(m_mutex);
    while (m_queue.empty() && !m_stopping)
        m_available.wait(m_mutex);
    if (m_queue.empty())
        return nullptr;
    std::unique_ptr<IoTask> task = std::move(m_queue.front());
    m_queue.pop_front();
    return task;
}

void ThreadPoolEngine::run(const ThreadStarted& threadStarted) {
    if (threadStarted)
        threadStarted();
    while (std::unique_ptr<IoTask> task = waitForTask())
        while (advance(task, runStep(task->step()))) {
        }
}

} // namespace vivarium
