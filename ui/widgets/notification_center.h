#pragma once

#include "ui/text/user_message.h"

#include <QFrame>
#include <QPointer>

#include <functional>

class QHBoxLayout;
class QLabel;
class QProgressBar;
class QPushButton;
class QToolButton;
class QVBoxLayout;

namespace vivarium {

// One line of the notification center: a failure that stays until it is closed, an action under way
// with a cancel button, or one that can be taken back for some time. Deletes itself when it is
// dismissed.
class Notification : public QFrame {
    Q_OBJECT
public:
    enum class Kind { Failure, Progress, Undo };
    Notification(Kind kind, const UserMessage& message, QWidget* parent);

    UserMessage message() const { return m_message; }
    Kind kind() const { return m_kind; }
    // Adds a button; the notification is dismissed after `act` was called.
    void addAction(const QString& text, std::function<void()> act);
    // How far the action under way is, or how much time is left, of `maximum` steps; 0 of 0:
    // nothing is known.
    void setProgress(int done, int maximum);
    // Ends it; safe to call more than once.
    void dismiss();

Q_SIGNALS:
    void dismissed();

protected:
    void changeEvent(QEvent* event) override;

private:
    void retranslate();
    void toggleDetail();

    Kind m_kind;
    UserMessage m_message;
    QLabel* m_detail;
    QToolButton* m_detailButton;
    QToolButton* m_closeButton;
    QHBoxLayout* m_buttons;
    QProgressBar* m_bar = nullptr; // of an action under way
    bool m_isDismissed = false;
};

// The stack of notifications at the edge of a window: nothing modal, nothing lost. Newest on top;
// at most kMaxNotifications failures, the oldest goes first.
class NotificationCenter : public QFrame {
    Q_OBJECT
public:
    static constexpr int kMaxNotifications = 5;

    explicit NotificationCenter(QWidget* parent = nullptr);

    // A failure. An equal one that is still shown is replaced.
    Notification* showFailure(const UserMessage& message);
    // An action under way; `cancel` (may be empty) is called when the user cancels it. Shown only
    // after kProgressDelayMs, so that quick actions do not flicker.
    QPointer<Notification> showProgress(const QString& title, std::function<void()> cancel);
    // Something that can be taken back until the line goes (UndoableRemovals).
    Notification* showUndo(const UserMessage& message);
    QList<Notification*> notifications() const;

private:
    void insert(Notification* notification);
    void updateVisibility();

    static constexpr int kProgressDelayMs = 300;
    QVBoxLayout* m_layout;
};

} // namespace vivarium
