#pragma once

#include "ui/text/user_message.h"

#include <QElapsedTimer>
#include <QObject>
#include <QPointer>
#include <QTimer>

#include <functional>
#include <list>

namespace vivarium {

class Notification;
class NotificationCenter;

// Removals that can still be taken back: nothing has happened yet, and each shows a line with an
// Undo button. It is carried out when its time is over, its line is closed, or carryOutAll() is
// called; a program that dies before has removed nothing. The time stands still while the line is
// pointed at or has the focus. GUI thread.
class UndoableRemovals : public QObject {
    Q_OBJECT
public:
    static constexpr int kTimeMs = 15'000;

    explicit UndoableRemovals(NotificationCenter& notifications, QObject* parent = nullptr);

    void add(const UserMessage& message, std::function<void()> carryOut,
             std::function<void()> undo);
    // The window ends.
    void carryOutAll();
    bool isEmpty() const { return m_removals.empty(); }

private:
    struct Removal {
        QPointer<Notification> line;
        std::function<void()> carryOut, undo;
        int leftMs = kTimeMs;
    };
    void countDown();
    void finish(const Notification* line, bool isUndone);

    NotificationCenter& m_notifications;
    std::list<Removal> m_removals;
    QTimer m_clock;
    QElapsedTimer m_sinceTick;
};

} // namespace vivarium
