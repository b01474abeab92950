#include "core/jobs/image_tool.h"

#include "tests/support/test_main.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <filesystem>

namespace vivarium::test {

using namespace Qt::StringLiterals;

namespace {

std::string linkOf(const std::string& path) {
    std::error_code error;
    return std::filesystem::read_symlink(path, error).string();
}

QByteArray statusLine(const std::string& path, const char* name) {
    QFile file(QString::fromStdString(path));
    if (!file.open(QIODevice::ReadOnly))
        return {};
    for (const QByteArray& line : file.readAll().split('\n'))
        if (line.startsWith(name))
            return line.mid(static_cast<qsizetype>(qstrlen(name))).trimmed();
    return {};
}

// What the process at work may still do; looked at from its first progress.
class Inspection : public Progress {
public:
    explicit Inspection(QString pidFile) : m_pidFile(std::move(pidFile)) {}
    bool cancelled() const override { return m_done; }
    void report(qint64, qint64) override {
        QFile pid(m_pidFile);
        if (m_done || !pid.open(QIODevice::ReadOnly))
            return;
        m_done = true;
        const std::string proc = "/proc/" + pid.readAll().trimmed().toStdString() + "/";
        for (const auto& task : std::filesystem::directory_iterator(proc + "task")) {
            const std::string status = task.path() / "status";
            seccomp << statusLine(status, "Seccomp:");
            newPrivileges << statusLine(status, "NoNewPrivs:");
            capabilities << statusLine(status, "CapEff:");
        }
        for (const char* name : {"ns/mnt", "ns/net", "ns/user", "ns/ipc", "ns/uts"})
            if (linkOf(proc + name) == linkOf(std::string("/proc/self/") + name))
                sharedNamespaces << QByteArray(name);
        namespacesVisible = !linkOf(proc + "ns/mnt").empty();
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator(proc + "fd", error))
            descriptors << QByteArray::fromStdString(linkOf(entry.path()));
    }

    QByteArrayList seccomp, newPrivileges, capabilities, sharedNamespaces, descriptors;
    bool namespacesVisible = false;

private:
    QString m_pidFile;
    bool m_done = false;
};

} // namespace

// A vivarium-image at work, from outside.
class ImageSandboxTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void aJobCanDoNothingElse() {
        const QTemporaryDir folder;
        const QString program = qEnvironmentVariable("VIVARIUM_BIN_DIR") + u"/vivarium-image"_s;
        QFile script(folder.filePath(u"wrapper"_s));
        QVERIFY(script.open(QIODevice::WriteOnly));
        script.write("#!/bin/sh\necho $$ >" + QFile::encodeName(folder.filePath(u"pid"_s)) +
                     "\nexec " + QFile::encodeName(program) + " \"$@\"\n");
        script.close();
        script.setPermissions(QFile::ReadOwner | QFile::ExeOwner);
        QFile source(folder.filePath(u"source.img"_s));
        QVERIFY(source.open(QIODevice::WriteOnly));
        for (int i = 0; i < 200; ++i)
            source.write(QByteArray(1 << 20, static_cast<char>('a' + i % 20)));
        source.close();

        Inspection seen(folder.filePath(u"pid"_s));
        ImageTool::ConvertOptions options;
        options.pack = true;
        const auto cancelled = ImageTool(script.fileName())
                                   .convert(DiskFile{source.fileName(), control::DiskFormat::Raw},
                                            folder.filePath(u"target.qcow2"_s), options, seen);
        QVERIFY(!cancelled);
        QCOMPARE(cancelled.error().code, ErrorCode::Cancelled);

        QVERIFY(seen.seccomp.size() >= 2); // the connection's and the job's thread
        for (const QByteArray& mode : seen.seccomp)
            QCOMPARE(mode, QByteArray("2"));
        for (const QByteArray& flag : seen.newPrivileges)
            QCOMPARE(flag, QByteArray("1"));
        for (const QByteArray& set : seen.capabilities)
            QCOMPARE(set, QByteArray("0000000000000000"));
        if (!seen.namespacesVisible)
            QSKIP("only root sees the namespaces of a process that hides its memory");
        QCOMPARE(seen.sharedNamespaces, QByteArrayList());
        for (const QByteArray& target : seen.descriptors) {
            const bool known = target.startsWith("socket:") || target.startsWith("anon_inode:") ||
                               target.startsWith("/memfd:") || target == "/dev/null" ||
                               target.endsWith("/source.img") || target.endsWith("(deleted)");
            QVERIFY2(known, target.constData());
        }
    }
};

} // namespace vivarium::test

using vivarium::test::ImageSandboxTest;
VIVARIUM_TEST(ImageSandboxTest)
#include "image_sandbox_test.moc"
