#pragma once

#include "vmm/base/result.h"
#include "vmm/base/thread_annotations.h"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>

#include <sys/uio.h>

namespace vivarium {

// One system call of a disk request.
struct IoStep {
    enum class Kind { None /* nothing to call */, Read, Write, DataSync, Allocate };
    Kind kind = Kind::None;
    int fd = -1;
    uint64_t offsetBytes = 0;
    uint64_t lengthBytes = 0;       // Allocate
    const iovec* buffers = nullptr; // Read, Write; valid until the step's result is known
    unsigned bufferCount = 0;       // 1..kMaxStepBuffers
    int flags = 0;                  // RWF_* for Write, FALLOC_FL_* for Allocate
};

constexpr unsigned kMaxStepBuffers = 1024; // IOV_MAX of Linux

// A disk request as a sequence of steps: the next step depends on the last one's result (short
// transfers, fallbacks). Runs on an I/O thread, one step at a time.
class IoTask {
public:
    virtual ~IoTask() = default;
    virtual const IoStep& step() const = 0;
    // `result`: bytes (0 for calls without a count) or a negative errno. True: step() is the next
    // one to run. False: the task is over and has told its owner.
    virtual bool stepDone(int64_t result) = 0;
};

// Runs tasks on I/O threads of its own, each task's steps in order, tasks in any order.
class IoEngine {
public:
    enum class Kind { IoUring, ThreadPool };
    // `threadStarted` runs first on every I/O thread (thread name, seccomp filter); may be empty.
    using ThreadStarted = std::function<void()>;
    // Everything that needs rights (the ring, the threads) is set up here. Error: Unsupported
    // when the kernel or a filter refuses io_uring.
    static Result<std::unique_ptr<IoEngine>> create(Kind kind, ThreadStarted threadStarted);

    virtual ~IoEngine() = default; // a derived destructor drains first
    virtual Kind kind() const = 0;
    // Any thread; never blocks on I/O. The number of waiting tasks is the caller's to bound.
    void submit(std::unique_ptr<IoTask> task);
    // Waits until every submitted task is over. Any thread but an I/O thread.
    void drain();

protected:
    virtual void enqueue(std::unique_ptr<IoTask> task) = 0;
    // Reports the present step's result; true when the task has another step to run. A finished
    // task is destroyed before it stops counting as in flight.
    bool advance(std::unique_ptr<IoTask>& task, int64_t result);

private:
    Mutex m_countMutex;
    std::condition_variable_any m_idle;
    size_t m_tasks GUARDED_BY(m_countMutex) = 0;
};

} // namespace vivarium
