#include "vmm/backends/vnc/vnc_server.h"

#include "vmm/backends/vnc/vnc_text.h"
#include "vmm/base/log.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <utility>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <rfb/rfb.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

namespace vivarium {

namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;
// Wrong passwords in a row before connections are accepted only one a second.
constexpr unsigned kFreeRefusals = 5;

uint64_t monotonicNs() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * kSecondNs + static_cast<uint64_t>(now.tv_nsec);
}

// RFB's button mask (RFC 6143, 7.5.5): left, middle, right, wheel up, wheel down.
enum RfbButton : uint8_t { Left = 1, Middle = 2, Right = 4, WheelUp = 8, WheelDown = 16 };

uint8_t pointerButtons(uint8_t mask) {
    unsigned buttons = 0;
    if (mask & Left)
        buttons |= static_cast<unsigned>(PointerButton::Left);
    if (mask & Middle)
        buttons |= static_cast<unsigned>(PointerButton::Middle);
    if (mask & Right)
        buttons |= static_cast<unsigned>(PointerButton::Right);
    return static_cast<uint8_t>(buttons);
}

} // namespace

void VncServer::ScreenDeleter::operator()(_rfbScreenInfo* screen) const {
    rfbScreenCleanup(screen);
}

Result<std::unique_ptr<VncServer>> VncServer::create(UniqueFd listening, Services services,
                                                     VncOptions options) {
    if (!listening)
        return fail(ErrorCode::InvalidArgument, "VNC server: no listening socket");
    int flags = ::fcntl(listening.get(), F_GETFL);
    if (flags < 0 || ::fcntl(listening.get(), F_SETFL, flags | O_NONBLOCK) != 0)
        return systemError(errno, "VNC server: prepare listening socket");
    UniqueFd wakeEvent(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wakeEvent)
        return systemError(errno, "VNC server: create event");
    rfbLogEnable(FALSE); // its lines are for developers, and clients trigger them
    std::vector<Screen> screens;
    for (uint32_t i = 0; i < kMaxClients; ++i) {
        Screen screen(rfbGetScreen(nullptr, nullptr, 640, 480, 8, 3, 4));
        if (!screen)
            return fail(ErrorCode::LimitExceeded, "VNC server: out of memory");
        screen->alwaysShared = TRUE;
        screen->deferUpdateTime = 0; // the display paces itself
        screen->cursor = nullptr;    // the guest draws its own
        screen->port = screen->ipv6port = 0;
        screens.push_back(std::move(screen));
    }
    return std::unique_ptr<VncServer>(new VncServer(std::move(listening), std::move(wakeEvent),
                                                    std::move(screens), services,
                                                    std::move(options)));
}

VncServer::VncServer(UniqueFd listening, UniqueFd wakeEvent, std::vector<Screen> screens,
                     Services services, VncOptions options)
    : m_options(std::move(options)), m_listening(std::move(listening)),
      m_wakeEvent(std::move(wakeEvent)), m_services(services),
      m_link(std::make_shared<Link>(Link{this})), m_freeScreens(std::move(screens)) {
    for (Screen& screen : m_freeScreens)
        screen->desktopName = m_options.desktopName.c_str();
    m_acceptor = std::jthread([this](const std::stop_token& stop) { acceptLoop(stop); });
}

VncServer::~VncServer() {
    m_acceptor.request_stop();
    wakeAcceptor();
    m_acceptor.join();
    std::vector<std::unique_ptr<VncClient>> clients;
    {
        MutexLocker lock(m_clientsMutex);
        clients.swap(m_clients);
    }
    for (auto& client : clients)
        client->stop();
    clients.clear(); // waits for their threads, which may still call the host
    MutexLocker lock(m_services.deviceLock);
    m_link->server = nullptr;
    if (m_viewing)
        m_services.display.removeViewer(*this);
    m_viewers.clear();
}

void VncServer::disconnectClients() {
    MutexLocker lock(m_clientsMutex);
    for (auto& client : m_clients)
        client->stop();
}

void VncServer::setClipboard(std::string_view utf8) {
    if (utf8.size() > kMaxClipboardBytes || !utf8ToLatin1(utf8))
        return;
    MutexLocker lock(m_clientsMutex);
    for (auto& client : m_clients)
        client->setClipboard(std::string(utf8));
}

// --- Accepting thread -------------------------------------------------------------------------

