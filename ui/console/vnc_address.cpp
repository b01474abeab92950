#include "ui/console/vnc_address.h"

namespace vivarium {

namespace {
constexpr uint16_t kFirstPort = 5900;
constexpr uint kMaxDisplayNumber = 99; // below it, a number after the colon is a display
} // namespace

Result<VncAddress> VncAddress::parse(const QString& text) {
    QString rest = text.trimmed();
    if (rest.startsWith(QStringLiteral("vnc://"), Qt::CaseInsensitive))
        rest = rest.mid(6);
    VncAddress address;
    if (rest.startsWith(QStringLiteral("unix:"))) {
        address.socketPath = rest.mid(5);
        if (!address.socketPath.startsWith(u'/'))
            return fail(ErrorCode::InvalidArgument, "a socket's path must start with \"/\"");
        return address;
    }
    while (rest.endsWith(u'/'))
        rest.chop(1);
    QString port;
    if (rest.startsWith(u'[')) { // IPv6, RFC 3986, 3.2.2
        const qsizetype end = rest.indexOf(u']');
        if (end < 0)
            return fail(ErrorCode::InvalidArgument, "the \"]\" after the address is missing");
        address.host = rest.mid(1, end - 1);
        port = rest.mid(end + 1);
        if (!port.isEmpty() && !port.startsWith(u':'))
            return fail(ErrorCode::InvalidArgument, "only \":port\" may follow the address");
        port = port.mid(1);
    } else if (rest.count(u':') > 1 && !rest.contains(QStringLiteral("::"))) {
        return fail(ErrorCode::InvalidArgument, "an IPv6 address must stand in brackets");
    } else {
        const bool doubleColon =
            rest.contains(QStringLiteral("::")); // "host::port" is a plain port
        const qsizetype colon = rest.indexOf(u':');
        address.host = colon < 0 ? rest : rest.left(colon);
        port = colon < 0 ? QString() : rest.mid(colon + (doubleColon ? 2 : 1));
    }
    if (address.host.isEmpty())
        return fail(ErrorCode::InvalidArgument, "the host's name is missing");
    if (port.isEmpty())
        return address;
    bool isNumber = false;
    const uint number = port.toUInt(&isNumber);
    if (!isNumber || number > 65535)
        return fail(ErrorCode::InvalidArgument, "the port must be a number from 0 to 65535");
    address.port =
        static_cast<uint16_t>(number <= kMaxDisplayNumber ? kFirstPort + number : number);
    return address;
}

QString VncAddress::toString() const {
    if (!socketPath.isEmpty())
        return QStringLiteral("unix:") + socketPath;
    const QString shownHost = host.contains(u':') ? QStringLiteral("[%1]").arg(host) : host;
    return QStringLiteral("%1:%2").arg(shownHost).arg(port);
}

} // namespace vivarium
