#include "core/provision/iso_inspection.h"

#include "core/provision/guest_types.h"
#include "vmm/base/bytes.h"

#include <QFile>
#include <QFileInfo>

#include <cerrno>

namespace vivarium {

namespace {

constexpr qint64 kSectorBytes = 2048;
constexpr qint64 kFirstDescriptor = 16; // ECMA-119, 6.2.1: sixteen sectors of system area
constexpr int kMaxDescriptors = 16;
constexpr uint8_t kBootRecord = 0, kPrimaryVolume = 1, kTerminator = 255; // ECMA-119, 8.1.1

Error unreadable(const QString& path, int number) {
    return systemError(number, "\"" + path.toStdString() + "\" cannot be read");
}

void readPrimaryVolume(const QByteArray& sector, IsoInfo& info) {
    info.hasFileSystem = true;
    info.volumeId = QString::fromLatin1(sector.mid(40, 32)).trimmed(); // ECMA-119, 8.4.7
    info.volumeId.remove(QChar(u'\0'));
    const auto blocks = loadLe<uint32_t>(sector.constData() + 80);      // 8.4.8, little-endian half
    const auto blockBytes = loadLe<uint16_t>(sector.constData() + 128); // 8.4.12
    info.truncated = uint64_t{blocks} * blockBytes > info.sizeBytes;
}

} // namespace

Result<IsoInfo> inspectIso(const QString& path) {
    const QFileInfo file(path);
    if (file.isDir())
        return fail(ErrorCode::InvalidArgument,
                    "\"" + path.toStdString() + "\" is a folder, not an ISO image");
    QFile image(path);
    errno = 0;
    if (!image.open(QIODevice::ReadOnly))
        return unreadable(path, file.exists() ? (errno ? errno : EACCES) : ENOENT);
    IsoInfo info;
    info.sizeBytes = static_cast<quint64>(image.size());
    if (info.sizeBytes == 0)
        return fail(ErrorCode::InvalidArgument, "\"" + path.toStdString() + "\" is empty");
    for (int i = 0; i < kMaxDescriptors; ++i) {
        if (!image.seek((kFirstDescriptor + i) * kSectorBytes))
            break;
        const QByteArray sector = image.read(kSectorBytes);
        if (sector.size() < kSectorBytes || sector.mid(1, 5) != "CD001")
            break;
        const auto type = static_cast<uint8_t>(sector.at(0));
        if (type == kBootRecord && sector.mid(7).startsWith("EL TORITO SPECIFICATION"))
            info.bootable = true;
        else if (type == kPrimaryVolume && !info.hasFileSystem)
            readPrimaryVolume(sector, info);
        else if (type == kTerminator)
            break;
    }
    info.guestType = guessGuestType(info.volumeId, file.fileName()).id;
    return info;
}

} // namespace vivarium
