#include "vmm/devices/storage/ahci_controller.h"

#include "tests/support/test_main.h"
#include "vmm/devices/storage/test_support/ahci_driver.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::ahci;
using test::AhciDriver;

namespace {

constexpr uint8_t kIdentify = 0xEC;
constexpr uint8_t kReadDmaX = 0x25;
constexpr uint8_t kWriteDmaX = 0x35;
constexpr uint8_t kReadQueued = 0x60;
constexpr uint32_t kReady = 0x50;

test::DriverCommand readDma(uint64_t lba, uint16_t sectors, GuestAddress buffer) {
    test::DriverCommand command;
    command.command = kReadDmaX;
    command.lba = lba;
    command.count = sectors;
    command.regions = {{buffer, sectors * 512u}};
    return command;
}

} // namespace

class AhciControllerTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void configurationIsRefusedWithAReason() {
        AhciDriver driver;
        auto create = [&](std::vector<AhciDrive> drives) {
            auto made = AhciController::create({0x1F, 2}, driver.services(), std::move(drives));
            return made ? ErrorCode::Internal : made.error().code;
        };
        auto one = [](std::string id, unsigned port, AhciDrive::Kind kind, std::string serial) {
            std::vector<AhciDrive> drives;
            drives.push_back({std::move(id), port, kind, nullptr, std::move(serial)});
            return drives;
        };
        constexpr auto kOptical = AhciDrive::Kind::Optical;
        QCOMPARE(create(one("a", 6, kOptical, "")), ErrorCode::InvalidArgument);
        QCOMPARE(create(one("", 0, kOptical, "")), ErrorCode::InvalidArgument);
        QCOMPARE(create(one("a", 0, AhciDrive::Kind::Disk, "")), ErrorCode::InvalidArgument);
        QCOMPARE(create(one("a", 0, kOptical, "123456789012345678901")),
                 ErrorCode::InvalidArgument);
        QCOMPARE(create(one("a", 0, kOptical, "\x01")), ErrorCode::InvalidArgument);
        auto twice = one("a", 0, kOptical, "");
        twice.push_back({"a", 1, kOptical, nullptr, ""});
        QCOMPARE(create(std::move(twice)), ErrorCode::InvalidArgument);
        auto samePort = one("a", 0, kOptical, "");
        samePort.push_back({"b", 0, kOptical, nullptr, ""});
        QCOMPARE(create(std::move(samePort)), ErrorCode::InvalidArgument);
    }

    void registersOfAFreshAdapter() {
        AhciDriver driver;
        QCOMPARE(driver.readGlobal(kCapabilities) & 0x1F, 5u);
        QCOMPARE(driver.readGlobal(kCapabilities) >> 8 & 0x1F, 31u);
        QCOMPARE(driver.readGlobal(kPortsImplemented), 0x3Fu);
        QCOMPARE(driver.readGlobal(kVersion), 0x10300u);
        QVERIFY(driver.readGlobal(kGlobalControl) & kGhcAhciEnable);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxSataStatus), 0x123u);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxSignature), 0x00000101u);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxTaskFile), 0x0150u);
        QCOMPARE(driver.read(AhciDriver::kOptical, kPxSignature), 0xEB140101u);
        QCOMPARE(driver.read(1, kPxSataStatus), 0u);
        QCOMPARE(driver.read(1, kPxTaskFile), 0x7Fu);
        QCOMPARE(driver.read(1, kPxSignature), 0xFFFFFFFFu);
        QCOMPARE(driver.bench.readMemory(driver.abar + 0x12, 2), uint64_t{0x0001}); // of VS
        QCOMPARE(driver.bench.readMemory(driver.abar + 0xF00, 8), uint64_t{0});
    }

    void signatureWaitsForFisReception() {
        AhciDriver driver;
        driver.bench.locked([&] { driver.controller->reset(); });
        driver.abar = test::placeBars(driver.bench, *driver.controller).barAddress[5];
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxTaskFile), 0x7Fu);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxSataError), 0u);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxInterruptStatus), 0u);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxSignature), 0xFFFFFFFFu);
        driver.write(AhciDriver::kDisk, kPxFisBase,
                     static_cast<uint32_t>(driver.received(AhciDriver::kDisk)));
        driver.write(AhciDriver::kDisk, kPxCommand, kCmdFisEnable);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxTaskFile), 0x0150u);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxSignature), 0x00000101u);
        QCOMPARE(driver.get(driver.received(AhciDriver::kDisk) + 0x40, 1)[0], uint8_t{0x34});
    }

    void indexDataPairReachesTheRegisters() {
        AhciDriver driver;
        auto windows = test::placeBars(driver.bench, *driver.controller);
        auto io = static_cast<uint16_t>(windows.barAddress[4]);
        driver.bench.ports.write(io + 0x10, 4, kVersion);
        QCOMPARE(driver.bench.ports.read(io + 0x14, 4), 0x10300u);
        driver.bench.ports.write(io + 0x10, 4, kPortBase + kPxInterruptEnable);
        driver.bench.ports.write(io + 0x14, 4, 0x1);
        QCOMPARE(driver.read(0, kPxInterruptEnable), 1u);
        driver.bench.ports.write(io + 0x10, 4, 0xFFFFFFFF);
        QVERIFY(driver.bench.ports.read(io + 0x10, 4) < kAbarBytes);
    }

    void completionRaisesTheLineUntilServed() {
        AhciDriver driver;
        QVERIFY(!driver.interruptLine());
        QCOMPARE(driver.run(AhciDriver::kDisk, readDma(0, 1, AhciDriver::kBuffer)), kReady);
        QVERIFY(driver.interruptLine());
        QCOMPARE(driver.readGlobal(kInterruptStatus), 1u << AhciDriver::kDisk);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxInterruptStatus), kIntRegisterFis);
        driver.writeGlobal(kInterruptStatus, 1); // too early: the port is still pending
        QVERIFY(driver.interruptLine());
        driver.write(AhciDriver::kDisk, kPxInterruptStatus, kIntRegisterFis);
        driver.writeGlobal(kInterruptStatus, 1);
        QVERIFY(!driver.interruptLine());
    }

    void messagesReplaceTheLine() {
        AhciDriver driver;
        driver.bench.locked([&] {
            AhciController& pci = *driver.controller;
            uint32_t at = pci.readConfig(0x34, 1);
            QCOMPARE(pci.readConfig(static_cast<uint16_t>(at), 1), 0x05u);
            QCOMPARE(pci.readConfig(static_cast<uint16_t>(at + 2), 2), 0x0080u);
            pci.writeConfig(static_cast<uint16_t>(at + 4), 4, 0xFEE00000);
            pci.writeConfig(static_cast<uint16_t>(at + 12), 2, 0x41);
            pci.writeConfig(static_cast<uint16_t>(at + 2), 2, 1);
        });
        driver.run(AhciDriver::kDisk, readDma(0, 1, AhciDriver::kBuffer));
        auto messages = driver.bench.interrupts.takeMessages();
        QCOMPARE(messages.size(), size_t{1});
        QCOMPARE(messages[0].data, 0x41u);
        QVERIFY(!driver.interruptLine());
        // Another port completes; serving the first must bring a new message for the second.
        driver.packet({0x12, 0, 0, 0, 36}, 36);
        QVERIFY(driver.bench.interrupts.takeMessages().empty());
        driver.write(AhciDriver::kDisk, kPxInterruptStatus, 0xFFFFFFFF);
        driver.writeGlobal(kInterruptStatus, 1u << AhciDriver::kDisk);
        QCOMPARE(driver.bench.interrupts.takeMessages().size(), size_t{1});
    }

    void descriptorInterruptIsReported() {
        AhciDriver driver;
        auto command = readDma(0, 2, AhciDriver::kBuffer);
        command.regions = {{AhciDriver::kBuffer, 512, true}, {AhciDriver::kBuffer + 4096, 512}};
        driver.run(AhciDriver::kDisk, command);
        QVERIFY(driver.read(AhciDriver::kDisk, kPxInterruptStatus) & kIntDescriptor);
    }

    void slotsRunInOrder() {
        AhciDriver driver;
        for (unsigned slot : {3u, 7u, 31u})
            driver.prepare(AhciDriver::kDisk, slot,
                           readDma(slot, 1, AhciDriver::kBuffer + slot * 4096));
        driver.issue(AhciDriver::kDisk, 1u << 3 | 1u << 7 | 1u << 31);
        QCOMPARE(driver.disk->waiting(), size_t{1}); // not queued: one at a time
        QCOMPARE(driver.disk->request(0).offsetBytes, uint64_t{3 * 512});
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxCommand) >> kCmdCurrentSlotShift & 0x1F, 3u);
        QVERIFY(driver.read(AhciDriver::kDisk, kPxTaskFile) & 0x80);
        driver.finish();
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxCommandIssue), 0u);
        for (unsigned slot : {3u, 7u, 31u})
            QCOMPARE(driver.get(AhciDriver::kBuffer + slot * 4096, 512),
                     std::vector<uint8_t>(driver.disk->bytes().begin() + slot * 512,
                                          driver.disk->bytes().begin() + slot * 512 + 512));
    }

    void commandsWaitForBusMastering() {
        AhciDriver driver;
        driver.bench.locked([&] { driver.controller->writeConfig(0x04, 2, 3); });
        driver.run(AhciDriver::kDisk, readDma(0, 1, AhciDriver::kBuffer));
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxCommandIssue), 1u);
        driver.bench.locked([&] { driver.controller->writeConfig(0x04, 2, 7); });
        driver.finish();
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxCommandIssue), 0u);
    }

    void stoppingKeepsTheListRunningUntilTheHostIsDone() {
        AhciDriver driver;
        driver.prepare(AhciDriver::kDisk, 0, readDma(0, 8, AhciDriver::kBuffer));
        driver.issue(AhciDriver::kDisk, 1);
        driver.write(AhciDriver::kDisk, kPxInterruptStatus, 0xFFFFFFFF);
        driver.write(AhciDriver::kDisk, kPxCommand, kCmdFisEnable);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxCommandIssue), 0u);
        QVERIFY(driver.read(AhciDriver::kDisk, kPxCommand) & kCmdListRunning);
        QVERIFY(driver.read(AhciDriver::kDisk, kPxTaskFile) & 0x80);
        driver.finish();
        QVERIFY(!(driver.read(AhciDriver::kDisk, kPxCommand) & kCmdListRunning));
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxTaskFile), kReady);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxInterruptStatus), 0u);
        driver.startPort(AhciDriver::kDisk);
        QCOMPARE(driver.run(AhciDriver::kDisk, readDma(0, 1, AhciDriver::kBuffer)), kReady);
    }

    void resetsDuringIoWaitAndForget_data() {
        QTest::addColumn<int>("kind");
        QTest::newRow("COMRESET") << 0;
        QTest::newRow("adapter") << 1;
        QTest::newRow("machine") << 2;
        QTest::newRow("software") << 3;
    }
    void resetsDuringIoWaitAndForget() {
        QFETCH(int, kind);
        AhciDriver driver;
        for (unsigned slot = 0; slot < 4; ++slot)
            driver.queue(slot, kReadQueued, slot, 1, AhciDriver::kBuffer + slot * 512);
        QCOMPARE(driver.disk->waiting(), size_t{4});
        switch (kind) {
        case 0:
            driver.comreset(AhciDriver::kDisk);
            break;
        case 1:
            driver.writeGlobal(kGlobalControl, kGhcReset);
            QVERIFY(!(driver.readGlobal(kGlobalControl) & kGhcReset));
            QCOMPARE(driver.read(AhciDriver::kDisk, kPxCommandList),
                     static_cast<uint32_t>(driver.commandList(AhciDriver::kDisk)));
            driver.connect();
            break;
        case 2:
            driver.bench.locked([&] { driver.controller->reset(); });
            driver.connect();
            break;
        case 3: {
            driver.write(AhciDriver::kDisk, kPxCommand, kCmdFisEnable);
            driver.write(AhciDriver::kDisk, kPxCommand, kCmdFisEnable | kCmdListOverride);
            driver.startPort(AhciDriver::kDisk);
            test::DriverCommand control;
            control.isControl = true;
            control.control = 0x04;
            control.headerFlags = 1u << 8 | kHeaderClearBusy;
            driver.prepare(AhciDriver::kDisk, 0, control);
            driver.issue(AhciDriver::kDisk, 1);
            QCOMPARE(driver.read(AhciDriver::kDisk, kPxCommandIssue), 0u);
            control.control = 0;
            control.headerFlags = 0;
            driver.prepare(AhciDriver::kDisk, 0, control);
            driver.issue(AhciDriver::kDisk, 1);
            QCOMPARE(driver.read(AhciDriver::kDisk, kPxTaskFile), 0x0150u);
            break;
        }
        }
        QCOMPARE(driver.disk->waiting(), size_t{0}); // the host's I/O was waited for
        uint32_t before = driver.read(AhciDriver::kDisk, kPxInterruptStatus);
        driver.bench.tasks.runPosted(); // stale completions
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxInterruptStatus), before);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxSignature), 0x00000101u);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxTaskFile), 0x0150u);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxSataActive), 0u);
        QCOMPARE(driver.run(AhciDriver::kDisk, readDma(0, 1, AhciDriver::kBuffer)), kReady);
    }

    void comresetTellsOfTheConnection() {
        AhciDriver driver;
        driver.write(AhciDriver::kDisk, kPxCommand, kCmdFisEnable);
        driver.write(AhciDriver::kDisk, kPxSataControl, 0x11); // with a speed limit
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxSataStatus), 0u);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxTaskFile), 0x7Fu);
        driver.write(AhciDriver::kDisk, kPxSataControl, 0x10);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxSataStatus), 0x113u);
        uint32_t interrupts = driver.read(AhciDriver::kDisk, kPxInterruptStatus);
        QVERIFY(interrupts & kIntConnectChange);
        QVERIFY(interrupts & kIntPhyReady);
        QVERIFY(driver.interruptLine());
        driver.write(AhciDriver::kDisk, kPxSataError, 0xFFFFFFFF);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxInterruptStatus), 0u);
        driver.write(AhciDriver::kDisk, kPxSataControl, 4);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxSataStatus), 4u);
        driver.write(AhciDriver::kDisk, kPxSataControl, 0);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxSataStatus), 0x123u);
    }

    void aStateWithRequestsInFlightContinues() {
        AhciDriver first;
        first.queue(5, kReadQueued, 40, 2, AhciDriver::kBuffer);
        first.prepare(AhciDriver::kDisk, 6, readDma(7, 1, AhciDriver::kBuffer + 8192));
        first.issue(AhciDriver::kDisk, 1u << 6); // waits for the queued one
        QCOMPARE(first.read(AhciDriver::kDisk, kPxSataActive), 1u << 5);
        auto state = first.bench.locked([&] {
            first.controller->drainIo();
            StateWriter writer;
            first.controller->save(writer);
            return writer.finish();
        });

        AhciDriver second;
        auto ram = first.bench.memory.mapping().bytes();
        std::copy(ram.begin(), ram.end(), second.bench.memory.mapping().data());
        second.fill(AhciDriver::kBuffer, 16384, 0xEE);
        auto reader = StateReader::open(state);
        QVERIFY(reader);
        QVERIFY(second.bench.locked([&] { return second.controller->restore(*reader); }));
        QCOMPARE(second.disk->waiting(), size_t{0}); // nothing before the machine runs
        second.bench.locked([&] { second.controller->retryStalledRequests(); });
        second.finish();
        QCOMPARE(second.read(AhciDriver::kDisk, kPxSataActive), 0u);
        QCOMPARE(second.read(AhciDriver::kDisk, kPxCommandIssue), 0u);
        QCOMPARE(second.get(AhciDriver::kBuffer, 1024),
                 std::vector<uint8_t>(second.disk->bytes().begin() + 40 * 512,
                                      second.disk->bytes().begin() + 42 * 512));
        QCOMPARE(second.get(AhciDriver::kBuffer + 8192, 512),
                 std::vector<uint8_t>(second.disk->bytes().begin() + 7 * 512,
                                      second.disk->bytes().begin() + 8 * 512));
        QCOMPARE(second.run(AhciDriver::kDisk, readDma(0, 1, AhciDriver::kBuffer)), kReady);
    }

    void destroyingWithIoInFlightIsSafe() {
        auto driver = std::make_unique<AhciDriver>();
        driver->prepare(AhciDriver::kDisk, 0, readDma(0, 8, AhciDriver::kBuffer));
        driver->issue(AhciDriver::kDisk, 1);
        driver->bench.locked([&] { driver->controller.reset(); });
        driver->disk = driver->disc = nullptr;
        driver->bench.tasks.runPosted();
    }

    void countersFollowTheGuest() {
        AhciDriver driver;
        driver.run(AhciDriver::kDisk, readDma(0, 4, AhciDriver::kBuffer));
        auto write = readDma(0, 2, AhciDriver::kBuffer);
        write.command = kWriteDmaX;
        driver.run(AhciDriver::kDisk, write);
        auto reports = driver.controller->drives();
        QCOMPARE(reports.size(), size_t{2});
        QCOMPARE(reports[0].id, std::string("hd"));
        QCOMPARE(reports[0].activity.readBytes, uint64_t{2048});
        QCOMPARE(reports[0].activity.readRequests, uint64_t{1});
        QCOMPARE(reports[0].activity.writtenBytes, uint64_t{1024});
        QVERIFY(reports[1].kind == AhciDrive::Kind::Optical);
        QVERIFY(reports[1].hasMedium);
    }

    void holdsTheDeviceContract() {
        test::RecordingInterruptRouter router;
        test::RecordingStorageListener listener;
        test::DeviceContract contract;
        contract.make = [&](test::DeviceBench& bench) -> std::unique_ptr<Device> {
            std::vector<AhciDrive> drives;
            drives.push_back(
                {"hd", 0, AhciDrive::Kind::Disk, std::make_unique<MemoryBlockDevice>(1 << 20), ""});
            drives.push_back({"cd", 2, AhciDrive::Kind::Optical,
                              std::make_unique<MemoryBlockDevice>(1 << 18), ""});
            auto made =
                AhciController::create({0x1F, 2},
                                       {{bench.ports, bench.memoryMap, bench.interrupts, router},
                                        bench.memory,
                                        bench.tasks,
                                        listener},
                                       std::move(drives));
            return std::move(*made);
        };
        contract.settle = [](test::DeviceBench& bench, Device& device) {
            auto& controller = static_cast<AhciController&>(device);
            do
                bench.locked([&] { controller.drainIo(); });
            while (bench.tasks.runPosted() > 0);
        };
        QCOMPARE(test::checkPciDeviceContract(contract), QString());
    }
};

VIVARIUM_TEST(AhciControllerTest)
#include "ahci_controller_test.moc"
