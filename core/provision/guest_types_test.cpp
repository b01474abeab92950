#include "core/provision/guest_types.h"

#include "core/model/machine_settings.h"
#include "tests/support/test_main.h"

#include <QSet>
#include <QTest>

namespace vivarium::test {

class GuestTypesTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void everyTypeMakesAValidMachine() {
        QSet<QString> ids;
        for (const GuestType& type : guestTypes()) {
            MachineSettings settings;
            settings.name = type.id;
            settings.guestType = type.id;
            settings.memoryMiB = type.memoryMiB;
            settings.cpuCount = type.cpuCount;
            QVERIFY2(validate(settings).isEmpty(), qPrintable(type.id));
            QVERIFY(!ids.contains(type.id));
            ids.insert(type.id);
        }
        QCOMPARE(guestTypes().last().id, QStringLiteral("other"));
    }

    void unknownIdsAreOther() {
        QCOMPARE(guestType(QStringLiteral("plan9")).id, QStringLiteral("other"));
        QCOMPARE(guestType(QStringLiteral("debian")).title, QStringLiteral("Debian GNU/Linux"));
    }

    void volumeIdsAreRecognised_data() {
        QTest::addColumn<QString>("volumeId");
        QTest::addColumn<QString>("guestType");
        const auto row = [](const char* volume, const char* type) {
            QTest::newRow(volume) << QString::fromLatin1(volume) << QString::fromLatin1(type);
        };
        row("Debian 11.5.0 amd64 n", "debian");
        row("d-live 12.5.0 gn amd64", "debian");
        row("Ubuntu 22.04.3 LTS amd64", "ubuntu");
        row("Ubuntu-Server 24.04 LTS amd64", "ubuntu");
        row("Kubuntu 23.10 amd64", "ubuntu");
        row("Linux Mint 21.3 Cinnamon 64-bit", "mint");
        row("Fedora-WS-Live-39-1-5", "fedora");
        row("RHEL-9-3-0-BaseOS-x86_64", "rhel");
        row("Rocky-9-3-x86_64-dvd", "rhel");
        row("AlmaLinux-9-3-x86_64-dvd", "rhel");
        row("openSUSE-Leap-15.5-DVD-x86_64", "opensuse");
        row("ARCH_202401", "arch");
        row("alpine-std 3.19.0 x86_64", "alpine");
        row("nixos-23.11-x86_64", "nixos");
        row("VOID_LIVE", "void");
        row("14_0_RELEASE_AMD64_CD", "freebsd");
        row("OpenBSD/amd64   7.4 Install CD", "openbsd");
        row("CCCOMA_X64FRE_EN-US_DV9", "windows10");
        row("CCCOMA_X64FRE_EN-US_DV9_WIN11", "windows11");
        row("SSS_X64FREE_EN-US_DV9", "windows-server");
        row("GRMCULFRER_EN_DVD", "other");
        row("FD13-LIVE", "freedos");
        row("haiku-cd", "haiku");
        row("ISOIMAGE", "other");
        row("", "other");
    }
    void volumeIdsAreRecognised() {
        QFETCH(QString, volumeId);
        QFETCH(QString, guestType);
        QCOMPARE(guessGuestType(volumeId).id, guestType);
    }
};

} // namespace vivarium::test

using vivarium::test::GuestTypesTest;
VIVARIUM_TEST(GuestTypesTest)
#include "guest_types_test.moc"
