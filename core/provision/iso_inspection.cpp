#include "core/provision/iso_inspection.h"

#include "core/jobs/background.h"
#include "vmm/base/unique_fd.h"

#include <QByteArray>
#include <QFile>

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

// ECMA-119 (ISO 9660), 6.1.2 and 6.2.1: logical sectors of 2048 bytes, the first 16 unused.
constexpr size_t kSectorBytes = 2048;
constexpr off_t kDescriptorsOffset = 16 * 2048;
constexpr size_t kMaxDescriptors = 16; // real media have 3 to 5

// ECMA-119, 8.1: type, "CD001", version; 8.4: fields of the primary descriptor.
constexpr uint8_t kBootRecord = 0, kPrimary = 1, kTerminator = 255;
constexpr size_t kVolumeIdOffset = 40, kVolumeIdBytes = 32;
constexpr size_t kVolumeSpaceOffset = 80;
constexpr size_t kBlockSizeOffset = 128;
constexpr size_t kApplicationIdOffset = 574, kApplicationIdBytes = 128;
// El Torito 1.0, 2.0 "Boot Record": the boot system identifier.
constexpr char kElTorito[] = "EL TORITO SPECIFICATION";

QString field(ConstByteSpan sector, size_t offset, size_t length) {
    QString text = QString::fromLatin1(reinterpret_cast<const char*>(sector.data()) + offset,
                                       static_cast<qsizetype>(length));
    for (QChar& c : text)
        if (c.category() == QChar::Other_Control)
            c = u' ';
    return text.trimmed();
}

Result<IsoInfo> inspectHere(const QString& path) {
    const UniqueFd fd(
        ::open(QFile::encodeName(path).constData(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd)
        return systemError(errno, u"The image %1 cannot be opened"_s.arg(path).toStdString());
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0)
        return systemError(errno, u"The image %1 cannot be examined"_s.arg(path).toStdString());
    if (S_ISDIR(status.st_mode))
        return fail(ErrorCode::InvalidArgument,
                    u"%1 is a folder, not an image."_s.arg(path).toStdString());
    if (S_ISREG(status.st_mode) && status.st_size == 0)
        return fail(ErrorCode::InvalidArgument,
                    u"The image %1 is empty."_s.arg(path).toStdString());
    IsoInfo info = readVolumeDescriptors(fd.get());
    info.fileBytes =
        S_ISREG(status.st_mode) ? static_cast<uint64_t>(status.st_size) : info.statedBytes;
    return info;
}

} // namespace

IsoInfo parseVolumeDescriptors(ConstByteSpan descriptors) {
    IsoInfo info;
    for (size_t offset = 0; offset + kSectorBytes <= descriptors.size(); offset += kSectorBytes) {
        const ConstByteSpan sector = descriptors.subspan(offset, kSectorBytes);
        if (std::memcmp(sector.data() + 1, "CD001", 5) != 0)
            break;
        const uint8_t type = sector[0];
        if (type == kTerminator)
            break;
        if (type == kBootRecord &&
            std::memcmp(sector.data() + 7, kElTorito, std::strlen(kElTorito)) == 0)
            info.bootable = true;
        if (type == kPrimary && !info.iso9660) {
            info.iso9660 = true;
            info.volumeId = field(sector, kVolumeIdOffset, kVolumeIdBytes);
            info.applicationId = field(sector, kApplicationIdOffset, kApplicationIdBytes);
            // 32 times 16 bits: cannot overflow 64.
            info.statedBytes = uint64_t{loadLe<uint32_t>(sector.data() + kVolumeSpaceOffset)} *
                               loadLe<uint16_t>(sector.data() + kBlockSizeOffset);
        }
    }
    if (info.iso9660)
        info.guestTypeId = guessGuestType(info.volumeId, info.applicationId).id;
    return info;
}

IsoInfo readVolumeDescriptors(int fd) {
    std::array<uint8_t, kSectorBytes * kMaxDescriptors> bytes;
    const ssize_t length = ::pread(fd, bytes.data(), bytes.size(), kDescriptorsOffset);
    return parseVolumeDescriptors({bytes.data(), length > 0 ? static_cast<size_t>(length) : 0});
}

QFuture<Result<IsoInfo>> inspectIso(const QString& path) {
    return runInBackground<IsoInfo>([path](Progress&) { return inspectHere(path); });
}

} // namespace vivarium
