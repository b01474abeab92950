#include "core/supervisor/vnc_listener.h"

#include "core/supervisor/unix_socket.h"

#include <QByteArray>

#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

constexpr uint32_t kFirstVncPort = 5900; // display :0
constexpr uint32_t kLastVncPort = 6900;
constexpr int kBacklog = 16;

struct InternetAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;

    void setPort(uint16_t port) {
        if (storage.ss_family == AF_INET6)
            reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port = htons(port);
        else
            reinterpret_cast<sockaddr_in*>(&storage)->sin_port = htons(port);
    }
};

Result<InternetAddress> parse(const QString& text) {
    const QByteArray latin = text.toLatin1();
    InternetAddress address;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    if (::inet_pton(AF_INET, latin.constData(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        address.length = sizeof(sockaddr_in);
    } else if (::inet_pton(AF_INET6, latin.constData(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        address.length = sizeof(sockaddr_in6);
    } else {
        return fail(
            ErrorCode::InvalidArgument,
            u"The VNC address “%1” is not an IPv4 or IPv6 address."_s.arg(text).toStdString());
    }
    return address;
}

// The errno of the attempt, 0 for success.
int tryPort(InternetAddress address, uint32_t port, UniqueFd& result) {
    UniqueFd socket(
        ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket)
        return errno;
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); // ports in TIME_WAIT
    if (address.storage.ss_family == AF_INET6)
        ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    address.setPort(static_cast<uint16_t>(port));
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) !=
            0 ||
        ::listen(socket.get(), kBacklog) != 0)
        return errno;
    result = std::move(socket);
    return 0;
}

Error cannotListen(int number, const QString& where) {
    if (number == EADDRINUSE)
        return Error{
            ErrorCode::Busy, number,
            u"The VNC address %1 is in use by another program; choose another port."_s.arg(where)
                .toStdString()};
    if (number == EADDRNOTAVAIL)
        return Error{ErrorCode::InvalidArgument, number,
                     u"The VNC address %1 is not one of this computer."_s.arg(where).toStdString()};
    return systemError(number, u"The VNC server cannot listen at %1"_s.arg(where).toStdString());
}

} // namespace

Result<VncListener> VncListener::open(const VncSettings& settings) {
    if (settings.address.startsWith("unix:"_L1)) {
        const QString path = settings.address.mid(5);
        if (connectToPath(path))
            return fail(
                ErrorCode::Busy,
                u"The VNC socket %1 is in use by another program; choose another path."_s.arg(path)
                    .toStdString());
        return VncListener{TRY(listenAtPath(path)), settings.address};
    }
    const InternetAddress address = TRY(parse(settings.address));
    const QString host =
        address.storage.ss_family == AF_INET6 ? u"[%1]"_s.arg(settings.address) : settings.address;
    const uint32_t first = settings.port ? settings.port : kFirstVncPort;
    const uint32_t last = settings.port ? settings.port : kLastVncPort;
    int number = 0;
    UniqueFd socket;
    for (uint32_t port = first; port <= last; ++port) {
        const QString where = u"%1:%2"_s.arg(host).arg(port);
        number = tryPort(address, port, socket);
        if (number == 0)
            return VncListener{std::move(socket), where};
        if (number != EADDRINUSE)
            return cannotListen(number, where);
    }
    return cannotListen(number, u"%1:%2"_s.arg(host).arg(first));
}

} // namespace vivarium
