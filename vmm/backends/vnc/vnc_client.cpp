#include "vmm/backends/vnc/vnc_client.h"

#include "vmm/backends/vnc/vnc_text.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <rfb/rfb.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace vivarium {

namespace {

// What a client gets that connects before the machine shows anything.
constexpr uint32_t kFirstWidth = 640, kFirstHeight = 480;
constexpr int kPartialMessagePollMs = 20;
constexpr int kMaxCoordinate = 32767;

// Bytes of the handshake message that the client's state waits for (RFC 6143, 7.1).
int handshakeBytes(int state) {
    switch (state) {
    case rfbClientRec::RFB_PROTOCOL_VERSION:
        return sz_rfbProtocolVersionMsg;
    case rfbClientRec::RFB_AUTHENTICATION:
        return CHALLENGESIZE;
    default: // security type, ClientInit
        return 1;
    }
}

uint16_t scaled(int position, int size) {
    if (size <= 1)
        return 0;
    return static_cast<uint16_t>(std::clamp(position, 0, size - 1) * int64_t{kMaxCoordinate} /
                                 (size - 1));
}

} // namespace

VncClient::VncClient(VncClientHost& host, uint64_t id, _rfbScreenInfo& screen, UniqueFd socket,
                     UniqueFd wakeEvent, const VncOptions& options, Mutex& handshakes)
    : m_host(host), m_id(id), m_screen(screen), m_socket(std::move(socket)),
      m_wakeEvent(std::move(wakeEvent)), m_options(options), m_handshakes(handshakes) {
    if (auto copy = m_socket.duplicate())
        m_shutdown = std::move(*copy);
    else
        m_stopping = true; // cannot be ended from outside, so it does not begin
    m_thread = std::jthread([this] { run(); });
}

VncClient::~VncClient() {
    stop();
}

void VncClient::stop() {
    m_stopping = true;
    if (m_shutdown)
        ::shutdown(m_shutdown.get(), SHUT_RDWR); // ends a write that the client does not read
    wake();
}

void VncClient::wake() {
    uint64_t one = 1;
    [[maybe_unused]] ssize_t written = ::write(m_wakeEvent.get(), &one, sizeof one);
}

void VncClient::showScanout(std::shared_ptr<const MappedScanout> scanout) {
    {
        MutexLocker lock(m_mutex);
        m_inbox.pictureKnown = true;
        m_inbox.scanoutChanged = true;
        m_inbox.scanout = std::move(scanout);
        m_inbox.damage.clear();
    }
    wake();
}

void VncClient::damage(const std::vector<Rect>& rectangles) {
    {
        MutexLocker lock(m_mutex);
        auto& damage = m_inbox.damage;
        damage.insert(damage.end(), rectangles.begin(), rectangles.end());
        if (damage.size() > kMaxDamageRectangles) {
            Rect all;
            for (const Rect& rect : damage)
                all = all.united(rect);
            damage.assign(1, all);
        }
    }
    wake();
}

void VncClient::setClipboard(std::string utf8) {
    {
        MutexLocker lock(m_mutex);
        m_inbox.clipboard = std::move(utf8);
    }
    wake();
}

// --- The client's thread ----------------------------------------------------------------------

void VncClient::run() {
    // Signals are the main thread's; SIGPIPE would come from writing to a client that left.
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);

    auto handshakeEnd =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(m_options.handshakeTimeoutMs);
    if (!m_stopping && beginSession())
        serve(handshakeEnd);
    if (m_client) {
        if (m_client->sock != RFB_INVALID_SOCKET)
            rfbCloseClient(m_client);
        rfbClientConnectionGone(m_client);
    }
    m_finished = true;
    m_host.clientGone(m_id);
}

