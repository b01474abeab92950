#pragma once

#include "app/cli/command_context.h"
#include "app/cli/disk_jobs.h"

namespace vivarium::cli {

// Waits for an operation and shows its progress; Ctrl+C cancels it, and the end of the context then
// waits until it is undone.
template <class T>
Result<T> awaitOperation(CommandContext& context, const QFuture<Result<T>>& future) {
    ProgressLine line;
    QFutureWatcher<Result<T>> watcher;
    QObject::connect(&watcher, &QFutureWatcherBase::progressValueChanged,
                     [&](int value) { line.show(value); });
    watcher.setFuture(future);
    return context.await(future);
}

} // namespace vivarium::cli
