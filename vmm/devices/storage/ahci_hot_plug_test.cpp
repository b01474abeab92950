#include "tests/support/test_main.h"
#include "vmm/devices/storage/test_support/ahci_driver.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::ahci;
using test::AhciDriver;

namespace {

constexpr unsigned kSpare = 3;
constexpr uint8_t kIdentify = 0xEC;
constexpr uint8_t kReadDmaX = 0x25;
constexpr uint32_t kReady = 0x50;
constexpr uint32_t kLinked = 0x123;

test::DriverCommand readFirstSector(uint8_t code = kReadDmaX) {
    test::DriverCommand command;
    command.command = code;
    command.count = 1;
    command.regions = {{AhciDriver::kBuffer, 512}};
    return command;
}

AhciDrive newDisk(unsigned port, const std::string& id, MemoryBlockDevice** image) {
    auto made = std::make_unique<MemoryBlockDevice>(1 << 20);
    *image = made.get();
    AhciDrive drive;
    drive.id = id;
    drive.port = port;
    drive.image = std::move(made);
    return drive;
}

} // namespace

// Drives that come and go while the guest runs (AHCI 1.3.1, 7.3).
class AhciHotPlugTest : public QObject {
    Q_OBJECT

    static Result<void> attach(AhciDriver& driver, AhciDrive drive) {
        return driver.bench.locked(
            [&] { return driver.controller->attachDrive(std::move(drive)); });
    }
    static Result<std::unique_ptr<BlockDevice>>
    detach(AhciDriver& driver, const std::string& id,
           AhciController::ChangeMode mode = AhciController::ChangeMode::HonourLock) {
        return driver.bench.locked([&] { return driver.controller->detachDrive(id, mode); });
    }

private Q_SLOTS:
    void aNewDriveIsAnnouncedAndWorks() {
        AhciDriver driver;
        driver.startPort(kSpare);
        QCOMPARE(driver.read(kSpare, kPxSataStatus), 0u);
        MemoryBlockDevice* image = nullptr;
        QVERIFY(attach(driver, newDisk(kSpare, "new", &image)));
        QCOMPARE(driver.read(kSpare, kPxSataStatus), kLinked);
        QCOMPARE(driver.read(kSpare, kPxSataError), kSerrExchanged | kSerrPhyReadyChange);
        QCOMPARE(driver.read(kSpare, kPxInterruptStatus) & kIntMirrors, kIntMirrors);
        QVERIFY(driver.interruptLine());
        QCOMPARE(driver.readGlobal(kInterruptStatus), 1u << kSpare);
        QCOMPARE(driver.read(kSpare, kPxSignature), 0x00000101u);
        QCOMPARE(driver.read(kSpare, kPxTaskFile), 0x0150u);

        driver.comreset(kSpare); // what a driver does with a new device
        image->bytes()[0] = 0xA7;
        driver.prepare(kSpare, 0, readFirstSector());
        driver.issue(kSpare, 1);
        QCOMPARE(image->waiting(), size_t{1});
        image->complete(0);
        driver.finish();
        QCOMPARE(driver.read(kSpare, kPxTaskFile), kReady);
        QCOMPARE(driver.get(AhciDriver::kBuffer, 1)[0], uint8_t{0xA7});
        QCOMPARE(driver.controller->drives().size(), size_t{3});
    }

    void aPortThatReceivesNoFramesGetsTheSignatureLater() {
        AhciDriver driver;
        MemoryBlockDevice* image = nullptr;
        QVERIFY(attach(driver, newDisk(kSpare, "new", &image)));
        QCOMPARE(driver.read(kSpare, kPxSataStatus), kLinked);
        QCOMPARE(driver.read(kSpare, kPxSignature), 0xFFFFFFFFu);
        driver.startPort(kSpare);
        QCOMPARE(driver.read(kSpare, kPxSignature), 0x00000101u);
    }

