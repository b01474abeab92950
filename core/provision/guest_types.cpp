#include "core/provision/guest_types.h"

#include <QRegularExpression>

#include <algorithm>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

struct Pattern {
    const char* expression; // on the volume id, from its start, case-insensitive
    const char* guestType;
};

// First match wins. Volume ids as the distributors' media carry them.
constexpr Pattern kPatterns[] = {
    {"debian[ -]?(live[ -]?)?", "debian"},
    {"d-live", "debian"},
    {"(lubuntu|kubuntu|xubuntu|ubuntu)", "ubuntu"},
    {"(linux )?mint", "mint"},
    {"fedora", "fedora"},
    {"(rhel|red ?hat)", "rhel"},
    {"(centos|almalinux|rocky|ol-?[789])", "rhel"},
    {"(opensuse|suse|sle-?|leap|tumbleweed)", "opensuse"},
    {"arch[_-]?[0-9]*", "arch"},
    {"(eos_|endeavouros|manjaro)", "arch"},
    {"alpine", "alpine"},
    {"(gentoo|install-amd64-minimal)", "gentoo"},
    {"nixos", "nixos"},
    {"(void_live|void)", "void"},
    {"kali", "debian"},
    {"tails", "debian"},
    {"slackware", "slackware"},
    {"(freebsd|[0-9]+_[0-9]+_release)", "freebsd"},
    {"(openbsd|install ?cd.*openbsd)", "openbsd"},
    {"netbsd", "netbsd"},
    {"(cccoma|ccsa|win11|windows ?11)_?.*11", "windows11"},
    {"(cccoma_|ccsa_|cpba_|win10|windows ?10|ess_)", "windows10"},
    {"(ir[345]_|j_ccsa|hb1_|esd-iso)", "windows10"},
    {"(sss_|server_?(2016|2019|2022))", "windows-server"},
    {"(grmcprxfrer|grmcullfrer|gsp1rm|win7|windows ?7)", "windows7"},
    {"(freedos|fd-?[0-9]+)", "freedos"},
    {"reactos", "reactos"},
    {"haiku", "haiku"},
    {"(grub|isolinux|super_?grub)", "other"},
    {"linux", "linux"},
};

QList<GuestType> makeTypes() {
    const auto linux = u"linux"_s;
    const auto windows = u"windows"_s;
    const auto bsd = u"bsd"_s;
    const auto other = u"other"_s;
    return {
        {u"debian"_s, u"Debian GNU/Linux"_s, linux, 2048, 2, 20, false},
        {u"ubuntu"_s, u"Ubuntu"_s, linux, 4096, 2, 25, false},
        {u"mint"_s, u"Linux Mint"_s, linux, 4096, 2, 25, false},
        {u"fedora"_s, u"Fedora Linux"_s, linux, 4096, 2, 25, false},
        {u"rhel"_s, u"Red Hat Enterprise Linux and relatives"_s, linux, 4096, 2, 30, false},
        {u"opensuse"_s, u"openSUSE"_s, linux, 4096, 2, 40, false},
        {u"arch"_s, u"Arch Linux"_s, linux, 2048, 2, 20, false},
        {u"alpine"_s, u"Alpine Linux"_s, linux, 512, 1, 8, false},
        {u"gentoo"_s, u"Gentoo"_s, linux, 4096, 2, 40, false},
        {u"nixos"_s, u"NixOS"_s, linux, 4096, 2, 40, false},
        {u"void"_s, u"Void Linux"_s, linux, 1024, 2, 20, false},
        {u"slackware"_s, u"Slackware"_s, linux, 2048, 2, 30, false},
        {u"linux"_s, u"Other Linux"_s, linux, 2048, 2, 20, false},
        {u"windows11"_s, u"Windows 11"_s, windows, 8192, 4, 80, true},
        {u"windows10"_s, u"Windows 10"_s, windows, 4096, 2, 64, true},
        {u"windows-server"_s, u"Windows Server"_s, windows, 4096, 2, 64, true},
        {u"windows7"_s, u"Windows 7"_s, windows, 2048, 2, 40, true},
        {u"windows"_s, u"Other Windows"_s, windows, 2048, 1, 32, true},
        {u"freebsd"_s, u"FreeBSD"_s, bsd, 2048, 2, 20, false},
        {u"openbsd"_s, u"OpenBSD"_s, bsd, 1024, 1, 20, false},
        {u"netbsd"_s, u"NetBSD"_s, bsd, 1024, 1, 20, false},
        {u"freedos"_s, u"FreeDOS"_s, other, 64, 1, 2, true},
        {u"reactos"_s, u"ReactOS"_s, other, 1024, 1, 10, true},
        {u"haiku"_s, u"Haiku"_s, other, 1024, 2, 16, true},
        {u"other"_s, u"Other"_s, other, 1024, 1, 20, false},
    };
}

} // namespace

const QList<GuestType>& guestTypes() {
    static const QList<GuestType> types = makeTypes(); // constant
    return types;
}

const GuestType& guestType(const QString& id) {
    const QList<GuestType>& types = guestTypes();
    const auto found = std::find_if(types.begin(), types.end(),
                                    [&id](const GuestType& type) { return type.id == id; });
    return found == types.end() ? types.last() : *found;
}

const GuestType& guessGuestType(const QString& volumeId, const QString& applicationId) {
    for (const QString& text : {volumeId.trimmed(), applicationId.trimmed()}) {
        if (text.isEmpty())
            continue;
        for (const Pattern& pattern : kPatterns) {
            const QRegularExpression expression(
                u"^(?:%1)"_s.arg(QString::fromLatin1(pattern.expression)),
                QRegularExpression::CaseInsensitiveOption);
            if (expression.match(text).hasMatch())
                return guestType(QString::fromLatin1(pattern.guestType));
        }
    }
    return guestTypes().last();
}

} // namespace vivarium
