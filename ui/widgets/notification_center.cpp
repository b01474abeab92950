#include "ui/widgets/notification_center.h"

#include "ui/widgets/icons.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QTimer>
#include <QToolButton>
#include <QVBoxLayout>

namespace vivarium {

namespace {
constexpr qsizetype kShortDetailLength = 200;
}

Notification::Notification(Kind kind, const UserMessage& message, QWidget* parent)
    : QFrame(parent), m_kind(kind), m_message(message), m_detail(new QLabel(this)),
      m_detailButton(new QToolButton(this)), m_closeButton(new QToolButton(this)),
      m_buttons(new QHBoxLayout) {
    setFrameShape(QFrame::StyledPanel);
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    setAccessibleName(message.title);

    auto* icon = new QLabel(this);
    const bool failed = kind == Kind::Failure;
    icon->setPixmap(applicationIcon(failed ? QStringLiteral("message-error")
                                    : kind == Kind::Progress
                                        ? QStringLiteral("state-busy")
                                        : QStringLiteral("message-information"))
                        .pixmap(24, 24));
    auto* title = new QLabel(message.title, this);
    title->setTextFormat(Qt::PlainText);
    title->setWordWrap(true);
    QFont bold = title->font();
    bold.setBold(kind != Kind::Progress);
    title->setFont(bold);
    auto* body = new QLabel(message.body(), this);
    body->setTextFormat(Qt::PlainText);
    body->setWordWrap(true);
    body->setVisible(!message.body().isEmpty());
    m_detail->setText(message.detail);
    m_detail->setTextFormat(Qt::PlainText);
    m_detail->setWordWrap(true);
    // A short detail, such as which file is missing, is what one wants to know first.
    const bool isShort =
        message.detail.size() <= kShortDetailLength && !message.detail.contains(u'\n');
    m_detail->setVisible(isShort && !message.detail.isEmpty());
    if (!isShort) {
        m_detail->setFrameShape(QFrame::StyledPanel);
        m_detail->setFont(QFont(QStringLiteral("monospace"), font().pointSize()));
    }
    for (QLabel* label : {title, body, m_detail})
        label->setTextInteractionFlags(Qt::TextSelectableByMouse);

    m_detailButton->setVisible(!isShort);
    m_detailButton->setAutoRaise(true);
    m_closeButton->setIcon(applicationIcon(QStringLiteral("close")));
    m_closeButton->setAutoRaise(true);
    m_closeButton->setVisible(kind != Kind::Progress);

    auto* text = new QVBoxLayout;
    text->setSpacing(2);
    text->addWidget(title);
    text->addWidget(body);
    text->addWidget(m_detail);
    if (!failed) {
        m_bar = new QProgressBar(this);
        m_bar->setRange(0, 0);
        m_bar->setTextVisible(false);
        m_bar->setMaximumHeight(kind == Kind::Undo ? 4 : 8);
        m_bar->setAccessibleName(message.title);
        text->addWidget(m_bar);
    }
    m_buttons->setSpacing(4);
    m_buttons->addWidget(m_detailButton);
    m_buttons->addWidget(m_closeButton);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(8, 6, 6, 6);
    layout->addWidget(icon, 0, Qt::AlignTop);
    layout->addLayout(text, 1);
    layout->addLayout(m_buttons);
    layout->setAlignment(m_buttons, Qt::AlignTop);

    connect(m_detailButton, &QToolButton::clicked, this, &Notification::toggleDetail);
    connect(m_closeButton, &QToolButton::clicked, this, &Notification::dismiss);
    retranslate();
}

void Notification::addAction(const QString& text, std::function<void()> act) {
    auto* button = new QPushButton(text, this);
    m_buttons->insertWidget(m_buttons->count() - 2, button);
    connect(button, &QPushButton::clicked, this, [this, call = std::move(act)] {
        dismiss();
        call();
    });
}

void Notification::setProgress(int done, int maximum) {
    if (!m_bar)
        return;
    m_bar->setRange(0, maximum);
    m_bar->setValue(done);
}

void Notification::dismiss() {
    if (m_isDismissed)
        return;
    m_isDismissed = true;
    hide();
    Q_EMIT
    dismissed();
    deleteLater();
}

void Notification::toggleDetail() {
    m_detail->setVisible(m_detail->isHidden());
    retranslate();
}

void Notification::changeEvent(QEvent* event) {
    if (event->type() == QEvent::LanguageChange)
        retranslate();
    QFrame::changeEvent(event);
}

void Notification::retranslate() {
    m_detailButton->setText(m_detail->isHidden() ? tr("Show Details") : tr("Hide Details"));
    m_closeButton->setToolTip(tr("Close"));
    m_closeButton->setAccessibleName(tr("Close"));
}

NotificationCenter::NotificationCenter(QWidget* parent)
    : QFrame(parent), m_layout(new QVBoxLayout(this)) {
    m_layout->setContentsMargins(6, 6, 6, 6);
    m_layout->setSpacing(4);
    setVisible(false);
}

Notification* NotificationCenter::showFailure(const UserMessage& message) {
    QList<Notification*> failures;
    for (Notification* old : notifications()) {
        if (old->kind() != Notification::Kind::Failure)
            continue;
        if (old->message() == message)
            old->dismiss();
        else
            failures << old;
    }
    if (failures.size() >= kMaxNotifications)
        failures.last()->dismiss();
    auto* notification = new Notification(Notification::Kind::Failure, message, this);
    insert(notification);
    return notification;
}

QPointer<Notification> NotificationCenter::showProgress(const QString& title,
                                                        std::function<void()> cancel) {
    UserMessage message;
    message.title = title;
    auto* notification = new Notification(Notification::Kind::Progress, message, this);
    if (cancel)
        notification->addAction(tr("Cancel"), std::move(cancel));
    notification->setVisible(false);
    QTimer::singleShot(kProgressDelayMs, notification,
                       [this, notification] { insert(notification); });
    return notification;
}

Notification* NotificationCenter::showUndo(const UserMessage& message) {
    auto* notification = new Notification(Notification::Kind::Undo, message, this);
    insert(notification);
    return notification;
}

QList<Notification*> NotificationCenter::notifications() const {
    QList<Notification*> list;
    for (int i = 0; i < m_layout->count(); ++i)
        if (auto* notification = qobject_cast<Notification*>(m_layout->itemAt(i)->widget()))
            list << notification;
    return list;
}

void NotificationCenter::insert(Notification* notification) {
    connect(notification, &Notification::dismissed, this, [this, notification] {
        m_layout->removeWidget(notification);
        updateVisibility();
    });
    m_layout->insertWidget(0, notification);
    notification->setVisible(true);
    updateVisibility();
}

void NotificationCenter::updateVisibility() {
    setVisible(!notifications().isEmpty());
}

} // namespace vivarium
