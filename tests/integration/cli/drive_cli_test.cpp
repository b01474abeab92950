#include "tests/support/test_main.h"
#include "tests/support/viv_session.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QTest>

namespace vivarium::test {

using namespace Qt::StringLiterals;

// Disks of machines: their formats, what they consist of, and what is wrong with them.
class DriveCliTest : public QObject {
    Q_OBJECT

    using Output = VivSession::Output;

    QString path(const QString& name) const { return m_folder->filePath(name); }
    QString qcow2(const QString& name, const QStringList& more = {u"3M"_s}) const {
        QProcess::execute(u"qemu-img"_s, QStringList{u"create"_s, u"-q"_s, u"-f"_s, u"qcow2"_s} +
                                             more.mid(1) + QStringList{path(name)} +
                                             more.mid(0, 1));
        return path(name);
    }
    QString raw(const QString& name, qint64 bytes = 3 << 20) const {
        QFile file(path(name));
        if (!file.open(QIODevice::WriteOnly) || !file.resize(bytes))
            qFatal("no file");
        return file.fileName();
    }
    QJsonArray drives(const QString& machine) const {
        return QJsonDocument::fromJson(
                   m_session->run({u"info"_s, machine, u"--json"_s}).standardOutput)
            .object()
            .value(u"drives")
            .toArray();
    }

private Q_SLOTS:
    void initTestCase() {
        if (QStandardPaths::findExecutable(u"qemu-img"_s).isEmpty())
            QSKIP("the package qemu-utils is not installed");
    }
    void init() {
        m_folder = std::make_unique<QTemporaryDir>();
        m_session = std::make_unique<VivSession>();
    }

    void theFormatIsFoundAndKept() {
        const QString disk = qcow2(u"one.img"_s), plain = raw(u"plain.qcow2"_s);
        QVERIFY2(m_session->succeeds({u"create"_s, u"m"_s, u"--disk"_s, disk, u"--disk"_s, plain}),
                 m_session->lastError());
        QJsonArray shown = drives(u"m"_s);
        QCOMPARE(shown.at(0)[u"format"].toString(), u"qcow2"_s);
        QCOMPARE(shown.at(0)[u"virtualSizeBytes"].toInteger(), 3 << 20);
        QCOMPARE(shown.at(0)[u"chain"].toArray().size(), 1);
        QCOMPARE(shown.at(1)[u"format"].toString(), u"raw"_s);
        QCOMPARE(shown.at(1)[u"virtualSizeBytes"].toInteger(), 3 << 20);

        // What a guest writes into its raw disk does not make it another format.
        QVERIFY(QFile::remove(plain));
        QVERIFY(QFile::copy(disk, plain));
        QVERIFY2(m_session->succeeds({u"set"_s, u"m"_s, u"--disk"_s, plain}),
                 m_session->lastError());
        QVERIFY2(m_session->succeeds({u"create"_s, u"n"_s, u"--disk"_s, plain}),
                 m_session->lastError());
        QCOMPARE(drives(u"m"_s).at(0)[u"format"].toString(), u"raw"_s);
        QCOMPARE(drives(u"n"_s).at(0)[u"format"].toString(), u"raw"_s);
        QVERIFY2(m_session->succeeds(
                     {u"set"_s, u"m"_s, u"--disk"_s, plain, u"--disk-format"_s, u"qcow2"_s}),
                 m_session->lastError());
        QCOMPARE(drives(u"m"_s).at(0)[u"format"].toString(), u"qcow2"_s);
    }

    void badFormatsAreRefused() {
        QVERIFY(m_session
                    ->run({u"create"_s, u"m"_s, u"--disk"_s, raw(u"d"_s), u"--disk-format"_s,
                           u"vmdk"_s})
                    .standardError.contains("raw, qcow2"));
        QVERIFY(m_session->run({u"create"_s, u"m"_s, u"--disk-format"_s, u"raw"_s}).status != 0);
        QProcess::execute(u"qemu-img"_s,
                          {u"create"_s, u"-q"_s, u"-f"_s, u"vmdk"_s, path(u"d.vmdk"_s), u"3M"_s});
        const Output output = m_session->run({u"create"_s, u"m"_s, u"--disk"_s, path(u"d.vmdk"_s)});
        QVERIFY(output.status != 0);
        QVERIFY2(output.standardError.contains("VMDK") && output.standardError.contains("convert"),
                 output.standardError.constData());
    }

