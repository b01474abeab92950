#include "vmm/devices/virtio/virtio_pci_transport.h"

#include "tests/support/test_main.h"
#include "vmm/devices/virtio/test_support/echo_device.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::virtio;
using test::EchoBench;
using test::EchoDevice;
using test::UsedElement;
using test::VirtioDriver;
using Bytes = std::vector<uint8_t>;
using Used = std::vector<UsedElement>;

namespace {
constexpr GuestAddress kIn = VirtioDriver::kBuffer;
constexpr GuestAddress kOut = VirtioDriver::kBuffer + 0x1000;
} // namespace

class VirtioPciTransportTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void identity() {
        EchoBench echo;
        echo.bench.locked([&] {
            QCOMPARE(echo.transport->readConfig(0, 4), 0x10441AF4u);
            QVERIFY(echo.transport->readConfig(8, 1) >= 1u);
        });
        QCOMPARE(echo.driver.read(kQueueCount, 2), uint64_t{2});
        QCOMPARE(echo.driver.offeredFeatures(),
                 kFeatureVersion1 | kFeatureIndirect | kFeatureEventIndex | EchoDevice::kFeature);
        echo.driver.write(kDeviceFeatureSelect, 4, 2);
        QCOMPARE(echo.driver.read(kDeviceFeature, 4), uint64_t{0});
        echo.driver.write(kQueueSelect, 2, 1);
        QCOMPARE(echo.driver.read(kQueueSize, 2), uint64_t{16});
        echo.driver.write(kQueueSelect, 2, 2);
        QCOMPARE(echo.driver.read(kQueueSize, 2), uint64_t{0});
        echo.driver.write(kQueueSize, 2, 4); // nothing there
        QCOMPARE(echo.driver.read(kCommonBytes, 4), uint64_t{0});
    }

    void negotiation_data() {
        QTest::addColumn<quint64>("features");
        QTest::addColumn<bool>("accepted");
        QTest::newRow("all") << quint64{kFeatureVersion1 | kFeatureIndirect | kFeatureEventIndex |
                                        EchoDevice::kFeature}
                             << true;
        QTest::newRow("the least") << quint64{kFeatureVersion1} << true;
        QTest::newRow("legacy") << quint64{EchoDevice::kFeature} << false;
        QTest::newRow("not offered") << quint64{kFeatureVersion1 | 1} << false;
    }
    void negotiation() {
        QFETCH(quint64, features);
        QFETCH(bool, accepted);
        EchoBench echo;
        uint8_t status = echo.driver.negotiate(features);
        QCOMPARE(bool(status & kStatusFeaturesOk), accepted);
        echo.driver.driverOk();
        QCOMPARE(bool(echo.driver.status() & kStatusDriverOk), accepted);
        QCOMPARE(echo.device().startedWith, accepted ? features : 0);
        echo.driver.acceptFeatures(0); // too late
        echo.driver.write(kDriverFeatureSelect, 4, 1);
        QCOMPARE(echo.driver.read(kDriverFeature, 4), accepted ? features >> 32 : 0);
    }

    void statusBitsAreClearedByAResetOnly() {
        EchoBench echo;
        echo.driver.start(0);
        uint8_t running = echo.driver.status();
        echo.driver.setStatus(kStatusAcknowledge);
        QCOMPARE(echo.driver.status(), running);
        echo.driver.setStatus(0);
        QCOMPARE(echo.driver.status(), uint8_t{0});
        echo.driver.write(kQueueSelect, 2, 0);
        QCOMPARE(echo.driver.read(kQueueEnable, 2), uint64_t{0});
        QCOMPARE(echo.driver.read(kQueueDescriptors, 8), uint64_t{0});
        QCOMPARE(echo.driver.read(kQueueSize, 2), uint64_t{64});
    }

    void chainsGoRound_data() {
        QTest::addColumn<bool>("indirect");
        QTest::addColumn<bool>("eventIndex");
        QTest::newRow("direct") << false << false;
        QTest::newRow("indirect") << true << false;
        QTest::newRow("event index") << false << true;
        QTest::newRow("both") << true << true;
    }
    void chainsGoRound() {
        QFETCH(bool, indirect);
        QFETCH(bool, eventIndex);
        EchoBench echo;
        VirtioDriver& driver = echo.driver;
        driver.start((indirect ? kFeatureIndirect : 0) | (eventIndex ? kFeatureEventIndex : 0), 2);
        for (unsigned round = 0; round < 200; ++round) {
            uint16_t queue = round % 2;
            Bytes text{uint8_t(round), 2, 3, 4, 5, 6, 7};
            driver.put(kIn, text);
            driver.fill(kOut, 16);
            std::vector<test::RingPiece> readable{{kIn, 3}, {kIn + 3, 4}};
            std::vector<test::RingPiece> writable{{kOut, 5}, {kOut + 5, 5}};
            uint16_t head = indirect ? driver.addIndirect(queue, readable, writable)
                                     : driver.addChain(queue, readable, writable);
            driver.notify(queue);
            QCOMPARE(driver.takeUsed(queue), (Used{{head, 7}}));
            QCOMPARE(driver.get(kOut, 7), text);
            QVERIFY(echo.line());
            QCOMPARE(driver.readIsr(), kIsrQueue);
            QVERIFY(!echo.line());
        }
    }

    void messagesNameTheQueue() {
        EchoBench echo;
        VirtioDriver& driver = echo.driver;
        driver.useMessages(3);
        driver.negotiate(kFeatureVersion1);
        driver.write(kConfigVector, 2, 0);
        driver.setUpQueue(0, 16, 1);
        driver.setUpQueue(1, 16, 2);
        driver.driverOk();
        driver.addChain(1, {{kIn, 4}}, {{kOut, 4}});
        driver.notify(1);
        auto messages = echo.bench.interrupts.takeMessages();
        QCOMPARE(messages.size(), size_t{1});
        QCOMPARE(messages[0].data, 0x42u);
        QCOMPARE(driver.readIsr(), uint8_t{0}); // not with MSI-X
        uint64_t generation = driver.read(kConfigGeneration, 1);
        echo.bench.locked([&] { echo.device().host().configurationChanged(); });
        QCOMPARE(echo.bench.interrupts.takeMessages().at(0).data, 0x40u);
        QVERIFY(driver.read(kConfigGeneration, 1) != generation);
        driver.write(kQueueSelect, 2, 1);
        driver.write(kQueueVector, 2, 9); // no such vector
        QCOMPARE(driver.read(kQueueVector, 2), uint64_t{kNoVector});
        driver.addChain(1, {{kIn, 4}}, {{kOut, 4}});
        driver.notify(1);
        QVERIFY(echo.bench.interrupts.takeMessages().empty());
        QVERIFY(!echo.line());
    }

    void configurationChangesRaiseTheLine() {
        EchoBench echo;
        echo.driver.start(0);
        echo.bench.locked([&] { echo.device().host().configurationChanged(); });
        QVERIFY(echo.line());
        QCOMPARE(echo.driver.readIsr(), kIsrConfig);
        QVERIFY(!echo.line());
    }

    void queuesAreFrozenUnderARunningDriver() {
        EchoBench echo;
        VirtioDriver& driver = echo.driver;
        driver.start(0, 1);
        driver.write(kQueueSelect, 2, 0);
        driver.write(kQueueDescriptors, 8, 0x5000);
        driver.write(kQueueSize, 2, 4);
        driver.write(kQueueEnable, 2, 0);
        QCOMPARE(driver.read(kQueueDescriptors, 8), uint64_t{VirtioDriver::area(0)});
        QCOMPARE(driver.read(kQueueSize, 2), uint64_t{16});
        QCOMPARE(driver.read(kQueueEnable, 2), uint64_t{1});
        driver.write(kQueueSelect, 2, 1);
        driver.write(kQueueEnable, 2, 1); // not set up in time
        QCOMPARE(driver.read(kQueueEnable, 2), uint64_t{0});
    }

    void sizesAreChecked() {
        EchoBench echo;
        for (unsigned size : {0u, 3u, 128u, 0xFFFFu}) {
            echo.driver.write(kQueueSize, 2, size);
            QCOMPARE(echo.driver.read(kQueueSize, 2), uint64_t{64});
        }
        echo.driver.write(kQueueSize, 2, 32);
        QCOMPARE(echo.driver.read(kQueueSize, 2), uint64_t{32});
    }

    void brokenRingsNeedAReset() {
        EchoBench echo;
        VirtioDriver& driver = echo.driver;
        driver.start(0);
        driver.addChain(0, {{0xFFFFF000, 16}}, {});
        driver.notify(0);
        QVERIFY(driver.status() & kStatusNeedsReset);
        QCOMPARE(driver.readIsr(), kIsrConfig);
        QVERIFY(driver.takeUsed(0).empty());
        unsigned before = echo.device().notifications;
        driver.notify(0);
        QCOMPARE(echo.device().notifications, before);
        driver.start(0);
        driver.addChain(0, {{kIn, 4}}, {{kOut, 4}});
        driver.notify(0);
        QCOMPARE(driver.takeUsed(0).size(), size_t{1});
    }

    void nothingMovesWithoutBusMastering() {
        EchoBench echo;
        VirtioDriver& driver = echo.driver;
        driver.start(0);
        echo.bench.locked([&] { echo.transport->writeConfig(4, 2, 3); });
        driver.addChain(0, {{kIn, 4}}, {{kOut, 4}});
        driver.notify(0);
        QVERIFY(driver.takeUsed(0).empty());
        echo.bench.locked([&] { echo.transport->writeConfig(4, 2, 7); });
        QCOMPARE(driver.takeUsed(0).size(), size_t{1});
    }

    void aSlowResetShowsInTheStatus() {
        EchoBench echo;
        VirtioDriver& driver = echo.driver;
        driver.start(0);
        echo.device().slowReset = true;
        driver.setStatus(0);
        QVERIFY(driver.status() != 0);
        QVERIFY(driver.status() != 0);
        echo.bench.locked([&] { echo.device().host().resetFinished(); });
        QCOMPARE(driver.status(), uint8_t{0});
        QCOMPARE(echo.device().forcedResets, 0u);
        // Who does not wait is made to.
        driver.setStatus(0);
        driver.setStatus(kStatusAcknowledge);
        QCOMPARE(echo.device().forcedResets, 1u);
        QCOMPARE(driver.status(), kStatusAcknowledge);
    }

    void deviceConfigurationIsCutAtItsEnd() {
        EchoBench echo;
        VirtioDriver& driver = echo.driver;
        QCOMPARE(driver.readDevice(8, 4), uint64_t{0x11111111});
        QCOMPARE(driver.readDevice(8, 8), uint64_t{0x11111111});
        QCOMPARE(driver.readDevice(0xFFC, 4), uint64_t{0});
        driver.writeDevice(4, 2, 0xABCD);
        driver.writeDevice(12, 4, 0xFFFFFFFF);
        driver.writeDevice(8, 8, ~uint64_t{0}); // not a width of this device
        QCOMPARE(driver.readDevice(4, 8), uint64_t{0x111111111111ABCD});
    }

    void configurationSpaceReachesTheRegisters() {
        EchoBench echo;
        VirtioPciTransport& pci = *echo.transport;
        uint16_t window = echo.driver.accessCapability;
        QVERIFY(window != 0);
        auto aim = [&](uint32_t bar, uint32_t offset, uint32_t length) {
            pci.writeConfig(static_cast<uint16_t>(window + kCapBar), 1, bar);
            pci.writeConfig(static_cast<uint16_t>(window + kCapOffset), 4, offset);
            pci.writeConfig(static_cast<uint16_t>(window + kCapLength), 4, length);
        };
        auto data = static_cast<uint16_t>(window + kCapExtra);
        MutexLocker locker(echo.bench.lock);
        aim(0, kCommonOffset + kDeviceStatus, 1);
        pci.writeConfig(data, 4, kStatusAcknowledge);
        QCOMPARE(pci.readConfig(data, 4) & 0xFF, uint32_t{kStatusAcknowledge});
        aim(0, kCommonOffset + kQueueCount, 2);
        QCOMPARE(pci.readConfig(data, 2), 2u);
        // Nonsense is not carried out.
        aim(1, 0, 4);
        pci.writeConfig(data, 4, 5);
        QCOMPARE(pci.readConfig(data, 4), 5u);
        for (uint32_t offset : {0x3FFEu, 0xFFFFFFFCu, 0x4000u}) {
            aim(0, offset, 4);
            pci.writeConfig(data, 4, 6);
            QCOMPARE(pci.readConfig(data, 4), 6u);
        }
        aim(0, 0, 3);
        QCOMPARE(pci.readConfig(data, 4), 6u);
    }

    void doorbellsStandWhereTheQueuesAre() {
        test::RecordingDoorbells doorbells;
        EchoBench echo(&doorbells);
        VirtioDriver& driver = echo.driver;
        QCOMPARE(doorbells.bells.size(), size_t{2});
        QVERIFY(!doorbells.bells[0]->place);
        driver.start(0, 1);
        QVERIFY(doorbells.bells[0]->place);
        QVERIFY(!doorbells.bells[1]->place); // its queue is not enabled
        QCOMPARE(doorbells.bells[0]->place->address, driver.structure(kCapNotify));
        QCOMPARE(doorbells.bells[0]->place->sizeBytes, 2u);
        driver.addChain(0, {{kIn, 4}}, {{kOut, 4}});
        echo.bench.locked([&] { doorbells.bells[0]->rung(); });
        QCOMPARE(driver.takeUsed(0).size(), size_t{1});
        echo.bench.locked([&] { echo.transport->writeConfig(4, 2, 4); }); // decoding off
        QVERIFY(!doorbells.bells[0]->place);
        echo.bench.locked([&] { echo.transport->writeConfig(4, 2, 7); });
        QVERIFY(doorbells.bells[0]->place);
        driver.setStatus(0);
        QVERIFY(!doorbells.bells[0]->place);
        echo.bench.locked([&] { doorbells.bells[0]->rung(); }); // late
    }

    void aRestoredQueueGoesOn() {
        EchoBench echo;
        VirtioDriver& driver = echo.driver;
        driver.start(kFeatureEventIndex | kFeatureIndirect, 2);
        for (int i = 0; i < 5; ++i) {
            driver.addChain(0, {{kIn, 4}}, {{kOut, 4}});
            driver.notify(0);
        }
        QCOMPARE(driver.takeUsed(0).size(), size_t{5});
        auto state = test::contract_detail::saveDevice(echo.bench, *echo.transport);
        echo.bench.locked([&] { echo.transport->reset(); });
        QVERIFY(test::contract_detail::restoreDevice(echo.bench, *echo.transport, state));
        uint16_t head = driver.addIndirect(0, {{kIn, 4}}, {{kOut, 4}});
        driver.notify(0);
        QCOMPARE(driver.takeUsed(0), (Used{{head, 4}}));
    }

    void holdsTheDeviceContract() {
        test::RecordingInterruptRouter router;
        test::DeviceContract contract;
        contract.make = [&](test::DeviceBench& bench) -> std::unique_ptr<Device> {
            return EchoBench::make(bench, router, nullptr);
        };
        QCOMPARE(checkPciDeviceContract(contract), QString());
    }
};
VIVARIUM_TEST(VirtioPciTransportTest)

#include "virtio_pci_transport_test.moc"
