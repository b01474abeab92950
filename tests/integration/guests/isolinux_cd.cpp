#include "tests/integration/guests/isolinux_cd.h"

#include "tests/support/viv_session.h"

#include <QDir>
#include <QFile>

namespace vivarium::test {

QStringList isolinuxFiles() {
    const QString modules = QStringLiteral("/usr/lib/syslinux/modules/bios/");
    return {QStringLiteral("/usr/lib/ISOLINUX/isolinux.bin"),
            modules + QStringLiteral("ldlinux.c32"), modules + QStringLiteral("libcom32.c32"),
            modules + QStringLiteral("libutil.c32"), modules + QStringLiteral("vesamenu.c32")};
}

QString makeIsolinuxCd(const QString& folder, const QByteArray& configuration,
                       const std::map<QString, QByteArray>& files) {
    const QDir root(folder + QStringLiteral("/cd"));
    QDir().mkpath(root.path());
    bool done = true;
    const auto write = [&](const QString& name, const QByteArray& contents) {
        QFile file(root.filePath(name));
        done &= file.open(QIODevice::WriteOnly) && file.write(contents) == contents.size();
    };
    for (const QString& file : isolinuxFiles())
        done &= QFile::copy(file, root.filePath(file.section(u'/', -1)));
    write(QStringLiteral("isolinux.cfg"), configuration);
    for (const auto& [name, contents] : files)
        write(name, contents);
    return done ? makeBootCd(root.path(), QStringLiteral("isolinux.bin")) : QString();
}

} // namespace vivarium::test
