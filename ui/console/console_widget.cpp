#include "ui/console/console_widget.h"

#include "ui/console/key_translation.h"

#include <QCursor>
#include <QGuiApplication>
#include <QKeyEvent>
#include <QPaintEvent>
#include <QPainter>
#include <QPixmap>

#include <algorithm>
#include <cmath>

namespace vivarium {

namespace {

constexpr int kWheelNotch = 120; // Qt: eighths of a degree
constexpr int kWarpDistance = 100;
constexpr QColor kBackground(0, 0, 0);
// Scaled pixels pass through a buffer that stays in the processor's cache.
constexpr int kStripLines = 32;

// A dot: the guest draws its own pointer, but it must stay visible where the guest draws none.
QCursor dotCursor() {
    QPixmap dot(9, 9);
    dot.fill(Qt::transparent);
    QPainter painter(&dot);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(Qt::white, 1));
    painter.setBrush(Qt::black);
    painter.drawEllipse(QRectF(2, 2, 5, 5));
    return QCursor(dot, 4, 4);
}

} // namespace

ConsoleWidget::ConsoleWidget(KeyCode hostKey, QWidget* parent)
    : QWidget(parent), m_hostKey(hostKey) {
    setAttribute(Qt::WA_OpaquePaintEvent);
    setAttribute(Qt::WA_InputMethodEnabled, false);
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setMinimumSize(80, 50);
}

void ConsoleWidget::setSource(ConsoleSource* source) {
    if (source == m_source)
        return;
    releaseCapture();
    if (m_source)
        m_source->disconnect(this);
    m_source = source;
    if (source) {
        connect(source, &ConsoleSource::pictureReplaced, this, &ConsoleWidget::replacePicture);
        connect(source, &ConsoleSource::damaged, this, &ConsoleWidget::showDamage);
        connect(source, &ConsoleSource::pointerModeChanged, this, [this](bool absolute) {
            if (absolute && m_mouseIntegration)
                releasePointer();
            updateCursor();
        });
        connect(source, &QObject::destroyed, this, [this] { m_source = nullptr; });
    }
    replacePicture();
    updateCursor();
}

void ConsoleWidget::setScaleMode(ScaleMode mode) {
    m_scaleMode = mode;
    replacePicture();
}

void ConsoleWidget::setMouseIntegration(bool on) {
    m_mouseIntegration = on;
    releasePointer();
    updateCursor();
}

void ConsoleWidget::setDimmed(bool dimmed) {
    if (m_dimmed == dimmed)
        return;
    m_dimmed = dimmed;
    update();
}

void ConsoleWidget::setPlaceholder(const QString& text) {
    m_placeholder = text;
    update();
}

QSize ConsoleWidget::unscaledSize() const {
    const QSize picture = m_source ? m_source->picture().size() : QSize();
    const double ratio = devicePixelRatio();
    return {static_cast<int>(std::ceil(picture.width() / ratio)),
            static_cast<int>(std::ceil(picture.height() / ratio))};
}

QSize ConsoleWidget::sizeHint() const {
    const QSize size = unscaledSize();
    return size.isEmpty() ? QSize(720, 400) : size;
}

void ConsoleWidget::updateGeometryFor(const QSize& picture) {
    const ConsoleGeometry geometry(picture, (QSizeF(size()) * devicePixelRatio()).toSize(),
                                   m_scaleMode);
    if (geometry == m_geometry)
        return;
    m_geometry = geometry;
    const QSize target = geometry.target().size();
    m_scaler = geometry.isUnscaled() || target.isEmpty() ? PictureScaler()
                                                         : PictureScaler(picture, target);
    m_strip = QImage();
}

void ConsoleWidget::replacePicture() {
    const QSize picture = m_source ? m_source->picture().size() : QSize();
    // In a scroll area the minimum size is what makes scroll bars.
    setMinimumSize(m_scaleMode == ScaleMode::OneToOne && !picture.isEmpty() ? unscaledSize()
                                                                            : QSize(80, 50));
    updateGeometryFor(picture);
    updateGeometry();
    update();
    Q_EMIT
    pictureSizeChanged(picture);
}

QRect ConsoleWidget::toLogical(const QRect& device) const {
    const double ratio = devicePixelRatio();
    if (ratio == 1.0)
        return device;
    return QRectF(device.x() / ratio, device.y() / ratio, device.width() / ratio,
                  device.height() / ratio)
        .toAlignedRect();
}

void ConsoleWidget::showDamage(const std::vector<QRect>& rectangles) {
    QRegion region;
    for (const QRect& rectangle : rectangles)
        region += toLogical(m_geometry.toDevice(rectangle));
    update(region); // merged by Qt until the next frame
}

