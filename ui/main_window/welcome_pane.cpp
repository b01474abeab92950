#include "ui/main_window/welcome_pane.h"

#include "ui/widgets/icons.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

namespace vivarium {

namespace {
constexpr int kTextWidth = 440;
}

WelcomePane::WelcomePane(QWidget* parent)
    : QWidget(parent), m_title(new QLabel(this)), m_text(new QLabel(this)),
      m_new(new QPushButton(this)), m_add(new QPushButton(this)) {
    auto* picture = new QLabel(this);
    picture->setPixmap(applicationIcon(QStringLiteral("vivarium")).pixmap(128, 128));
    QFont large = m_title->font();
    large.setPointSizeF(large.pointSizeF() * 1.6);
    large.setBold(true);
    m_title->setFont(large);
    m_text->setWordWrap(true);
    m_text->setAlignment(Qt::AlignCenter);
    m_text->setFixedWidth(kTextWidth);
    m_new->setIcon(applicationIcon(QStringLiteral("machine-new")));
    m_add->setIcon(applicationIcon(QStringLiteral("machine-add")));
    for (QPushButton* button : {m_new, m_add})
        button->setIconSize(QSize(24, 24));
    auto* buttons = new QHBoxLayout;
    buttons->addStretch();
    buttons->addWidget(m_new);
    buttons->addWidget(m_add);
    buttons->addStretch();
    auto* layout = new QVBoxLayout(this);
    layout->addStretch(2);
    layout->addWidget(picture, 0, Qt::AlignHCenter);
    layout->addWidget(m_title, 0, Qt::AlignHCenter);
    layout->addSpacing(8);
    layout->addWidget(m_text, 0, Qt::AlignHCenter);
    layout->addSpacing(16);
    layout->addLayout(buttons);
    layout->addStretch(3);
    connect(m_new, &QPushButton::clicked, this, &WelcomePane::newRequested);
    connect(m_add, &QPushButton::clicked, this, &WelcomePane::addRequested);
    retranslate();
}

void WelcomePane::changeEvent(QEvent* event) {
    if (event->type() == QEvent::LanguageChange)
        retranslate();
    QWidget::changeEvent(event);
}

void WelcomePane::retranslate() {
    m_title->setText(tr("Welcome to Vivarium"));
    m_text->setText(tr("There are no machines yet. “New” makes one from the image of an "
                       "installation disk; “Add” takes a disk that you already have."));
    m_new->setText(tr("&New…"));
    m_add->setText(tr("&Add…"));
}

} // namespace vivarium
