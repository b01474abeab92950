#include "core/disks/fingerprint.h"

#include "vmm/base/unique_fd.h"

#include <QCryptographicHash>
#include <QFile>

#include <algorithm>
#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vivarium {

namespace {

constexpr uint64_t kEndBytes = 64 << 10;
constexpr uint64_t kPieceBytes = 4096;
constexpr uint64_t kPieces = 256;

} // namespace

Result<QString> contentFingerprint(const QString& path) {
    const UniqueFd fd(::open(QFile::encodeName(path).constData(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0)
        return systemError(errno, "The file " + path.toStdString() + " cannot be read");
    const auto size = static_cast<uint64_t>(status.st_size);
    QCryptographicHash hash(QCryptographicHash::Sha256);
    hash.addData(QByteArray::number(static_cast<qulonglong>(size)));
    std::vector<char> bytes(kEndBytes);
    const auto add = [&](uint64_t offset, uint64_t length) -> Result<void> {
        const ssize_t got = ::pread(fd.get(), bytes.data(), std::min(length, size - offset),
                                    static_cast<off_t>(offset));
        if (got < 0)
            return systemError(errno, "The file " + path.toStdString() + " cannot be read");
        hash.addData(QByteArrayView(bytes.data(), got));
        return {};
    };
    TRY(add(0, kEndBytes));
    for (uint64_t piece = 1; piece <= kPieces; ++piece) {
        const uint64_t offset = size / (kPieces + 1) * piece / kPieceBytes * kPieceBytes;
        if (offset >= kEndBytes)
            TRY(add(offset, kPieceBytes));
    }
    if (size > kEndBytes)
        TRY(add(size - kEndBytes, kEndBytes));
    return QString::fromLatin1(hash.result().toHex());
}

} // namespace vivarium
