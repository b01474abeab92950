#include "ui/console/console_status_bar.h"

#include "core/model/machine_settings.h"
#include "core/supervisor/config_translator.h"
#include "ui/text/machine_text.h"
#include "ui/widgets/icons.h"

#include <QEvent>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>

namespace vivarium {

namespace {

constexpr int kIconSize = 16;
constexpr int kActivityMs = 600;

void setLit(QLabel* label, bool lit) {
    label->setEnabled(lit);
}

} // namespace

ConsoleStatusBar::ConsoleStatusBar(QWidget* parent)
    : QStatusBar(parent), m_driveBox(new QWidget(this)), m_numLock(addLight()),
      m_capsLock(addLight()), m_scrollLock(addLight()), m_accelerator(new QLabel(this)),
      m_mouse(new QLabel(this)), m_keyboard(new QLabel(this)), m_hostKey(new QLabel(this)) {
    auto* drives = new QHBoxLayout(m_driveBox);
    drives->setContentsMargins(0, 0, 0, 0);
    insertPermanentWidget(0, m_driveBox);
    setSizeGripEnabled(false);
    setContentsMargins(0, 0, 6, 0);
    m_accelerator->setPixmap(
        applicationIcon(QStringLiteral("accelerator")).pixmap(kIconSize, kIconSize));
    for (QLabel* label : {m_accelerator, m_mouse, m_keyboard, m_hostKey})
        addPermanentWidget(label);
    m_dim.setSingleShot(true);
    m_dim.setInterval(kActivityMs);
    connect(&m_dim, &QTimer::timeout, this, &ConsoleStatusBar::dimDrives);
    setMouseState(MouseState::Free);
    setKeyboardCaptured(false);
    setLeds({});
    retranslate();
}

QLabel* ConsoleStatusBar::addLight() {
    auto* label = new QLabel(this);
    QFont small = label->font();
    small.setPointSizeF(small.pointSizeF() * 0.85);
    label->setFont(small);
    addPermanentWidget(label);
    return label;
}

void ConsoleStatusBar::setDrives(const QList<DriveSettings>& drives) {
    for (const Drive& drive : std::as_const(m_drives))
        delete drive.label;
    m_drives.clear();
    for (const DriveSettings& settings : drives) {
        Drive drive;
        drive.label = new QLabel(m_driveBox);
        drive.settings = settings;
        m_driveBox->layout()->addWidget(drive.label);
        updateDrive(drive);
        m_drives.insert(QString::fromStdString(driveId(settings)), drive);
    }
}

void ConsoleStatusBar::updateDrive(const Drive& drive) {
    const bool optical = drive.settings.type == DriveType::Optical;
    const bool empty = drive.settings.path.isEmpty();
    const QString icon = !optical ? QStringLiteral("hard-disk")
                         : empty  ? QStringLiteral("optical-empty")
                                  : QStringLiteral("optical");
    const QIcon::Mode mode = drive.isLit ? QIcon::Normal : QIcon::Disabled;
    drive.label->setPixmap(applicationIcon(icon).pixmap(QSize(kIconSize, kIconSize), mode));
    const QString file = QFileInfo(drive.settings.path).fileName();
    const QString place = drivePlaceText(drive.settings);
    QString text = empty ? tr("%1: empty").arg(place) : tr("%1: %2").arg(place, file);
    if (drive.readBytes + drive.writtenBytes > 0)
        text +=
            u'\n' +
            tr("Read %1, written %2").arg(sizeText(drive.readBytes), sizeText(drive.writtenBytes));
    drive.label->setToolTip(text);
    drive.label->setAccessibleName(text);
}

void ConsoleStatusBar::showActivity(const control::Activity& activity) {
    for (const control::DriveStatus& status : activity.drives) {
        const auto found = m_drives.find(QString::fromStdString(status.id));
        if (found == m_drives.end())
            continue;
        if (found->readBytes == status.readBytes && found->writtenBytes == status.writtenBytes)
            continue;
        found->readBytes = status.readBytes;
        found->writtenBytes = status.writtenBytes;
        found->isLit = true;
        updateDrive(*found);
        m_dim.start();
    }
}

void ConsoleStatusBar::dimDrives() {
    for (Drive& drive : m_drives) {
        if (!drive.isLit)
            continue;
        drive.isLit = false;
        updateDrive(drive);
    }
}

void ConsoleStatusBar::setLeds(const ConsoleLeds& leds) {
    m_leds = leds;
    setLit(m_numLock, leds.numLock);
    setLit(m_capsLock, leds.capsLock);
    setLit(m_scrollLock, leds.scrollLock);
}

void ConsoleStatusBar::setAccelerator(const QString& name, const QString& reason) {
    m_acceleratorName = name;
    m_acceleratorReason = reason;
    m_accelerator->setVisible(!name.isEmpty());
    const QString shown = name == QStringLiteral("software")
                              ? acceleratorText(Accelerator::Software)
                              : name.toUpper();
    const QString title = tr("Acceleration: %1").arg(shown);
    m_accelerator->setToolTip(reason.isEmpty() ? title : title + u'\n' + reason);
}

void ConsoleStatusBar::setMouseState(MouseState state) {
    m_mouseState = state;
    const bool captured = state == MouseState::Captured;
    m_mouse->setPixmap(
        applicationIcon(captured ? QStringLiteral("mouse-captured") : QStringLiteral("mouse"))
            .pixmap(kIconSize, kIconSize));
    switch (state) {
    case MouseState::Free:
        m_mouse->setToolTip(tr("The mouse belongs to this computer; a click into the screen gives "
                               "it to the guest"));
        break;
    case MouseState::Captured:
        m_mouse->setToolTip(tr("The mouse belongs to the guest"));
        break;
    case MouseState::Integrated:
        m_mouse->setToolTip(tr("The guest follows the mouse of this computer"));
        break;
    }
}

void ConsoleStatusBar::setKeyboardCaptured(bool captured) {
    m_keyboardCaptured = captured;
    m_keyboard->setPixmap(
        applicationIcon(QStringLiteral("keyboard"))
            .pixmap(QSize(kIconSize, kIconSize), captured ? QIcon::Normal : QIcon::Disabled));
    m_keyboard->setToolTip(captured ? tr("All keys go to the guest")
                                    : tr("The desktop's own shortcuts work"));
}

void ConsoleStatusBar::setHostKeyTitle(const QString& title) {
    m_hostKeyTitle = title;
    m_hostKey->setText(title);
    m_hostKey->setToolTip(tr("The host key: releases mouse and keyboard; with another key it is a "
                             "command, for example %1+F for full screen")
                              .arg(title));
}

void ConsoleStatusBar::changeEvent(QEvent* event) {
    if (event->type() == QEvent::LanguageChange)
        retranslate();
    QStatusBar::changeEvent(event);
}

void ConsoleStatusBar::retranslate() {
    m_numLock->setText(tr("Num"));
    m_numLock->setToolTip(tr("Num Lock of the guest"));
    m_capsLock->setText(tr("Caps"));
    m_capsLock->setToolTip(tr("Caps Lock of the guest"));
    m_scrollLock->setText(tr("Scroll"));
    m_scrollLock->setToolTip(tr("Scroll Lock of the guest"));
    setAccelerator(m_acceleratorName, m_acceleratorReason);
    setMouseState(m_mouseState);
    setKeyboardCaptured(m_keyboardCaptured);
    setHostKeyTitle(m_hostKeyTitle);
    for (const Drive& drive : std::as_const(m_drives))
        updateDrive(drive);
}

} // namespace vivarium
