#include "core/supervisor/unix_socket.h"

#include "core/supervisor/vnc_listener.h"
#include "core/supervisor/worker_sockets.h"
#include "tests/support/test_main.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QTest>

namespace vivarium::test {

class UnixSocketTest : public QObject {
    Q_OBJECT

    QString path(const QString& name) const { return m_folder->path() + u'/' + name; }

private Q_SLOTS:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void longPathsWork() {
        const QString folder = path(QString(200, u'f'));
        QVERIFY(QDir().mkpath(folder));
        const auto listening = listenAtPath(folder + QStringLiteral("/machine.sock"));
        QVERIFY2(listening, listening ? "" : listening.error().detail.c_str());
        QVERIFY(connectToPath(folder + QStringLiteral("/machine.sock")));
        QCOMPARE(QDir(folder).entryList(QDir::AllEntries | QDir::System | QDir::NoDotAndDotDot),
                 QStringList{QStringLiteral("machine.sock")});
    }

    void aStaleSocketIsReplaced() {
        QVERIFY(listenAtPath(path(QStringLiteral("s")))); // closed at once
        const auto refused = connectToPath(path(QStringLiteral("s")));
        QCOMPARE(refused.error().code, ErrorCode::Disconnected);
        const auto again = listenAtPath(path(QStringLiteral("s")));
        QVERIFY(again);
        QVERIFY(connectToPath(path(QStringLiteral("s"))));
    }

    void anOrdinaryFileStays() {
        QFile file(path(QStringLiteral("s")));
        QVERIFY(file.open(QIODevice::WriteOnly));
        QCOMPARE(listenAtPath(file.fileName()).error().code, ErrorCode::AlreadyExists);
        QVERIFY(QFileInfo(file.fileName()).isFile());
        QCOMPARE(connectToPath(path(QStringLiteral("none"))).error().code, ErrorCode::NotFound);
    }

    void theRuntimeFolderIsPrivate() {
        const WorkerSockets sockets(path(QStringLiteral("a/run")));
        QVERIFY(sockets.prepareFolder());
        QCOMPARE(QFile::permissions(sockets.folder()) & 0x0077, QFileDevice::Permissions());
        const auto id = MachineId::createRandom();
        QVERIFY(sockets.present().isEmpty());
        const auto listening = sockets.listen(id);
        QVERIFY(listening);
        QCOMPARE(sockets.present(), QList<MachineId>{id});
        QVERIFY(sockets.connect(id));
        sockets.remove(id);
        QVERIFY(sockets.present().isEmpty());
    }

    void aRuntimeFolderThatIsALinkIsRefused() {
        QVERIFY(QDir().mkpath(path(QStringLiteral("elsewhere"))));
        QVERIFY(QFile::link(path(QStringLiteral("elsewhere")), path(QStringLiteral("run"))));
        const auto prepared = WorkerSockets(path(QStringLiteral("run"))).prepareFolder();
        QVERIFY(!prepared);
        QCOMPARE(prepared.error().code, ErrorCode::PermissionDenied);
    }

    void vncTakesTheFirstFreePort() {
        VncSettings settings;
        settings.enabled = true;
        const auto one = VncListener::open(settings);
        const auto two = VncListener::open(settings);
        QVERIFY(one && two);
        QVERIFY(one->address.startsWith(QStringLiteral("127.0.0.1:59")));
        QVERIFY(one->address != two->address);
        settings.port = one->address.section(u':', 1).toUInt();
        const auto busy = VncListener::open(settings);
        QVERIFY(!busy);
        QCOMPARE(busy.error().code, ErrorCode::Busy);
        QVERIFY(busy.error().detail.find(one->address.toStdString()) != std::string::npos);
    }

    void vncServesAUnixSocket() {
        VncSettings settings;
        settings.address = QStringLiteral("unix:") + path(QStringLiteral("vnc"));
        const auto listener = VncListener::open(settings);
        QVERIFY(listener);
        QCOMPARE(listener->address, settings.address);
        QCOMPARE(VncListener::open(settings).error().code, ErrorCode::Busy);
    }

    void aForeignAddressIsRefused() {
        VncSettings settings;
        settings.address = QStringLiteral("192.0.2.1"); // TEST-NET-1, RFC 5737: nobody's
        const auto listener = VncListener::open(settings);
        QVERIFY(!listener);
        QCOMPARE(listener.error().code, ErrorCode::InvalidArgument);
    }

private:
    std::unique_ptr<QTemporaryDir> m_folder;
};

} // namespace vivarium::test

using vivarium::test::UnixSocketTest;
VIVARIUM_TEST(UnixSocketTest)
#include "unix_socket_test.moc"
