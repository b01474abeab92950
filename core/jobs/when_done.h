#pragma once

#include "vmm/base/result.h"

#include <QFuture>
#include <QFutureWatcher>
#include <QObject>

#include <utility>

namespace vivarium {

// Calls `handle(Result<T>)` on `context`'s thread once `future` has finished or was cancelled
// (Cancelled), and never when `context` has gone before: what QFuture::then(context, ...) does not
// promise.
template <class T, class Handler>
void whenDone(QObject* context, const QFuture<Result<T>>& future, Handler&& handle) {
    auto* watcher = new QFutureWatcher<Result<T>>(context);
    QObject::connect(
        watcher, &QFutureWatcherBase::finished, context,
        [watcher, handler = std::forward<Handler>(handle)]() mutable {
            watcher->deleteLater();
            const QFuture<Result<T>> done = watcher->future();
            if (done.resultCount() > 0)
                handler(done.resultAt(0));
            else
                handler(Result<T>(fail(ErrorCode::Cancelled, "The operation was cancelled.")));
        });
    watcher->setFuture(future);
}

} // namespace vivarium
