#include "core/supervisor/image_files.h"

#include "core/database/machine_lock.h"
#include "core/disks/file_stamp.h"
#include "tests/support/test_main.h"
#include "vmm/base/bytes.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vivarium::test {

class ImageFilesTest : public QObject {
    Q_OBJECT

    QString path(const char* name) const {
        return m_folder->path() + u'/' + QString::fromLatin1(name);
    }
    QString make(const char* name, const QByteArray& content) const {
        QFile file(path(name));
        if (file.open(QIODevice::WriteOnly))
            file.write(content);
        return file.fileName();
    }
    static DriveSettings disk(const QString& path, bool readOnly = false) {
        return {DriveType::HardDisk, 0, path, readOnly};
    }
    static DriveSettings optical(const QString& path) {
        return {DriveType::Optical, 0, path, false};
    }

private Q_SLOTS:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void badFilesAreOneSentence_data() {
        QTest::addColumn<int>("kind"); // 0 medium, 1 disk, 2 kernel
        QTest::addColumn<QByteArray>("what");
        QTest::addColumn<int>("code");
        QTest::addColumn<QString>("words");
        const auto row = [](const char* name, int kind, const char* what, ErrorCode code,
                            const char* words) {
            QTest::newRow(name) << kind << QByteArray(what) << static_cast<int>(code)
                                << QString::fromUtf8(words);
        };
        row("missing medium", 0, "missing", ErrorCode::NotFound, "does not exist");
        row("missing disk", 1, "missing", ErrorCode::NotFound, "does not exist");
        row("missing kernel", 2, "missing", ErrorCode::NotFound, "does not exist");
        row("folder as medium", 0, "folder", ErrorCode::InvalidArgument, "is a folder");
        row("folder as disk", 1, "folder", ErrorCode::InvalidArgument, "is a folder");
        row("pipe", 0, "pipe", ErrorCode::InvalidArgument, "neither a file nor a disk");
        row("empty medium", 0, "empty", ErrorCode::Corrupt, "truncated");
        row("tiny disk", 1, "tiny", ErrorCode::Corrupt, "less than one sector");
        row("empty kernel", 2, "empty", ErrorCode::Corrupt, "is empty");
        row("broken download", 0, "truncated", ErrorCode::Corrupt, "of 209715200 bytes");
        row("read-only disk", 1, "closed", ErrorCode::PermissionDenied, "attach it read-only");
        row("unreadable medium", 0, "secret", ErrorCode::PermissionDenied, "cannot be read");
    }
    void badFilesAreOneSentence() {
        QFETCH(int, kind);
        QFETCH(QByteArray, what);
        QFETCH(int, code);
        QFETCH(QString, words);
        QVERIFY(QDir().mkpath(path("folder")));
        make("empty", {});
        make("tiny", "x");
        QByteArray iso(34 * 1024 + 2048, '\0');
        iso.replace(32768, 7, QByteArray("\1CD001\1", 7));
        storeLe<uint32_t>(iso.data() + 32768 + 80, 102400);
        storeLe<uint16_t>(iso.data() + 32768 + 128, 2048);
        make("truncated", iso);
        make("closed", QByteArray(4096, 'x'));
        make("secret", QByteArray(4096, 'x'));
        QVERIFY(::mkfifo(QFile::encodeName(path("pipe")).constData(), 0666) == 0);
        for (const char* open : {"pipe", "tiny"}) // whatever the umask
            QVERIFY(::chmod(QFile::encodeName(path(open)).constData(), 0666) == 0);
        QVERIFY(::chmod(QFile::encodeName(path("closed")).constData(), 0444) == 0);
        QVERIFY(::chmod(QFile::encodeName(path("secret")).constData(), 0) == 0);
        const QString file = path(what.constData());

        // Root may read and write everything; look with another user's eyes.
        QVERIFY(::chmod(QFile::encodeName(m_folder->path()).constData(), 0755) == 0);
        const bool root = ::geteuid() == 0;
        if (root)
            QVERIFY(::seteuid(65534) == 0);
        const ImageFiles images({});
        const auto opened = kind == 0   ? images.openDrive(optical(file))
                            : kind == 1 ? images.openDrive(disk(file))
                                        : images.openForReading(file, QStringLiteral("The kernel"));
        if (root)
            QVERIFY(::seteuid(0) == 0);

        QVERIFY(!opened);
        const QString text = QString::fromStdString(opened.error().detail);
        QVERIFY2(text.contains(words) && text.contains(file) && text.endsWith(u'.'),
                 qPrintable(text));
        QCOMPARE(static_cast<int>(opened.error().code), code);
    }