void ConsoleWidget::paintEvent(QPaintEvent* event) {
    QPainter painter(this);
    const QImage picture = m_source ? m_source->picture() : QImage();
    if (picture.isNull()) {
        painter.fillRect(event->rect(), kBackground);
        painter.setPen(QColor(0xa0, 0xa8, 0xb0));
        painter.drawText(rect().adjusted(16, 16, -16, -16), Qt::AlignCenter | Qt::TextWordWrap,
                         m_placeholder);
        return;
    }
    ++m_paintedFrames;
    // Everything below is in device pixels: no fractions at any scale factor of the desktop.
    const double ratio = devicePixelRatio();
    painter.scale(1 / ratio, 1 / ratio);
    const QRect target = m_geometry.target();
    for (const QRect& logical : event->region()) {
        const QRect device = QRectF(logical.x() * ratio, logical.y() * ratio,
                                    logical.width() * ratio, logical.height() * ratio)
                                 .toAlignedRect();
        const QRect inside = device & target;
        if (inside != device)
            for (const QRect& border : QRegion(device).subtracted(target))
                painter.fillRect(border, kBackground);
        if (inside.isEmpty())
            continue;
        if (m_geometry.isUnscaled())
            painter.drawImage(inside.topLeft(), picture, inside.translated(-target.topLeft()));
        else
            paintScaled(painter, picture, inside);
        if (m_dimmed)
            painter.fillRect(inside, QColor(0, 0, 0, 130));
    }
}

// `part` is in device pixels and within the picture's place.
void ConsoleWidget::paintScaled(QPainter& painter, const QImage& picture, const QRect& part) {
    if (m_strip.isNull())
        m_strip = QImage(m_geometry.target().width(), kStripLines, QImage::Format_RGB32);
    for (int top = part.top(); top <= part.bottom(); top += kStripLines) {
        const QRect strip(part.left(), top, part.width(),
                          std::min(kStripLines, part.bottom() + 1 - top));
        m_scaler.scale(picture, strip.translated(-m_geometry.target().topLeft()), m_strip);
        painter.drawImage(strip.topLeft(), m_strip, QRect(QPoint(0, 0), strip.size()));
    }
}

void ConsoleWidget::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    updateGeometryFor(m_source ? m_source->picture().size() : QSize());
    update();
}

bool ConsoleWidget::event(QEvent* event) {
    switch (event->type()) {
    case QEvent::ShortcutOverride:
        event->accept(); // every key is the guest's, not a menu's
        return true;
    case QEvent::WindowDeactivate:
        releaseCapture();
        break;
    case QEvent::ScreenChangeInternal:
        replacePicture();
        break;
    default:
        break;
    }
    return QWidget::event(event);
}

void ConsoleWidget::keyPressEvent(QKeyEvent* event) {
    handleKey(event, KeyDirection::Down);
}

void ConsoleWidget::keyReleaseEvent(QKeyEvent* event) {
    handleKey(event, KeyDirection::Up);
}

void ConsoleWidget::handleKey(QKeyEvent* event, KeyDirection direction) {
    event->accept();
    const std::optional<KeyCode> key = keyCodeOf(*event);
    if (!key || event->isAutoRepeat()) // the guest's keyboard repeats by itself
        return;
    const HostKey::Verdict verdict = m_hostKey.handle(*key, direction);
    switch (verdict) {
    case HostKey::Verdict::Swallow:
        return;
    case HostKey::Verdict::Command:
        Q_EMIT
        hostCommand(*key);
        return;
    case HostKey::Verdict::ToggleCapture:
        if (m_pointerCaptured || m_keyboardCaptured)
            releaseCapture();
        else
            captureInput();
        return;
    case HostKey::Verdict::ReleaseCapture:
    case HostKey::Verdict::Forward:
        break;
    }
    const int code = static_cast<int>(*key);
    const bool down = direction == KeyDirection::Down;
    if (down)
        m_pressedKeys.insert(code);
    // A release without its press (the press went elsewhere) is not the guest's.
    const bool known = down || m_pressedKeys.remove(code);
    if (known && m_source)
        m_source->sendKey(*key, keysymOf(*event), direction);
    if (verdict == HostKey::Verdict::ReleaseCapture)
        releaseCapture();
}

void ConsoleWidget::releaseKeys() {
    if (m_source)
        for (int code : std::as_const(m_pressedKeys))
            m_source->sendKey(static_cast<KeyCode>(code), 0, KeyDirection::Up);
    m_pressedKeys.clear();
    m_hostKey.forget();
}

void ConsoleWidget::captureKeyboard() {
    if (m_keyboardCaptured || !isVisible())
        return;
    m_keyboardCaptured = true;
    grabKeyboard();
    Q_EMIT
    captureChanged();
}

void ConsoleWidget::releaseKeyboard() {
    if (!m_keyboardCaptured)
        return;
    m_keyboardCaptured = false;
    QWidget::releaseKeyboard();
    Q_EMIT
    captureChanged();
}

void ConsoleWidget::captureInput() {
    captureKeyboard();
    if (!usesAbsolutePointer())
        capturePointer();
}

void ConsoleWidget::releaseCapture() {
    releaseKeys();
    releasePointer();
    releaseKeyboard();
}

