#pragma once

#include <QDialog>

class QDialogButtonBox;
class QLabel;
class QListWidget;
class QStackedWidget;

namespace vivarium {

class InlineMessage;

// The look that settings and preferences share: sections with pictures at the left, the page with
// its title at the right, a line for problems above the buttons.
class SettingsDialogFrame : public QDialog {
    Q_OBJECT
public:
    explicit SettingsDialogFrame(QWidget* parent);

    void addPage(const QString& iconName, const QString& title, QWidget* page);
    void showPage(int index);
    int currentPage() const;

protected:
    InlineMessage* message() const { return m_message; }
    QDialogButtonBox* buttons() const { return m_buttons; }
    // Called by OK; accepts by default.
    virtual void apply() { accept(); }

private:
    QListWidget* m_sections;
    QLabel* m_title;
    QStackedWidget* m_pages;
    InlineMessage* m_message;
    QDialogButtonBox* m_buttons;
};

} // namespace vivarium
