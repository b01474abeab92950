#include "ui/widgets/undoable_removals.h"

#include "ui/widgets/notification_center.h"

#include <QApplication>

#include <algorithm>

namespace vivarium {

namespace {
constexpr int kTickMs = 100;
}

UndoableRemovals::UndoableRemovals(NotificationCenter& notifications, QObject* parent)
    : QObject(parent), m_notifications(notifications) {
    m_clock.setInterval(kTickMs);
    connect(&m_clock, &QTimer::timeout, this, &UndoableRemovals::countDown);
}

void UndoableRemovals::add(const UserMessage& message, std::function<void()> carryOut,
                           std::function<void()> undo) {
    Notification* line = m_notifications.showUndo(message);
    m_removals.push_back({line, std::move(carryOut), std::move(undo)});
    line->addAction(tr("&Undo"), [this, line] { finish(line, true); });
    // Queued: the button dismisses the line first and calls then.
    connect(
        line, &Notification::dismissed, this, [this, line] { finish(line, false); },
        Qt::QueuedConnection);
    line->setProgress(kTimeMs, kTimeMs);
    if (!m_clock.isActive()) {
        m_sinceTick.start();
        m_clock.start();
    }
}

void UndoableRemovals::finish(const Notification* line, bool isUndone) {
    const auto found = std::find_if(m_removals.begin(), m_removals.end(),
                                    [line](const Removal& one) { return one.line == line; });
    if (found == m_removals.end())
        return;
    const Removal removal = std::move(*found);
    m_removals.erase(found);
    if (m_removals.empty())
        m_clock.stop();
    (isUndone ? removal.undo : removal.carryOut)();
}

void UndoableRemovals::carryOutAll() {
    while (!m_removals.empty()) {
        const QPointer<Notification> line = m_removals.front().line;
        const Removal removal = std::move(m_removals.front());
        m_removals.pop_front();
        if (line)
            line->dismiss();
        removal.carryOut();
    }
    m_clock.stop();
}

void UndoableRemovals::countDown() {
    const int passedMs = static_cast<int>(m_sinceTick.restart());
    for (Removal& removal : m_removals) {
        Notification* line = removal.line;
        if (!line || line->underMouse() || line->isAncestorOf(QApplication::focusWidget()))
            continue;
        removal.leftMs = std::max(removal.leftMs - passedMs, 0);
        line->setProgress(removal.leftMs, kTimeMs);
        if (removal.leftMs == 0)
            line->dismiss();
    }
}

} // namespace vivarium
