#pragma once

#include "vmm/backends/display/display.h"
#include "vmm/backends/input/input_router.h"
#include "vmm/backends/input/input_session.h"
#include "vmm/backends/vnc/vnc_client.h"
#include "vmm/backends/vnc/vnc_key_translator.h"
#include "vmm/base/task_queue.h"
#include "vmm/base/thread_annotations.h"
#include "vmm/base/unique_fd.h"
#include "vmm/bus/device_lock.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace vivarium {

// Serves the display to VNC clients (RFB 3.8, RFC 6143), by libvncserver. One thread accepts, each
// client has one. It is a viewer of the display only while a client has been let in, so without
// clients there are no refreshes. Created, destroyed and called with the device lock free.
class VncServer final : private DisplayViewer, private VncClientHost {
public:
    static constexpr uint32_t kMaxClients = 16; // more are turned away
    static constexpr size_t kMaxQueuedInputs = 1024;
    static constexpr size_t kMaxClipboardBytes = VncClient::kMaxClipboardBytes;

    struct Services { // all outlive the server
        Display& display;
        InputRouter& input;
        TaskQueue& tasks;
        DeviceLock& deviceLock;
    };
    // `listening`: a listening stream socket (TCP or Unix); who may reach it is the caller's
    // choice. Errors: InvalidArgument (no socket), host errors.
    static Result<std::unique_ptr<VncServer>> create(UniqueFd listening, Services services,
                                                     VncOptions options);
    ~VncServer() override;

    // Clients that see the machine. Any thread.
    uint32_t clientCount() const { return m_viewerCount; }
    // Ends all connections; new ones are accepted. Any thread.
    void disconnectClients();
    // What the guest copied, for the clients' clipboards; longer texts than kMaxClipboardBytes and
    // invalid UTF-8 are dropped. Any thread.
    void setClipboard(std::string_view utf8);

private:
    struct Event { // from a client's thread, handled on the device thread in order
        enum class Kind { Authenticated, Key, Pointer, Gone } kind;
        uint64_t client;
        uint32_t keysym = 0;
        bool down = false;
        VncPointer pointer{};
    };
    struct Viewer { // the device thread's side of a client that was let in
        explicit Viewer(InputRouter& router) : input(router) {}
        InputSession input;
        VncKeyTranslator keys;
        uint8_t buttons = 0; // RFB mask of the last pointer event
    };
    struct ScreenDeleter {
        void operator()(_rfbScreenInfo* screen) const;
    };
    using Screen = std::unique_ptr<_rfbScreenInfo, ScreenDeleter>;
    // Posted tasks find out through it whether the server still lives.
    struct Link {
        VncServer* server;
    };

    VncServer(UniqueFd listening, UniqueFd wakeEvent, std::vector<Screen> screens,
              Services services, VncOptions options);

    // DisplayViewer
    void scanoutChanged(const Scanout& scanout) override;
    void damaged(const std::vector<Rect>& rectangles) override;

    // VncClientHost
    void clientAuthenticated(uint64_t id) override;
    void clientRefused(uint64_t id) override;
    void clientKey(uint64_t id, uint32_t keysym, bool down) override;
    void clientPointer(uint64_t id, const VncPointer& pointer) override;
    void clientClipboard(uint64_t id, std::string utf8) override;
    void clientGone(uint64_t id) override;

    void enqueue(const Event& event);
    void postDrain();
    void drain();
    void handle(const Event& event);
    void handleKey(Viewer& viewer, const Event& event);
    void handlePointer(Viewer& viewer, const VncPointer& pointer);
    void admit(uint64_t id);
    void dismiss(uint64_t id);

    void acceptLoop(const std::stop_token& stop);
    void accept();
    void reap();
    void wakeAcceptor();
    template <class Call>
    void forEachViewer(Call call);

    const VncOptions m_options;
    UniqueFd m_listening;
    UniqueFd m_wakeEvent; // of the accepting thread
    Services m_services;
    // Shared with posted tasks, which may run after the server.
    std::shared_ptr<Link> m_link;

    // Device thread
    std::map<uint64_t, std::unique_ptr<Viewer>> m_viewers;
    std::shared_ptr<const MappedScanout> m_scanout; // shared: clients draw from it at their pace
    bool m_viewing = false;
    std::atomic<uint32_t> m_viewerCount = 0;

    // Accepting thread
    uint64_t m_nextId = 1;
    std::atomic<unsigned> m_refusals = 0; // wrong passwords since the last right one
    uint64_t m_pauseUntilNs = 0;          // no connection is accepted before

    Mutex m_handshakes;

    Mutex m_queueMutex;
    std::vector<Event> m_queue GUARDED_BY(m_queueMutex);
    std::optional<std::string> m_clipboard GUARDED_BY(m_queueMutex);
    bool m_drainPosted GUARDED_BY(m_queueMutex) = false;
    bool m_overflowed GUARDED_BY(m_queueMutex) = false;

    Mutex m_clientsMutex;
    // One a client that may exist, made before any thread starts: making one initialises a lock
    // that all of them share.
    std::vector<Screen> m_freeScreens GUARDED_BY(m_clientsMutex);
    std::vector<Screen> m_usedScreens GUARDED_BY(m_clientsMutex);
    std::vector<std::unique_ptr<VncClient>> m_clients GUARDED_BY(m_clientsMutex);

    std::jthread m_acceptor; // last: starts when all else is there
};

} // namespace vivarium
