#include "core/supervisor/worker_log.h"

#include <QByteArray>
#include <QFile>

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vivarium::worker_log {

using namespace Qt::StringLiterals;

namespace {

constexpr int kKeptLogs = 3;
constexpr off_t kLastWordsBytes = 2048;
constexpr qsizetype kLastWordsLines = 8;

QString rotatedPath(const QString& folder, int number) {
    return number == 0 ? path(folder) : path(folder) + u'.' + QString::number(number);
}

} // namespace

QString path(const QString& folder) {
    return folder + u"/worker.log"_s;
}

Result<UniqueFd> start(const QString& folder) {
    QFile::remove(rotatedPath(folder, kKeptLogs));
    for (int number = kKeptLogs; number > 0; --number)
        QFile::rename(rotatedPath(folder, number - 1), rotatedPath(folder, number));
    UniqueFd log(::open(QFile::encodeName(path(folder)).constData(),
                        O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!log)
        return systemError(errno,
                           "The machine's log " + path(folder).toStdString() + " cannot be opened");
    return log;
}

Result<UniqueFd> startInMemory() {
    UniqueFd log(::memfd_create("worker.log", MFD_CLOEXEC));
    if (!log)
        return systemError(errno, "The machine's log cannot be made");
    ::fcntl(log.get(), F_SETFL, O_APPEND); // we read from it while the worker writes
    return log;
}

QString lastWords(const QString& folder) {
    const UniqueFd log(
        ::open(QFile::encodeName(path(folder)).constData(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    return log ? lastWords(log.get()) : QString();
}

QString lastWords(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0)
        return {};
    const off_t start = std::max<off_t>(0, status.st_size - kLastWordsBytes);
    QByteArray text(kLastWordsBytes, '\0');
    const ssize_t length = ::pread(fd, text.data(), static_cast<size_t>(text.size()), start);
    text.truncate(length > 0 ? length : 0);
    QStringList lines = QString::fromUtf8(text).split(u'\n', Qt::SkipEmptyParts);
    if (start > 0 && lines.size() > 1)
        lines.removeFirst(); // probably cut
    return lines.mid(std::max<qsizetype>(0, lines.size() - kLastWordsLines)).join(u'\n');
}

} // namespace vivarium::worker_log
