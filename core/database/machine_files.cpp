#include "core/database/machine_files.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QSet>

#include <cerrno>

#include <sys/stat.h>

namespace vivarium::machine_files {

using namespace Qt::StringLiterals;

namespace {

constexpr int kMaxFolderNumber = 10'000;
constexpr int kMaxFileNameBytes = 255;
constexpr mode_t kFolderMode = 0700; // logs and disks are the user's own business

// The name with a number, cut so that a file system takes it.
QString numbered(const QString& name, int number) {
    const QString suffix = number > 1 ? u" %1"_s.arg(number) : QString();
    QString base = name;
    while ((base + suffix).toUtf8().size() > kMaxFileNameBytes)
        base.chop(base.back().isLowSurrogate() ? 2 : 1);
    return base + suffix;
}

Error cannotMake(const QString& folder, int number) {
    return systemError(number, "The machine's folder " + folder.toStdString() + " cannot be made");
}

// True: `folder` is there, empty and made by this call or before; false: it has content.
Result<bool> claim(const QString& folder) {
    if (::mkdir(QFile::encodeName(folder).constData(), kFolderMode) == 0)
        return true;
    if (errno != EEXIST)
        return cannotMake(folder, errno);
    const QFileInfo info(folder);
    return info.isDir() && QDir(folder).isEmpty(QDir::AllEntries | QDir::Hidden | QDir::System |
                                                QDir::NoDotAndDotDot);
}

Result<void> makeParents(const QString& folder) {
    if (!QDir().mkpath(folder))
        return cannotMake(folder, errno ? errno : EACCES);
    return {};
}

} // namespace

Result<QString> createFolder(const Machine& machine, const QString& machinesFolder,
                             const std::function<bool(const QString&)>& isTaken) {
    if (!machine.folder.isEmpty()) {
        const QString folder = QDir::cleanPath(machine.folder);
        if (!QDir::isAbsolutePath(folder))
            return fail(
                ErrorCode::InvalidArgument,
                u"The machine's folder “%1” is not an absolute path."_s.arg(folder).toStdString());
        TRY(makeParents(QFileInfo(folder).path()));
        if (isTaken(folder) || !TRY(claim(folder)))
            return fail(
                ErrorCode::AlreadyExists,
                u"The machine's folder %1 exists already and is not empty; choose another."_s
                    .arg(folder)
                    .toStdString());
        return folder;
    }
    TRY(makeParents(machinesFolder));
    for (int number = 1; number <= kMaxFolderNumber; ++number) {
        const QString folder = machinesFolder + u'/' + numbered(machine.settings.name, number);
        if (!isTaken(folder) && TRY(claim(folder)))
            return folder;
    }
    return fail(ErrorCode::AlreadyExists, u"Every folder name for “%1” in %2 is taken."_s
                                              .arg(machine.settings.name, machinesFolder)
                                              .toStdString());
}

QStringList ownedFiles(const Machine& machine) {
    const QString prefix = machine.folder + u'/';
    QStringList files;
    const QDir folder(machine.folder);
    for (const QString& name :
         folder.entryList({u"worker.log*"_s, u"lock"_s, u"operation.lock"_s, u"timeline.lock"_s},
                          QDir::Files | QDir::Hidden))
        files << prefix + name;
    for (const DriveSettings& drive : machine.settings.drives)
        if (drive.type == DriveType::HardDisk && QDir::cleanPath(drive.path).startsWith(prefix))
            files << QDir::cleanPath(drive.path);
    return files;
}

bool removeFiles(const QStringList& files, const QString& folder) {
    bool done = true;
    QSet<QString> inner; // folders below `folder` that may be empty now
    for (const QString& file : files) {
        done = (QFile::remove(file) || !QFileInfo::exists(file)) && done;
        if (const QString holder = QFileInfo(file).path(); holder.startsWith(folder + u'/'))
            inner.insert(holder);
    }
    for (QString holder : std::as_const(inner))
        while (holder.startsWith(folder + u'/') && QDir().rmdir(holder))
            holder = QFileInfo(holder).path();
    QDir().rmdir(folder); // refuses while the user's own files are in it
    return done;
}

} // namespace vivarium::machine_files