    void aPortThatIsOfflineStaysSo() {
        AhciDriver driver;
        driver.write(kSpare, kPxSataControl, kSctlDetectOffline);
        MemoryBlockDevice* image = nullptr;
        QVERIFY(attach(driver, newDisk(kSpare, "new", &image)));
        QCOMPARE(driver.read(kSpare, kPxSataStatus) & kDetectMask, kDetectOffline);
        driver.write(kSpare, kPxSataControl, 0);
        QCOMPARE(driver.read(kSpare, kPxSataStatus), kLinked);
        driver.write(kSpare, kPxSataControl, kSctlDetectOffline);
        QVERIFY(detach(driver, "new"));
        QCOMPARE(driver.read(kSpare, kPxSataStatus) & kDetectMask, kDetectOffline);
        driver.write(kSpare, kPxSataControl, 0);
        QCOMPARE(driver.read(kSpare, kPxSataStatus), 0u);
    }

    void aDriveIsPulledInTheMiddleOfItsCommands() {
        AhciDriver driver;
        driver.prepare(AhciDriver::kDisk, 0, readFirstSector());
        driver.issue(AhciDriver::kDisk, 1);
        QCOMPARE(driver.disk->waiting(), size_t{1});
        auto image = detach(driver, "hd");
        QVERIFY(image);
        QCOMPARE(image->get(), static_cast<BlockDevice*>(driver.disk));
        driver.disk = nullptr;
        driver.bench.tasks.runPosted();
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxSataStatus), 0u);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxSignature), 0xFFFFFFFFu);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxTaskFile), 0x7Fu);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxSataError), kSerrPhyReadyChange);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxCommandIssue), 1u);
        QVERIFY(driver.interruptLine());
        // The driver gives the command up; nothing works on a port without a drive.
        driver.comreset(AhciDriver::kDisk);
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxCommandIssue), 0u);
        driver.prepare(AhciDriver::kDisk, 0, readFirstSector(kIdentify));
        driver.issue(AhciDriver::kDisk, 1);
        driver.finish();
        QCOMPARE(driver.read(AhciDriver::kDisk, kPxCommandIssue), 1u);
        QCOMPARE(driver.controller->drives().size(), size_t{1});
    }

    void theSameDriveComesBack() {
        AhciDriver driver;
        auto image = detach(driver, "hd");
        QVERIFY(image);
        AhciDrive drive;
        drive.id = "hd";
        drive.image = std::move(*image);
        QVERIFY(attach(driver, std::move(drive)));
        driver.comreset(AhciDriver::kDisk);
        QCOMPARE(driver.run(AhciDriver::kDisk, readFirstSector()), kReady);
    }

    void lockedTraysAreHonoured() {
        AhciDriver driver;
        driver.packet({0x1E, 0, 0, 0, 1}); // prevent removal
        auto refused = detach(driver, "cd");
        QVERIFY(!refused);
        QCOMPARE(refused.error().code, ErrorCode::Busy);
        QVERIFY(detach(driver, "cd", AhciController::ChangeMode::Force));
        driver.disc = nullptr;
        QCOMPARE(driver.read(AhciDriver::kOptical, kPxSataStatus), 0u);
    }

    void impossibleDrivesAreRefused() {
        AhciDriver driver;
        MemoryBlockDevice* image = nullptr;
        QCOMPARE(attach(driver, newDisk(0, "new", &image)).error().code,
                 ErrorCode::InvalidArgument);
        QCOMPARE(attach(driver, newDisk(6, "new", &image)).error().code,
                 ErrorCode::InvalidArgument);
        QCOMPARE(attach(driver, newDisk(kSpare, "hd", &image)).error().code,
                 ErrorCode::InvalidArgument);
        QCOMPARE(detach(driver, "none").error().code, ErrorCode::NotFound);
        QCOMPARE(driver.read(kSpare, kPxSataStatus), 0u);
    }
};

VIVARIUM_TEST(AhciHotPlugTest)
#include "ahci_hot_plug_test.moc"
