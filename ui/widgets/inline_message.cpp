#include "ui/widgets/inline_message.h"

#include "ui/widgets/icons.h"

#include <QHBoxLayout>
#include <QLabel>

#include <algorithm>

namespace vivarium {

namespace {
constexpr int kIconSize = 16;
}

InlineMessage::InlineMessage(QWidget* parent)
    : QFrame(parent), m_icon(new QLabel(this)), m_text(new QLabel(this)) {
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_icon, 0, Qt::AlignTop);
    layout->addWidget(m_text, 1);
    m_text->setWordWrap(true);
    m_text->setAlignment(Qt::AlignLeft | Qt::AlignTop);
    m_text->setTextFormat(Qt::PlainText);
    m_text->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_text->setFocusPolicy(Qt::NoFocus);
    setVisible(false);
}

void InlineMessage::show(Level level, const QString& text) {
    if (text == m_text->text() && level == m_level && !isHidden())
        return;
    m_level = level;
    m_text->setText(text);
    QString name;
    switch (level) {
    case Level::Hint:
        name = QStringLiteral("message-information");
        break;
    case Level::Warning:
        name = QStringLiteral("message-warning");
        break;
    case Level::Error:
        name = QStringLiteral("message-error");
        break;
    }
    m_icon->setPixmap(applicationIcon(name).pixmap(kIconSize, kIconSize));
    setAccessibleName(text);
    setVisible(!text.isEmpty());
}

void InlineMessage::clear() {
    m_text->clear();
    setVisible(false);
}

// A label that wraps asks for the height of a narrow shape, which leaves a gap below the text; layouts
// add what the width they give needs (heightForWidth).
QSize InlineMessage::sizeHint() const {
    return {QFrame::sizeHint().width(), std::max(kIconSize, fontMetrics().height())};
}

QString InlineMessage::text() const {
    return m_text->text();
}

} // namespace vivarium