void ConsoleWidget::focusInEvent(QFocusEvent* event) {
    QWidget::focusInEvent(event);
    if (m_autoCapture && m_source && !m_source->picture().isNull())
        captureKeyboard();
}

void ConsoleWidget::focusOutEvent(QFocusEvent* event) {
    QWidget::focusOutEvent(event);
    releaseCapture();
}

bool ConsoleWidget::usesAbsolutePointer() const {
    return m_source && m_source->absolutePointer() && m_mouseIntegration;
}

quint8 ConsoleWidget::toGuestButtons(Qt::MouseButtons buttons) {
    return static_cast<quint8>((buttons & Qt::LeftButton ? ConsoleButton::LeftButton : 0) |
                               (buttons & Qt::RightButton ? ConsoleButton::RightButton : 0) |
                               (buttons & Qt::MiddleButton ? ConsoleButton::MiddleButton : 0));
}

void ConsoleWidget::updateCursor() {
    if (m_pointerCaptured)
        setCursor(Qt::BlankCursor);
    else if (usesAbsolutePointer())
        setCursor(dotCursor());
    else
        unsetCursor();
}

void ConsoleWidget::capturePointer() {
    if (m_pointerCaptured || !m_source || m_source->picture().isNull() || !isVisible())
        return;
    m_pointerCaptured = true;
    m_isWarping = false;
    m_wheelRest = 0;
    updateCursor();
    grabMouse(QCursor(Qt::BlankCursor));
    m_lastGlobal = QCursor::pos();
    Q_EMIT
    captureChanged();
}

void ConsoleWidget::releasePointer() {
    if (!m_pointerCaptured)
        return;
    m_pointerCaptured = false;
    m_swallowedButtons = {};
    releaseMouse();
    updateCursor();
    if (m_source)
        m_source->movePointer({}, 0, 0); // no button stays down
    Q_EMIT
    captureChanged();
}

void ConsoleWidget::sendAbsolute(QPointF position, int wheel, Qt::MouseButtons buttons) {
    const QPointF device = position * devicePixelRatio();
    m_source->setPointer(m_geometry.toTablet(device), wheel, toGuestButtons(buttons));
}

void ConsoleWidget::mousePressEvent(QMouseEvent* event) {
    setFocus(Qt::MouseFocusReason);
    if (!m_source || m_source->picture().isNull())
        return;
    if (usesAbsolutePointer()) {
        if (m_autoCapture)
            captureKeyboard();
        sendAbsolute(event->position(), 0, event->buttons());
    } else if (m_pointerCaptured) {
        m_source->movePointer({}, 0, toGuestButtons(event->buttons() & ~m_swallowedButtons));
    } else {
        // The click that captures is not the guest's: its pointer is elsewhere.
        m_swallowedButtons = event->buttons();
        captureInput();
    }
}

void ConsoleWidget::mouseReleaseEvent(QMouseEvent* event) {
    if (!m_source)
        return;
    if (usesAbsolutePointer()) {
        sendAbsolute(event->position(), 0, event->buttons());
    } else if (m_pointerCaptured) {
        m_swallowedButtons &= event->buttons();
        m_source->movePointer({}, 0, toGuestButtons(event->buttons() & ~m_swallowedButtons));
    }
}

void ConsoleWidget::mouseMoveEvent(QMouseEvent* event) {
    if (m_pointerCaptured) {
        moveCaptured(event->globalPosition().toPoint());
        return;
    }
    Q_EMIT
    pointerMoved(event->position().toPoint());
    if (m_source && usesAbsolutePointer() && !m_source->picture().isNull())
        sendAbsolute(event->position(), 0, event->buttons());
}

void ConsoleWidget::moveCaptured(QPoint global) {
    const QPoint center = mapToGlobal(rect().center());
    // After a warp, events from before it are still in the queue; the first one near the centre is
    // from after it.
    if (m_isWarping && (global - center).manhattanLength() < kWarpDistance / 2) {
        m_isWarping = false;
        m_lastGlobal = center;
    }
    const QPoint delta = global - m_lastGlobal;
    m_lastGlobal = global;
    if (!delta.isNull())
        m_source->movePointer(
            delta, 0, toGuestButtons(QGuiApplication::mouseButtons() & ~m_swallowedButtons));
    if (!m_isWarping && (global - center).manhattanLength() > kWarpDistance) {
        m_isWarping = true;
        QCursor::setPos(center);
    }
}

void ConsoleWidget::wheelEvent(QWheelEvent* event) {
    event->accept();
    if (!m_source)
        return;
    m_wheelRest += event->angleDelta().y();
    const int notches = m_wheelRest / kWheelNotch;
    m_wheelRest %= kWheelNotch;
    if (notches == 0)
        return;
    if (usesAbsolutePointer())
        sendAbsolute(event->position(), notches, event->buttons());
    else if (m_pointerCaptured)
        m_source->movePointer({}, notches, toGuestButtons(event->buttons() & ~m_swallowedButtons));
}

} // namespace vivarium
