#include "core/disks/file_stamp.h"

#include <QFile>

namespace vivarium {

using namespace Qt::StringLiterals;

QString fileStamp(const struct stat& status) {
    return u"%1:%2:%3.%4"_s.arg(status.st_ino)
        .arg(status.st_size)
        .arg(status.st_mtim.tv_sec)
        .arg(status.st_mtim.tv_nsec);
}

QString fileStamp(const QString& path) {
    struct stat status {};
    return ::stat(QFile::encodeName(path).constData(), &status) == 0 ? fileStamp(status)
                                                                     : QString();
}

} // namespace vivarium
