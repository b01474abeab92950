#pragma once

#include "ui/console/console_source.h"
#include "ui/console/vnc_session.h"

#include <QTimer>

namespace vivarium {

// A remote screen over VNC. Keys go as characters (keysyms), the pointer is absolute. GUI thread.
class VncConsoleSource : public ConsoleSource {
    Q_OBJECT
public:
    explicit VncConsoleSource(const VncAddress& address);

    void connectToServer() { m_session.start(); }
    void answerPassword(const std::optional<QString>& password) {
        m_session.answerPassword(password);
    }
    void sendClipboard(const QString& text) { m_session.sendClipboard(text); }

    const QImage& picture() const override { return m_front; }
    bool absolutePointer() const override { return true; }
    void sendKey(KeyCode key, quint32 keysym, KeyDirection direction) override;
    void sendChord(const std::vector<KeyCode>& keys) override;
    void movePointer(QPoint delta, int wheel, quint8 buttons) override;
    void setPointer(QPoint position, int wheel, quint8 buttons) override;
    void typeText(const QString& text) override;
    void cancelTyping() override;
    void takeScreenshot(std::function<void(const QImage&)> done) override { done(m_front.copy()); }

Q_SIGNALS:
    void connected(const QString& desktopName);
    void passwordWanted();
    void clipboardReceived(const QString& text);
    void failed(const vivarium::Error& error);
    void closed();

private:
    void takeChanges();
    void typeNext();

    VncSession m_session;
    QImage m_front;
    QPoint m_pointer;              // pixels
    QHash<int, quint32> m_pressed; // key code to the keysym that was sent
    QTimer m_typing;
    QList<uint> m_text;
    qsizetype m_typed = 0;
};

} // namespace vivarium
