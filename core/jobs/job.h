#pragma once

#include "vmm/base/result.h"

#include <QFuture>
#include <QFutureWatcher>
#include <QObject>
#include <QString>

namespace vivarium {

// A long operation that somebody watches: its title, progress, cancel and result. Lives on the
// thread that made it; the work runs elsewhere.
class Job : public QObject {
    Q_OBJECT
public:
    enum class State { Running, Succeeded, Failed, Cancelled };

    // `title`: what happens, in the user's language ("Creating disk.img").
    Job(QString title, QFuture<Result<void>> future, QObject* parent = nullptr);
    // Cancels what still runs; does not wait for it.
    ~Job() override;

    QString title() const { return m_title; }
    State state() const { return m_state; }
    // 0..1; -1 when the work does not tell.
    double progress() const { return m_progress; }
    // The failure; only in the states Failed and Cancelled.
    const Error& error() const { return m_error; }
    // Asks the work to stop; `finished` follows when it has cleaned up.
    void cancel();

Q_SIGNALS:
    void progressChanged(double progress);
    void finished(); // once, in any state but Running

private:
    void finish();

    QString m_title;
    State m_state = State::Running;
    double m_progress = -1;
    Error m_error;
    QFutureWatcher<Result<void>> m_watcher;
};

} // namespace vivarium
