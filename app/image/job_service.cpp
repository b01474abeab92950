#include "app/image/job_service.h"

#include "vmm/base/thread_annotations.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <optional>
#include <thread>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace vivarium::image {

namespace {

using Clock = std::chrono::steady_clock;

// Lines on their way from the job's thread to the one that has the socket.
class Mailbox : public JobOutput {
public:
    struct Mail {
        std::string_view method;
        nlohmann::json params;
    };

    explicit Mailbox(UniqueFd wake) : m_wake(std::move(wake)) {}
    int wakeFd() const { return m_wake.get(); }

    // --- The job's thread ----------------------------------------------------------------------
    void progress(uint64_t doneBytes, uint64_t totalBytes) override {
        const auto now = Clock::now();
        if (now - m_lastProgress < std::chrono::milliseconds(kProgressIntervalMs))
            return;
        m_lastProgress = now;
        post(control::ImageProgress::kMethod,
             control::imageMessageToJson(control::ImageProgress{doneBytes, totalBytes}));
    }
    void extents(const control::ImageExtents& event) override {
        post(control::ImageExtents::kMethod, control::imageMessageToJson(event));
    }
    const std::atomic<bool>& cancelled() const override { return m_cancelled; }
    void finish(Result<nlohmann::json> result) {
        MutexLocker lock(m_mutex);
        m_result.emplace(std::move(result));
        wake();
    }

    // --- The socket's thread -------------------------------------------------------------------
    void cancel() { m_cancelled.store(true, std::memory_order_relaxed); }
    struct Delivery {
        std::deque<Mail> mail;
        std::optional<Result<nlohmann::json>> result; // nothing comes after it
    };
    // Heeds the wake-up before it looks: what comes later wakes again.
    Delivery take() {
        uint64_t count = 0;
        while (::read(m_wake.get(), &count, sizeof count) < 0 && errno == EINTR) {
        }
        MutexLocker lock(m_mutex);
        return {std::exchange(m_mail, {}), std::exchange(m_result, std::nullopt)};
    }

private:
    void post(std::string_view method, nlohmann::json params) {
        MutexLocker lock(m_mutex);
        m_mail.push_back({method, std::move(params)});
        wake();
    }
    void wake() {
        const uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = ::write(m_wake.get(), &one, sizeof one);
    }

    UniqueFd m_wake;
    std::atomic<bool> m_cancelled = false;
    Clock::time_point m_lastProgress{};
    Mutex m_mutex;
    std::deque<Mail> m_mail GUARDED_BY(m_mutex);
    std::optional<Result<nlohmann::json>> m_result GUARDED_BY(m_mutex);
};

// How long poll() may wait; 0 when the time after a cancel is over.
int remainingMs(const std::optional<Clock::time_point>& cancelledAt) {
    if (!cancelledAt)
        return -1;
    const auto left = *cancelledAt + std::chrono::seconds(kCancelGraceSeconds) - Clock::now();
    return static_cast<int>(
        std::max<int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(left).count()));
}

} // namespace

Result<void> serveJob(UniqueFd socket, const JobFunction& job) {
    JobConnection connection = TRY(JobConnection::create(std::move(socket)));
    JobRequest request = TRY(connection.waitForRequest());
    UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake)
        return systemError(errno, "create eventfd");
    Mailbox mailbox(std::move(wake));
    std::jthread worker([&, request = std::move(request)]() mutable {
        mailbox.finish(job(std::move(request), mailbox));
    });
    std::optional<Clock::time_point> cancelledAt;
    for (;;) {
        pollfd waits[2] = {{mailbox.wakeFd(), POLLIN, 0}, {connection.fd(), POLLIN, 0}};
        if (connection.wantsWrite())
            waits[1].events |= POLLOUT;
        const int ready = ::poll(waits, cancelledAt ? 1 : 2, remainingMs(cancelledAt));
        if (ready < 0 && errno != EINTR)
            return systemError(errno, "wait for the job");
        if (ready == 0) // a write of a terabyte of zeroes, a network disk that is gone
            ::_exit(EXIT_FAILURE);
        if (!cancelledAt && waits[1].revents != 0 && !connection.service()) {
            cancelledAt = Clock::now();
            mailbox.cancel();
        }
        if ((waits[0].revents & POLLIN) == 0)
            continue;
        const auto [mail, result] = mailbox.take();
        for (const Mailbox::Mail& each : mail)
            if (!cancelledAt)
                connection.sendEvent(each.method, each.params);
        if (result) {
            if (!cancelledAt)
                connection.finish(*result);
            return {};
        }
    }
}

} // namespace vivarium::image
