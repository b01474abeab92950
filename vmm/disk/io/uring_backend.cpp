#include "vmm/disk/io/uring_backend.h"

#include "vmm/base/log.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace vivarium {

namespace {

constexpr void* kWakeUserData = nullptr;

constexpr uint64_t kLongReadBytes = 64 * 1024;

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

Result<std::unique_ptr<IoBackend>> UringBackend::create() {
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
    io_uring_ring_dontfork(&ring); // a copy of the process would keep the ring and its files alive
    std::unique_ptr<UringBackend> backend(new UringBackend(ring, std::move(wake)));
    backend->armWake();
    return std::unique_ptr<IoBackend>(std::move(backend));
}

void UringBackend::keepKernelWorkers() {
    struct KeptRing {
        io_uring ring;
        bool open = io_uring_queue_init(1, &ring, 0) == 0; // refused: so is every other ring
        KeptRing() {
            if (open)
                io_uring_ring_dontfork(&ring);
        }
        ~KeptRing() {
            if (open)
                io_uring_queue_exit(&ring);
        }
    };
    static const thread_local KeptRing kept;
    static_cast<void>(kept);
}

UringBackend::~UringBackend() {
    io_uring_queue_exit(&m_ring);
}

void UringBackend::wake() {
    uint64_t one = 1;
    while (::write(m_wake.get(), &one, sizeof one) < 0 && errno == EINTR) {
    }
}

void UringBackend::armWake() {
    io_uring_sqe* entry = io_uring_get_sqe(&m_ring);
    if (!entry) { // start() always leaves one
        logError("disk", "io_uring has no entry for the wake-up");
        std::abort();
    }
    io_uring_prep_read(entry, m_wake.get(), &m_wakeCount, sizeof m_wakeCount, 0);
    io_uring_sqe_set_data(entry, kWakeUserData);
}

void UringBackend::start(IoOp& op) {
    if (!m_backlog.empty() || m_inKernel >= kQueueDepth - 1 || !prepare(op))
        m_backlog.push_back(&op);
}

bool UringBackend::prepare(IoOp& op) {
    if (io_uring_sq_space_left(&m_ring) < 2) // the last free entry is the wake-up's
        return false;
    io_uring_sqe* entry = io_uring_get_sqe(&m_ring);
    if (!entry)
        return false;
    const unsigned buffers = std::min(op.bufferCount, kMaxStepBuffers);
    auto allocate = [&](int mode) {
        io_uring_prep_fallocate(entry, op.fd, mode, static_cast<off_t>(op.offsetBytes),
                                static_cast<off_t>(op.lengthBytes));
    };
    switch (op.kind) {
    case IoOp::Kind::Read:
        io_uring_prep_readv(entry, op.fd, op.buffers, buffers, op.offsetBytes);
        break;
    case IoOp::Kind::Write:
        io_uring_prep_writev(entry, op.fd, op.buffers, buffers, op.offsetBytes);
        break;
    case IoOp::Kind::DataSync:
        io_uring_prep_fsync(entry, op.fd, IORING_FSYNC_DATASYNC);
        break;
    case IoOp::Kind::PunchHole:
        allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
        break;
    case IoOp::Kind::ZeroRange:
        allocate(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE);
        break;
    case IoOp::Kind::Allocate:
        allocate(0);
        break;
    }
    io_uring_sqe_set_data(entry, &op);
    // What is in the page cache is copied by this thread when it is submitted. Where several long
    // reads come together, the kernel's workers copy on other CPUs meanwhile.
    if (op.kind == IoOp::Kind::Read && op.cached && m_inKernel > 0 &&
        op.transferBytes() >= kLongReadBytes)
        entry->flags |= IOSQE_ASYNC;
    ++m_inKernel;
    return true;
}

void UringBackend::reap(IoLoop& loop, Patience patience) {
    while (!m_backlog.empty() && m_inKernel < kQueueDepth - 1 && prepare(*m_backlog.front()))
        m_backlog.pop_front();
    int result = 0;
    if (patience == Patience::Wait)
        result = io_uring_submit_and_wait(&m_ring, 1);
    else if (io_uring_sq_ready(&m_ring) > 0)
        result = io_uring_submit(&m_ring);
    if (result < 0 && result != -EINTR && result != -EAGAIN && result != -EBUSY) {
        // Only a wrong seccomp filter or a bug of ours gets here, and the guest's disk is gone.
        logError("disk", systemError(-result, "io_uring_enter").detail);
        std::abort();
    }
    std::array<io_uring_cqe*, 32> completions;
    struct Finished {
        IoOp* op;
        int64_t result;
    };
    std::array<Finished, 32> finished;
    unsigned count;
    while ((count = io_uring_peek_batch_cqe(&m_ring, completions.data(), completions.size())) > 0) {
        unsigned ops = 0;
        bool woken = false;
        for (unsigned i = 0; i < count; ++i) {
            void* data = io_uring_cqe_get_data(completions[i]);
            if (data == kWakeUserData)
                woken = true;
            else
                finished[ops++] = {static_cast<IoOp*>(data), completions[i]->res};
        }
        io_uring_cq_advance(&m_ring, count);
        m_inKernel -= ops;
        if (woken)
            armWake();
        for (unsigned i = 0; i < ops; ++i)
            loop.callDone(*finished[i].op, finished[i].result);
    }
}

} // namespace vivarium
