#pragma once

#include "vmm/base/result.h"

#include <QFuture>
#include <QPromise>
#include <QThreadPool>

#include <functional>
#include <memory>

namespace vivarium {

// How work in the background talks to whoever waits for it. Any thread.
class Progress {
public:
    virtual ~Progress() = default;
    // True once the result is no longer wanted; the work then cleans up and returns Cancelled.
    virtual bool cancelled() const = 0;
    // `done` of `total` units (0 <= done <= total); cheap enough for every step.
    virtual void report(qint64 done, qint64 total) = 0;
};

constexpr int kProgressSteps = 1000;

// Runs `task` on a thread of the application's pool.
void runOnPool(std::function<void()> task);

// Runs `work` in the background on a thread of `pool`. Cancelling the future asks the work to stop;
// its progress is the future's, in thousandths.
template <class T>
QFuture<Result<T>> runInBackground(QThreadPool& pool, std::function<Result<T>(Progress&)> work) {
    class PromiseProgress : public Progress {
    public:
        explicit PromiseProgress(QPromise<Result<T>>& promise) : m_promise(promise) {
            promise.setProgressRange(0, kProgressSteps);
        }
        bool cancelled() const override { return m_promise.isCanceled(); }
        void report(qint64 done, qint64 total) override {
            m_promise.setProgressValue(total > 0 ? static_cast<int>(static_cast<double>(done) /
                                                                    static_cast<double>(total) *
                                                                    kProgressSteps)
                                                 : kProgressSteps);
        }

    private:
        QPromise<Result<T>>& m_promise;
    };
    auto promise = std::make_shared<QPromise<Result<T>>>();
    promise->start();
    auto future = promise->future();
    pool.start([promise, work = std::move(work)] {
        PromiseProgress progress(*promise);
        promise->addResult(work(progress));
        promise->finish();
    });
    return future;
}

// The same on the application's pool.
template <class T>
QFuture<Result<T>> runInBackground(std::function<Result<T>(Progress&)> work) {
    return runInBackground<T>(*QThreadPool::globalInstance(), std::move(work));
}

} // namespace vivarium
