#include "ui/console/vnc_session.h"

#include "vmm/base/scanout.h"

#include <QThreadPool>

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <rfb/rfbclient.h>

namespace vivarium {

namespace {

constexpr int kConnectTimeoutMs = 10'000;
constexpr int kTlsPollMs = 100; // TLS may hold decoded bytes that poll() cannot see
constexpr qsizetype kMaxClipboard = 1 << 20;

} // namespace

struct VncSession::Shared {
    VncAddress address;
    std::atomic<bool> stopping = false;
    UniqueFd wake; // eventfd: commands are waiting, or stopping

    std::mutex mutex;              // guards everything below
    VncSession* session = nullptr; // null once the QObject has gone
    int socket = -1;               // only to shut it down; owned by the thread
    std::vector<std::function<void(rfbClient*)>> commands;
    bool passwordAnswered = false;
    std::optional<QString> password;
    std::condition_variable passwordChanged;
    QImage staging; // complete picture after each update
    QRegion changed;
    bool replaced = false;
    bool announced = false;

    // Thread's own.
    std::vector<uint8_t> frameBuffer;
    QRegion updating;
    bool passwordAsked = false;

    void run();
    Result<UniqueFd> connectSocket();
    Result<UniqueFd> connectTcp();
    Result<void> finishConnecting(int fd);
    void serve(rfbClient* client);
    void wakeUp() {
        const uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = ::write(wake.get(), &one, sizeof one);
    }
    // Runs `announce(session)` if somebody still listens. Signals go through the GUI thread's
    // queue.
    template <class Announce>
    void notify(Announce announce) {
        const std::lock_guard lock(mutex);
        if (session)
            QMetaObject::invokeMethod(
                session, [target = session, announce] { announce(target); }, Qt::QueuedConnection);
    }
    void post(std::function<void(rfbClient*)> command) {
        {
            const std::lock_guard lock(mutex);
            commands.push_back(std::move(command));
        }
        wakeUp();
    }
};

// libvncclient's hooks, on the session's thread.
struct VncCallbacks {
    static inline char tag = 0;
    static VncSession::Shared* shared(rfbClient* client) {
        return static_cast<VncSession::Shared*>(rfbClientGetClientData(client, &tag));
    }

    static rfbBool allocate(rfbClient* client) {
        VncSession::Shared* s = shared(client);
        if (client->width <= 0 || client->height <= 0 ||
            client->width > static_cast<int>(kMaxScanoutWidth) ||
            client->height > static_cast<int>(kMaxScanoutHeight))
            return FALSE;
        const size_t bytes = static_cast<size_t>(client->width) * client->height * 4;
        s->frameBuffer.assign(bytes, 0);
        client->frameBuffer = s->frameBuffer.data();
        s->updating = QRect(0, 0, client->width, client->height);
        const std::lock_guard lock(s->mutex);
        s->staging = QImage(client->width, client->height, QImage::Format_RGB32);
        s->staging.fill(Qt::black);
        s->replaced = true;
        return TRUE;
    }

    static void updated(rfbClient* client, int x, int y, int w, int h) {
        VncSession::Shared* s = shared(client);
        s->updating += QRect(x, y, w, h) & QRect(0, 0, client->width, client->height);
    }

    static void finished(rfbClient* client) {
        VncSession::Shared* s = shared(client);
        bool announce = false;
        {
            const std::lock_guard lock(s->mutex);
            for (const QRect& r : s->updating) {
                for (int y = r.top(); y <= r.bottom(); ++y)
                    std::memcpy(s->staging.scanLine(y) + r.left() * 4,
                                s->frameBuffer.data() +
                                    (static_cast<size_t>(y) * client->width + r.left()) * 4,
                                static_cast<size_t>(r.width()) * 4);
            }
            s->changed += s->updating;
            announce = !s->announced;
            s->announced = true;
        }
        s->updating = {};
        if (announce)
            s->notify([](VncSession* session) {
                Q_EMIT
                session->changesReady();
            });
    }

    // The returned string is freed by libvncclient.
    static char* password(rfbClient* client) {
        VncSession::Shared* s = shared(client);
        s->passwordAsked = true;
        s->notify([](VncSession* session) {
            Q_EMIT
            session->passwordWanted();
        });
        std::unique_lock lock(s->mutex);
        s->passwordChanged.wait(lock, [s] { return s->passwordAnswered || s->stopping.load(); });
        s->passwordAnswered = false;
        // libvncclient takes an empty password for none, too, but never frees it.
        if (s->stopping || !s->password || s->password->isEmpty())
            return nullptr;
        return strdup(s->password->toUtf8().constData());
    }