    void theWholeChainIsShown() {
        const QString base = raw(u"base.img"_s);
        const QString middle =
            qcow2(u"middle.qcow2"_s, {u"3M"_s, u"-b"_s, base, u"-F"_s, u"raw"_s});
        const QString top =
            qcow2(u"top.qcow2"_s, {u"5M"_s, u"-b"_s, u"middle.qcow2"_s, u"-F"_s, u"qcow2"_s});
        QVERIFY2(m_session->succeeds({u"create"_s, u"m"_s, u"--disk"_s, top}),
                 m_session->lastError());
        const QJsonArray chain = drives(u"m"_s).at(0)[u"chain"].toArray();
        QCOMPARE(chain.size(), 3);
        QCOMPARE(chain.at(0)[u"path"].toString(), base);
        QCOMPARE(chain.at(0)[u"format"].toString(), u"raw"_s);
        QCOMPARE(chain.at(1)[u"path"].toString(), middle);
        QCOMPARE(chain.at(2)[u"path"].toString(), top);
        QCOMPARE(drives(u"m"_s).at(0)[u"virtualSizeBytes"].toInteger(), 5 << 20);
        QVERIFY(m_session->run({u"info"_s, u"m"_s})
                    .standardOutput.contains(QStringLiteral("on %1 (raw)").arg(base).toUtf8()));
    }

    void brokenChainsAreNamed_data() {
        QTest::addColumn<QString>("backing");
        QTest::addColumn<QString>("format");
        QTest::newRow("missing") << u"gone.img"_s << u"raw"_s;
        QTest::newRow("a network name") << u"nbd://127.0.0.1:1/x"_s << u"raw"_s;
        QTest::newRow("json") << u"json:{\"driver\":\"null-co\"}"_s << u"raw"_s;
        QTest::newRow("itself") << u"top.qcow2"_s << u"qcow2"_s;
        QTest::newRow("no format") << u"base.img"_s << QString();
    }
    void brokenChainsAreNamed() {
        QFETCH(QString, backing);
        QFETCH(QString, format);
        raw(u"base.img"_s);
        const QString top = qcow2(u"top.qcow2"_s);
        QCOMPARE(QProcess::execute(u"qemu-img"_s,
                                   {u"rebase"_s, u"-u"_s, u"-f"_s, u"qcow2"_s, u"-b"_s, backing,
                                    u"-F"_s, format.isEmpty() ? u"raw"_s : format, top}),
                 0);
        if (format.isEmpty())
            QVERIFY(forgetBackingFormat(top));
        QVERIFY2(m_session->succeeds(
                     {u"create"_s, u"m"_s, u"--disk"_s, top, u"--disk-format"_s, u"qcow2"_s}),
                 m_session->lastError());
        const QString problem = drives(u"m"_s).at(0)[u"problem"].toString();
        QVERIFY2(problem.contains(top) && problem.endsWith(u'.'), qPrintable(problem));
        const Output started = m_session->run({u"start"_s, u"m"_s});
        QVERIFY(started.status != 0);
        QVERIFY2(started.standardError.contains(top.toUtf8()), started.standardError.constData());
    }

