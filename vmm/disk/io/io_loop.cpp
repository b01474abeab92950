#include "vmm/disk/io/io_loop.h"

#include "vmm/disk/io/pool_backend.h"
#include "vmm/disk/io/uring_backend.h"

#include <cerrno>

namespace vivarium {

namespace {

constexpr unsigned kMaxBusyRetries = 100;

bool isTransfer(const IoOp& op) {
    return op.kind == IoOp::Kind::Read || op.kind == IoOp::Kind::Write;
}

// Takes `bytes` off the front of the operation; true when something is left.
bool consume(IoOp& op, uint64_t bytes) {
    op.offsetBytes += bytes;
    while (op.bufferCount > 0) {
        iovec& first = *op.buffers;
        if (bytes < first.iov_len) {
            first.iov_base = static_cast<uint8_t*>(first.iov_base) + bytes;
            first.iov_len -= bytes;
            return true;
        }
        bytes -= first.iov_len;
        ++op.buffers;
        --op.bufferCount;
    }
    return false;
}

} // namespace

Result<std::unique_ptr<IoLoop>> IoLoop::create(std::optional<IoEngine::Kind> engine,
                                               const IoEngine::ThreadStarted& threadStarted) {
    if (!engine || *engine == IoEngine::Kind::IoUring) {
        auto uring = UringBackend::create();
        if (uring)
            return std::unique_ptr<IoLoop>(new IoLoop(IoEngine::Kind::IoUring, std::move(*uring)));
        if (engine || uring.error().code != ErrorCode::Unsupported)
            return std::move(uring).error();
    }
    auto pool = TRY(PoolBackend::create(threadStarted));
    return std::unique_ptr<IoLoop>(new IoLoop(IoEngine::Kind::ThreadPool, std::move(pool)));
}

IoLoop::~IoLoop() = default;

void IoLoop::post(std::function<void()> function) {
    bool wake;
    {
        MutexLocker lock(m_mutex);
        m_posted.push_back(std::move(function));
        wake = std::exchange(m_waiting, false);
    }
    if (wake)
        m_backend->wake();
}

void IoLoop::stop() {
    {
        MutexLocker lock(m_mutex);
        m_stopping = true;
        m_waiting = false;
    }
    m_backend->wake();
}

void IoLoop::run() {
    while (!m_stopped) {
        runReady();
        reap();
    }
}

void IoLoop::reap() {
    const bool wait = m_ready.empty() && m_due.empty() && mayWait();
    m_backend->reap(*this, wait ? IoBackend::Patience::Wait : IoBackend::Patience::Poll);
}

bool IoLoop::mayWait() {
    MutexLocker lock(m_mutex);
    m_waiting = m_posted.empty() && !m_stopping;
    return m_waiting;
}

void IoLoop::takePosted() {
    std::deque<std::function<void()>> posted;
    {
        MutexLocker lock(m_mutex);
        posted.swap(m_posted);
        m_waiting = false;
        m_stopped = m_stopping && posted.empty();
    }
    for (auto& function : posted)
        function();
}

// Only what is ready now: a coroutine that yields must not keep file operations from being reaped.
void IoLoop::runReady() {
    takePosted();
    const size_t due = m_due.size();
    const size_t ready = m_ready.size();
    for (size_t i = 0; i < due; ++i) {
        const Due known = m_due.front();
        m_due.pop_front();
        if (known.of == Due::Of::Call)
            callDone(*known.op, known.result);
        else
            known.op->complete(static_cast<int>(known.result));
    }
    for (size_t i = 0; i < ready; ++i) {
        std::coroutine_handle<> handle = m_ready.front();
        m_ready.pop_front();
        handle.resume();
    }
}

void IoLoop::callDone(IoOp& op, int64_t result) {
    if (result == -EINTR || (result == -EAGAIN && ++op.retries <= kMaxBusyRetries)) {
        m_backend->start(op);
        return;
    }
    if (result < 0) {
        op.complete(static_cast<int>(-result));
        return;
    }
    if (!isTransfer(op)) {
        op.complete(0);
        return;
    }
    if (result == 0) {
        if (op.kind == IoOp::Kind::Write) { // a write without progress would never end
            op.complete(EIO);
            return;
        }
        for (unsigned i = 0; i < op.bufferCount; ++i) // after the end of the file
            std::memset(op.buffers[i].iov_base, 0, op.buffers[i].iov_len);
        op.complete(0);
        return;
    }
    if (consume(op, static_cast<uint64_t>(result)))
        m_backend->start(op);
    else
        op.complete(0);
}

} // namespace vivarium
