#include "core/provision/iso_inspection.h"

#include "tests/support/test_main.h"

#include <QDir>
#include <QFile>
#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QTest>

namespace vivarium::test {

namespace {

QByteArray descriptor(char type) {
    QByteArray sector(2048, '\0');
    sector[0] = type;
    sector.replace(1, 5, "CD001");
    sector[6] = 1;
    return sector;
}

QByteArray primary(const QByteArray& volumeId, uint32_t blocks) {
    QByteArray sector = descriptor(1);
    sector.replace(40, 32, volumeId.leftJustified(32, ' '));
    sector.replace(574, 128, QByteArray("XORRISO").leftJustified(128, ' '));
    storeLe<uint32_t>(sector.data() + 80, blocks);
    storeLe<uint16_t>(sector.data() + 128, 2048);
    return sector;
}

QByteArray bootRecord() {
    QByteArray sector = descriptor(0);
    sector.replace(7, 23, "EL TORITO SPECIFICATION");
    return sector;
}

IsoInfo parse(const QByteArray& bytes) {
    return parseVolumeDescriptors(
        {reinterpret_cast<const uint8_t*>(bytes.constData()), static_cast<size_t>(bytes.size())});
}

} // namespace

class IsoInspectionTest : public QObject {
    Q_OBJECT

    QString write(const QByteArray& bytes) const {
        QFile file(m_folder.filePath(QStringLiteral("a.iso")));
        if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size())
            return {};
        return file.fileName();
    }

private Q_SLOTS:
    void bootableMediumIsRead() {
        const IsoInfo info =
            parse(primary("Debian 12.5.0 amd64 n", 400) + bootRecord() + descriptor('\xff'));
        QVERIFY(info.iso9660);
        QVERIFY(info.bootable);
        QCOMPARE(info.volumeId, QStringLiteral("Debian 12.5.0 amd64 n"));
        QCOMPARE(info.applicationId, QStringLiteral("XORRISO"));
        QCOMPARE(info.statedBytes, uint64_t(400) * 2048);
        QCOMPARE(info.guestTypeId, QStringLiteral("debian"));
    }

    void nothingBehindTheTerminatorCounts() {
        const IsoInfo info = parse(primary("X", 1) + descriptor('\xff') + bootRecord());
        QVERIFY(info.iso9660);
        QVERIFY(!info.bootable);
    }

    void otherBytesAreNoIso() {
        QVERIFY(!parse({}).iso9660);
        QVERIFY(!parse(QByteArray(2047, 'x')).iso9660);
        QVERIFY(!parse(QByteArray(4096, 'x')).iso9660);
    }

    void randomBytesNeverCrash() {
        QRandomGenerator random(1);
        for (int i = 0; i < 300; ++i) {
            QByteArray bytes = primary("Y", 5) + bootRecord();
            for (int k = 0; k < 50; ++k)
                bytes[random.bounded(static_cast<int>(bytes.size()))] =
                    static_cast<char>(random.bounded(256));
            bytes.truncate(random.bounded(static_cast<int>(bytes.size())));
            QVERIFY(!parse(bytes).volumeId.contains(u'\n'));
        }
    }

    void shortFilesAreTruncated() {
        const QByteArray head(32768, '\0');
        auto info = inspectIso(write(head + primary("X", 1000) + descriptor('\xff'))).result();
        QVERIFY(info);
        QVERIFY(info->truncated());
        info = inspectIso(write(head + primary("X", 18) + descriptor('\xff'))).result();
        QVERIFY(info && !info->truncated());
    }

    void theRescueCdIsBootable() {
        const QString path = QStringLiteral("/usr/lib/grub-rescue/grub-rescue-cdrom.iso");
        if (!QFile::exists(path))
            QSKIP("grub-rescue-pc is not installed");
        const auto info = inspectIso(path).result();
        QVERIFY(info);
        QVERIFY(info->iso9660 && info->bootable && !info->truncated());
    }

    void badFilesAreOneSentence_data() {
        QTest::addColumn<QString>("path");
        QTest::addColumn<int>("code");
        QTest::newRow("missing") << m_folder.filePath(QStringLiteral("none"))
                                 << static_cast<int>(ErrorCode::NotFound);
        QTest::newRow("folder") << m_folder.path() << static_cast<int>(ErrorCode::InvalidArgument);
        QTest::newRow("empty") << QStringLiteral("/dev/null/x")
                               << static_cast<int>(ErrorCode::NotFound);
    }
    void badFilesAreOneSentence() {
        QFETCH(QString, path);
        QFETCH(int, code);
        const auto info = inspectIso(path).result();
        QVERIFY(!info);
        QCOMPARE(static_cast<int>(info.error().code), code);
        QVERIFY(QString::fromStdString(info.error().detail).contains(path));
    }

    void anEmptyFileIsRefused() {
        const auto info = inspectIso(write({})).result();
        QVERIFY(!info);
        QCOMPARE(info.error().code, ErrorCode::InvalidArgument);
    }

private:
    QTemporaryDir m_folder;
};

} // namespace vivarium::test

using vivarium::test::IsoInspectionTest;
VIVARIUM_TEST(IsoInspectionTest)
#include "iso_inspection_test.moc"
