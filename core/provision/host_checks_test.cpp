#include "core/provision/host_checks.h"

#include "tests/support/test_main.h"

#include <QDir>
#include <QTest>

namespace vivarium::test {

class HostChecksTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void theHostTellsWhatItHas() {
        const HostResources host = HostResources::read();
        QVERIFY(host.memoryBytes > (64ull << 20));
        QVERIFY(host.availableMemoryBytes > 0 && host.availableMemoryBytes <= host.memoryBytes);
        QVERIFY(host.cpuCount >= 1);
    }

    void moreMemoryThanTheHostIsRefused() {
        MachineSettings settings;
        settings.memoryMiB = 4096;
        HostResources host;
        host.memoryBytes = 4096ull << 20;
        QVERIFY(checkHostLimits(settings, host));
        settings.memoryMiB = 4097;
        const auto checked = checkHostLimits(settings, host);
        QVERIFY(!checked);
        QCOMPARE(checked.error().code, ErrorCode::LimitExceeded);
        QVERIFY(checked.error().detail.find("4097 MiB") != std::string::npos);
        QVERIFY(checked.error().detail.find("4096 MiB") != std::string::npos);
        QVERIFY(checkHostLimits(settings, HostResources{})); // unknown is no reason to refuse
    }

    void freeSpaceIsThatOfTheNearestFolder() {
        QVERIFY(freeBytesAt(QDir::tempPath() + QStringLiteral("/not/there/yet")).has_value());
        QVERIFY(freeBytesAt(QStringLiteral("/")).has_value());
    }
};

} // namespace vivarium::test

using vivarium::test::HostChecksTest;
VIVARIUM_TEST(HostChecksTest)
#include "host_checks_test.moc"
