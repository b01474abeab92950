#include "core/provision/guest_types.h"

#include <QRegularExpression>

#include <algorithm>

namespace vivarium {

namespace {

struct Pattern {
    const char* expression; // of the volume id, then of the file name
    const char* id;
};

// The first match wins, so derivatives stand before what they derive from.
constexpr Pattern kPatterns[] = {
    {"ubuntu|kubuntu|xubuntu|lubuntu", "ubuntu"},
    {"linux ?mint|linuxmint", "mint"},
    {"kali", "kali"},
    {"^d-live|debian", "debian"},
    {"fedora", "fedora"},
    {"rhel|red ?hat|centos|alma ?linux|rocky", "rhel"},
    {"opensuse|suse|sles", "opensuse"},
    {"^arch_|archlinux", "arch"},
    {"manjaro", "manjaro"},
    {"alpine", "alpine"},
    {"gentoo", "gentoo"},
    {"nixos", "nixos"},
    {"grub|isolinux|memtest|ipxe|system ?rescue|^iso_?image$|super_grub", "tools"},
    {"freebsd", "freebsd"},
    {"openbsd", "openbsd"},
    {"netbsd", "netbsd"},
    {"reactos", "reactos"},
    {"haiku", "haiku"},
    {"freedos|^fd1[0-9]|ms-?dos", "dos"},
    {"win(dows)?[-_ ]?11", "windows11"},
    // Microsoft's volume ids: C..._X64FRE_... for Windows 8 and later, GRMC... for 7.
    {"^c[a-z0-9]+_x(64|86)fre_|^ccoma|^cccoma|win(dows)?[-_ ]?10|^cpba|^j_ccsa", "windows10"},
    {"^grmc|win(dows)?[-_ ]?7", "windows7"},
    {"winxp|windows ?xp|^grtmpvol|^vrmpvol|^wxp|^xrmp", "windowsxp"},
    {"ss_?x64fre|server|^sss_", "windowsserver"},
    {"linux|slackware|puppy|tiny ?core|void|mageia|pclinuxos|deepin|elementary|zorin|pop[-_]os",
     "linux"},
};

} // namespace

const QList<GuestType>& guestTypes() {
    static const QList<GuestType> types = [] {
        const auto make = [](const char* id, const char* name, const char* family,
                             uint32_t memoryMiB, uint32_t cpus, uint32_t diskGiB,
                             bool localTime = false) {
            return GuestType{QString::fromLatin1(id),
                             QString::fromLatin1(name),
                             QString::fromLatin1(family),
                             memoryMiB,
                             cpus,
                             diskGiB,
                             localTime};
        };
        return QList<GuestType>{
            make("debian", "Debian", "Linux", 2048, 2, 20),
            make("ubuntu", "Ubuntu", "Linux", 4096, 2, 25),
            make("mint", "Linux Mint", "Linux", 4096, 2, 25),
            make("kali", "Kali Linux", "Linux", 2048, 2, 25),
            make("fedora", "Fedora", "Linux", 4096, 2, 25),
            make("rhel", "Red Hat, Alma, Rocky", "Linux", 4096, 2, 25),
            make("opensuse", "openSUSE", "Linux", 4096, 2, 25),
            make("arch", "Arch Linux", "Linux", 2048, 2, 20),
            make("manjaro", "Manjaro", "Linux", 4096, 2, 25),
            make("alpine", "Alpine Linux", "Linux", 512, 1, 8),
            make("gentoo", "Gentoo", "Linux", 2048, 2, 30),
            make("nixos", "NixOS", "Linux", 4096, 2, 30),
            make("linux", "Other Linux", "Linux", 2048, 2, 20),
            make("windows11", "Windows 11", "Windows", 4096, 2, 64, true),
            make("windows10", "Windows 10", "Windows", 4096, 2, 50, true),
            make("windows7", "Windows 7", "Windows", 2048, 1, 32, true),
            make("windowsxp", "Windows XP", "Windows", 512, 1, 10, true),
            make("windowsserver", "Windows Server", "Windows", 4096, 2, 50, true),
            make("freebsd", "FreeBSD", "BSD", 2048, 2, 20),
            make("openbsd", "OpenBSD", "BSD", 1024, 1, 16),
            make("netbsd", "NetBSD", "BSD", 1024, 1, 16),
            make("reactos", "ReactOS", "Other", 1024, 1, 10, true),
            make("haiku", "Haiku", "Other", 1024, 2, 8),
            make("dos", "DOS", "Other", 32, 1, 2, true),
            make("tools", "Rescue and test tools", "Other", 256, 1, 2),
            make("other", "Other", "Other", 1024, 1, 20),
        };
    }();
    return types;
}

const GuestType& guestType(QStringView id) {
    const auto& types = guestTypes();
    const auto type =
        std::find_if(types.begin(), types.end(), [id](const GuestType& t) { return t.id == id; });
    return type != types.end() ? *type : types.last();
}

const GuestType& guessGuestType(const QString& volumeId, const QString& fileName) {
    for (const QString& text : {volumeId, fileName})
        for (const Pattern& pattern : kPatterns) {
            const QRegularExpression expression(QString::fromLatin1(pattern.expression),
                                                QRegularExpression::CaseInsensitiveOption);
            if (!text.isEmpty() && expression.match(text).hasMatch())
                return guestType(QString::fromLatin1(pattern.id));
        }
    return guestType(u"other");
}

} // namespace vivarium
