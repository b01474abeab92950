#pragma once

#include "vmm/base/result.h"

#include <QFuture>
#include <QPromise>
#include <QThread>
#include <QThreadPool>

#include <functional>
#include <memory>

namespace vivarium {

// What a running job sees of whoever waits for it. On the job's thread.
class JobControl {
public:
    virtual ~JobControl() = default;
    // 0..1000, never going back.
    virtual void setProgress(int permille) = 0;
    // Whether the future was cancelled; the job then undoes what it did and returns Cancelled.
    virtual bool cancelled() const = 0;
};

namespace detail {
template <class T>
class PromiseControl final : public JobControl {
public:
    explicit PromiseControl(QPromise<Result<T>>& promise) : m_promise(promise) {
        m_promise.setProgressRange(0, 1000);
    }
    void setProgress(int permille) override { m_promise.setProgressValue(permille); }
    bool cancelled() const override { return m_promise.isCanceled(); }

private:
    QPromise<Result<T>>& m_promise;
};
} // namespace detail

// Runs `work` on a thread of the global pool. The future has its progress (0..1000) and result, and
// cancels it. A job that was cancelled before it began does not run.
template <class T>
QFuture<Result<T>> runJob(std::function<Result<T>(JobControl&)> work) {
    auto promise = std::make_shared<QPromise<Result<T>>>();
    QFuture<Result<T>> future = promise->future();
    promise->start();
    QThreadPool::globalInstance()->start([promise, work = std::move(work)] {
        detail::PromiseControl<T> control(*promise);
        promise->addResult(control.cancelled() ? Result<T>(fail(ErrorCode::Cancelled, "cancelled"))
                                               : work(control));
        promise->finish();
    });
    return future;
}

} // namespace vivarium
