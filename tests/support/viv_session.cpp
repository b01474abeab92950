#include "tests/support/viv_session.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>

#include <unistd.h>

namespace vivarium::test {

VivSession::VivSession() = default;

VivSession::~VivSession() {
    const Output list = run({QStringLiteral("list"), QStringLiteral("--names")});
    for (const QByteArray& name : list.standardOutput.split('\n'))
        if (!name.isEmpty())
            run({QStringLiteral("stop"), QStringLiteral("--force"), QString::fromUtf8(name)});
}

QProcessEnvironment VivSession::environment() const {
    auto environment = QProcessEnvironment::systemEnvironment();
    environment.insert(QStringLiteral("VIVARIUM_HOME"), m_home.path());
    environment.remove(QStringLiteral("DISPLAY"));
    environment.remove(QStringLiteral("WAYLAND_DISPLAY"));
    return environment;
}

QString VivSession::program(const QString& name) {
    return qEnvironmentVariable("VIVARIUM_BIN_DIR") + u'/' + name;
}

VivSession::Output VivSession::run(const QStringList& arguments, int timeoutMs) const {
    QProcess viv;
    viv.setProcessEnvironment(environment());
    viv.start(program(QStringLiteral("viv")), arguments);
    viv.closeWriteChannel();
    if (!viv.waitForFinished(timeoutMs)) {
        viv.kill();
        viv.waitForFinished();
        return {-1, viv.readAllStandardOutput(), viv.readAllStandardError()};
    }
    return {viv.exitStatus() == QProcess::NormalExit ? viv.exitCode() : -2,
            viv.readAllStandardOutput(), viv.readAllStandardError()};
}

bool VivSession::succeeds(const QStringList& arguments, int timeoutMs) {
    const Output output = run(arguments, timeoutMs);
    m_lastError = "viv " + arguments.join(u' ').toUtf8() + ": status " +
                  QByteArray::number(output.status) + "\n" + output.standardOutput +
                  output.standardError;
    return output.status == 0;
}

bool VivSession::press(const QString& machine, const QString& key) {
    return succeeds({QStringLiteral("key"), machine, key});
}

bool VivSession::waitForScreen(const QString& machine, const QString& pattern, int timeoutMs) {
    return succeeds({QStringLiteral("wait"), machine, QStringLiteral("--screen"), pattern,
                     QStringLiteral("--timeout"), QString::number(timeoutMs / 1000)},
                    timeoutMs + 10'000);
}

uint16_t VivSession::vncPort(const QString& machine) const {
    const auto answer = run({QStringLiteral("vnc"), machine, QStringLiteral("--json")});
    const QString address = QJsonDocument::fromJson(answer.standardOutput)
                                .object()
                                .value(QStringLiteral("address"))
                                .toString();
    return address.section(u':', -1).toUShort();
}

QString VivSession::missingKvm() {
    if (::access("/dev/kvm", R_OK | W_OK) == 0)
        return {};
    return QStringLiteral("this machine has no usable /dev/kvm");
}

QByteArray contentsOf(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

QString missingFile(const QStringList& paths) {
    for (const QString& path : paths)
        if (!QFileInfo::exists(path))
            return path + QStringLiteral(" is not installed");
    return {};
}

QString makeBootCd(const QString& root, const QString& loader) {
    const QString iso = root + QStringLiteral(".iso");
    const int status = QProcess::execute(
        QStringLiteral("xorriso"),
        {QStringLiteral("-as"), QStringLiteral("mkisofs"), QStringLiteral("-quiet"),
         QStringLiteral("-R"), QStringLiteral("-b"), loader, QStringLiteral("-no-emul-boot"),
         QStringLiteral("-boot-load-size"), QStringLiteral("4"), QStringLiteral("-boot-info-table"),
         QStringLiteral("-o"), iso, root});
    return status == 0 ? iso : QString();
}

QString makeInvadersCd(const QString& folder) {
    const QDir root(folder + QStringLiteral("/invaders"));
    QDir().mkpath(root.filePath(QStringLiteral("boot/grub")));
    QFile::copy(QStringLiteral("/usr/lib/grub/x86_64-pc/stage2_eltorito"),
                root.filePath(QStringLiteral("boot/grub/stage2_eltorito")));
    QFile::copy(QStringLiteral("/boot/invaders.exec"),
                root.filePath(QStringLiteral("boot/invaders.exec")));
    QFile menu(root.filePath(QStringLiteral("boot/grub/menu.lst")));
    if (!menu.open(QIODevice::WriteOnly))
        return {};
    menu.write("timeout 0\ndefault 0\ntitle invaders\nkernel /boot/invaders.exec\n");
    menu.close();
    return makeBootCd(root.path(), QStringLiteral("boot/grub/stage2_eltorito"));
}

} // namespace vivarium::test
