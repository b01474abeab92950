#include "ui/widgets/icons.h"

#include <QDir>

// Q_INIT_RESOURCE declares a function, which must stand outside the namespace.
static void initializeIconResources() {
    Q_INIT_RESOURCE(resources);
}

namespace vivarium {

using control::MachineState;

QIcon applicationIcon(const QString& name) {
    static const bool initialized = [] {
        initializeIconResources();
        return true;
    }();
    Q_UNUSED(initialized);
    return QIcon(QStringLiteral(":/icons/%1.svg").arg(name));
}

QIcon stateIcon(MachineState state) {
    switch (state) {
    case MachineState::PoweredOff:
        return applicationIcon(QStringLiteral("state-powered-off"));
    case MachineState::Starting:
    case MachineState::Stopping:
        return applicationIcon(QStringLiteral("state-busy"));
    case MachineState::Running:
        return applicationIcon(QStringLiteral("state-running"));
    case MachineState::Paused:
        return applicationIcon(QStringLiteral("state-paused"));
    case MachineState::Saved:
        return applicationIcon(QStringLiteral("state-saved"));
    case MachineState::Aborted:
        return applicationIcon(QStringLiteral("state-aborted"));
    }
    return {};
}

QIcon guestIcon(const QString& guestType) {
    struct Family {
        QStringView prefix;
        QStringView icon;
    };
    static constexpr Family kFamilies[] = {
        {u"debian", u"guest-debian"},   {u"ubuntu", u"guest-ubuntu"},
        {u"mint", u"guest-linux"},      {u"fedora", u"guest-fedora"},
        {u"rhel", u"guest-fedora"},     {u"opensuse", u"guest-linux"},
        {u"arch", u"guest-linux"},      {u"alpine", u"guest-linux"},
        {u"gentoo", u"guest-linux"},    {u"nixos", u"guest-linux"},
        {u"void", u"guest-linux"},      {u"slackware", u"guest-linux"},
        {u"linux", u"guest-linux"},     {u"windows", u"guest-windows"},
        {u"reactos", u"guest-windows"}, {u"freebsd", u"guest-bsd"},
        {u"openbsd", u"guest-bsd"},     {u"netbsd", u"guest-bsd"},
        {u"freedos", u"guest-dos"},
    };
    for (const Family& family : kFamilies)
        if (guestType.startsWith(family.prefix, Qt::CaseInsensitive))
            return applicationIcon(family.icon.toString());
    return applicationIcon(QStringLiteral("guest-other"));
}

} // namespace vivarium
