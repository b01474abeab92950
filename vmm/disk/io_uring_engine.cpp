#include "vmm/disk/io_uring_engine.h"

#include "vmm/base/log.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include <sys/eventfd.h>
#include <unistd.h>

namespace vivarium {

namespace {

constexpr void* kWakeUserData = nullptr;

bool supportsOperations(io_uring& ring) {
    io_uring_probe* probe = io_uring_get_probe_ring(&ring);
    if (!probe)
        return false;
    bool supported = true;
    for (int operation :
         {IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FSYNC, IORING_OP_FALLOCATE, IORING_OP_READ})
        supported = supported && io_uring_opcode_supported(probe, operation);
    io_uring_free_probe(probe);
    return supported;
}

} // namespace

Result<std::unique_ptr<IoEngine>> IoUringEngine::create(ThreadStarted threadStarted) {
    UniqueFd wake(::eventfd(0, EFD_CLOEXEC)); // blocking: the ring's read waits for a count
    if (!wake)
        return systemError(errno, "create eventfd");
    io_uring ring;
    int error = io_uring_queue_init(kQueueDepth, &ring, 0);
    if (error < 0) // ENOSYS, EPERM (sysctl, seccomp), ENOMEM (locked-memory limit of old kernels)
        return Error{ErrorCode::Unsupported, -error, "this host does not allow io_uring"};
    if (!supportsOperations(ring)) {
        io_uring_queue_exit(&ring);
        return fail(ErrorCode::Unsupported, "this host's io_uring is too old");
    }
    std::unique_ptr<IoUringEngine> engine(new IoUringEngine(ring, std::move(wake)));
    try {
        engine->m_thread = std::jthread(
            [self = engine.get(), started = std::move(threadStarted)] { self->run(started); });
    } catch (const std::system_error& refused) {
        return systemError(refused.code().value(), "start disk thread");
    }
    return std::unique_ptr<IoEngine>(std::move(engine));
}

IoUringEngine::~IoUringEngine() {
    drain();
    {
        MutexLocker lock(m_mutex);
        m_stopping = true;
    }
    wakeThread();
    if (m_thread.joinable())
        m_thread.join();
    io_uring_queue_exit(&m_ring);
}

void IoUringEngine::enqueue(std::unique_ptr<IoTask> task) {
    bool wasEmpty;
    {
        MutexLocker lock(m_mutex);
        wasEmpty = m_incoming.empty();
        m_incoming.push_back(std::move(task));
    }
    if (wasEmpty) // else the thread has a wake-up coming already
        wakeThread();
}

void IoUringEngine::wakeThread() {
    uint64_t one = 1;
    while (::write(m_wake.get(), &one, sizeof one) < 0 && errno == EINTR) {
    }
}

void IoUringEngine::run(const ThreadStarted& threadStarted) {
    if (threadStarted)
        threadStarted();
    armWake();
    while (takeIncoming()) {
        fillRing();
        int result = io_uring_submit_and_wait(&m_ring, 1);
        if (result < 0 && result != -EINTR && result != -EAGAIN && result != -EBUSY) {
            // Only a wrong seccomp filter or a bug of ours gets here, and the guest's disk is gone.
            logError("disk", systemError(-result, "io_uring_enter").detail);
            std::abort();
        }
        reap();
    }
}

bool IoUringEngine::takeIncoming() {
    MutexLocker lock(m_mutex);
    for (auto& task : m_incoming)
        m_backlog.push_back(std::move(task));
    m_incoming.clear();
    return !m_stopping;
}

void IoUringEngine::fillRing() {
    while (!m_backlog.empty() && m_inRing < kQueueDepth - 1) {
        std::unique_ptr<IoTask> task = std::move(m_backlog.front());
        m_backlog.pop_front();
        bool unfinished = true;
        while (unfinished && task->step().kind == IoStep::Kind::None)
            unfinished = advance(task, 0);
        if (!unfinished)
            continue;
        if (!prepare(*task)) { // the ring is full of entries the kernel has not taken yet
            m_backlog.push_front(std::move(task));
            return;
        }
        ++m_inRing;
        task.release(); // comes back in its completion entry
    }
}

void IoUringEngine::armWake() {
    io_uring_sqe* entry = io_uring_get_sqe(&m_ring);
    if (!entry) { // one entry is always left for it
        logError("disk", "io_uring has no entry for the wake-up");
        std::abort();
    }
    io_uring_prep_read(entry, m_wake.get(), &m_wakeCount, sizeof m_wakeCount, 0);
    io_uring_sqe_set_data(entry, kWakeUserData);
}

bool IoUringEngine::prepare(IoTask& task) {
    // The last free entry is the wake-up's.
    if (io_uring_sq_space_left(&m_ring) < 2)
        return false;
    io_uring_sqe* entry = io_uring_get_sqe(&m_ring);
    if (!entry)
        return false;
    const IoStep& step = task.step();
    switch (step.kind) {
    case IoStep::Kind::None:
        io_uring_prep_nop(entry);
        break;
    case IoStep::Kind::Read:
        io_uring_prep_readv(entry, step.fd, step.buffers, step.bufferCount, step.offsetBytes);
        break;
    case IoStep::Kind::Write:
        io_uring_prep_writev2(entry, step.fd, step.buffers, step.bufferCount, step.offsetBytes,
                              step.flags);
        break;
    case IoStep::Kind::DataSync:
        io_uring_prep_fsync(entry, step.fd, IORING_FSYNC_DATASYNC);
        break;
    case IoStep::Kind::Allocate:
        io_uring_prep_fallocate(entry, step.fd, step.flags, static_cast<off_t>(step.offsetBytes),
                                static_cast<off_t>(step.lengthBytes));
        break;
    }
    io_uring_sqe_set_data(entry, &task);
    return true;
}

void IoUringEngine::reap() {
    std::array<io_uring_cqe*, 32> completions;
    unsigned count;
    while ((count = io_uring_peek_batch_cqe(&m_ring, completions.data(), completions.size())) > 0) {
        bool woken = false;
        for (unsigned i = 0; i < count; ++i) {
            void* data = io_uring_cqe_get_data(completions[i]);
            if (data == kWakeUserData) {
                woken = true;
                continue;
            }
            std::unique_ptr<IoTask> task(static_cast<IoTask*>(data));
            --m_inRing;
            if (advance(task, completions[i]->res))
                m_backlog.push_front(std::move(task)); // continue what has begun first
        }
        io_uring_cq_advance(&m_ring, count);
        if (woken)
            armWake();
    }
}

} // namespace vivarium
