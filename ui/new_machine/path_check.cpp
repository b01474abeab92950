#include "ui/new_machine/path_check.h"

#include "ui/widgets/background.h"
#include "ui/widgets/future_reply.h"

#include <utility>

namespace vivarium {

namespace {
constexpr int kPatienceMs = 400;
constexpr int kHangsMs = 5000;
// Looks at a drive that hangs never come back; a few more are tried for other paths.
constexpr int kMaxRunning = 3;
} // namespace

PathCheck::PathCheck(InlineMessage& message) : QObject(&message), m_message(message) {
    m_patience.setSingleShot(true);
    connect(&m_patience, &QTimer::timeout, this, &PathCheck::showPatience);
}

void PathCheck::ask(Look look) {
    ++m_asked;
    m_next = std::move(look);
    m_isSettled = false;
    if (m_running == 0 || (m_isOverdue && m_running < kMaxRunning))
        lookNext();
    Q_EMIT
    changed();
}

void PathCheck::lookNext() {
    ++m_running;
    m_isOverdue = false;
    m_patience.start(kPatienceMs);
    whenFinished(this, computeInBackground(std::exchange(m_next, nullptr)),
                 [this, question = m_asked](const QFuture<FieldProblem>& answer) {
                     --m_running;
                     if (question == m_asked)
                         settle(answer.result());
                     else if (m_next)
                         lookNext();
                 });
}

void PathCheck::settle(const FieldProblem& problem) {
    ++m_asked; // what still runs is out of date
    m_next = nullptr;
    m_patience.stop();
    m_problem = problem;
    m_isSettled = true;
    showProblem(m_message, problem);
    Q_EMIT
    changed();
}

void PathCheck::showPatience() {
    if (m_isOverdue) {
        m_message.show(InlineMessage::Level::Warning,
                       tr("The folder or drive does not answer. A network drive may have gone."));
        return;
    }
    m_isOverdue = true;
    m_message.show(InlineMessage::Level::Hint, tr("Checking…"));
    m_patience.start(kHangsMs - kPatienceMs);
    if (m_next && m_running < kMaxRunning)
        lookNext();
}

} // namespace vivarium