    static void clipboard(rfbClient* client, const char* text, int length) {
        if (length < 0 || length > kMaxClipboard)
            return;
        const QString received = QString::fromLatin1(text, length); // RFC 6143, 7.6.4: Latin-1
        shared(client)->notify([received](VncSession* session) {
            Q_EMIT
            session->clipboardReceived(received);
        });
    }

    static void leds(rfbClient* client, int value, int) {
        shared(client)->notify([value](VncSession* session) {
            Q_EMIT
            session->ledsReceived(value);
        });
    }
};

namespace {

void setCallbacks(rfbClient* client) {
    client->MallocFrameBuffer = VncCallbacks::allocate;
    client->GotFrameBufferUpdate = VncCallbacks::updated;
    client->FinishedFrameBufferUpdate = VncCallbacks::finished;
    client->GetPassword = VncCallbacks::password;
    client->GotXCutText = VncCallbacks::clipboard;
    client->HandleKeyboardLedState = VncCallbacks::leds;
    client->canHandleNewFBSize = TRUE;
    client->appData.shareDesktop = TRUE;
    client->appData.useRemoteCursor = FALSE; // the server draws it into the picture
    client->appData.enableJPEG = FALSE;      // a guest's text must stay sharp
    client->appData.encodingsString = "copyrect zrle zlib hextile raw";
    // 32 bits as Format_RGB32 has them.
    client->format.redShift = 16;
    client->format.greenShift = 8;
    client->format.blueShift = 0;
}

} // namespace

Result<void> VncSession::Shared::finishConnecting(int fd) {
    pollfd waits[2] = {{fd, POLLOUT, 0}, {wake.get(), POLLIN, 0}};
    const int ready = poll(waits, 2, kConnectTimeoutMs);
    if (stopping)
        return fail(ErrorCode::Cancelled, "cancelled");
    if (ready <= 0 || waits[0].revents == 0)
        return fail(ErrorCode::Timeout, "the server did not answer in 10 seconds");
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0)
        return systemError(error, "connect");
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    return {};
}

Result<UniqueFd> VncSession::Shared::connectTcp() {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int failure = getaddrinfo(address.host.toUtf8().constData(),
                                    QByteArray::number(address.port).constData(), &hints, &found);
    if (failure != 0)
        return fail(ErrorCode::NotFound, gai_strerror(failure));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> list(found, freeaddrinfo);
    Error last = fail(ErrorCode::NotFound, "the name has no address");
    for (const addrinfo* entry = found; entry && !stopping; entry = entry->ai_next) {
        UniqueFd fd(::socket(entry->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (!fd)
            continue;
        if (::connect(fd.get(), entry->ai_addr, entry->ai_addrlen) != 0 && errno != EINPROGRESS) {
            last = systemError(errno, "connect");
            continue;
        }
        if (Result<void> done = finishConnecting(fd.get()); done)
            return fd;
        else
            last = done.error();
    }
    return last;
}

Result<UniqueFd> VncSession::Shared::connectSocket() {
    if (address.socketPath.isEmpty())
        return connectTcp();
    const QByteArray path = address.socketPath.toLocal8Bit();
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.size() >= static_cast<qsizetype>(sizeof name.sun_path))
        return fail(ErrorCode::InvalidArgument, "the socket's path is too long");
    std::memcpy(name.sun_path, path.constData(), static_cast<size_t>(path.size()));
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0)
        return systemError(errno, "connect to " + path.toStdString());
    return fd;
}

void VncSession::Shared::run() {
    Result<UniqueFd> connection = connectSocket();
    if (!connection) {
        notify([error = connection.error()](VncSession* s) {
            Q_EMIT
            s->failed(error);
        });
        return;
    }
    rfbClient* client = rfbGetClient(8, 3, 4);
    rfbClientSetClientData(client, &VncCallbacks::tag, this);
    setCallbacks(client);
    // A socket that is connected already: libvncclient takes it as an accepted one.
    client->listenSpecified = TRUE;
    client->sock = connection->release();
    {
        const std::lock_guard lock(mutex);
        socket = client->sock;
    }
    if (!rfbInitClient(client, nullptr, nullptr)) { // frees the client, closes the socket
        const std::lock_guard lock(mutex);
        socket = -1;
        const Error error = passwordAsked
                                ? fail(ErrorCode::PermissionDenied, "the password was refused")
                                : fail(ErrorCode::Corrupt, "the server does not speak VNC");
        if (session)
            QMetaObject::invokeMethod(
                session,
                [target = session, error] {
                    Q_EMIT
                    target->failed(error);
                },
                Qt::QueuedConnection);
        return;
    }
    const QString name = QString::fromUtf8(client->desktopName).left(200);
    notify([name](VncSession* s) {
        Q_EMIT
        s->connected(name);
    });
    serve(client);
    {
        const std::lock_guard lock(mutex);
        socket = -1;
    }
    client->frameBuffer = nullptr; // ours
    rfbClientCleanup(client);
    notify([](VncSession* s) {
        Q_EMIT
        s->closed();
    });
}

