#include "tests/support/test_main.h"
#include "tests/support/viv_session.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTest>

#include <csignal>
#include <fcntl.h>

namespace vivarium::test {

using namespace Qt::StringLiterals;

// viv disk against qemu-img, in both directions, and against bad input.
class DiskCliTest : public QObject {
    Q_OBJECT

    using Output = VivSession::Output;
    static constexpr qint64 kMiB = 1 << 20;

    std::unique_ptr<VivSession> m_session;
    QStringList m_before;

    QString path(const QString& name) const { return m_session->path(name); }
    Output disk(const QStringList& arguments) const {
        return m_session->run(QStringList{u"disk"_s} + arguments);
    }
    QJsonObject json(const QStringList& arguments) const {
        return QJsonDocument::fromJson(disk(arguments + QStringList{u"--json"_s}).standardOutput)
            .object();
    }
    bool works(const QStringList& arguments) {
        const Output output = disk(arguments);
        if (output.status != 0)
            qWarning("viv disk %s: %s", qPrintable(arguments.join(u' ')),
                     output.standardError.constData());
        return output.status == 0;
    }
    // One line that starts with the program's name and ends like a sentence, and names `what`.
    static bool isSentence(const QByteArray& error, const QByteArray& what) {
        return error.startsWith("viv: ") && error.endsWith(".\n") && error.count('\n') == 1 &&
               error.contains(what);
    }
    QByteArray qemuImg(const QStringList& arguments, int* status = nullptr) const {
        QProcess process;
        process.setWorkingDirectory(m_session->home());
        process.start(u"qemu-img"_s, arguments);
        process.waitForFinished(60'000);
        if (status)
            *status = process.exitCode();
        return process.readAllStandardOutput() + process.readAllStandardError();
    }
    bool qemuAgrees(const QString& a, const QString& b) const {
        int status = -1;
        const QByteArray said = qemuImg({u"compare"_s, a, b}, &status);
        if (status != 0)
            qWarning("qemu-img compare: %s", said.constData());
        return status == 0;
    }
    // Different bytes everywhere from `offset` on.
    static void fill(const QString& file, qint64 offset, qint64 bytes) {
        QFile image(file);
        QVERIFY(image.open(QIODevice::ReadWrite));
        image.seek(offset);
        QByteArray block(kMiB, '\0');
        for (qint64 done = 0; done < bytes; done += kMiB) {
            for (qsizetype i = 0; i < block.size(); ++i)
                block[i] = static_cast<char>((offset + done + i * 7 + (i >> 8)) & 0xff);
            image.write(block.left(std::min(kMiB, bytes - done)));
        }
    }
    QString rawDisk(const QString& name, qint64 bytes, qint64 dataOffset, qint64 dataBytes) {
        const QString file = path(name);
        QFile image(file);
        if (!image.open(QIODevice::WriteOnly) || !image.resize(bytes))
            return {};
        image.close();
        fill(file, dataOffset, dataBytes);
        return file;
    }
    QStringList files() const {
        return QDir(m_session->home())
            .entryList(QDir::Files | QDir::Hidden | QDir::NoDotAndDotDot, QDir::Name);
    }

private Q_SLOTS:
    void init() { m_session = std::make_unique<VivSession>(); }

    void whatWeMakeTheyRead_data() {
        QTest::addColumn<QStringList>("options");
        QTest::newRow("plain") << QStringList();
        QTest::newRow("small clusters") << QStringList{u"--cluster-size"_s, u"4K"_s};
        QTest::newRow("large clusters") << QStringList{u"--cluster-size"_s, u"2M"_s};
        QTest::newRow("compressed") << QStringList{u"--compress"_s};
        QTest::newRow("metadata") << QStringList{u"--preallocation"_s, u"metadata"_s};
    }
    void whatWeMakeTheyRead() {
        QFETCH(QStringList, options);
        const QString raw = rawDisk(u"a.img"_s, 24 * kMiB, 5 * kMiB + 3, 6 * kMiB);
        const QString qcow2 = path(u"b.qcow2"_s);
        QVERIFY(works(QStringList{u"convert"_s, raw, qcow2} + options));
        QVERIFY(qemuAgrees(raw, qcow2));
        int status = -1;
        const QByteArray said = qemuImg({u"check"_s, qcow2}, &status);
        QVERIFY2(status == 0, said);
        QVERIFY(works({u"check"_s, qcow2}));
        QVERIFY(works({u"convert"_s, qcow2, path(u"c.img"_s), u"--format"_s, u"raw"_s}));
        QVERIFY(qemuAgrees(raw, path(u"c.img"_s)));
        QVERIFY(works({u"compare"_s, raw, qcow2}));
    }

    void whatTheyMakeWeRead_data() {
        QTest::addColumn<QStringList>("options");
        QTest::newRow("version 3") << QStringList();
        QTest::newRow("version 2") << QStringList{u"-o"_s, u"compat=0.10"_s};
        QTest::newRow("512-byte clusters") << QStringList{u"-o"_s, u"cluster_size=512"_s};
        QTest::newRow("1-bit refcounts") << QStringList{u"-o"_s, u"refcount_bits=1"_s};
        QTest::newRow("zstd") << QStringList{u"-c"_s, u"-o"_s, u"compression_type=zstd"_s};
        QTest::newRow("compressed") << QStringList{u"-c"_s};
    }
    void whatTheyMakeWeRead() {
        QFETCH(QStringList, options);
        const QString raw = rawDisk(u"a.img"_s, 12 * kMiB, kMiB, 3 * kMiB);
        const QString qcow2 = path(u"b.qcow2"_s);
        int status = -1;
        qemuImg(QStringList{u"convert"_s, u"-O"_s, u"qcow2"_s} + options + QStringList{raw, qcow2},
                &status);
        QCOMPARE(status, 0);
        QVERIFY(works({u"compare"_s, raw, qcow2}));
        QVERIFY(works({u"check"_s, qcow2}));
        QVERIFY(works({u"compact"_s, qcow2}));
        QVERIFY(qemuAgrees(raw, qcow2));
        const QJsonObject info = json({u"info"_s, qcow2});
        QCOMPARE(info.value(u"format").toString(), u"qcow2"_s);
        QCOMPARE(info.value(u"diskBytes").toInteger(), 12 * kMiB);
    }

    void foreignImagesAreConverted_data() {
        QTest::addColumn<QString>("qemuName");
        QTest::addColumn<QString>("ourName");
        QTest::addColumn<QStringList>("options");
        QTest::newRow("VMDK") << u"vmdk"_s << u"vmdk"_s << QStringList();
        QTest::newRow("VMDK, stream-optimized")
            << u"vmdk"_s << u"vmdk"_s << QStringList{u"-o"_s, u"subformat=streamOptimized"_s};
        QTest::newRow("VDI") << u"vdi"_s << u"vdi"_s << QStringList();
        QTest::newRow("VHD") << u"vpc"_s << u"vhd"_s << QStringList{u"-o"_s, u"force_size=on"_s};
        QTest::newRow("VHD, fixed")
            << u"vpc"_s << u"vhd"_s << QStringList{u"-o"_s, u"subformat=fixed,force_size=on"_s};
        QTest::newRow("VHDX") << u"vhdx"_s << u"vhdx"_s << QStringList();
    }
    void foreignImagesAreConverted() {
        QFETCH(QString, qemuName);
        QFETCH(QString, ourName);
        QFETCH(QStringList, options);
        const QString raw = rawDisk(u"a.img"_s, 16 * kMiB, 2 * kMiB, 3 * kMiB);
        const QString foreign = path(u"foreign"_s);
        int status = -1;
        const QByteArray made =
            qemuImg(QStringList{u"convert"_s, u"-f"_s, u"raw"_s, u"-O"_s, qemuName} + options +
                        QStringList{raw, foreign},
                    &status);
        QVERIFY2(status == 0, made);
        const QJsonObject info = json({u"info"_s, foreign});
        QCOMPARE(info.value(u"format").toString(), ourName);
        QCOMPARE(info.value(u"diskBytes").toInteger(), 16 * kMiB);
        QVERIFY(works({u"convert"_s, foreign, path(u"b.qcow2"_s)}));
        QVERIFY(qemuAgrees(raw, path(u"b.qcow2"_s)));
        QVERIFY(works({u"convert"_s, foreign, path(u"c.img"_s), u"--format"_s, u"raw"_s}));
        QVERIFY(qemuAgrees(raw, path(u"c.img"_s)));
        QVERIFY(files().filter(u".part"_s).isEmpty());
        const Output resized = disk({u"resize"_s, foreign, u"40M"_s});
        QVERIFY2(isSentence(resized.standardError, "another program"), resized.standardError);
    }

    void foreignImagesThatReferToOthersAreRefused_data() {
        QTest::addColumn<QStringList>("options");
        QTest::newRow("flat") << QStringList{u"-o"_s, u"subformat=monolithicFlat"_s};
        QTest::newRow("split") << QStringList{u"-o"_s, u"subformat=twoGbMaxExtentSparse"_s};
    }
    void foreignImagesThatReferToOthersAreRefused() {
        QFETCH(QStringList, options);
        rawDisk(u"a.img"_s, 4 * kMiB, 0, kMiB);
        int status = -1;
        qemuImg(QStringList{u"convert"_s, u"-O"_s, u"vmdk"_s} + options +
                    QStringList{u"a.img"_s, u"b.vmdk"_s},
                &status);
        QCOMPARE(status, 0);
        const Output output = disk({u"convert"_s, path(u"b.vmdk"_s), path(u"c.qcow2"_s)});
        QCOMPARE(output.status, 1);
        QVERIFY2(isSentence(output.standardError, "not complete in itself"), output.standardError);
        QVERIFY(!QFile::exists(path(u"c.qcow2"_s)));
    }

    // A descriptor that names a file of the host, behind an honest header.
    void foreignImagesReachNoOtherFile() {
        QFile secret(path(u"secret"_s));
        QVERIFY(secret.open(QIODevice::WriteOnly));
        secret.write(QByteArray(kMiB, 's'));
        secret.close();
        QFile vmdk(path(u"evil.vmdk"_s));
        QVERIFY(vmdk.open(QIODevice::WriteOnly));
        vmdk.write("# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\n"
                   "createType=\"monolithicFlat\"\nRW 2048 FLAT \"" +
                   QFile::encodeName(secret.fileName()) + "\" 0\n");
        vmdk.close();
        const Output output = disk({u"convert"_s, vmdk.fileName(), path(u"c.img"_s), u"--format"_s,
                                    u"raw"_s, u"--source-format"_s, u"vmdk"_s});
        QVERIFY2(isSentence(output.standardError, "not complete in itself"), output.standardError);
        QVERIFY(!QFile::exists(path(u"c.img"_s)));
    }

    void mapsLikeQemu() {
        const QString raw = rawDisk(u"a.img"_s, 8 * kMiB, 2 * kMiB, kMiB);
        const QString qcow2 = path(u"b.qcow2"_s);
        QVERIFY(works({u"convert"_s, raw, qcow2}));
        const auto dataBytes = [](const QJsonArray& extents, const auto& isData) {
            qint64 bytes = 0;
            for (const QJsonValue& extent : extents)
                if (isData(extent.toObject()))
                    bytes += extent.toObject().value(u"length").toInteger();
            return bytes;
        };
        const qint64 ours = dataBytes(
            QJsonDocument::fromJson(disk({u"map"_s, qcow2, u"--json"_s}).standardOutput).array(),
            [](const QJsonObject& extent) { return extent.value(u"kind").toString() == u"data"; });
        const qint64 theirs = dataBytes(
            QJsonDocument::fromJson(qemuImg({u"map"_s, u"--output=json"_s, qcow2})).array(),
            [](const QJsonObject& extent) { return extent.value(u"data").toBool(); });
        QCOMPARE(ours, theirs);
        QCOMPARE(ours, kMiB);
    }

    void chainsLiveTogetherWithQemu() {
        rawDisk(u"base.img"_s, 8 * kMiB, 0, 2 * kMiB);
        QVERIFY(works({u"create"_s, path(u"top.qcow2"_s), u"--backing"_s, path(u"base.img"_s),
                       u"--backing-format"_s, u"raw"_s}));
        QVERIFY(qemuAgrees(u"base.img"_s, u"top.qcow2"_s));
        QProcess io;
        io.setWorkingDirectory(m_session->home());
        io.start(u"qemu-io"_s, {u"-c"_s, u"write -P 9 4M 64k"_s, u"top.qcow2"_s});
        QVERIFY(io.waitForFinished());
        QCOMPARE(io.exitCode(), 0);
        QVERIFY(works({u"convert"_s, path(u"top.qcow2"_s), path(u"flat.qcow2"_s)}));
        QVERIFY(qemuAgrees(u"top.qcow2"_s, u"flat.qcow2"_s));
        const QJsonArray chain =
            QJsonDocument::fromJson(
                disk({u"info"_s, path(u"top.qcow2"_s), u"--chain"_s, u"--json"_s}).standardOutput)
                .array();
        QCOMPARE(chain.size(), 2);
        QVERIFY(works({u"commit"_s, path(u"top.qcow2"_s)}));
        QVERIFY(qemuAgrees(u"base.img"_s, u"flat.qcow2"_s));
        QVERIFY(works({u"rebase"_s, path(u"top.qcow2"_s), u"--no-backing"_s}));
        QVERIFY(qemuAgrees(u"top.qcow2"_s, u"flat.qcow2"_s));
        QVERIFY(works({u"resize"_s, path(u"top.qcow2"_s), u"+8M"_s}));
        QCOMPARE(json({u"info"_s, path(u"top.qcow2"_s)}).value(u"diskBytes").toInteger(),
                 16 * kMiB);
        const Output differs = disk({u"compare"_s, path(u"top.qcow2"_s), path(u"flat.qcow2"_s)});
        QCOMPARE(differs.status, 1);
        QVERIFY(
            works({u"compare"_s, path(u"top.qcow2"_s), path(u"flat.qcow2"_s), u"--ignore-size"_s}));
    }

    void damageIsFoundAndRepaired() {
        const QString qcow2 = path(u"a.qcow2"_s);
        QVERIFY(works({u"create"_s, qcow2, u"16M"_s, u"--preallocation"_s, u"metadata"_s}));
        QFile image(qcow2);
        QVERIFY(image.open(QIODevice::ReadWrite));
        // The first refcount block: clusters counted that nobody uses.
        image.seek(2 * 65536 + 2 * 20'000);
        image.write(QByteArray(20, '\1'));
        image.close();
        QCOMPARE(disk({u"check"_s, qcow2}).status, 1);
        QVERIFY(works({u"check"_s, qcow2, u"--repair"_s, u"leaks"_s}));
        QVERIFY(works({u"check"_s, qcow2}));
        int status = -1;
        qemuImg({u"check"_s, qcow2}, &status);
        QCOMPARE(status, 0);
    }

    void badInputIsOneSentence_data() {
        QTest::addColumn<QString>("arguments");
        QTest::addColumn<int>("status");
        QTest::addColumn<QByteArray>("what");
        QTest::newRow("missing") << u"info %1/none"_s << 3 << QByteArray("does not exist");
        QTest::newRow("folder") << u"info %1"_s << 2 << QByteArray("is a folder");
        QTest::newRow("device") << u"info /dev/null --format raw"_s << 2
                                << QByteArray("neither a file nor");
        QTest::newRow("no size") << u"create %1/a"_s << 2 << QByteArray("State the size");
        QTest::newRow("odd size") << u"create %1/a 20"_s << 2 << QByteArray("such as 20G");
        QTest::newRow("too large") << u"create %1/a 99999999T"_s << 2 << QByteArray("such as 20G");
        QTest::newRow("no folder") << u"create %1/no/where 1G"_s << 3 << QByteArray("folder");
        QTest::newRow("there") << u"create %1/text 1G"_s << 5 << QByteArray("exists already");
        QTest::newRow("no image") << u"check %1/text --format qcow2"_s << 1 << QByteArray("text");
        QTest::newRow("cut off") << u"info %1/cut.qcow2"_s << 1 << QByteArray("cut.qcow2");
        QTest::newRow("loop") << u"info %1/loop.qcow2 --chain"_s << 1 << QByteArray("form a loop");
        QTest::newRow("no backing") << u"map %1/orphan.qcow2"_s << 3 << QByteArray("gone.qcow2");
        QTest::newRow("network") << u"convert %1/net.qcow2 %1/x"_s << 1 << QByteArray("nbd:");
        QTest::newRow("shrink") << u"resize %1/ok.qcow2 512K"_s << 2 << QByteArray("smaller");
        QTest::newRow("check raw") << u"check %1/text"_s << 1 << QByteArray("raw");
    }
    void badInputIsOneSentence() {
        QFETCH(QString, arguments);
        QFETCH(int, status);
        QFETCH(QByteArray, what);
        const QString home = m_session->home();
        fill(path(u"text"_s), 0, 5000);
        QVERIFY(works({u"create"_s, path(u"ok.qcow2"_s), u"1M"_s}));
        QVERIFY(works({u"create"_s, path(u"cut.qcow2"_s), u"1M"_s}));
        QVERIFY(QFile::resize(path(u"cut.qcow2"_s), 80));
        const auto backed = [&](const char* name, const char* backing) {
            qemuImg({u"create"_s, u"-q"_s, u"-u"_s, u"-f"_s, u"qcow2"_s, u"-F"_s, u"qcow2"_s,
                     u"-b"_s, QString::fromLatin1(backing), QString::fromLatin1(name), u"1M"_s});
        };
        backed("loop.qcow2", "loop2.qcow2");
        backed("loop2.qcow2", "loop.qcow2");
        backed("orphan.qcow2", "gone.qcow2");
        backed("net.qcow2", "nbd://localhost/x");
        const QStringList before = files();
        const Output output = disk(QString(arguments).replace(u"%1"_s, home).split(u' '));
        QVERIFY2(isSentence(output.standardError, what), output.standardError);
        QCOMPARE(output.status, status);
        QCOMPARE(files(), before);
    }

    void anImageInUseIsRefused() {
        QVERIFY(works({u"create"_s, path(u"a.qcow2"_s), u"1M"_s}));
        QFile file(path(u"a.qcow2"_s));
        QVERIFY(file.open(QIODevice::ReadWrite));
        struct flock lock {};
        lock.l_type = F_WRLCK;
        lock.l_whence = SEEK_SET;
        QCOMPARE(::fcntl(file.handle(), F_OFD_SETLK, &lock), 0);
        const Output output = disk({u"compact"_s, path(u"a.qcow2"_s)});
        QCOMPARE(output.status, 5);
        QVERIFY2(isSentence(output.standardError, "in use"), output.standardError);
        QVERIFY(works({u"info"_s, path(u"a.qcow2"_s)}));
    }

    void interruptsLeaveNothing() {
        const QString raw = rawDisk(u"a.img"_s, 600 * kMiB, 0, 600 * kMiB);
        QProcess process;
        process.setProcessEnvironment(m_session->environment());
        process.start(VivSession::program(u"viv"_s),
                      {u"disk"_s, u"convert"_s, raw, path(u"b.qcow2"_s), u"--compress"_s});
        QVERIFY(process.waitForStarted());
        // Once it works on the image: the source is locked for reading then.
        const auto locked = [&raw] {
            QFile file(raw);
            if (!file.open(QIODevice::ReadWrite))
                return false;
            struct flock lock {};
            lock.l_type = F_WRLCK;
            lock.l_whence = SEEK_SET;
            return ::fcntl(file.handle(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
        };
        QTRY_VERIFY_WITH_TIMEOUT(locked(), 20'000);
        ::kill(static_cast<pid_t>(process.processId()), SIGINT);
        QVERIFY(process.waitForFinished(30'000));
        QCOMPARE(process.exitStatus(), QProcess::NormalExit);
        QCOMPARE(process.exitCode(), 130);
        QCOMPARE(files(), QStringList{u"a.img"_s});
    }

    void killedConversionsLeaveNoHalfFile() {
        const QString raw = rawDisk(u"a.img"_s, 600 * kMiB, 0, 600 * kMiB);
        QProcess process;
        process.setProcessEnvironment(m_session->environment());
        process.start(VivSession::program(u"viv"_s),
                      {u"disk"_s, u"convert"_s, raw, path(u"b.qcow2"_s), u"--compress"_s});
        QVERIFY(process.waitForStarted());
        const auto locked = [&raw] {
            QFile file(raw);
            if (!file.open(QIODevice::ReadWrite))
                return false;
            struct flock lock {};
            lock.l_type = F_WRLCK;
            lock.l_whence = SEEK_SET;
            return ::fcntl(file.handle(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
        };
        QTRY_VERIFY_WITH_TIMEOUT(locked(), 20'000);
        process.kill();
        QVERIFY(process.waitForFinished(30'000));
        QVERIFY(!QFile::exists(path(u"b.qcow2"_s)));
        // Its process notices, too, and lets the source go.
        QTRY_VERIFY_WITH_TIMEOUT(!locked(), 20'000);
        QCOMPARE(files(), QStringList{u"a.img"_s});
    }

    void basesOfMachinesAreKept() {
        VivSession& session = *m_session;
        QVERIFY(works({u"create"_s, path(u"a.qcow2"_s), u"4M"_s}));
        QVERIFY2(session.succeeds({u"create"_s, u"one"_s, u"--disk"_s, path(u"a.qcow2"_s)}),
                 session.lastError());
        // A stopped machine's own disk may grow.
        QVERIFY(works({u"resize"_s, path(u"a.qcow2"_s), u"8M"_s}));
        QCOMPARE(json({u"info"_s, path(u"a.qcow2"_s)}).value(u"diskBytes").toInteger(), 8 * kMiB);
    }

    void theProgramBehindIsNotForPeople() {
        QProcess process;
        const QString program = VivSession::program(u"vivarium-image"_s);
        process.start(program, QStringList());
        QVERIFY(process.waitForFinished());
        QCOMPARE(process.exitCode(), 2);
        QVERIFY(process.readAllStandardError().contains("viv disk"));
        for (const char* option : {"--help", "--version"}) {
            process.start(program, {QString::fromLatin1(option)});
            QVERIFY(process.waitForFinished());
            QCOMPARE(process.exitCode(), 0);
            QVERIFY(process.readAllStandardOutput().contains("vivarium-image"));
        }
        process.start(program, {u"--control-fd"_s, u"1"_s});
        QVERIFY(process.waitForFinished());
        QCOMPARE(process.exitCode(), 2);
    }
};

} // namespace vivarium::test

using vivarium::test::DiskCliTest;
VIVARIUM_TEST(DiskCliTest)
#include "disk_cli_test.moc"
