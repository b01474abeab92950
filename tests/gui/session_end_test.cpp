#include "tests/gui/gui_fixture.h"
#include "tests/support/test_main.h"
#include "ui/main_window/session_end.h"
#include "ui/widgets/notification_center.h"

#include <QDBusUnixFileDescriptor>
#include <QDBusConnection>
#include <QFileInfo>
#include <QProcess>
#include <QStandardPaths>
#include <QTest>

#include <array>

#include <fcntl.h>
#include <unistd.h>

namespace vivarium::test {

using control::MachineState;

// What systemd-logind says, on a bus of the test's own.
class FakeLogin : public QObject {
    Q_OBJECT
    Q_CLASSINFO("D-Bus Interface", "org.freedesktop.login1.Manager")
public:
    // Whether somebody holds the inhibitor that was given last.
    bool isHeld() const {
        char byte = 0;
        return m_ours.isValid() && ::read(m_ours.fileDescriptor(), &byte, 1) < 0 && errno == EAGAIN;
    }
    QStringList asked;

public Q_SLOTS:
    Q_SCRIPTABLE QDBusUnixFileDescriptor Inhibit(const QString& what, const QString& who,
                                                 const QString& why, const QString& mode) {
        asked = QStringList{what, who, why, mode};
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
            return {};
        m_ours.giveFileDescriptor(ends[0]);
        QDBusUnixFileDescriptor theirs;
        theirs.giveFileDescriptor(ends[1]);
        return theirs;
    }

Q_SIGNALS:
    Q_SCRIPTABLE void PrepareForShutdown(bool begins);

private:
    QDBusUnixFileDescriptor m_ours;
};

class SessionEndTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void init();
    void cleanup();
    void cleanupTestCase();
    void holdsTheShutdownOnlyWhenWanted();
    void savesRunningMachines();

private:
    void want(bool saving);

    QProcess m_daemon;
    std::unique_ptr<FakeLogin> m_login;
    std::unique_ptr<GuiFixture> m_fixture;
    std::unique_ptr<NotificationCenter> m_notifications;
    std::unique_ptr<SessionEnd> m_sessionEnd;
};

void SessionEndTest::initTestCase() {
    const QString program = QStandardPaths::findExecutable(QStringLiteral("dbus-daemon"));
    if (program.isEmpty())
        QSKIP("the package dbus-daemon is not installed");
    m_daemon.start(program, {QStringLiteral("--session"), QStringLiteral("--nofork"),
                             QStringLiteral("--print-address")});
    QVERIFY(m_daemon.waitForReadyRead());
    const QString address = QString::fromUtf8(m_daemon.readLine()).trimmed();
    QDBusConnection server = QDBusConnection::connectToBus(address, QStringLiteral("server"));
    QVERIFY(server.isConnected());
    m_login = std::make_unique<FakeLogin>();
    QVERIFY(server.registerObject(QStringLiteral("/org/freedesktop/login1"), m_login.get(),
                                  QDBusConnection::ExportScriptableContents));
    QVERIFY(server.registerService(QStringLiteral("org.freedesktop.login1")));
    QVERIFY(QDBusConnection::connectToBus(address, QStringLiteral("client")).isConnected());
}

void SessionEndTest::cleanupTestCase() {
    QDBusConnection::disconnectFromBus(QStringLiteral("client"));
    QDBusConnection::disconnectFromBus(QStringLiteral("server"));
    m_daemon.terminate();
    m_daemon.waitForFinished();
}

void SessionEndTest::init() {
    m_fixture = std::make_unique<GuiFixture>();
    m_notifications = std::make_unique<NotificationCenter>();
    m_sessionEnd = std::make_unique<SessionEnd>(
        m_fixture->library(), m_fixture->supervisor(), m_fixture->snapshots(),
        m_fixture->preferences(), *m_notifications, QDBusConnection(QStringLiteral("client")));
}

void SessionEndTest::cleanup() {
    m_sessionEnd.reset();
    m_notifications.reset();
    m_fixture.reset();
}

void SessionEndTest::want(bool saving) {
    Preferences changed = m_fixture->preferences().value();
    changed.saveAtSessionEnd = saving;
    QVERIFY(m_fixture->preferences().set(changed));
}

void SessionEndTest::holdsTheShutdownOnlyWhenWanted() {
    QVERIFY(!m_sessionEnd->holdsShutdown());
    want(true);
    QTRY_VERIFY(m_sessionEnd->holdsShutdown());
    QTRY_VERIFY(m_login->isHeld());
    QCOMPARE(m_login->asked.first(), QStringLiteral("shutdown"));
    QCOMPARE(m_login->asked.last(), QStringLiteral("delay"));
    want(false);
    QVERIFY(!m_sessionEnd->holdsShutdown());
    QTRY_VERIFY(!m_login->isHeld());
    want(true);
    QTRY_VERIFY(m_login->isHeld());
    Q_EMIT
    m_login->PrepareForShutdown(true);
    QTRY_VERIFY(!m_login->isHeld()); // nothing runs: it goes on at once
    Q_EMIT
    m_login->PrepareForShutdown(false);
    QTRY_VERIFY(m_login->isHeld());
}

void SessionEndTest::savesRunningMachines() {
    const QString kernel = QStringLiteral("/usr/lib/multiboot/examples/kernel");
    if (::access("/dev/kvm", R_OK | W_OK) != 0 || !QFileInfo::exists(kernel))
        QSKIP("there is no usable /dev/kvm, or the package multiboot is not installed");
    want(true);
    QTRY_VERIFY(m_login->isHeld());
    MachineSettings settings;
    settings.memoryMiB = 32;
    settings.directBoot.kernelPath = kernel;
    const MachineId id = m_fixture->addMachine(QStringLiteral("kernel"), {}, settings);
    QVERIFY(waitFor(m_fixture->supervisor().start(id)));
    QTRY_COMPARE(m_fixture->supervisor().status(id).state, MachineState::Running);
    Q_EMIT
    m_login->PrepareForShutdown(true);
    QTRY_COMPARE_WITH_TIMEOUT(m_fixture->supervisor().status(id).state, MachineState::Saved, 15000);
    QTRY_VERIFY(!m_login->isHeld());
    QVERIFY(m_notifications->notifications().isEmpty());
}

} // namespace vivarium::test

using vivarium::test::SessionEndTest;
VIVARIUM_TEST(SessionEndTest)
#include "session_end_test.moc"