// Makes the library's client. Before the library sends anything it looks at what the peer sent, for
// WebSockets: for a tenth of a second, or for ever (0.9.14) when that is one to three bytes; and a
// web page in the user's browser could come in this way. So it is shown a pair of our own, on which
// a plain client seems to talk, and gets the connection afterwards.
bool VncClient::beginSession() {
    constexpr std::string_view kPlainClient = "RFB 003.008\n";
    int pair[2];
    // The library's select() has no room for larger descriptors.
    if (m_socket.get() >= FD_SETSIZE ||
        ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    UniqueFd decoy(pair[0]), ours(pair[1]);
    char version[sz_rfbProtocolVersionMsg];
    if (decoy.get() >= FD_SETSIZE ||
        ::write(ours.get(), kPlainClient.data(), kPlainClient.size()) !=
            static_cast<ssize_t>(kPlainClient.size()))
        return false;
    prepareScreen();
    m_client = rfbNewClient(&m_screen, decoy.release()); // closes it when it fails
    if (!m_client || ::recv(ours.get(), version, sizeof version, MSG_DONTWAIT) != sizeof version)
        return false;
    ::close(m_client->sock);
    m_client->sock = m_socket.release();
    int one = 1; // a key press waits for nothing; fails on Unix sockets, which do not wait either
    ::setsockopt(m_client->sock, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return rfbWriteExact(m_client, version, sizeof version) > 0;
}

void VncClient::prepareScreen() {
    m_screen.screenData = this;
    m_screen.authPasswdData = m_options.password.empty() ? nullptr : this;
    m_screen.passwordCheck = checkPassword;
    m_screen.kbdAddEvent = keyEvent;
    m_screen.ptrAddEvent = pointerEvent;
    m_screen.setXCutText = latin1Clipboard;
    m_screen.setXCutTextUTF8 = utf8Clipboard;
    newFramebuffer(kFirstWidth, kFirstHeight);
}

void VncClient::newFramebuffer(uint32_t width, uint32_t height) {
    m_frame.resize(width, height);
    constexpr int kBitsPerSample = 8, kSamplesPerPixel = 3, kBytesPerPixel = 4;
    rfbNewFramebuffer(&m_screen, m_frame.pixels(), static_cast<int>(width),
                      static_cast<int>(height), kBitsPerSample, kSamplesPerPixel, kBytesPerPixel);
    // The library assumes red in the lowest byte; ours is the highest (ScanoutInfo).
    m_screen.serverFormat.redShift = 16;
    m_screen.serverFormat.greenShift = 8;
    m_screen.serverFormat.blueShift = 0;
    if (!m_client)
        return;
    if (m_client->state == rfbClientRec::RFB_NORMAL)
        rfbSetTranslateFunction(m_client);
    else
        m_client->format = m_screen.serverFormat;
}

void VncClient::serve(Deadline handshakeEnd) {
    m_client->viewOnly = m_options.input == VncOptions::Input::Ignored;
    while (!m_stopping && m_client->sock != RFB_INVALID_SOCKET) {
        bool readable = false;
        if (!waitForWork(handshakeEnd, readable))
            return;
        takeInbox();
        if (readable && !processMessage(m_partialMessage))
            return;
        // Scaled copies keep their size when ours changes; nobody needs them.
        if (m_client->scaledScreen != &m_screen)
            return;
        if (!m_authenticated && m_client->state == rfbClientRec::RFB_INITIALISATION) {
            m_authenticated = true;
            m_host.clientAuthenticated(m_id);
        }
        if (m_client->state == rfbClientRec::RFB_NORMAL && m_client->sock != RFB_INVALID_SOCKET) {
            adaptSize();
            rfbUpdateClient(m_client);
        }
    }
}

// Sleeps until there is something to do; false when the client used up its time.
bool VncClient::waitForWork(Deadline handshakeEnd, bool& readable) {
    bool handshake = m_client->state != rfbClientRec::RFB_NORMAL;
    // ClientInit is answered with the size of the picture, so that must be known.
    bool wantsPicture = m_authenticated && !m_pictureKnown;
    bool listen = !wantsPicture && !m_partialMessage;
    int timeoutMs = -1;
    if (handshake) {
        auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            handshakeEnd - std::chrono::steady_clock::now());
        if (left.count() <= 0)
            return false;
        timeoutMs = static_cast<int>(left.count()) + 1;
        if (m_partialMessage)
            timeoutMs = std::min(timeoutMs, kPartialMessagePollMs);
    }
    pollfd fds[2] = {{m_wakeEvent.get(), POLLIN, 0},
                     {m_client->sock, static_cast<short>(listen ? POLLIN : 0), 0}};
    ::poll(fds, 2, timeoutMs);
    if (fds[0].revents) {
        uint64_t count;
        [[maybe_unused]] ssize_t bytes = ::read(m_wakeEvent.get(), &count, sizeof count);
    }
    if (!listen && fds[1].revents) // hung up
        return false;
    readable = m_partialMessage || fds[1].revents;
    return true;
}

// One message from the client. Handshake messages are left alone until they are complete: the
// library would wait for the rest. False when the client has gone.
bool VncClient::processMessage(bool& partial) {
    if (m_client->state == rfbClientRec::RFB_NORMAL) {
        rfbProcessClientMessage(m_client);
        return true;
    }
    int available = 0;
    if (::ioctl(m_client->sock, FIONREAD, &available) != 0 || available == 0)
        return false;
    partial = available < handshakeBytes(m_client->state);
    if (partial)
        return true;
    if (m_client->state == rfbClientRec::RFB_PROTOCOL_VERSION) {
        MutexLocker lock(m_handshakes); // does not block: the answer fits in the socket's buffer
        rfbProcessClientMessage(m_client);
    } else {
        rfbProcessClientMessage(m_client);
    }
    return true;
}

void VncClient::takeInbox() {
    Inbox inbox;
    {
        MutexLocker lock(m_mutex);
        inbox.pictureKnown = m_inbox.pictureKnown;
        inbox.scanoutChanged = std::exchange(m_inbox.scanoutChanged, false);
        if (inbox.scanoutChanged)
            inbox.scanout = m_inbox.scanout;
        inbox.damage.swap(m_inbox.damage);
        inbox.clipboard.swap(m_inbox.clipboard);
    }
    m_pictureKnown = inbox.pictureKnown;
    if (inbox.scanoutChanged) {
        m_scanout = std::move(inbox.scanout);
        if (m_scanout && (m_client->state != rfbClientRec::RFB_NORMAL || m_client->useNewFBSize))
            newFramebuffer(m_scanout->width(), m_scanout->height());
        else
            m_frame.fillBlack(); // this client cannot follow: it sees what fits
        rfbMarkRectAsModified(&m_screen, 0, 0, static_cast<int>(m_frame.width()),
                              static_cast<int>(m_frame.height()));
        if (m_scanout)
            applyDamage({{0, 0, m_scanout->width(), m_scanout->height()}});
    }
    applyDamage(inbox.damage);
    if (inbox.clipboard && m_client->state == rfbClientRec::RFB_NORMAL)
        sendClipboard(*inbox.clipboard);
}

void VncClient::applyDamage(const std::vector<Rect>& rectangles) {
    if (!m_scanout)
        return;
    for (const Rect& rect : rectangles) {
        Rect copied = m_frame.copy(*m_scanout, rect);
        if (!copied.empty())
            rfbMarkRectAsModified(&m_screen, static_cast<int>(copied.x), static_cast<int>(copied.y),
                                  static_cast<int>(copied.x + copied.width),
                                  static_cast<int>(copied.y + copied.height));
    }
}

// A client says that it can follow sizes only after it was told the first one.
void VncClient::adaptSize() {
    if (!m_scanout || !m_client->useNewFBSize ||
        (m_frame.width() == m_scanout->width() && m_frame.height() == m_scanout->height()))
        return;
    newFramebuffer(m_scanout->width(), m_scanout->height());
    applyDamage({{0, 0, m_scanout->width(), m_scanout->height()}});
}

void VncClient::sendClipboard(const std::string& utf8) {
    auto latin1 = utf8ToLatin1(utf8);
    if (!latin1)
        return;
    // Not left to the library's choice: 0.9.14 announces the length of the UTF-8 text and then
    // sends the Latin-1 one.
    std::string text = m_client->enableExtendedClipboard ? utf8 : *latin1;
    auto length = static_cast<int>(text.size());
    if (m_client->enableExtendedClipboard)
        rfbSendServerCutTextUTF8(&m_screen, text.data(), length, nullptr, 0);
    else
        rfbSendServerCutText(&m_screen, text.data(), length);
}

// --- Called by libvncserver on the client's thread ---------------------------------------------

VncClient& VncClient::of(_rfbClientRec* client) {
    return *static_cast<VncClient*>(client->screen->screenData);
}

signed char VncClient::checkPassword(_rfbClientRec* client, const char* response, int length) {
    VncClient& self = of(client);
    if (length != CHALLENGESIZE)
        return FALSE;
    // RFC 6143, 7.2.2: DES with the password's first eight bytes.
    uint8_t expected[CHALLENGESIZE];
    std::memcpy(expected, client->authChallenge, sizeof expected);
    std::string password = self.m_options.password.substr(0, 8);
    rfbEncryptBytes(expected, password.data());
    unsigned difference = 0; // of all bytes, so that the time tells nothing
    for (int i = 0; i < CHALLENGESIZE; ++i)
        difference |= static_cast<unsigned>(expected[i] ^ static_cast<uint8_t>(response[i]));
    if (difference == 0)
        return TRUE;
    self.m_host.clientRefused(self.m_id);
    return FALSE;
}

void VncClient::keyEvent(signed char down, uint32_t keysym, _rfbClientRec* client) {
    VncClient& self = of(client);
    self.m_host.clientKey(self.m_id, keysym, down != 0);
}

void VncClient::pointerEvent(int buttonMask, int x, int y, _rfbClientRec* client) {
    VncClient& self = of(client);
    self.m_host.clientPointer(self.m_id,
                              {scaled(x, client->screen->width), scaled(y, client->screen->height),
                               static_cast<uint8_t>(buttonMask)});
}

void VncClient::latin1Clipboard(char* text, int length, _rfbClientRec* client) {
    if (length < 0 || static_cast<size_t>(length) > kMaxClipboardBytes)
        return;
    VncClient& self = of(client);
    std::string utf8 = latin1ToUtf8({text, static_cast<size_t>(length)});
    if (utf8.size() <= kMaxClipboardBytes)
        self.m_host.clientClipboard(self.m_id, std::move(utf8));
}

void VncClient::utf8Clipboard(char* text, int length, _rfbClientRec* client) {
    if (length < 0 || static_cast<size_t>(length) > kMaxClipboardBytes + 1)
        return;
    std::string utf8(text, static_cast<size_t>(length));
    while (!utf8.empty() && utf8.back() == '\0') // extended clipboard text ends in a zero
        utf8.pop_back();
    VncClient& self = of(client);
    if (utf8.size() <= kMaxClipboardBytes && utf8ToLatin1(utf8))
        self.m_host.clientClipboard(self.m_id, std::move(utf8));
}

} // namespace vivarium