void VncServer::acceptLoop(const std::stop_token& stop) {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    if (m_options.threadStarted)
        m_options.threadStarted();
    bool listening = true;
    while (!stop.stop_requested()) {
        uint64_t nowNs = monotonicNs();
        bool paused = nowNs < m_pauseUntilNs;
        int timeoutMs = paused ? static_cast<int>((m_pauseUntilNs - nowNs) / 1'000'000) + 1 : -1;
        pollfd fds[2] = {{m_wakeEvent.get(), POLLIN, 0}, {m_listening.get(), POLLIN, 0}};
        if (::poll(fds, listening && !paused ? 2 : 1, timeoutMs) < 0 && errno != EINTR)
            return;
        if (fds[0].revents) {
            uint64_t count;
            [[maybe_unused]] ssize_t bytes = ::read(m_wakeEvent.get(), &count, sizeof count);
        }
        reap();
        if (fds[1].revents & POLLIN) {
            accept();
        } else if (fds[1].revents) {
            listening = false;
            logWarning("vnc", "the listening socket is gone; no further clients are accepted");
        }
    }
}

void VncServer::accept() {
    UniqueFd socket(::accept4(m_listening.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) {
        // Out of descriptors or memory: the connection stays in the queue, so try again later.
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            m_pauseUntilNs = monotonicNs() + kSecondNs;
        return;
    }
    if (m_refusals >= kFreeRefusals)
        m_pauseUntilNs = monotonicNs() + kSecondNs;
    int one = 1; // a peer that vanished is noticed
    ::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    UniqueFd wakeEvent(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    MutexLocker lock(m_clientsMutex);
    if (!wakeEvent || m_freeScreens.empty())
        return; // turned away
    m_usedScreens.push_back(std::move(m_freeScreens.back()));
    m_freeScreens.pop_back();
    m_clients.push_back(std::make_unique<VncClient>(static_cast<VncClientHost&>(*this), m_nextId++,
                                                    *m_usedScreens.back(), std::move(socket),
                                                    std::move(wakeEvent), m_options, m_handshakes));
}

void VncServer::reap() {
    std::vector<std::unique_ptr<VncClient>> finished;
    {
        MutexLocker lock(m_clientsMutex);
        for (auto& client : m_clients)
            if (client->finished())
                finished.push_back(std::move(client));
        std::erase(m_clients, nullptr);
    }
    for (auto& client : finished) {
        _rfbScreenInfo* screen = &client->screen();
        client.reset(); // waits for the end of its thread
        MutexLocker lock(m_clientsMutex);
        auto used = std::find_if(m_usedScreens.begin(), m_usedScreens.end(),
                                 [screen](const Screen& s) { return s.get() == screen; });
        m_freeScreens.push_back(std::move(*used));
        m_usedScreens.erase(used);
    }
}

void VncServer::wakeAcceptor() {
    uint64_t one = 1;
    [[maybe_unused]] ssize_t written = ::write(m_wakeEvent.get(), &one, sizeof one);
}

// --- Clients' threads -------------------------------------------------------------------------

void VncServer::clientAuthenticated(uint64_t id) {
    m_refusals = 0;
    enqueue({Event::Kind::Authenticated, id});
}

void VncServer::clientRefused(uint64_t) {
    ++m_refusals;
}

void VncServer::clientKey(uint64_t id, uint32_t keysym, bool down) {
    enqueue({Event::Kind::Key, id, keysym, down});
}

void VncServer::clientPointer(uint64_t id, const VncPointer& pointer) {
    Event event{Event::Kind::Pointer, id};
    event.pointer = pointer;
    enqueue(event);
}

void VncServer::clientClipboard(uint64_t, std::string utf8) {
    {
        MutexLocker lock(m_queueMutex);
        m_clipboard = std::move(utf8); // only the newest counts
    }
    postDrain();
}

void VncServer::clientGone(uint64_t id) {
    enqueue({Event::Kind::Gone, id});
    wakeAcceptor();
}

void VncServer::enqueue(const Event& event) {
    {
        MutexLocker lock(m_queueMutex);
        Event* last = m_queue.empty() ? nullptr : &m_queue.back();
        bool input = event.kind == Event::Kind::Key || event.kind == Event::Kind::Pointer;
        if (last && event.kind == Event::Kind::Pointer && last->kind == event.kind &&
            last->client == event.client && last->pointer.buttons == event.pointer.buttons)
            last->pointer = event.pointer; // moves in between are of no use
        else if (input && m_queue.size() >= kMaxQueuedInputs)
            m_overflowed = true; // a release may be lost: then everything is released
        else
            m_queue.push_back(event); // at most two others a client, so only input needs a bound
    }
    postDrain();
}

// Posts with no lock held: the queue may run the task at once.
void VncServer::postDrain() {
    {
        MutexLocker lock(m_queueMutex);
        if (std::exchange(m_drainPosted, true))
            return;
    }
    m_services.tasks.post([link = m_link] {
        if (link->server)
            link->server->drain();
    });
}

// --- Device thread ----------------------------------------------------------------------------

void VncServer::drain() {
    std::vector<Event> queue;
    std::optional<std::string> clipboard;
    bool overflowed;
    {
        MutexLocker lock(m_queueMutex);
        queue.swap(m_queue);
        clipboard.swap(m_clipboard);
        overflowed = std::exchange(m_overflowed, false);
        m_drainPosted = false;
    }
    for (const Event& event : queue)
        handle(event);
    if (overflowed)
        for (auto& [id, viewer] : m_viewers)
            viewer->input.release();
    if (clipboard && m_options.clipboardChanged)
        m_options.clipboardChanged(*clipboard);
}

void VncServer::handle(const Event& event) {
    if (event.kind == Event::Kind::Authenticated) {
        admit(event.client);
        return;
    }
    auto viewer = m_viewers.find(event.client);
    if (viewer == m_viewers.end())
        return;
    switch (event.kind) {
    case Event::Kind::Authenticated:
        break;
    case Event::Kind::Key:
        handleKey(*viewer->second, event);
        break;
    case Event::Kind::Pointer:
        handlePointer(*viewer->second, event.pointer);
        break;
    case Event::Kind::Gone:
        dismiss(event.client);
        break;
    }
}

void VncServer::handleKey(Viewer& viewer, const Event& event) {
    for (auto [code, down] :
         viewer.keys.translate(event.keysym, event.down, m_services.input.leds().capsLock))
        viewer.input.key(code, down);
    m_services.display.expectChange();
}

void VncServer::handlePointer(Viewer& viewer, const VncPointer& pointer) {
    auto pressed = static_cast<uint8_t>(pointer.buttons & ~viewer.buttons);
    viewer.buttons = pointer.buttons;
    AbsolutePointerEvent event;
    event.x = pointer.x;
    event.y = pointer.y;
    event.buttons = pointerButtons(pointer.buttons);
    event.wheel = (pressed & WheelUp ? 1 : 0) - (pressed & WheelDown ? 1 : 0);
    viewer.input.absolutePointer(event);
    m_services.display.expectChange();
}

void VncServer::admit(uint64_t id) {
    m_viewers.emplace(id, std::make_unique<Viewer>(m_services.input));
    ++m_viewerCount;
    if (!m_viewing) {
        m_viewing = true;
        m_scanout.reset();
        m_services.display.addViewer(*this); // tells the scanout, where there is one
    }
    {
        MutexLocker lock(m_clientsMutex);
        for (auto& client : m_clients)
            if (client && client->id() == id)
                client->showScanout(m_scanout);
    }
    if (m_options.clientCountChanged)
        m_options.clientCountChanged(m_viewerCount);
}

void VncServer::dismiss(uint64_t id) {
    m_viewers.erase(id); // releases what it held down
    --m_viewerCount;
    if (m_viewers.empty()) {
        m_viewing = false;
        m_services.display.removeViewer(*this);
        m_scanout.reset();
    }
    if (m_options.clientCountChanged)
        m_options.clientCountChanged(m_viewerCount);
}

// Calls for the clients that were let in; the others learn nothing of the machine.
template <class Call>
void VncServer::forEachViewer(Call call) {
    MutexLocker lock(m_clientsMutex);
    for (auto& client : m_clients)
        if (m_viewers.contains(client->id()))
            call(*client);
}

void VncServer::scanoutChanged(const Scanout& scanout) {
    auto mapped = MappedScanout::create(scanout);
    if (mapped)
        m_scanout = std::move(*mapped);
    else
        m_scanout.reset();
    forEachViewer([this](VncClient& client) { client.showScanout(m_scanout); });
}

void VncServer::damaged(const std::vector<Rect>& rectangles) {
    forEachViewer([&](VncClient& client) { client.damage(rectangles); });
}

} // namespace vivarium
