#include "core/provision/host_facts.h"

#include <QFile>
#include <QFileInfo>
#include <QThread>

#include <algorithm>

#include <sys/statvfs.h>

namespace vivarium {

HostFacts HostFacts::read() {
    HostFacts facts;
    facts.cpuCount = static_cast<uint32_t>(std::max(1, QThread::idealThreadCount()));
    QFile file(QStringLiteral("/proc/meminfo"));
    if (file.open(QIODevice::ReadOnly)) {
        for (const QByteArray& line : file.readAll().split('\n')) {
            const QList<QByteArray> words = line.simplified().split(' ');
            if (words.size() < 2)
                continue;
            if (words[0] == "MemTotal:")
                facts.memoryMiB = words[1].toULongLong() / 1024;
            else if (words[0] == "MemAvailable:")
                facts.availableMemoryMiB = words[1].toULongLong() / 1024;
        }
    }
    return facts;
}

uint64_t freeSpaceBytes(const QString& path) {
    QString existing = QFileInfo(path).absoluteFilePath();
    while (!QFileInfo::exists(existing) && existing != QStringLiteral("/"))
        existing = QFileInfo(existing).path();
    struct statvfs status {};
    if (::statvfs(QFile::encodeName(existing).constData(), &status) != 0)
        return 0;
    return uint64_t{status.f_bavail} * status.f_frsize;
}

} // namespace vivarium