    void whatIsNoIsoIsStillAMedium() {
        QVERIFY(ImageFiles({}).openDrive(optical(make("a", QByteArray(5000, 'x')))));
    }

    void aWritableDiskIsForOneMachine() {
        const QString file = make("d", QByteArray(4096, 'x'));
        const ImageFiles images({});
        auto one = images.openDrive(disk(file));
        QVERIFY(one);
        for (const bool readOnly : {false, true}) {
            const auto other = images.openDrive(disk(file, readOnly));
            QVERIFY(!other);
            QCOMPARE(other.error().code, ErrorCode::Busy);
        }
        one = UniqueFd();
        QVERIFY(images.openDrive(disk(file)));
    }

    void layersBelowTheTopAreSharedAndOnlyRead() {
        const QString base = make("base", QByteArray(4096, 'x'));
        const ImageFiles images({});
        const auto chainOf = [&](const QString& top) {
            DiskLayer below, above;
            below.path = base;
            below.format = DiskFormat::Raw;
            below.stamp = fileStamp(base);
            above.path = top;
            above.parent = base;
            return QList{below, above};
        };
        const auto qcow2 = [](const QString& file) {
            DriveSettings drive = disk(file);
            drive.format = DiskFormat::Qcow2;
            return drive;
        };
        const QString one = make("one", QByteArray(4096, 'x'));
        const QString two = make("two", QByteArray(4096, 'x'));
        const auto first = images.openDisk(qcow2(one), chainOf(one));
        const auto second = images.openDisk(qcow2(two), chainOf(two));
        QVERIFY(first && second);
        QCOMPARE(first->size(), size_t(2));
        QCOMPARE((*first)[0].format, DiskFormat::Raw);
        QCOMPARE((*first)[1].format, DiskFormat::Qcow2);
        QCOMPARE(::fcntl((*first)[0].fd.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
        QCOMPARE(::fcntl((*first)[1].fd.get(), F_GETFL) & O_ACCMODE, O_RDWR);
        QCOMPARE(images.openDrive(disk(base)).error().code, ErrorCode::Busy);
    }

    void aLayerThatSomebodyWritesToIsRefused() {
        DiskLayer below, above;
        below.path = make("base", QByteArray(4096, 'x'));
        below.stamp = fileStamp(below.path);
        above.path = make("top", QByteArray(4096, 'x'));
        const ImageFiles images({});
        {
            const auto writer = images.openDrive(disk(below.path));
            QVERIFY(writer);
            const auto refused = images.openDisk(disk(above.path), {below, above});
            QCOMPARE(refused.error().code, ErrorCode::Busy);
            const QString text = QString::fromStdString(refused.error().detail);
            QVERIFY2(text.contains(below.path) && text.contains(above.path), qPrintable(text));
        }
        make("base", QByteArray(8192, 'y')); // since it was looked into
        QCOMPARE(images.openDisk(disk(above.path), {below, above}).error().code, ErrorCode::Busy);
    }

    void readOnlyMediaAreShared() {
        const QString file = make("d", QByteArray(4096, 'x'));
        const ImageFiles images({});
        const auto one = images.openDrive(optical(file));
        const auto two = images.openDrive(disk(file, true));
        QVERIFY(one && two);
        QCOMPARE(::fcntl(two->get(), F_GETFL) & O_ACCMODE, O_RDONLY);
        QCOMPARE(images.openDrive(disk(file)).error().code, ErrorCode::Busy);
    }

    void theMachineThatUsesADiskIsNamed() {
        Machine other;
        other.settings.name = QStringLiteral("the other one");
        other.folder = m_folder->path();
        const QString file = make("d", QByteArray(4096, 'x'));
        QVERIFY(QFile::link(file, path("link")));
        other.settings.drives = {disk(path("link"))};
        const auto running = MachineLock::acquire(other.folder);
        QVERIFY(running);
        const ImageFiles images({other});
        const auto held = images.openDrive(disk(file));
        QVERIFY(held);
        const auto refused = images.openDrive(disk(file));
        QVERIFY(!refused);
        QVERIFY2(refused.error().detail.find("“the other one”") != std::string::npos,
                 refused.error().detail.c_str());
    }

private:
    std::unique_ptr<QTemporaryDir> m_folder;
};

} // namespace vivarium::test

using vivarium::test::ImageFilesTest;
VIVARIUM_TEST(ImageFilesTest)
#include "image_files_test.moc"
