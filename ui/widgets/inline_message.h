#pragma once

#include <QFrame>

class QLabel;

namespace vivarium {

// A line below a field that says what is wrong with it, or a hint; takes no room while empty.
class InlineMessage : public QFrame {
    Q_OBJECT
public:
    enum class Level { Hint, Warning, Error };
    explicit InlineMessage(QWidget* parent = nullptr);

    void show(Level level, const QString& text);
    void clear();
    QString text() const;
    Level level() const { return m_level; }
    QSize sizeHint() const override;

private:
    QLabel* m_icon;
    QLabel* m_text;
    Level m_level = Level::Hint;
};

} // namespace vivarium
