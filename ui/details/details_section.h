#pragma once

#include <QFrame>
#include <QList>
#include <QString>

class QLabel;
class QToolButton;

namespace vivarium {

// A titled box of the details: icon and title (which opens the matching settings), and lines of
// "name: value".
class DetailsSection : public QFrame {
    Q_OBJECT
public:
    struct Line {
        QString name; // empty: the value takes the whole width
        QString value;
    };
    explicit DetailsSection(const QString& iconName, QWidget* parent = nullptr);

    void setTitle(const QString& title, const QString& toolTip);
    void setLines(const QList<Line>& lines);
    // What is shown when one points at the lines.
    void setDetail(const QString& detail);
    // The lines as plain text, for tests and assistive technology.
    QString plainText() const { return m_plainText; }

Q_SIGNALS:
    void titleClicked();

private:
    QToolButton* m_title;
    QLabel* m_body;
    QString m_plainText;
};

} // namespace vivarium
