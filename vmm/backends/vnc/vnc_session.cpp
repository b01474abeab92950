#include "vmm/backends/vnc/vnc_session.h"

#include "vmm/backends/vnc/vnc_keysyms.h"
#include "vmm/base/log.h"

#include <algorithm>
#include <cerrno>

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace vivarium {

namespace {

constexpr int kBlankWidth = 640;
constexpr int kBlankHeight = 400;
constexpr int kMaxClipboardBytes = 1 << 20;
constexpr int kWheelUp = 8, kWheelDown = 16; // buttons 4 and 5 of the mask (RFC 6143, 7.5.5)
constexpr int kAbsoluteMax = 32767;

uint16_t toAbsolute(int position, int size) {
    if (size <= 1)
        return 0;
    return static_cast<uint16_t>(std::clamp(position, 0, size - 1) * kAbsoluteMax / (size - 1));
}

// RFB's left, middle, right as PointerButton bits.
uint8_t buttonBits(int mask) {
    uint8_t bits = 0;
    if (mask & 1)
        bits |= static_cast<uint8_t>(PointerButton::Left);
    if (mask & 2)
        bits |= static_cast<uint8_t>(PointerButton::Middle);
    if (mask & 4)
        bits |= static_cast<uint8_t>(PointerButton::Right);
    return bits;
}

} // namespace

VncServer::Session::Session(VncServer& server, UniqueFd listening, const VncOptions& options)
    : m_server(server), m_listening(std::move(listening)), m_password(options.password),
      m_acceptsInput(options.input == VncOptions::Input::Accepted),
      m_blank(size_t{kBlankWidth} * kBlankHeight) {
    rfbLogEnable(FALSE);
    m_screen = rfbGetScreen(nullptr, nullptr, kBlankWidth, kBlankHeight, 8, 3, 4);
    m_screen->screenData = this;
    m_screen->desktopName = "Vivarium";
    m_screen->port = 0; // sockets arrive open
    m_screen->ipv6port = 0;
    m_screen->autoPort = FALSE;
    m_screen->alwaysShared = TRUE;
    m_screen->cursor = nullptr; // the guest draws its own
    m_screen->deferUpdateTime = 0;
    m_screen->maxClientWait = kMaxClientWaitMs;
    m_screen->serverFormat.redShift = 16;
    m_screen->serverFormat.greenShift = 8;
    m_screen->serverFormat.blueShift = 0;
    m_screen->newClientHook = clientArrived;
    m_screen->kbdAddEvent = key;
    m_screen->ptrAddEvent = pointer;
    m_screen->setXCutText = clipboard;
    if (!m_password.empty()) {
        m_passwordList[0] = m_password.data();
        m_screen->authPasswdData = m_passwordList;
        m_screen->passwordCheck = rfbCheckPasswordByList;
    }
    showNothing();
    rfbInitServer(m_screen);
}

VncServer::Session::~Session() {
    rfbShutdownServer(m_screen, TRUE);
    rfbScreenCleanup(m_screen);
    releaseMapping();
}

void VncServer::Session::run() {
    while (takeNotes()) {
        acceptClients();
        dropSlowHandshakes();
        rfbProcessEvents(m_screen, 0);
        waitForWork();
    }
}

// Sleeps until a socket, a note or the end of a handshake's time calls. libvncserver answers within
// rfbProcessEvents (nothing is deferred), so there is nothing else to wait for.
void VncServer::Session::waitForWork() {
    std::vector<pollfd> sources{{m_server.m_wakeUp.get(), POLLIN, 0},
                                {m_listening.get(), POLLIN, 0}};
    int timeoutMs = -1;
    rfbClientIteratorPtr clients = rfbGetClientIterator(m_screen);
    while (rfbClientPtr client = rfbClientIteratorNext(clients)) {
        sources.push_back({client->sock, POLLIN, 0});
        if (client->state != rfbClientRec::RFB_NORMAL)
            timeoutMs = 1000;
    }
    rfbReleaseClientIterator(clients);
    ::poll(sources.data(), sources.size(), timeoutMs);
}

bool VncServer::Session::takeNotes() {
    uint64_t count;
    [[maybe_unused]] ssize_t got = ::read(m_server.m_wakeUp.get(), &count, sizeof count);
    Notes notes;
    {
        MutexLocker lock(m_server.m_mutex);
        notes = std::exchange(m_server.m_notes, {});
    }
    if (notes.scanout)
        showScanout(*notes.scanout, notes.memory);
    for (const Rect& r : notes.damage)
        rfbMarkRectAsModified(m_screen, static_cast<int>(r.x), static_cast<int>(r.y),
                              static_cast<int>(r.x + r.width), static_cast<int>(r.y + r.height));
    return !notes.stop;
}

void VncServer::Session::showScanout(const ScanoutInfo& info, const UniqueFd& memory) {
    struct stat status {};
    if (!scanoutIsValid(info) || ::fstat(memory.get(), &status) != 0 ||
        static_cast<uint64_t>(status.st_size) < info.memoryBytes)
        return showNothing();
    void* mapping = ::mmap(nullptr, info.memoryBytes, PROT_READ, MAP_SHARED, memory.get(), 0);
    if (mapping == MAP_FAILED)
        return showNothing();
    rfbNewFramebuffer(m_screen, static_cast<char*>(mapping) + info.offsetBytes,
                      static_cast<int>(info.width), static_cast<int>(info.height), 8, 3, 4);
    m_screen->paddedWidthInBytes = static_cast<int>(info.strideBytes);
    m_screen->serverFormat.redShift = 16;
    m_screen->serverFormat.greenShift = 8;
    m_screen->serverFormat.blueShift = 0;
    releaseMapping();
    m_mapping = mapping;
    m_mappingBytes = info.memoryBytes;
}

void VncServer::Session::showNothing() {
    rfbNewFramebuffer(m_screen, reinterpret_cast<char*>(m_blank.data()), kBlankWidth, kBlankHeight,
                      8, 3, 4);
    releaseMapping();
}

void VncServer::Session::releaseMapping() {
    if (m_mapping)
        ::munmap(m_mapping, m_mappingBytes);
    m_mapping = nullptr;
}

void VncServer::Session::acceptClients() {
    for (;;) {
        UniqueFd socket(
            ::accept4(m_listening.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!socket)
            return;
        if (m_server.clientCount() < kMaxClients)
            rfbNewClient(m_screen, socket.release()); // closes the socket itself when it fails
    }
}

void VncServer::Session::dropSlowHandshakes() {
    const auto now = std::chrono::steady_clock::now();
    rfbClientIteratorPtr clients = rfbGetClientIterator(m_screen);
    while (rfbClientPtr client = rfbClientIteratorNext(clients))
        if (client->state != rfbClientRec::RFB_NORMAL &&
            now - clientOf(client).connectedAt > std::chrono::milliseconds(kHandshakeMs))
            rfbCloseClient(client); // rfbProcessEvents clears it away
    rfbReleaseClientIterator(clients);
}

void VncServer::Session::clientsChanged(int difference) {
    const uint32_t count = m_server.m_clientCount.load() + static_cast<uint32_t>(difference);
    m_server.m_clientCount.store(count);
    m_server.watchDisplay(count > 0);
}

rfbNewClientAction VncServer::Session::clientArrived(rfbClientPtr client) {
    auto* session = static_cast<Session*>(client->screen->screenData);
    client->clientData =
        new Client{session, std::make_shared<InputSession>(session->m_server.m_services.input),
                   std::chrono::steady_clock::now()}; // libvncserver keeps it; clientLeft frees it
    client->clientGoneHook = clientLeft;
    session->clientsChanged(1);
    return RFB_CLIENT_ACCEPT;
}

void VncServer::Session::clientLeft(rfbClientPtr client) {
    std::unique_ptr<Client> own(static_cast<Client*>(client->clientData));
    client->clientData = nullptr;
    own->session->m_server.m_services.tasks.post(
        [input = std::move(own->input)] { input->release(); });
    own->session->clientsChanged(-1);
}

void VncServer::Session::key(rfbBool down, rfbKeySym keysym, rfbClientPtr client) {
    const auto code = keyCodeForKeysym(keysym);
    Session* session = clientOf(client).session;
    if (!code || !session->m_acceptsInput)
        return;
    session->m_server.m_services.tasks.post(
        [input = clientOf(client).input, code = *code, down] { input->key(code, down != 0); });
}

void VncServer::Session::pointer(int buttons, int x, int y, rfbClientPtr client) {
    Client& own = clientOf(client);
    if (!own.session->m_acceptsInput)
        return;
    AbsolutePointerEvent event;
    event.x = toAbsolute(x, client->screen->width);
    event.y = toAbsolute(y, client->screen->height);
    const int pressed = buttons & ~own.buttons;
    event.wheel = (pressed & kWheelUp ? 1 : 0) - (pressed & kWheelDown ? 1 : 0);
    event.buttons = buttonBits(buttons);
    own.buttons = buttons;
    own.session->m_server.m_services.tasks.post(
        [input = own.input, event] { input->absolutePointer(event); });
}

// The guest has no agent yet that could take the text; the other viewers get it.
void VncServer::Session::clipboard(char* text, int length, rfbClientPtr client) {
    if (length < 0 || length > kMaxClipboardBytes || !clientOf(client).session->m_acceptsInput)
        return;
    rfbClientIteratorPtr clients = rfbGetClientIterator(client->screen);
    while (rfbClientPtr other = rfbClientIteratorNext(clients)) {
        if (other == client || other->state != rfbClientRec::RFB_NORMAL)
            continue;
        rfbServerCutTextMsg message{};
        message.type = rfbServerCutText;
        message.length = Swap32IfLE(static_cast<uint32_t>(length));
        if (rfbWriteExact(other, reinterpret_cast<char*>(&message), sz_rfbServerCutTextMsg) < 0 ||
            rfbWriteExact(other, text, length) < 0)
            rfbCloseClient(other);
    }
    rfbReleaseClientIterator(clients);
}

} // namespace vivarium
