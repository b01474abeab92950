#include "ui/console/vnc_console_source.h"

#include "ui/console/key_translation.h"

#include <algorithm>
#include <utility>

#include <rfb/rfbproto.h>

namespace vivarium {

namespace {

constexpr int kTypingDelayMs = 15;
constexpr quint32 kShiftKeysym = 0xffe1;
constexpr quint32 kReturnKeysym = 0xff0d;
constexpr quint32 kTabKeysym = 0xff09;
constexpr quint32 kUnicodeKeysym = 0x01000000;
constexpr int kTabletMaximum = 32767;
constexpr int kMaxWheelSteps = 10;

// RFC 6143, 7.5.5: bit 0 left, 1 middle, 2 right, 3 wheel up, 4 wheel down.
constexpr quint8 kRfbWheelUp = 8, kRfbWheelDown = 16;
quint8 rfbButtons(quint8 buttons) {
    return static_cast<quint8>((buttons & LeftButton ? 1 : 0) | (buttons & MiddleButton ? 2 : 0) |
                               (buttons & RightButton ? 4 : 0));
}

quint32 keysymOfCharacter(uint character) {
    if (character == u'\n' || character == u'\r')
        return kReturnKeysym;
    if (character == u'\t')
        return kTabKeysym;
    return character < 0x100 ? character : kUnicodeKeysym | character;
}

} // namespace

VncConsoleSource::VncConsoleSource(const VncAddress& address) : m_session(address) {
    connect(&m_session, &VncSession::connected, this, &VncConsoleSource::connected);
    connect(&m_session, &VncSession::passwordWanted, this, &VncConsoleSource::passwordWanted);
    connect(&m_session, &VncSession::clipboardReceived, this, &VncConsoleSource::clipboardReceived);
    connect(&m_session, &VncSession::failed, this, &VncConsoleSource::failed);
    connect(&m_session, &VncSession::closed, this, &VncConsoleSource::closed);
    connect(&m_session, &VncSession::changesReady, this, &VncConsoleSource::takeChanges);
    connect(&m_session, &VncSession::ledsReceived, this, [this](int leds) {
        Q_EMIT
        ledsChanged({(leds & rfbKeyboardMaskNumLock) != 0, (leds & rfbKeyboardMaskCapsLock) != 0,
                     (leds & rfbKeyboardMaskScrollLock) != 0});
    });
    m_typing.setInterval(kTypingDelayMs);
    connect(&m_typing, &QTimer::timeout, this, &VncConsoleSource::typeNext);
}

void VncConsoleSource::takeChanges() {
    const VncSession::Changes changes = m_session.takeChanges(m_front);
    if (changes.replaced)
        Q_EMIT
    pictureReplaced();
    else if (!changes.rectangles.empty()) Q_EMIT
    damaged(changes.rectangles);
}

void VncConsoleSource::sendKey(KeyCode key, quint32 keysym, KeyDirection direction) {
    const int code = static_cast<int>(key);
    if (direction == KeyDirection::Up) {
        // The release names what was pressed: Shift may have changed the character since.
        if (const quint32 sent = m_pressed.take(code))
            m_session.sendKeysym(sent, false);
        return;
    }
    const quint32 wanted = keysym != 0 ? keysym : keysymOf(key);
    if (wanted == 0)
        return;
    m_pressed.insert(code, wanted);
    m_session.sendKeysym(wanted, true);
}

void VncConsoleSource::sendChord(const std::vector<KeyCode>& keys) {
    for (KeyCode key : keys)
        sendKey(key, 0, KeyDirection::Down);
    for (auto key = keys.rbegin(); key != keys.rend(); ++key)
        sendKey(*key, 0, KeyDirection::Up);
}

void VncConsoleSource::movePointer(QPoint delta, int wheel, quint8 buttons) {
    if (m_front.isNull())
        return;
    const QPoint moved = m_pointer + delta;
    const QPoint bounded(std::clamp(moved.x(), 0, m_front.width() - 1),
                         std::clamp(moved.y(), 0, m_front.height() - 1));
    setPointer(QPoint(bounded.x() * kTabletMaximum / std::max(1, m_front.width() - 1),
                      bounded.y() * kTabletMaximum / std::max(1, m_front.height() - 1)),
               wheel, buttons);
}

void VncConsoleSource::setPointer(QPoint position, int wheel, quint8 buttons) {
    if (m_front.isNull())
        return;
    const auto scale = [](int value, int size) {
        return (value * (size - 1) + kTabletMaximum / 2) / kTabletMaximum;
    };
    m_pointer = {scale(position.x(), m_front.width()), scale(position.y(), m_front.height())};
    const quint8 mask = rfbButtons(buttons);
    const quint8 wheelBit = wheel > 0 ? kRfbWheelUp : kRfbWheelDown;
    for (int step = 0; step < std::min(std::abs(wheel), kMaxWheelSteps); ++step) {
        m_session.sendPointer(m_pointer, mask | wheelBit);
        m_session.sendPointer(m_pointer, mask);
    }
    if (wheel == 0)
        m_session.sendPointer(m_pointer, mask);
}

void VncConsoleSource::typeText(const QString& text) {
    if (m_typing.isActive() || text.isEmpty())
        return;
    m_text = text.toUcs4();
    m_typed = 0;
    m_typing.start();
}

void VncConsoleSource::typeNext() {
    if (m_typed >= m_text.size()) {
        m_typing.stop();
        Q_EMIT
        typingFinished(QString(), QString());
        return;
    }
    const uint character = m_text.at(m_typed++);
    const auto stroke = keyStrokeForCharacter(character);
    const bool shift = stroke && stroke->shift;
    const quint32 keysym = keysymOfCharacter(character);
    if (shift)
        m_session.sendKeysym(kShiftKeysym, true);
    m_session.sendKeysym(keysym, true);
    m_session.sendKeysym(keysym, false);
    if (shift)
        m_session.sendKeysym(kShiftKeysym, false);
    Q_EMIT
    typingProgress(m_typed, m_text.size());
}

void VncConsoleSource::cancelTyping() {
    m_typed = m_text.size();
}

} // namespace vivarium
