#pragma once

#include <QWidget>

class QLabel;
class QPushButton;

namespace vivarium {

// What the main window shows while the library is empty.
class WelcomePane : public QWidget {
    Q_OBJECT
public:
    explicit WelcomePane(QWidget* parent = nullptr);

Q_SIGNALS:
    void newRequested();
    void addRequested();

protected:
    void changeEvent(QEvent* event) override;

private:
    void retranslate();

    QLabel* m_title;
    QLabel* m_text;
    QPushButton* m_new;
    QPushButton* m_add;
};

} // namespace vivarium
