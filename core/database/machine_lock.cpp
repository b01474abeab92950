#include "core/database/machine_lock.h"

#include "core/database/lock_file.h"

#include <QByteArray>
#include <QFile>
#include <QList>

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

constexpr int kMaxRecordBytes = 4096;
constexpr QByteArrayView kStarted = "started";
constexpr QByteArrayView kVnc = "vnc ";
constexpr QByteArrayView kResumed = "resumed ";
constexpr QByteArrayView kExited = "exited ";

RunRecord readRecord(int fd) {
    QByteArray text(kMaxRecordBytes, '\0');
    const ssize_t length = ::pread(fd, text.data(), static_cast<size_t>(text.size()), 0);
    text.truncate(length > 0 ? length : 0);
    RunRecord record;
    for (const QByteArray& line : text.split('\n')) {
        if (line == kStarted)
            record.started = true;
        else if (line.startsWith(kVnc))
            record.vncAddress = QString::fromUtf8(line.mid(kVnc.size()));
        else if (line.startsWith(kResumed))
            record.resumedToken = QString::fromUtf8(line.mid(kResumed.size()));
        else if (line.startsWith(kExited))
            record.exitReason = QString::fromUtf8(line.mid(kExited.size()));
    }
    return record;
}

Result<void> append(int fd, const QByteArray& text) {
    const ssize_t written = ::write(fd, text.constData(), static_cast<size_t>(text.size()));
    if (written != text.size())
        return systemError(written < 0 ? errno : ENOSPC,
                           "The machine's lock file cannot be written");
    return {};
}

} // namespace

QString MachineLock::path(const QString& folder) {
    return folder + u"/lock"_s;
}

Result<MachineLock> MachineLock::acquire(const QString& folder) {
    return MachineLock(TRY(acquireLock({.path = path(folder),
                                        .name = "The machine's lock file",
                                        .busy = "The machine is running already.",
                                        .openFlags = O_APPEND})));
}

MachineLock::Inspection MachineLock::inspect(const QString& folder) {
    const QByteArray file = QFile::encodeName(path(folder));
    const UniqueFd fd(::open(file.constData(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd)
        return {};
    const bool held = isLockHeld(fd.get());
    // Read after the look at the lock: a worker's last line is written before it lets go.
    return {held ? Holder::Worker : Holder::Nobody, readRecord(fd.get())};
}

MachineLock::~MachineLock() {
    if (m_fd && m_ownsRun)
        static_cast<void>(recordExit(u"failed"_s).has_value());
}

MachineLock::MachineLock(MachineLock&& other) noexcept
    : m_fd(std::move(other.m_fd)), m_ownsRun(std::exchange(other.m_ownsRun, false)) {}

MachineLock& MachineLock::operator=(MachineLock&& other) noexcept {
    std::swap(m_fd, other.m_fd);
    std::swap(m_ownsRun, other.m_ownsRun);
    return *this;
}

Result<void> MachineLock::recordStart(const QString& vncAddress) {
    if (::ftruncate(m_fd.get(), 0) != 0)
        return systemError(errno, "The machine's lock file cannot be written");
    QByteArray text = kStarted.toByteArray() + '\n';
    if (!vncAddress.isEmpty())
        text += kVnc.toByteArray() + vncAddress.toUtf8() + '\n';
    m_ownsRun = true;
    return append(m_fd.get(), text);
}

Result<void> MachineLock::recordResume(const QString& token) {
    return append(m_fd.get(), kResumed.toByteArray() + token.toUtf8() + '\n');
}

Result<void> MachineLock::recordExit(const QString& reason) {
    m_ownsRun = false;
    return append(m_fd.get(), kExited.toByteArray() + reason.toUtf8() + '\n');
}

} // namespace vivarium
