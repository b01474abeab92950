#pragma once

#include "core/supervisor/worker_connection.h"
#include "ui/console/console_source.h"
#include "ui/console/pointer_queue.h"
#include "ui/widgets/guest_display.h"

#include <memory>

namespace vivarium {

// A guest of this computer: its scanout without a copy, its input over the control socket. Stays
// valid over restarts of the machine. GUI thread.
class LocalConsoleSource : public ConsoleSource {
    Q_OBJECT
public:
    explicit LocalConsoleSource(std::shared_ptr<GuestDisplay> display);

    const QImage& picture() const override { return m_display->picture(); }
    bool absolutePointer() const override { return m_absolutePointer; }
    void sendKey(KeyCode key, quint32 keysym, KeyDirection direction) override;
    void sendChord(const std::vector<KeyCode>& keys) override;
    void movePointer(QPoint delta, int wheel, quint8 buttons) override;
    void setPointer(QPoint position, int wheel, quint8 buttons) override;
    void typeText(const QString& text) override;
    void cancelTyping() override;
    void takeScreenshot(std::function<void(const QImage&)> done) override;

private:
    void attach();
    void typeNextPiece();
    void finishTyping(const QString& error);
    void queuePointer(const PointerQueue::Event& event);
    void sendPointer(const PointerQueue::Event& event);
    WorkerConnection* connection() const { return m_display->connection(); }

    std::shared_ptr<GuestDisplay> m_display;
    PointerQueue m_pointer;
    bool m_absolutePointer = false;
    QString m_text; // being typed
    qsizetype m_typed = 0;
    QString m_skipped;
};

// A PNG in a memfd that a worker passed; null when it is none or larger than a screen can be.
QImage readScreenshot(int memoryFd, quint64 sizeBytes);

} // namespace vivarium
