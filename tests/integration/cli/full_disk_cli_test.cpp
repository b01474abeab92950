#include "tests/integration/cli/tiny_kernel.h"
#include "tests/support/test_main.h"
#include "tests/support/viv_session.h"

#include <QDir>
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

namespace {

// A small file system in a mount namespace of its own, which lives as long as this object.
class SmallFileSystem {
public:
    explicit SmallFileSystem(const char* size) {
        m_holder.start(u"unshare"_s,
                       {u"-rm"_s, u"sh"_s, u"-c"_s,
                        u"mount -t tmpfs -o size=%1 none \"$0\" && echo ready && exec cat"_s.arg(
                            QString::fromLatin1(size)),
                        m_folder.path()});
        m_ready = m_holder.waitForReadyRead(10'000) && m_holder.readLine() == "ready\n";
    }
    ~SmallFileSystem() {
        m_holder.closeWriteChannel();
        m_holder.waitForFinished(10'000);
    }
    bool ready() const { return m_ready; }
    // As programs in it call it, and as others do.
    QString inside(const QString& name) const { return m_folder.filePath(name); }
    QString outside(const QString& name) const {
        return u"/proc/%1/root"_s.arg(m_holder.processId()) + inside(name);
    }
    VivSession::Output run(const QString& program, const QStringList& arguments) const {
        QProcess process;
        auto environment = QProcessEnvironment::systemEnvironment();
        environment.insert(u"VIVARIUM_HOME"_s, inside(u"home"_s));
        environment.remove(u"DISPLAY"_s);
        environment.remove(u"WAYLAND_DISPLAY"_s);
        process.setProcessEnvironment(environment);
        process.start(u"nsenter"_s,
                      QStringList{u"-t"_s, QString::number(m_holder.processId()), u"--user"_s,
                                  u"--mount"_s, u"--preserve-credentials"_s, u"--"_s, program} +
                          arguments);
        process.closeWriteChannel();
        if (!process.waitForFinished(60'000))
            return {};
        return {process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -2,
                process.readAllStandardOutput(), process.readAllStandardError()};
    }
    VivSession::Output viv(const QStringList& arguments) const {
        return run(VivSession::program(u"viv"_s), arguments);
    }
    // Takes all space but about `leftKiB`.
    void fill(int leftKiB) const {
        QFile filler(outside(u"filler"_s));
        if (!filler.open(QIODevice::WriteOnly | QIODevice::Unbuffered))
            qFatal("no filler");
        const QByteArray piece(4096, 'f');
        qint64 taken = 0;
        while (filler.write(piece) == piece.size())
            taken += piece.size();
        filler.resize(qMax(qint64{0}, taken - leftKiB * qint64{1024}));
    }
    void empty() const { QFile::remove(outside(u"filler"_s)); }

private:
    QTemporaryDir m_folder;
    QProcess m_holder;
    bool m_ready = false;
};

} // namespace

// What happens when a file system fills up in the middle: one sentence, nothing lost, nothing left.
class FullDiskCliTest : public QObject {
    Q_OBJECT

    std::unique_ptr<SmallFileSystem> m_small;
    std::unique_ptr<QTemporaryDir> m_large;

    bool works(const QStringList& arguments) const {
        const auto output = m_small->viv(arguments);
        if (output.status != 0)
            qWarning("viv %s: %s", qPrintable(arguments.join(u' ')),
                     output.standardError.constData());
        return output.status == 0;
    }
    // It fails with one sentence.
    bool isRefused(const QStringList& arguments) const {
        const auto output = m_small->viv(arguments);
        const bool sentence =
            output.standardError.startsWith("viv: ") && output.standardError.endsWith(".\n");
        if (output.status != 1 || !sentence)
            qWarning("viv %s: %d, %s", qPrintable(arguments.join(u' ')), output.status,
                     output.standardError.constData());
        return output.status == 1 && sentence;
    }
    void writeFile(const QString& path, qint64 bytes, char first) const {
        QFile file(path);
        if (!file.open(QIODevice::WriteOnly))
            qFatal("no file");
        QByteArray content(bytes, '\0');
        for (qint64 i = 0; i < bytes; ++i)
            content[i] = static_cast<char>(first + i / 512 + i % 7);
        if (file.write(content) != bytes)
            qFatal("no space");
    }
    QStringList files(const QString& folder) const {
        return QDir(m_small->outside(folder)).entryList(QDir::Files | QDir::Hidden, QDir::Name);
    }
    bool same(const QString& image, const QString& reference) const {
        return works({u"disk"_s, u"compare"_s, m_small->inside(image), reference});
    }
    void qemuIo(const QString& image, const QString& command) const {
        const auto output =
            m_small->run(u"qemu-io"_s, {u"-f"_s, u"qcow2"_s, u"-c"_s, command, image});
        QVERIFY2(output.status == 0, output.standardOutput + output.standardError);
    }
    QJsonObject info() const {
        return QJsonDocument::fromJson(
                   m_small->viv({u"info"_s, u"one"_s, u"--json"_s}).standardOutput)
            .object();
    }
    QString topOfDisk() const {
        return info().value("drives"_L1).toArray().first().toObject().value("path"_L1).toString();
    }
    void makeMachine() {
        TinyKernel().halt().write(m_large->filePath(u"kernel"_s));
        writeFile(m_small->outside(u"disk.raw"_s), 2 << 20, 'a');
        QVERIFY(QFile::copy(m_small->outside(u"disk.raw"_s), m_large->filePath(u"disk.raw"_s)));
        QVERIFY(
            works({u"create"_s, u"one"_s, u"--memory"_s, u"16M"_s, u"--disk"_s,
                   m_small->inside(u"disk.raw"_s), u"--kernel"_s, m_large->filePath(u"kernel"_s)}));
    }
    int snapshotCount() const {
        return static_cast<int>(
            QJsonDocument::fromJson(
                m_small->viv({u"snapshot"_s, u"list"_s, u"one"_s, u"--json"_s}).standardOutput)
                .array()
                .size());
    }

private Q_SLOTS:
    void init() {
        for (const QString& tool : {u"unshare"_s, u"nsenter"_s, u"qemu-io"_s})
            if (QStandardPaths::findExecutable(tool).isEmpty())
                QSKIP(qPrintable(tool + u" is not installed"_s));
        m_large = std::make_unique<QTemporaryDir>();
        m_small = std::make_unique<SmallFileSystem>("24m");
        if (!m_small->ready())
            QSKIP("this host does not allow a file system of one's own");
    }
    void cleanup() {
        if (m_small && m_small->ready())
            m_small->viv({u"stop"_s, u"--force"_s, u"one"_s});
        m_small.reset();
    }

    void convertLeavesNothing() {
        writeFile(m_small->outside(u"source"_s), 8 << 20, 'x');
        m_small->fill(4096);
        const QStringList before = files({});
        QVERIFY(isRefused(
            {u"disk"_s, u"convert"_s, m_small->inside(u"source"_s), m_small->inside(u"copy"_s)}));
        QCOMPARE(files({}), before);
        m_small->empty();
        QVERIFY(works(
            {u"disk"_s, u"convert"_s, m_small->inside(u"source"_s), m_small->inside(u"copy"_s)}));
        QVERIFY(same(u"copy"_s, m_small->inside(u"source"_s)));
    }

    void commitLosesNothing() {
        const QString base = m_small->inside(u"base"_s), top = m_small->inside(u"top"_s);
        QVERIFY(works({u"disk"_s, u"create"_s, base, u"8M"_s}));
        QVERIFY(works({u"disk"_s, u"create"_s, top, u"--backing"_s, base}));
        qemuIo(top, u"write -P 77 0 6M"_s);
        const QString reference = m_large->filePath(u"reference"_s);
        QVERIFY(works({u"disk"_s, u"convert"_s, top, reference, u"--format"_s, u"raw"_s}));
        m_small->fill(2048);
        QVERIFY(isRefused({u"disk"_s, u"commit"_s, top}));
        QVERIFY(same(u"top"_s, reference));
        QVERIFY(works({u"disk"_s, u"check"_s, base}));
        m_small->empty();
        QVERIFY(works({u"disk"_s, u"commit"_s, top}));
        QVERIFY(same(u"base"_s, reference));
    }

    void aSnapshotOfAMachineThatIsOff() {
        makeMachine();
        m_small->fill(0);
        QVERIFY(isRefused({u"snapshot"_s, u"take"_s, u"one"_s}));
        m_small->empty();
        QCOMPARE(snapshotCount(), 0);
        QCOMPARE(topOfDisk(), m_small->inside(u"disk.raw"_s));
        QVERIFY(same(u"disk.raw"_s, m_large->filePath(u"disk.raw"_s)));
        QVERIFY(works({u"snapshot"_s, u"take"_s, u"one"_s}));
        QCOMPARE(snapshotCount(), 1);
    }

    void aSnapshotOfARunningMachine() {
        if (const QString reason = VivSession::missingKvm(); !reason.isEmpty())
            QSKIP(qPrintable(reason));
        makeMachine();
        QVERIFY(works({u"start"_s, u"one"_s, u"--headless"_s}));
        m_small->fill(160);
        QVERIFY(isRefused({u"snapshot"_s, u"take"_s, u"one"_s}));
        m_small->empty();
        QCOMPARE(info().value("state"_L1).toString(), u"running"_s);
        QCOMPARE(snapshotCount(), 0);
        QVERIFY(works({u"snapshot"_s, u"take"_s, u"one"_s}));
        QVERIFY(works({u"stop"_s, u"--force"_s, u"one"_s}));
        QVERIFY(works({u"disk"_s, u"compare"_s, topOfDisk(), m_large->filePath(u"disk.raw"_s)}));
        QVERIFY(works({u"snapshot"_s, u"restore"_s, u"one"_s, u"Snapshot 1"_s}));
        QVERIFY(works({u"start"_s, u"one"_s, u"--headless"_s}));
    }

    void aMergeLosesNothing() {
        makeMachine();
        QVERIFY(works({u"snapshot"_s, u"take"_s, u"one"_s, u"A"_s}));
        qemuIo(topOfDisk(), u"write -P 1 0 2M"_s);
        QVERIFY(works({u"snapshot"_s, u"take"_s, u"one"_s, u"B"_s}));
        qemuIo(topOfDisk(), u"write -P 2 0 1M"_s);
        const QString reference = m_large->filePath(u"reference"_s);
        QVERIFY(works({u"disk"_s, u"convert"_s, topOfDisk(), reference, u"--format"_s, u"raw"_s}));
        m_small->fill(0);
        m_small->viv({u"snapshot"_s, u"delete"_s, u"one"_s, u"A"_s}); // may need no space at all
        m_small->empty();
        QVERIFY(works({u"disk"_s, u"compare"_s, topOfDisk(), reference}));
        while (snapshotCount() > 0) {
            const auto list =
                QJsonDocument::fromJson(
                    m_small->viv({u"snapshot"_s, u"list"_s, u"one"_s, u"--json"_s}).standardOutput)
                    .array();
            QVERIFY(works({u"snapshot"_s, u"delete"_s, u"one"_s,
                           list.first().toObject().value("id"_L1).toString()}));
        }
        QVERIFY(works({u"disk"_s, u"compare"_s, topOfDisk(), reference}));
    }
};

} // namespace vivarium::test

using vivarium::test::FullDiskCliTest;
VIVARIUM_TEST(FullDiskCliTest)
#include "full_disk_cli_test.moc"
