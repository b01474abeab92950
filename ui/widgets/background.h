#pragma once

#include <QFuture>
#include <QPromise>
#include <QThreadPool>

#include <memory>
#include <type_traits>
#include <utility>

namespace vivarium {

// Runs `work` (which touches a slow thing such as a file) on a pool thread; its value comes through
// the future. The future cannot be cancelled: callers drop it instead.
template <class Work>
auto computeInBackground(Work&& work) {
    using Value = std::invoke_result_t<Work>;
    auto promise = std::make_shared<QPromise<Value>>();
    promise->start();
    QThreadPool::globalInstance()->start([promise, job = std::forward<Work>(work)]() mutable {
        promise->addResult(job());
        promise->finish();
    });
    return promise->future();
}

} // namespace vivarium
