#pragma once

#include "ui/text/user_message.h"

#include <QFrame>

#include <functional>

class QHBoxLayout;
class QLabel;
class QPlainTextEdit;
class QToolButton;

namespace vivarium {

// A band across the top of the console for a state that the user should know: paused, disk full,
// the guest cannot go on. Has the actions for it. A child that lies over the picture.
class ConsoleBanner : public QFrame {
    Q_OBJECT
public:
    struct Action {
        QString text;
        std::function<void()> act;
    };
    enum class Tone { Hint, Paused, Problem };

    explicit ConsoleBanner(QWidget* parent);

    void show(Tone tone, const UserMessage& message, const QList<Action>& actions);
    void dismiss();
    // Call when the parent's size changed.
    void place();
    QString title() const;
    QString detail() const;

private:
    QLabel* m_icon;
    QLabel* m_title;
    QLabel* m_body;
    QPlainTextEdit* m_detail;
    QToolButton* m_detailButton;
    QWidget* m_buttonBox;
    QHBoxLayout* m_buttons;
};

} // namespace vivarium
