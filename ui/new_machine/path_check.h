#pragma once

#include "ui/new_machine/disk_checks.h"

#include <QObject>
#include <QTimer>

#include <functional>

namespace vivarium {

// Looks at a field's path without making the window wait: a network drive that hangs would. Only
// the answer to the latest question counts; "Checking…" stands in the message while one is overdue.
// GUI thread; a child of the message.
class PathCheck : public QObject {
    Q_OBJECT
public:
    // Runs on another thread and may block.
    using Look = std::function<FieldProblem()>;

    explicit PathCheck(InlineMessage& message);

    void ask(Look look);
    // The answer is known without a look.
    void settle(const FieldProblem& problem);
    // Whether the answer has come and is no error.
    bool isUsable() const {
        return m_isSettled &&
               (m_problem.text.isEmpty() || m_problem.level != InlineMessage::Level::Error);
    }

Q_SIGNALS:
    void changed();

private:
    void lookNext();
    void showPatience();

    InlineMessage& m_message;
    FieldProblem m_problem;
    bool m_isSettled = true;
    Look m_next;         // the latest question, not yet looked at
    quint64 m_asked = 0; // questions so far
    int m_running = 0;   // looks that have not come back
    QTimer m_patience;
    bool m_isOverdue = false;
};

} // namespace vivarium
