#include "core/supervisor/firmware_files.h"

#include <QFile>

#include <cerrno>

#include <fcntl.h>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

// Where Debian, Fedora and Arch put SeaBIOS.
constexpr const char* kFolders[] = {"/usr/share/seabios", "/usr/share/qemu",
                                    "/usr/local/share/seabios"};

constexpr const char* kVideoRomName = "vgabios-stdvga.bin";

Result<UniqueFd> openFirst(const char* name, const QString& what) {
    for (const char* folder : kFolders) {
        const QString path = QString::fromLatin1(folder) + u'/' + QString::fromLatin1(name);
        UniqueFd fd(::open(QFile::encodeName(path).constData(), O_RDONLY | O_CLOEXEC));
        if (fd)
            return fd;
        if (errno != ENOENT && errno != ENOTDIR)
            return systemError(errno,
                               u"The %1 %2 cannot be opened"_s.arg(what, path).toStdString());
    }
    return fail(ErrorCode::NotFound,
                u"The %1 %2 is not in %3; install the package “seabios”."_s
                    .arg(what, QString::fromLatin1(name), QString::fromLatin1(kFolders[0]))
                    .toStdString());
}

} // namespace

Result<FirmwareFiles> FirmwareFiles::open(Firmware firmware) {
    if (firmware == Firmware::Uefi)
        return fail(ErrorCode::Unsupported,
                    "This version starts BIOS machines only; set the machine's firmware to BIOS.");
    FirmwareFiles files;
    files.rom = TRY(openFirst("bios-256k.bin", u"firmware"_s));
    files.videoRom = TRY(openFirst(kVideoRomName, u"video firmware"_s));
    return files;
}

UniqueFd FirmwareFiles::openVideoRom() {
    auto opened = openFirst(kVideoRomName, u"video firmware"_s);
    return opened ? std::move(*opened) : UniqueFd();
}

} // namespace vivarium