void VncSession::Shared::serve(rfbClient* client) {
    while (!stopping) {
        if (client->buffered == 0) {
            pollfd waits[2] = {{client->sock, POLLIN, 0}, {wake.get(), POLLIN, 0}};
            if (poll(waits, 2, client->tlsSession ? kTlsPollMs : -1) < 0 && errno != EINTR)
                return;
            if (waits[1].revents != 0) {
                uint64_t count = 0;
                [[maybe_unused]] const ssize_t taken = ::read(wake.get(), &count, sizeof count);
            }
            std::vector<std::function<void(rfbClient*)>> due;
            {
                const std::lock_guard lock(mutex);
                due.swap(commands);
            }
            for (const auto& command : due)
                command(client);
            if (waits[0].revents == 0 && !client->tlsSession)
                continue;
            if (client->tlsSession && WaitForMessage(client, 0) <= 0)
                continue;
        }
        if (!HandleRFBServerMessage(client))
            return;
    }
}

VncSession::VncSession(const VncAddress& address) : m_shared(std::make_shared<Shared>()) {
    m_shared->address = address;
    m_shared->session = this;
    m_shared->wake.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

VncSession::~VncSession() {
    {
        const std::lock_guard lock(m_shared->mutex);
        m_shared->session = nullptr;
        m_shared->stopping = true;
        if (m_shared->socket >= 0)
            ::shutdown(m_shared->socket, SHUT_RDWR);
    }
    m_shared->passwordChanged.notify_all();
    m_shared->wakeUp();
    // The thread may still be in a name look-up: the pool waits for it, the GUI does not.
    if (m_thread)
        QThreadPool::globalInstance()->start([thread = std::move(m_thread)] { thread->join(); });
}

void VncSession::start() {
    rfbEnableClientLogging = FALSE;
    m_thread = std::make_shared<std::jthread>([shared = m_shared] { shared->run(); });
}

void VncSession::answerPassword(const std::optional<QString>& password) {
    {
        const std::lock_guard lock(m_shared->mutex);
        m_shared->password = password;
        m_shared->passwordAnswered = true;
    }
    m_shared->passwordChanged.notify_all();
}

void VncSession::sendKeysym(quint32 keysym, bool down) {
    m_shared->post([keysym, down](rfbClient* client) { SendKeyEvent(client, keysym, down); });
}

void VncSession::sendPointer(QPoint position, quint8 rfbButtons) {
    m_shared->post([position, rfbButtons](rfbClient* client) {
        SendPointerEvent(client, position.x(), position.y(), rfbButtons);
    });
}

void VncSession::sendClipboard(const QString& text) {
    QByteArray bytes = text.left(kMaxClipboard).toLatin1();
    m_shared->post([bytes](rfbClient* client) mutable {
        SendClientCutText(client, bytes.data(), static_cast<int>(bytes.size()));
    });
}

VncSession::Changes VncSession::takeChanges(QImage& front) {
    Changes changes;
    const std::lock_guard lock(m_shared->mutex);
    m_shared->announced = false;
    changes.replaced = m_shared->replaced || front.size() != m_shared->staging.size();
    if (changes.replaced)
        front = m_shared->staging.copy();
    for (const QRect& r : m_shared->changed& front.rect()) {
        changes.rectangles.push_back(r);
        if (changes.replaced)
            continue;
        for (int y = r.top(); y <= r.bottom(); ++y)
            std::memcpy(front.scanLine(y) + r.left() * 4,
                        m_shared->staging.constScanLine(y) + r.left() * 4,
                        static_cast<size_t>(r.width()) * 4);
    }
    m_shared->replaced = false;
    m_shared->changed = {};
    return changes;
}

} // namespace vivarium