    void drivesAreAttachedSetAndDetached() {
        const QString disk = raw(u"a.img"_s), other = qcow2(u"b.img"_s);
        QVERIFY2(m_session->succeeds({u"create"_s, u"m"_s, u"--disk"_s, disk}),
                 m_session->lastError());
        QCOMPARE(m_session
                     ->run({u"drive"_s, u"attach"_s, u"m"_s, other, u"--cache"_s, u"direct"_s,
                            u"--on-full"_s, u"report"_s})
                     .standardOutput,
                 QByteArray("sata1\n"));
        QCOMPARE(m_session->run({u"drive"_s, u"attach"_s, u"m"_s, u"--optical"_s}).standardOutput,
                 QByteArray("sata2\n"));
        QJsonArray shown = drives(u"m"_s);
        QCOMPARE(shown.size(), 3);
        QCOMPARE(shown.at(1)[u"format"].toString(), u"qcow2"_s);
        QCOMPARE(shown.at(1)[u"cacheMode"].toString(), u"direct"_s);
        QCOMPARE(shown.at(1)[u"onFull"].toString(), u"report"_s);
        QCOMPARE(shown.at(1)[u"onError"].toString(), u"report"_s);
        QVERIFY2(m_session->succeeds({u"drive"_s, u"set"_s, u"m"_s, other, u"--cache"_s,
                                      u"writethrough"_s, u"--on-error"_s, u"stop"_s}),
                 m_session->lastError());
        shown = drives(u"m"_s);
        QCOMPARE(shown.at(1)[u"cacheMode"].toString(), u"writethrough"_s);
        QCOMPARE(shown.at(1)[u"onError"].toString(), u"stop"_s);
        QVERIFY(m_session->run({u"drive"_s, u"set"_s, u"m"_s, u"sata1"_s, u"--cache"_s, u"x"_s})
                    .standardError.contains("writeback, writethrough, direct"));
        QVERIFY(m_session->run({u"drive"_s, u"attach"_s, u"m"_s, disk, u"--port"_s, u"5"_s})
                    .standardError.contains("attached twice"));
        QCOMPARE(m_session->run({u"drive"_s, u"detach"_s, u"m"_s, u"sata4"_s}).status, 3);
        QVERIFY2(m_session->succeeds({u"drive"_s, u"detach"_s, u"m"_s, u"sata0"_s}),
                 m_session->lastError());
        QVERIFY2(m_session->succeeds({u"drive"_s, u"detach"_s, u"m"_s, other}),
                 m_session->lastError());
        QCOMPARE(drives(u"m"_s).size(), 1);
        QVERIFY(QFile::exists(disk) && QFile::exists(other));
    }

    // Also on another file system than the library's, where there is one.
    void aBaseOfTheUsersMayNotChange() {
        QTemporaryDir elsewhere(u"/dev/shm/drives-XXXXXX"_s);
        const QString base =
            elsewhere.isValid() ? elsewhere.filePath(u"base.img"_s) : path(u"base.img"_s);
        const auto fill = [&base](char with) {
            QFile file(base);
            return file.open(QIODevice::WriteOnly) &&
                   file.write(QByteArray(3 << 20, with)) == 3 << 20;
        };
        QVERIFY(fill('a'));
        QFile kernel(path(u"kernel"_s));
        QVERIFY(kernel.open(QIODevice::WriteOnly) && kernel.write("no kernel") > 0);
        kernel.close();
        QVERIFY2(m_session->succeeds(
                     {u"create"_s, u"m"_s, u"--disk"_s, base, u"--kernel"_s, kernel.fileName()}),
                 m_session->lastError());
        QVERIFY2(m_session->succeeds({u"snapshot"_s, u"take"_s, u"m"_s}), m_session->lastError());
        QVERIFY(fill('b')); // of the same size
        const Output refused = m_session->run({u"start"_s, u"m"_s, u"--headless"_s});
        QVERIFY(refused.status != 0);
        QVERIFY2(refused.standardError.contains(base.toUtf8()) &&
                     refused.standardError.contains("has changed"),
                 refused.standardError.constData());
        QVERIFY(fill('a')); // put back
        const QString top = drives(u"m"_s).at(0)[u"path"].toString();
        QVERIFY(top != base);
        QVERIFY2(m_session->succeeds({u"snapshot"_s, u"restore"_s, u"m"_s, u"Snapshot 1"_s}),
                 m_session->lastError());
        QVERIFY2(m_session->succeeds({u"snapshot"_s, u"delete"_s, u"m"_s, u"Snapshot 1"_s}),
                 m_session->lastError());
        QCOMPARE(drives(u"m"_s).at(0)[u"path"].toString(), base);
        QFile file(base);
        QVERIFY(file.open(QIODevice::ReadOnly) && file.readAll() == QByteArray(3 << 20, 'a'));
    }

private:
    // qemu-img always states it: its header extension gets a type that nobody knows (qcow2 format,
    // "Header extensions").
    static bool forgetBackingFormat(const QString& path) {
        QFile file(path);
        if (!file.open(QIODevice::ReadWrite))
            return false;
        const qsizetype at = file.read(4096).indexOf(QByteArray("\xE2\x79\x2A\xCA"));
        return at >= 0 && file.seek(at) && file.write("????") == 4;
    }

    std::unique_ptr<QTemporaryDir> m_folder;
    std::unique_ptr<VivSession> m_session;
};

} // namespace vivarium::test

using vivarium::test::DriveCliTest;
VIVARIUM_TEST(DriveCliTest)
#include "drive_cli_test.moc"
