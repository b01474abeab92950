#pragma once

#include "vmm/base/result.h"
#include "vmm/base/thread_annotations.h"
#include "vmm/disk/io/async_file.h"
#include "vmm/disk/io/io_engine.h"
#include "vmm/disk/io/task.h"

#include <coroutine>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

namespace vivarium {

class IoLoop;

constexpr unsigned kMaxStepBuffers = 1024; // of one system call: IOV_MAX of Linux

// Carries out the single system calls of an IoLoop.
class IoBackend {
public:
    virtual ~IoBackend() = default;
    // Loop thread. Runs op's next call; its result goes to IoLoop::callDone from reap().
    virtual void start(IoOp& op) = 0;
    // Loop thread. Hands over finished calls; with Wait it sleeps until one is there or wake().
    enum class Patience { Poll, Wait };
    virtual void reap(IoLoop& loop, Patience patience) = 0;
    // Any thread. The present or the next waiting reap() returns.
    virtual void wake() = 0;
};

// The thread of one disk (or one job): it runs coroutines, starts their file operations and resumes
// them when those are done. Everything but post() and stop() belongs to the thread that runs it.
class IoLoop {
public:
    // `engine`: not set means io_uring, or a few threads where the host refuses it. All system
    // resources are acquired here. `threadStarted` runs first on the pool's threads.
    static Result<std::unique_ptr<IoLoop>>
    create(std::optional<IoEngine::Kind> engine = {},
           const IoEngine::ThreadStarted& threadStarted = {});
    ~IoLoop();

    // Any thread; runs in order on the loop's thread.
    void post(std::function<void()> function);
    // Runs until stop(), which any thread may call.
    void run();
    void stop();
    // Runs until `task` is over; its value. Only where run() is not running.
    template <class T>
    T runUntilDone(Task<T> task) {
        for (;;) {
            runReady();
            if (task.done())
                return task.takeValue();
            reap();
        }
    }

    void start(IoOp& op) { m_backend->start(op); }
    // Resumes soon, after what runs now has come to a wait.
    void resumeSoon(std::coroutine_handle<> handle) { m_ready.push_back(handle); }
    // Completes an operation soon with a result known already.
    void completeSoon(IoOp& op, int errorNumber) {
        m_due.push_back({&op, Due::Of::Operation, errorNumber});
    }
    // callDone() soon, for a call that was made at once.
    void callDoneSoon(IoOp& op, int64_t result) { m_due.push_back({&op, Due::Of::Call, result}); }
    // The result of op's last call: bytes or a negative errno. Short transfers continue.
    void callDone(IoOp& op, int64_t result);
    IoEngine::Kind engineKind() const { return m_kind; }

private:
    IoLoop(IoEngine::Kind kind, std::unique_ptr<IoBackend> backend)
        : m_kind(kind), m_backend(std::move(backend)) {}
    void runReady();
    void reap();
    void takePosted();
    bool mayWait();

    IoEngine::Kind m_kind;
    std::unique_ptr<IoBackend> m_backend;
    struct Due { // a result that is known already
        IoOp* op;
        enum class Of { Call, Operation } of;
        int64_t result; // as callDone() has it, or the errno
    };
    std::deque<Due> m_due;
    std::deque<std::coroutine_handle<>> m_ready;
    bool m_stopped = false;

    Mutex m_mutex;
    std::deque<std::function<void()>> m_posted GUARDED_BY(m_mutex);
    bool m_waiting GUARDED_BY(m_mutex) = false;
    bool m_stopping GUARDED_BY(m_mutex) = false;
};

// A co_await that lets everything else which is ready run first.
class YieldTo {
public:
    explicit YieldTo(IoLoop& loop) : m_loop(loop) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) { m_loop.resumeSoon(handle); }
    void await_resume() const noexcept {}

private:
    IoLoop& m_loop;
};

} // namespace vivarium
