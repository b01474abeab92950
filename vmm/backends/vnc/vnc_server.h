#pragma once

#include "vmm/backends/display/display.h"
#include "vmm/backends/input/input_router.h"
#include "vmm/base/result.h"
#include "vmm/base/task_queue.h"
#include "vmm/base/thread_annotations.h"
#include "vmm/base/unique_fd.h"
#include "vmm/bus/device_lock.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace vivarium {

struct VncOptions {
    std::string password; // empty: none; RFC 6143, 7.2.2 uses 8 bytes of it
    enum class Input { Accepted, Ignored } input = Input::Accepted;
    // First thing on the server's thread (sandbox filter). May be empty.
    std::function<void()> threadStarted;
};

// Shows a display to VNC clients (RFB 3.8, RFC 6143) and passes their keys and pointer on. Created
// and destroyed by the machine with the device lock free; the DisplayViewer part runs on the device
// thread, the rest on the server's own thread.
class VncServer final : private DisplayViewer {
public:
    static constexpr uint32_t kMaxClients = 16;
    static constexpr int kHandshakeMs = 15'000;    // to finish authentication
    static constexpr int kMaxClientWaitMs = 5'000; // a client that takes nothing for so long goes

    struct Services {
        Display& display;
        InputRouter& input;
        TaskQueue& tasks;
        DeviceLock& deviceLock;
    };
    // `listening`: a listening stream socket (TCP or Unix). Errors: host errors.
    static Result<std::unique_ptr<VncServer>> create(UniqueFd listening, Services services,
                                                     VncOptions options);
    ~VncServer() override;

    uint32_t clientCount() const { return m_clientCount.load(std::memory_order_relaxed); }

private:
    class Session; // everything of libvncserver; the server's thread
    friend class Session;

    // What the device thread leaves for the server's thread.
    struct Notes {
        std::optional<ScanoutInfo> scanout;
        UniqueFd memory; // of the scanout
        std::vector<Rect> damage;
        bool stop = false;
    };

    VncServer(UniqueFd wakeUp, Services services)
        : m_services(services), m_wakeUp(std::move(wakeUp)) {}
    void scanoutChanged(const Scanout& scanout) override;
    void damaged(const std::vector<Rect>& rectangles) override;
    void wake();
    // Looks at the display while there are clients; posted, since viewers belong to the device
    // thread.
    void watchDisplay(bool wanted);

    Services m_services;
    UniqueFd m_wakeUp; // eventfd
    Mutex m_mutex;
    Notes m_notes GUARDED_BY(m_mutex);
    std::atomic<uint32_t> m_clientCount = 0;
    bool m_watching = false; // device thread
    // Posted tasks look here whether the server still exists.
    std::shared_ptr<VncServer*> m_self = std::make_shared<VncServer*>(this);
    std::jthread m_thread;
};

} // namespace vivarium
