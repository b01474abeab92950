#pragma once

#include "ui/console/host_key.h"
#include "vmm/base/key_codes.h"

#include <QImage>
#include <QObject>
#include <QPoint>
#include <QRect>
#include <QString>

#include <functional>
#include <vector>

namespace vivarium {

struct ConsoleLeds {
    bool numLock = false, capsLock = false, scrollLock = false;
    bool operator==(const ConsoleLeds&) const = default;
};

// Pointer buttons as the control protocol and RFB's order both understand them.
enum ConsoleButton : quint8 { LeftButton = 1, RightButton = 2, MiddleButton = 4 };

// What a console shows and where its input goes: a guest of this computer or a remote screen. GUI
// thread; nothing blocks.
class ConsoleSource : public QObject {
    Q_OBJECT
public:
    using QObject::QObject;

    // Null without a picture. Pixels may change under the reader; the object lives until the next
    // pictureReplaced().
    virtual const QImage& picture() const = 0;
    virtual bool absolutePointer() const = 0;

    // `keysym`: the X keysym, for sources that send characters instead of keys; may be 0.
    virtual void sendKey(KeyCode key, quint32 keysym, KeyDirection direction) = 0;
    // Pressed in order, released in reverse.
    virtual void sendChord(const std::vector<KeyCode>& keys) = 0;
    virtual void movePointer(QPoint delta, int wheel, quint8 buttons) = 0;
    // `position` is 0..32767 in both directions.
    virtual void setPointer(QPoint position, int wheel, quint8 buttons) = 0;
    // Types as on a US keyboard. Ends with typingFinished(), one at a time.
    virtual void typeText(const QString& text) = 0;
    virtual void cancelTyping() = 0;
    // The picture as the guest has it; `done` gets a null image when there is none.
    virtual void takeScreenshot(std::function<void(const QImage&)> done) = 0;

Q_SIGNALS:
    void pictureReplaced();
    void damaged(const std::vector<QRect>& rectangles);
    void pointerModeChanged(bool absolute);
    void ledsChanged(const vivarium::ConsoleLeds& leds);
    void typingProgress(qsizetype typed, qsizetype total);
    // `skipped`: characters that a US keyboard does not have; `error` is English, empty on success.
    void typingFinished(const QString& skipped, const QString& error);
};

} // namespace vivarium
