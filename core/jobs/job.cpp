#include "core/jobs/job.h"

namespace vivarium {

Job::Job(QString title, QFuture<Result<void>> future, QObject* parent)
    : QObject(parent), m_title(std::move(title)) {
    connect(&m_watcher, &QFutureWatcherBase::progressValueChanged, this, [this](int value) {
        const int range = m_watcher.progressMaximum() - m_watcher.progressMinimum();
        if (range <= 0)
            return;
        m_progress = static_cast<double>(value - m_watcher.progressMinimum()) / range;
        Q_EMIT
        progressChanged(m_progress);
    });
    connect(&m_watcher, &QFutureWatcherBase::finished, this, [this] { finish(); });
    m_watcher.setFuture(future);
}

Job::~Job() {
    m_watcher.cancel();
}

void Job::cancel() {
    m_watcher.cancel();
}

void Job::finish() {
    const QFuture<Result<void>> future = m_watcher.future();
    // A cancelled future keeps no result; the work's own word counts when there is one.
    const Result<void> result =
        future.resultCount() > 0
            ? future.resultAt(0)
            : Result<void>(fail(ErrorCode::Cancelled, "The operation was cancelled."));
    if (result)
        m_state = State::Succeeded;
    else
        m_state = result.error().code == ErrorCode::Cancelled ? State::Cancelled : State::Failed;
    if (!result)
        m_error = result.error();
    Q_EMIT
    finished();
}

} // namespace vivarium
