#include "ui/console/mini_toolbar.h"

#include "ui/widgets/icons.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QToolButton>

namespace vivarium {

namespace {
constexpr int kStripHeight = 5;
constexpr int kStripWidth = 200;
constexpr int kFoldDelayMs = 700;
constexpr int kAnnouncementMs = 3000; // long enough to be noticed
} // namespace

MiniToolbar::MiniToolbar(QWidget* parent)
    : QFrame(parent), m_content(new QWidget(this)), m_title(new QLabel(m_content)),
      m_menu(new QToolButton(m_content)), m_menus(new QMenu(this)),
      m_pin(new QToolButton(m_content)), m_minimize(new QToolButton(m_content)),
      m_leave(new QToolButton(m_content)), m_close(new QToolButton(m_content)) {
    setAutoFillBackground(true);
    setFrameShape(QFrame::StyledPanel);
    setCursor(Qt::ArrowCursor);
    m_menu->setIcon(applicationIcon(QStringLiteral("menu")));
    m_menu->setMenu(m_menus);
    m_menu->setPopupMode(QToolButton::InstantPopup);
    m_pin->setIcon(applicationIcon(QStringLiteral("pin")));
    m_pin->setCheckable(true);
    m_minimize->setIcon(applicationIcon(QStringLiteral("minimize")));
    m_leave->setIcon(applicationIcon(QStringLiteral("fullscreen-exit")));
    m_close->setIcon(applicationIcon(QStringLiteral("close")));
    auto* row = new QHBoxLayout(m_content);
    row->setContentsMargins(6, 2, 6, 2);
    row->setSpacing(2);
    for (QToolButton* button : {m_menu, m_pin}) {
        button->setAutoRaise(true);
        row->addWidget(button);
    }
    row->addSpacing(12);
    row->addWidget(m_title);
    row->addSpacing(12);
    for (QToolButton* button : {m_minimize, m_leave, m_close}) {
        button->setAutoRaise(true);
        row->addWidget(button);
    }
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_content);

    connect(m_minimize, &QToolButton::clicked, this, &MiniToolbar::minimizeRequested);
    connect(m_leave, &QToolButton::clicked, this, &MiniToolbar::leaveRequested);
    connect(m_close, &QToolButton::clicked, this, &MiniToolbar::closeRequested);
    connect(m_menus, &QMenu::aboutToHide, this, [this] { setUnfolded(underMouse()); });
    m_announcement.setSingleShot(true);
    m_announcement.setInterval(kAnnouncementMs);
    connect(&m_announcement, &QTimer::timeout, this, [this] { setUnfolded(underMouse()); });
    retranslate();
}

void MiniToolbar::setTitle(const QString& title) {
    m_title->setText(title);
    place();
}

void MiniToolbar::setMenus(const QList<QMenu*>& menus) {
    m_menus->clear();
    for (QMenu* menu : menus)
        m_menus->addMenu(menu);
}

void MiniToolbar::place() {
    const QWidget* window = parentWidget();
    const QSize size = m_isUnfolded ? sizeHint() : QSize(kStripWidth, kStripHeight);
    setGeometry((window->width() - size.width()) / 2, window->height() - size.height(),
                size.width(), size.height());
    raise();
}

void MiniToolbar::setUnfolded(bool unfolded) {
    const bool wanted =
        unfolded || m_pin->isChecked() || m_menus->isVisible() || m_announcement.isActive();
    if (wanted == m_isUnfolded)
        return;
    m_isUnfolded = wanted;
    m_content->setVisible(wanted);
    place();
}

void MiniToolbar::announce() {
    m_announcement.start();
    show();
    setUnfolded(true);
    place();
}

void MiniToolbar::unfold() {
    setUnfolded(true);
    m_menu->showMenu();
}

void MiniToolbar::enterEvent(QEnterEvent* event) {
    QFrame::enterEvent(event);
    setUnfolded(true);
}

void MiniToolbar::leaveEvent(QEvent* event) {
    QFrame::leaveEvent(event);
    QTimer::singleShot(kFoldDelayMs, this, [this] { setUnfolded(underMouse()); });
}

void MiniToolbar::changeEvent(QEvent* event) {
    if (event->type() == QEvent::LanguageChange)
        retranslate();
    QFrame::changeEvent(event);
}

void MiniToolbar::retranslate() {
    const auto name = [](QToolButton* button, const QString& text) {
        button->setToolTip(text);
        button->setAccessibleName(text);
    };
    name(m_menu, tr("Menus"));
    name(m_pin, tr("Keep this bar open"));
    name(m_minimize, tr("Minimize"));
    name(m_leave, tr("Leave full screen"));
    name(m_close, tr("Close"));
}

} // namespace vivarium
