#include "vmm/disk/io/pool_backend.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

namespace vivarium {

namespace {

int64_t runCall(const IoOp& op) {
    int64_t result = 0;
    const auto offset = static_cast<off_t>(op.offsetBytes);
    const auto length = static_cast<off_t>(op.lengthBytes);
    const int buffers = static_cast<int>(std::min(op.bufferCount, kMaxStepBuffers));
    switch (op.kind) {
    case IoOp::Kind::Read:
        result = ::preadv(op.fd, op.buffers, buffers, offset);
        break;
    case IoOp::Kind::Write:
        result = ::pwritev(op.fd, op.buffers, buffers, offset);
        break;
    case IoOp::Kind::DataSync:
        result = ::fdatasync(op.fd);
        break;
    case IoOp::Kind::PunchHole:
        result = ::fallocate(op.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
        break;
    case IoOp::Kind::ZeroRange:
        result = ::fallocate(op.fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, length);
        break;
    case IoOp::Kind::Allocate:
        result = ::fallocate(op.fd, 0, offset, length);
        break;
    }
    return result < 0 ? -int64_t{errno} : result;
}

} // namespace

Result<std::unique_ptr<IoBackend>>
PoolBackend::create(const IoEngine::ThreadStarted& threadStarted) {
    std::unique_ptr<PoolBackend> backend(new PoolBackend);
    try {
        for (std::jthread& thread : backend->m_threads)
            thread =
                std::jthread([self = backend.get(), threadStarted] { self->run(threadStarted); });
    } catch (const std::system_error& refused) {
        return systemError(refused.code().value(), "start disk thread");
    }
    return std::unique_ptr<IoBackend>(std::move(backend));
}

PoolBackend::~PoolBackend() {
    {
        MutexLocker lock(m_mutex);
        m_stopping = true;
    }
    m_available.notify_all();
}

void PoolBackend::start(IoOp& op) {
    {
        MutexLocker lock(m_mutex);
        m_queue.push_back(&op);
    }
    m_available.notify_one();
}

void PoolBackend::wake() {
    {
        MutexLocker lock(m_mutex);
        m_woken = true;
    }
    m_finished.notify_one();
}

void PoolBackend::reap(IoLoop& loop, Patience patience) {
    std::deque<std::pair<IoOp*, int64_t>> done;
    {
        MutexLocker lock(m_mutex);
        while (patience == Patience::Wait && m_done.empty() && !m_woken)
            m_finished.wait(m_mutex);
        m_woken = false;
        done.swap(m_done);
    }
    for (auto& [op, result] : done)
        loop.callDone(*op, result);
}

IoOp* PoolBackend::waitForOp() {
    MutexLocker lock(m_mutex);
    while (m_queue.empty() && !m_stopping)
        m_available.wait(m_mutex);
    if (m_queue.empty())
        return nullptr;
    IoOp* op = m_queue.front();
    m_queue.pop_front();
    return op;
}

void PoolBackend::run(const IoEngine::ThreadStarted& threadStarted) {
    if (threadStarted)
        threadStarted();
    while (IoOp* op = waitForOp()) {
        int64_t result = runCall(*op);
        {
            MutexLocker lock(m_mutex);
            m_done.emplace_back(op, result);
        }
        m_finished.notify_one();
    }
}

} // namespace vivarium
