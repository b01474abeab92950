#pragma once

#include "vmm/backends/vnc/vnc_frame.h"
#include "vmm/base/thread_annotations.h"
#include "vmm/base/unique_fd.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

struct _rfbScreenInfo;
struct _rfbClientRec;

namespace vivarium {

// The pointer as a client sees it: 0..32767 over its picture, RFB's button mask.
struct VncPointer {
    uint16_t x = 0, y = 0;
    uint8_t buttons = 0;
};

// What clients tell; called on their threads.
class VncClientHost {
public:
    virtual ~VncClientHost() = default;
    // The client may see the machine: it waits for VncClient::showScanout now.
    virtual void clientAuthenticated(uint64_t id) = 0;
    virtual void clientRefused(uint64_t id) = 0; // a wrong password
    virtual void clientKey(uint64_t id, uint32_t keysym, bool down) = 0;
    virtual void clientPointer(uint64_t id, const VncPointer& pointer) = 0;
    virtual void clientClipboard(uint64_t id, std::string utf8) = 0;
    virtual void clientGone(uint64_t id) = 0; // its last call
};

struct VncOptions {
    std::string password; // empty: none; VNC uses its first 8 bytes (RFC 6143, 7.2.2)
    std::string desktopName = "Vivarium";
    enum class Input { Accepted, Ignored } input = Input::Accepted;
    uint32_t handshakeTimeoutMs = 10'000; // to finish authentication
    // First call of the accepting thread (a sandbox filter, which the clients' threads inherit). May be
    // empty, as the others.
    std::function<void()> threadStarted;
    // On the device thread: a client copied text (UTF-8, at most 1 MiB); the number of clients that
    // see the machine changed.
    std::function<void(const std::string& utf8)> clipboardChanged;
    std::function<void(uint32_t count)> clientCountChanged;
};

// One connection with its own thread and its own copy of the picture, so that a slow or hostile
// client holds up nobody else. All calls are for any thread.
class VncClient {
public:
    static constexpr size_t kMaxClipboardBytes = 1 << 20;
    static constexpr size_t kMaxDamageRectangles = 64; // more are united

    // `screen` is borrowed and used by this client alone; `host` and `options` outlive it.
    // `handshakes`: libvncserver keeps the list of security types process-wide, so one client at a
    // time negotiates them.
    VncClient(VncClientHost& host, uint64_t id, _rfbScreenInfo& screen, UniqueFd socket,
              UniqueFd wakeEvent, const VncOptions& options, Mutex& handshakes);
    ~VncClient(); // stops and waits

    uint64_t id() const { return m_id; }
    _rfbScreenInfo& screen() const { return m_screen; }
    bool finished() const { return m_finished; }

    // Another picture, all of it damaged; null: the machine shows nothing yet.
    void showScanout(std::shared_ptr<const MappedScanout> scanout);
    void damage(const std::vector<Rect>& rectangles);
    void setClipboard(std::string utf8);
    // Disconnects; the thread ends soon.
    void stop();

private:
    using Deadline = std::chrono::steady_clock::time_point;
    struct Inbox {
        bool pictureKnown = false;
        bool scanoutChanged = false;
        std::shared_ptr<const MappedScanout> scanout;
        std::vector<Rect> damage;
        std::optional<std::string> clipboard;
    };

    void run();
    bool beginSession();
    void prepareScreen();
    void newFramebuffer(uint32_t width, uint32_t height);
    void serve(Deadline handshakeEnd);
    bool waitForWork(Deadline handshakeEnd, bool& readable);
    bool processMessage(bool& partial);
    void takeInbox();
    void applyDamage(const std::vector<Rect>& rectangles);
    void adaptSize();
    void sendClipboard(const std::string& utf8);
    void wake();

    static signed char checkPassword(_rfbClientRec* client, const char* response, int length);
    static void keyEvent(signed char down, uint32_t keysym, _rfbClientRec* client);
    static void pointerEvent(int buttonMask, int x, int y, _rfbClientRec* client);
    static void latin1Clipboard(char* text, int length, _rfbClientRec* client);
    static void utf8Clipboard(char* text, int length, _rfbClientRec* client);
    static VncClient& of(_rfbClientRec* client);

    VncClientHost& m_host;
    const uint64_t m_id;
    _rfbScreenInfo& m_screen;
    UniqueFd m_socket;   // until the library takes it
    UniqueFd m_shutdown; // the same connection, to end it from elsewhere
    UniqueFd m_wakeEvent;
    const VncOptions& m_options;
    Mutex& m_handshakes;
    std::atomic<bool> m_stopping = false;
    std::atomic<bool> m_finished = false;

    Mutex m_mutex;
    Inbox m_inbox GUARDED_BY(m_mutex);

    // The thread's own
    _rfbClientRec* m_client = nullptr;
    VncFrame m_frame;
    std::shared_ptr<const MappedScanout> m_scanout; // shared: every client draws from it
    bool m_authenticated = false;
    bool m_pictureKnown = false;
    bool m_partialMessage = false;

    std::jthread m_thread; // last: starts when all else is there
};

} // namespace vivarium
