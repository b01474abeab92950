#pragma once

#include "vmm/base/result.h"

#include <QFuture>
#include <QFutureWatcher>
#include <QObject>

#include <utility>

namespace vivarium {

// The value of a finished future of Result<T>; ErrorCode::Cancelled when it was cancelled.
template <class T>
Result<T> takeReply(const QFuture<Result<T>>& future) {
    if (future.isCanceled() || future.resultCount() == 0)
        return fail(ErrorCode::Cancelled, "cancelled");
    return future.result();
}

// Calls `handle(future)` once `future` has finished or was cancelled, on the thread of `context`;
// never when `context` has gone before. (QFuture::then() with a context asserts in that case.)
template <class T, class Handler>
void whenFinished(QObject* context, const QFuture<T>& future, Handler&& handle) {
    auto* watcher = new QFutureWatcher<T>(context);
    QObject::connect(watcher, &QFutureWatcherBase::finished, context,
                     [watcher, handler = std::forward<Handler>(handle)]() mutable {
                         watcher->deleteLater();
                         handler(watcher->future());
                     });
    watcher->setFuture(future);
}

// The same for a future of Result<T>: `handle(Result<T>)`.
template <class T, class Handler>
void whenReplied(QObject* context, const QFuture<Result<T>>& future, Handler&& handle) {
    whenFinished(context, future,
                 [handler = std::forward<Handler>(handle)](const QFuture<Result<T>>& done) mutable {
                     handler(takeReply(done));
                 });
}

} // namespace vivarium
