#include "core/provision/disk_creation.h"
#include "core/provision/guest_types.h"
#include "core/provision/host_facts.h"
#include "core/provision/iso_inspection.h"
#include "tests/support/test_main.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <sys/stat.h>

using namespace vivarium;

class ProvisionTest : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;

    QString write(const char* name, const QByteArray& bytes) {
        QFile file(m_folder.filePath(QString::fromLatin1(name)));
        if (file.open(QIODevice::WriteOnly))
            file.write(bytes);
        return file.fileName();
    }

    static QByteArray iso(const QByteArray& volumeId, bool bootable) {
        QByteArray image(19 * 2048, '\0');
        QByteArray volume("\x01"
                          "CD001\x01",
                          7);
        volume = volume.leftJustified(2048, '\0');
        volume.replace(40, 32, volumeId.leftJustified(32, ' '));
        volume[80] = 19; // blocks
        volume[129] = 8; // of 2048 bytes
        QByteArray boot("\0CD001\x01"
                        "EL TORITO SPECIFICATION",
                        30);
        QByteArray end("\xff"
                       "CD001\x01",
                       7);
        image.replace(16 * 2048, 2048, volume);
        image.replace(17 * 2048, 2048, (bootable ? boot : end).leftJustified(2048, '\0'));
        image.replace(18 * 2048, 2048, end.leftJustified(2048, '\0'));
        return image;
    }

private Q_SLOTS:
    void anIsoTellsItsNameAndSystem() {
        const auto info = inspectIso(write("a.iso", iso("Debian 11.5.0 amd64 n", true)));
        QVERIFY(info.has_value());
        QCOMPARE(info->volumeId, QStringLiteral("Debian 11.5.0 amd64 n"));
        QCOMPARE(info->guestType, QStringLiteral("debian"));
        QVERIFY(info->bootable && info->hasFileSystem && !info->truncated);
    }

    void aTruncatedIsoIsNoticed() {
        const auto info = inspectIso(write("t.iso", iso("X", false).left(18 * 2048)));
        QVERIFY(info && info->truncated && !info->bootable);
    }

    void whatIsNoIsoIsSaidSo() {
        QCOMPARE(inspectIso(m_folder.path()).error().code, ErrorCode::InvalidArgument);
        QCOMPARE(inspectIso(write("empty.iso", {})).error().code, ErrorCode::InvalidArgument);
        QCOMPARE(inspectIso(m_folder.filePath(QStringLiteral("none.iso"))).error().code,
                 ErrorCode::NotFound);
        const auto short_ = inspectIso(write("short.iso", QByteArray(100, 'x')));
        QVERIFY(short_ && !short_->hasFileSystem && !short_->bootable);
    }

    void guessesFollowNames_data() {
        QTest::addColumn<QString>("volume");
        QTest::addColumn<QString>("file");
        QTest::addColumn<QString>("type");
        QTest::newRow("ubuntu") << QStringLiteral("Ubuntu 24.04 LTS amd64") << QString()
                                << QStringLiteral("ubuntu");
        QTest::newRow("windows 10") << QStringLiteral("CCCOMA_X64FRE_EN-US_DV9") << QString()
                                    << QStringLiteral("windows10");
        QTest::newRow("windows 11 by file")
            << QString() << QStringLiteral("Win11_23H2_English_x64.iso")
            << QStringLiteral("windows11");
        QTest::newRow("nothing") << QStringLiteral("CDROM") << QStringLiteral("x.iso")
                                 << QStringLiteral("other");
    }
    void guessesFollowNames() {
        QFETCH(QString, volume);
        QFETCH(QString, file);
        QFETCH(QString, type);
        QCOMPARE(guessGuestType(volume, file).id, type);
    }

    void idsAreUniqueAndTheLastIsOther() {
        QSet<QString> ids;
        for (const GuestType& type : guestTypes())
            ids.insert(type.id);
        QCOMPARE(ids.size(), guestTypes().size());
        QCOMPARE(guestTypes().last().id, QStringLiteral("other"));
        QCOMPARE(guestType(u"no such").id, QStringLiteral("other"));
    }

    void disksAreCreatedWhole_data() {
        QTest::addColumn<bool>("preallocated");
        QTest::newRow("dynamic") << false;
        QTest::newRow("preallocated") << true;
    }
    void disksAreCreatedWhole() {
        QFETCH(bool, preallocated);
        const QString path = m_folder.filePath(preallocated ? QStringLiteral("full.img")
                                                            : QStringLiteral("thin.img"));
        auto created = createRawDisk(
            path, 8 << 20, preallocated ? DiskAllocation::Preallocated : DiskAllocation::Dynamic);
        created.waitForFinished();
        QVERIFY(created.result().has_value());
        struct stat status {};
        QCOMPARE(::stat(QFile::encodeName(path).constData(), &status), 0);
        QCOMPARE(status.st_size, off_t{8 << 20});
        QCOMPARE(status.st_blocks * 512 >= (8 << 20), preallocated);
        auto again = createRawDisk(path, 8 << 20, DiskAllocation::Dynamic);
        QCOMPARE(again.result().error().code, ErrorCode::AlreadyExists);
    }

    void aFailureLeavesNothing() {
        const QString path = m_folder.filePath(QStringLiteral("bad.img"));
        QCOMPARE(createRawDisk(path, 1000, DiskAllocation::Dynamic).result().error().code,
                 ErrorCode::InvalidArgument);
        QVERIFY(!createRawDisk(path, uint64_t{32} << 40, DiskAllocation::Preallocated).result());
        QCOMPARE(QDir(m_folder.path()).entryList({QStringLiteral("bad*")}).size(), 0);
    }

    void theHostHasSomething() {
        const HostFacts facts = HostFacts::read();
        QVERIFY(facts.memoryMiB > 0 && facts.availableMemoryMiB <= facts.memoryMiB);
        QVERIFY(facts.cpuCount > 0);
        QVERIFY(freeSpaceBytes(m_folder.filePath(QStringLiteral("not/there/yet"))) > 0);
    }
};

VIVARIUM_TEST(ProvisionTest)
#include "provision_test.moc"
