#include "core/supervisor/unix_socket.h"

#include <QByteArray>
#include <QFile>
#include <QFileInfo>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

constexpr int kBacklog = 16;

// A path split into its opened folder and its name.
struct Place {
    UniqueFd folder;
    QByteArray name;
};

Error socketError(int number, const QString& path) {
    return systemError(number, u"The socket %1 cannot be used"_s.arg(path).toStdString());
}

Result<Place> openPlace(const QString& path) {
    const QFileInfo info(path);
    Place place{UniqueFd(::open(QFile::encodeName(info.path()).constData(),
                                O_PATH | O_DIRECTORY | O_CLOEXEC)),
                QFile::encodeName(info.fileName())};
    if (!place.folder)
        return socketError(errno, path);
    return place;
}

Result<sockaddr_un> addressOf(const Place& place, const QByteArray& name, const QString& path) {
    const QByteArray text = "/proc/self/fd/" + QByteArray::number(place.folder.get()) + '/' + name;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (static_cast<size_t>(text.size()) >= sizeof address.sun_path)
        return socketError(ENAMETOOLONG, path);
    std::memcpy(address.sun_path, text.constData(), static_cast<size_t>(text.size()));
    return address;
}

UniqueFd makeSocket() {
    return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

} // namespace

Result<UniqueFd> listenAtPath(const QString& path) {
    const Place place = TRY(openPlace(path));
    struct stat status {};
    if (::fstatat(place.folder.get(), place.name.constData(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        !S_ISSOCK(status.st_mode))
        return fail(ErrorCode::AlreadyExists,
                    u"%1 exists already and is not a socket; choose another path."_s.arg(path)
                        .toStdString());
    UniqueFd socket = makeSocket();
    if (!socket)
        return socketError(errno, path);
    // Bound under another name and renamed when it listens: whoever sees the file can connect.
    const QByteArray unfinished = place.name + '.' + QByteArray::number(::getpid());
    const sockaddr_un address = TRY(addressOf(place, unfinished, path));
    ::unlinkat(place.folder.get(), unfinished.constData(), 0);
    if (::fchmod(socket.get(), 0600) != 0 ||
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return socketError(errno, path);
    if (::listen(socket.get(), kBacklog) != 0 ||
        ::renameat(place.folder.get(), unfinished.constData(), place.folder.get(),
                   place.name.constData()) != 0) {
        const int number = errno;
        ::unlinkat(place.folder.get(), unfinished.constData(), 0);
        return socketError(number, path);
    }
    return socket;
}

Result<UniqueFd> connectToPath(const QString& path) {
    const Place place = TRY(openPlace(path));
    const sockaddr_un address = TRY(addressOf(place, place.name, path));
    UniqueFd socket = makeSocket();
    if (!socket ||
        ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return socketError(errno, path);
    return socket;
}

} // namespace vivarium
