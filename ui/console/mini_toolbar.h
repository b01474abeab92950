#pragma once

#include <QFrame>
#include <QTimer>

class QLabel;
class QMenu;
class QToolButton;

namespace vivarium {

// The tool bar of a full screen console: a strip at the lower edge that is always visible and
// unfolds under the pointer, so the way back is never lost. A child of the console's window.
class MiniToolbar : public QFrame {
    Q_OBJECT
public:
    explicit MiniToolbar(QWidget* parent);

    void setTitle(const QString& title);
    // The window's menus, since its menu bar is hidden.
    void setMenus(const QList<QMenu*>& menus);
    // Call when the parent's size changed.
    void place();
    // Shows itself unfolded for a moment: full screen has begun.
    void announce();
    // Unfolds and puts the keyboard focus on the menus (host key + Home).
    void unfold();

Q_SIGNALS:
    void minimizeRequested();
    void leaveRequested();
    void closeRequested();

protected:
    void enterEvent(QEnterEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    void retranslate();
    void setUnfolded(bool unfolded);

    QWidget* m_content;
    QLabel* m_title;
    QToolButton* m_menu;
    QMenu* m_menus;
    QToolButton* m_pin;
    QToolButton* m_minimize;
    QToolButton* m_leave;
    QToolButton* m_close;
    QTimer m_announcement;
    bool m_isUnfolded = true;
};

} // namespace vivarium
