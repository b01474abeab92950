#pragma once

#include "ui/console/vnc_address.h"
#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

#include <QImage>
#include <QObject>
#include <QRect>
#include <QRegion>
#include <QString>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

struct _rfbClient;

namespace vivarium {

// One connection to a VNC server, on a thread of its own because libvncclient blocks. The GUI
// thread creates it, calls its public functions and gets its signals; it never waits for the
// thread. Server bytes are untrusted: libvncclient checks rectangles, this class bounds sizes and
// text.
class VncSession : public QObject {
    Q_OBJECT
public:
    explicit VncSession(const VncAddress& address);
    ~VncSession() override;

    void start();
    // Answer to passwordWanted(); nullopt: the user cancelled.
    void answerPassword(const std::optional<QString>& password);
    void sendKeysym(quint32 keysym, bool down);
    // `rfbButtons`: RFC 6143, 7.5.5.
    void sendPointer(QPoint position, quint8 rfbButtons);
    void sendClipboard(const QString& text);
    // Copies what changed since the last call into `front` (replacing it when the size is new).
    // Returns the changed rectangles.
    struct Changes {
        bool replaced = false;
        std::vector<QRect> rectangles;
    };
    Changes takeChanges(QImage& front);

Q_SIGNALS:
    void connected(const QString& desktopName);
    void passwordWanted();
    // takeChanges() has something; not repeated until it was called.
    void changesReady();
    void clipboardReceived(const QString& text);
    void ledsReceived(int rfbLeds);
    void failed(const vivarium::Error& error);
    void closed();

private:
    friend struct VncCallbacks;
    struct Shared; // what both threads use; outlives the QObject while the thread ends

    std::shared_ptr<Shared> m_shared;
    std::shared_ptr<std::jthread> m_thread;
};

} // namespace vivarium

Q_DECLARE_METATYPE(vivarium::Error)
