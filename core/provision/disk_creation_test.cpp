#include "core/provision/disk_creation.h"

#include "tests/support/test_main.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <sys/stat.h>

namespace vivarium::test {

class DiskCreationTest : public QObject {
    Q_OBJECT

    QString path() const { return m_folder->filePath(QStringLiteral("disk.img")); }
    struct stat status() const {
        struct stat s {};
        ::stat(QFile::encodeName(path()).constData(), &s);
        return s;
    }

private Q_SLOTS:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void dynamicDisksTakeNoSpace() {
        QVERIFY(createRawDisk(path(), 10ull << 30, DiskAllocation::Dynamic).result());
        QCOMPARE(uint64_t(status().st_size), 10ull << 30);
        QVERIFY(status().st_blocks < 64);
        QCOMPARE(status().st_mode & 0777, 0600u);
    }

    void preallocatedDisksTakeTheirSpace() {
        auto future = createRawDisk(path(), 3ull << 20, DiskAllocation::Preallocated);
        QVERIFY(future.result());
        future.waitForFinished();
        QCOMPARE(uint64_t(status().st_size), 3ull << 20);
        QVERIFY(uint64_t(status().st_blocks) * 512 >= (3ull << 20));
        QCOMPARE(future.progressValue(), future.progressMaximum());
    }

    void anExistingFileIsNotTouched() {
        QFile file(path());
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("precious");
        file.close();
        const auto created = createRawDisk(path(), 1 << 20, DiskAllocation::Dynamic).result();
        QVERIFY(!created);
        QCOMPARE(created.error().code, ErrorCode::AlreadyExists);
        QCOMPARE(status().st_size, 8);
    }

    void badRequestsLeaveNoFile_data() {
        QTest::addColumn<quint64>("sizeBytes");
        QTest::newRow("zero") << quint64(0);
        QTest::newRow("too small") << quint64(1 << 19);
        QTest::newRow("odd") << quint64((1 << 20) + 1);
        QTest::newRow("too large") << quint64(kMaxDiskBytes + 512);
    }
    void badRequestsLeaveNoFile() {
        QFETCH(quint64, sizeBytes);
        const auto created = createRawDisk(path(), sizeBytes, DiskAllocation::Dynamic).result();
        QVERIFY(!created);
        QCOMPARE(created.error().code, ErrorCode::InvalidArgument);
        QVERIFY(!QFile::exists(path()));
    }

    void tooLargeForTheFileSystemIsOneSentence() {
        const auto created =
            createRawDisk(path(), 63ull << 40, DiskAllocation::Preallocated).result();
        QVERIFY(!created);
        QCOMPARE(created.error().code, ErrorCode::NoSpace);
        QVERIFY(QString::fromStdString(created.error().detail).contains(path()));
        QVERIFY(!QFile::exists(path()));
    }

    void aMissingFolderIsOneSentence() {
        const auto created = createRawDisk(m_folder->filePath(QStringLiteral("no/disk")), 1 << 20,
                                           DiskAllocation::Dynamic)
                                 .result();
        QVERIFY(!created);
        QCOMPARE(created.error().code, ErrorCode::NotFound);
    }

private:
    std::unique_ptr<QTemporaryDir> m_folder;
};

} // namespace vivarium::test

using vivarium::test::DiskCreationTest;
VIVARIUM_TEST(DiskCreationTest)
#include "disk_creation_test.moc"
