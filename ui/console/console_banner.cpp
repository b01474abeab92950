#include "ui/console/console_banner.h"

#include "ui/widgets/icons.h"

#include <QFontDatabase>
#include <QHBoxLayout>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

namespace vivarium {

namespace {
constexpr int kDetailHeight = 180;
}

ConsoleBanner::ConsoleBanner(QWidget* parent)
    : QFrame(parent), m_icon(new QLabel(this)), m_title(new QLabel(this)), m_body(new QLabel(this)),
      m_detail(new QPlainTextEdit(this)), m_detailButton(new QToolButton(this)),
      m_buttonBox(new QWidget(this)), m_buttons(new QHBoxLayout(m_buttonBox)) {
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Window); // not the dark one around the picture
    setForegroundRole(QPalette::WindowText);
    setFrameShape(QFrame::StyledPanel);
    setCursor(Qt::ArrowCursor);
    QFont bold = font();
    bold.setBold(true);
    m_title->setFont(bold);
    for (QLabel* label : {m_title, m_body}) {
        label->setWordWrap(true);
        label->setTextFormat(Qt::PlainText);
    }
    m_detail->setReadOnly(true);
    m_detail->setLineWrapMode(QPlainTextEdit::NoWrap);
    m_detail->setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
    m_detail->setFixedHeight(kDetailHeight);
    m_detail->hide();
    m_detailButton->setAutoRaise(true);
    m_detailButton->setText(tr("Details"));
    m_detailButton->setCheckable(true);
    m_buttons->setContentsMargins(0, 0, 0, 0);
    m_buttons->addWidget(m_detailButton);

    auto* text = new QVBoxLayout;
    text->setSpacing(2);
    text->addWidget(m_title);
    text->addWidget(m_body);
    auto* row = new QHBoxLayout;
    row->addWidget(m_icon, 0, Qt::AlignTop);
    row->addLayout(text, 1);
    row->addWidget(m_buttonBox);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(10, 6, 10, 6);
    layout->addLayout(row);
    layout->addWidget(m_detail);
    connect(m_detailButton, &QToolButton::toggled, this, [this](bool on) {
        m_detail->setVisible(on);
        place();
    });
    hide();
}

void ConsoleBanner::show(Tone tone, const UserMessage& message, const QList<Action>& actions) {
    QString icon;
    switch (tone) {
    case Tone::Hint:
        icon = QStringLiteral("message-information");
        break;
    case Tone::Paused:
        icon = QStringLiteral("state-paused");
        break;
    case Tone::Problem:
        icon = QStringLiteral("message-warning");
        break;
    }
    m_icon->setPixmap(applicationIcon(icon).pixmap(24, 24));
    m_title->setText(message.title);
    m_body->setText(message.body());
    m_body->setVisible(!message.body().isEmpty());
    m_detail->setPlainText(message.detail);
    m_detailButton->setVisible(!message.detail.isEmpty());
    m_detailButton->setChecked(false);
    while (m_buttons->count() > 1)
        if (QWidget* old = m_buttons->takeAt(1)->widget())
            old->deleteLater();
    for (const Action& action : actions) {
        auto* button = new QPushButton(action.text, m_buttonBox);
        m_buttons->addWidget(button);
        connect(button, &QPushButton::clicked, this, action.act);
    }
    setAccessibleName(message.title);
    setVisible(true);
    place();
}

void ConsoleBanner::dismiss() {
    setVisible(false);
}

void ConsoleBanner::place() {
    if (isHidden())
        return;
    const int width = parentWidget()->width();
    const int wanted = hasHeightForWidth() ? heightForWidth(width) : sizeHint().height();
    setGeometry(0, 0, width,
                std::min(std::max(wanted, minimumSizeHint().height()), parentWidget()->height()));
    raise();
}

QString ConsoleBanner::title() const {
    return m_title->text();
}

QString ConsoleBanner::detail() const {
    return m_detail->toPlainText();
}

} // namespace vivarium
