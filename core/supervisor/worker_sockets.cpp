#include "core/supervisor/worker_sockets.h"

#include "core/supervisor/unix_socket.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>

#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

constexpr QLatin1String kSuffix(".sock");

} // namespace

Result<void> WorkerSockets::prepareFolder() const {
    const QByteArray folder = QFile::encodeName(m_folder);
    QDir().mkpath(QFileInfo(m_folder).path());
    struct stat status {};
    if (::mkdir(folder.constData(), 0700) != 0 && errno != EEXIST)
        return systemError(
            errno,
            u"The folder %1 for running machines cannot be made"_s.arg(m_folder).toStdString());
    if (::lstat(folder.constData(), &status) != 0 || !S_ISDIR(status.st_mode) ||
        status.st_uid != ::geteuid())
        return fail(
            ErrorCode::PermissionDenied,
            u"The folder %1 for running machines is not yours; remove it or set XDG_RUNTIME_DIR."_s
                .arg(m_folder)
                .toStdString());
    if ((status.st_mode & 077) != 0 && ::chmod(folder.constData(), 0700) != 0)
        return systemError(
            errno, u"The folder %1 for running machines cannot be closed to others"_s.arg(m_folder)
                       .toStdString());
    return {};
}

QList<MachineId> WorkerSockets::present() const {
    QList<MachineId> ids;
    const QStringList names = QDir(m_folder).entryList({u"*.sock"_s}, QDir::System | QDir::Files);
    for (const QString& name : names)
        if (const auto id = MachineId::fromString(name.chopped(kSuffix.size())); !id.isNull())
            ids.append(id);
    return ids;
}

QString WorkerSockets::path(const MachineId& id) const {
    return m_folder + u'/' + id.toString() + kSuffix;
}

Result<UniqueFd> WorkerSockets::listen(const MachineId& id) const {
    TRY(prepareFolder());
    return listenAtPath(path(id));
}

Result<UniqueFd> WorkerSockets::connect(const MachineId& id) const {
    return connectToPath(path(id));
}

void WorkerSockets::remove(const MachineId& id) const {
    QFile::remove(path(id));
}

} // namespace vivarium
