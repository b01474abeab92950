#include "vmm/devices/storage/atapi_drive.h"

#include "tests/support/test_main.h"
#include "vmm/devices/storage/test_support/ahci_driver.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::ahci;
using test::AhciDriver;

namespace {

constexpr unsigned kOptical = AhciDriver::kOptical;
constexpr GuestAddress kBuffer = AhciDriver::kBuffer;
constexpr uint32_t kReady = 0x50;
constexpr uint32_t kNotReady = 0x2051;
constexpr uint32_t kIllegalRequest = 0x5051;
constexpr uint32_t kUnitAttention = 0x6051;
const std::vector<uint8_t> kTestUnitReady{0x00};

using Bytes = std::vector<uint8_t>;

Bytes blocks(MemoryBlockDevice& disc, uint64_t first, uint64_t count) {
    return {disc.bytes().begin() + static_cast<long>(first * 2048),
            disc.bytes().begin() + static_cast<long>((first + count) * 2048)};
}

} // namespace

class AtapiDriveTest : public QObject {
    Q_OBJECT

private:
    static Result<void> change(AhciDriver& driver, std::unique_ptr<BlockDevice> image,
                               AhciController::ChangeMode mode) {
        return driver.bench.locked(
            [&] { return driver.controller->changeMedium("cd", std::move(image), mode); });
    }
    static Bytes events(AhciDriver& driver) {
        driver.packet({0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8}, 8);
        return driver.get(kBuffer + 4, 2);
    }

private Q_SLOTS:
    void identifiesItself() {
        AhciDriver driver;
        test::DriverCommand identify;
        identify.command = 0xA1;
        identify.regions = {{kBuffer, 512}};
        QCOMPARE(driver.run(kOptical, identify), kReady);
        auto data = driver.get(kBuffer, 512);
        QCOMPARE(loadLe<uint16_t>(&data[0]), uint16_t{0x85C0});
        QCOMPARE(Bytes(data.begin() + 54, data.begin() + 60),
                 (Bytes{'i', 'V', 'a', 'v', 'i', 'r'}));
        identify.command = 0xEC; // a disk's question
        QCOMPARE(driver.run(kOptical, identify), 0x0451u);
        auto frame = driver.get(driver.received(kOptical) + 0x40, 20);
        QCOMPARE(frame[5], uint8_t{0x14});
        QCOMPARE(frame[6], uint8_t{0xEB});
        driver.recover(kOptical);
        QCOMPARE(driver.packet({0x12, 0, 0, 0, 36}, 36), kReady);
        auto inquiry = driver.get(kBuffer, 36);
        QCOMPARE(inquiry[0], uint8_t{0x05});
        QCOMPARE(inquiry[1], uint8_t{0x80});
        QCOMPARE(std::string(inquiry.begin() + 8, inquiry.begin() + 23),
                 std::string("VIVARIUMDVD-ROM"));
        QCOMPARE(driver.packet({0x12, 1, 0x80, 0, 64}, 64), kReady);
        QCOMPARE(driver.packet({0x12, 1, 0x44, 0, 64}, 64), kIllegalRequest);
    }

    void readsBlocks() {
        AhciDriver driver;
        QCOMPARE(driver.packet({0x28, 0, 0, 0, 0, 5, 0, 0, 3}, 3 * 2048), kReady);
        QCOMPARE(driver.get(kBuffer, 3 * 2048), blocks(*driver.disc, 5, 3));
        QCOMPARE(driver.transferCount(kOptical), 3u * 2048);
        QCOMPARE(driver.packet({0xA8, 0, 0, 0, 0, 63, 0, 0, 0, 1}, 2048), kReady);
        QCOMPARE(driver.get(kBuffer, 2048), blocks(*driver.disc, 63, 1));
        QCOMPARE(driver.packet({0x28, 0, 0, 0, 0, 63, 0, 0, 2}, 4096), kIllegalRequest);
        QCOMPARE(driver.sense(), 0x052100u);
        QCOMPARE(driver.packet({0xA8, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF}, 4096),
                 kIllegalRequest);
        QCOMPARE(driver.packet({0x28, 0, 0, 0, 0, 0, 0, 0, 0}), kReady); // nothing to read
        QCOMPARE(driver.packet({0x25}, 8), kReady);
        auto capacity = driver.get(kBuffer, 8);
        QCOMPARE(loadBe<uint32_t>(&capacity[0]), 63u);
        QCOMPARE(loadBe<uint32_t>(&capacity[4]), 2048u);
        QCOMPARE(driver.packet({0x2B, 0, 0, 0, 0, 63}), kReady);
        QCOMPARE(driver.packet({0x2B, 0, 0, 0, 0, 64}), kIllegalRequest);
    }

    void pioTransfersEndWithARegisterFrame() {
        AhciDriver driver;
        test::DriverCommand read;
        read.command = 0xA0;
        read.lba = 0xFFFE00; // byte count limit
        read.packet = {0x28, 0, 0, 0, 0, 1, 0, 0, 1};
        read.regions = {{kBuffer, 2048}};
        QCOMPARE(driver.run(kOptical, read), kReady);
        QCOMPARE(driver.get(kBuffer, 2048), blocks(*driver.disc, 1, 1));
        QCOMPARE(driver.read(kOptical, kPxInterruptStatus), kIntPioSetup | kIntRegisterFis);
    }

    void anOddEndReadsAsZeroes() {
        AhciDriver driver({.discBytes = 2048 * 3 + 512});
        driver.fill(kBuffer, 4096, 0xEE);
        QCOMPARE(driver.packet({0x28, 0, 0, 0, 0, 2, 0, 0, 2}, 4096), kReady);
        auto data = driver.get(kBuffer, 4096);
        QCOMPARE(Bytes(data.begin() + 2048, data.begin() + 2560),
                 Bytes(driver.disc->bytes().begin() + 6144, driver.disc->bytes().end()));
        QCOMPARE(Bytes(data.begin() + 2560, data.end()), Bytes(1536));
    }

    void rawSectors() {
        AhciDriver driver;
        QCOMPARE(driver.packet({0xBE, 0, 0, 0, 0, 2, 0, 0, 2, 0xF8}, 2 * 2352), kReady);
        auto data = driver.get(kBuffer, 2 * 2352);
        QCOMPARE(data[0], uint8_t{0});
        QCOMPARE(data[1], uint8_t{0xFF});
        QCOMPARE(Bytes(data.begin() + 12, data.begin() + 16), (Bytes{0, 2, 2, 1})); // 00:02:02
        QCOMPARE(Bytes(data.begin() + 16, data.begin() + 2064), blocks(*driver.disc, 2, 1));
        QCOMPARE(Bytes(data.begin() + 2352 + 16, data.begin() + 2352 + 2064),
                 blocks(*driver.disc, 3, 1));
        QCOMPARE(driver.packet({0xBE, 0, 0, 0, 0, 2, 0, 0, 1, 0x10}, 2048), kReady);
        QCOMPARE(driver.get(kBuffer, 2048), blocks(*driver.disc, 2, 1));
        QCOMPARE(driver.packet({0xBE, 0, 0, 0, 0, 2, 0, 0, 1, 0x00}, 0), kReady);
        QCOMPARE(driver.packet({0xBE, 0x04, 0, 0, 0, 2, 0, 0, 1, 0x10}, 2048), kIllegalRequest);
        QCOMPARE(driver.sense(), 0x056400u);
    }

    void tableOfContents() {
        AhciDriver driver;
        QCOMPARE(driver.packet({0x43, 0, 0, 0, 0, 0, 0, 0, 64}, 64), kReady);
        QCOMPARE(driver.get(kBuffer, 20), (Bytes{0, 18,   1,    1,             //
                                                 0, 0x14, 1,    0, 0, 0, 0, 0, //
                                                 0, 0x14, 0xAA, 0, 0, 0, 0, 64}));
        QCOMPARE(driver.transferCount(kOptical), 20u);
        QCOMPARE(driver.packet({0x43, 2, 0, 0, 0, 0, 0xAA, 0, 64}, 64), kReady); // MSF
        QCOMPARE(driver.get(kBuffer, 12), (Bytes{0, 10, 1, 1, 0, 0x14, 0xAA, 0, 0, 0, 2, 64}));
        QCOMPARE(driver.packet({0x43, 0, 1, 0, 0, 0, 0, 0, 64}, 64), kReady); // sessions
        QCOMPARE(driver.get(kBuffer, 12), (Bytes{0, 10, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0}));
        QCOMPARE(driver.packet({0x43, 2, 0, 0, 0, 0, 0, 0, 64, 0x80}, 64), kReady); // raw, old form
        QCOMPARE(driver.transferCount(kOptical), 48u);
        QCOMPARE(driver.get(kBuffer + 4 + 2 * 11, 11),
                 (Bytes{1, 0x14, 0, 0xA2, 0, 0, 0, 0, 0, 2, 64}));
        QCOMPARE(driver.packet({0x43, 0, 0, 0, 0, 0, 2, 0, 64}, 64), kIllegalRequest);
        QCOMPARE(driver.packet({0x43, 0, 5, 0, 0, 0, 0, 0, 64}, 64), kIllegalRequest);
        QCOMPARE(driver.packet({0x43, 0, 0, 0, 0, 0, 0, 0, 4}, 4), kReady); // header only
        QCOMPARE(driver.transferCount(kOptical), 4u);
    }

    void profilesFollowTheSize() {
        auto profile = [](AhciDriver& driver) {
            driver.packet({0x46, 0, 0, 0, 0, 0, 0, 1, 0}, 256);
            return loadBe<uint16_t>(&driver.get(kBuffer, 8)[6]);
        };
        AhciDriver compactDisc;
        QCOMPARE(profile(compactDisc), uint16_t{0x0008});
        QCOMPARE(compactDisc.packet({0xAD, 0, 0, 0, 0, 0, 0, 0, 8, 4}, 2052), kIllegalRequest);
        AhciDriver empty({.withDisc = false});
        QCOMPARE(profile(empty), uint16_t{0});
        OpticalMedium dvd{true, 400000};
        auto reply = opticalConfiguration(0, 0, dvd);
        QVERIFY(reply);
        QCOMPARE(loadBe<uint16_t>(&(*reply)[6]), uint16_t{0x0010});
        QCOMPARE(loadBe<uint32_t>(&(*reply)[0]), reply->size() - 4);
        auto only = opticalConfiguration(2, 0x001F, dvd);
        QCOMPARE(only->size(), size_t{16});
        QVERIFY((*only)[10] & 1); // current
        auto structure = opticalDvdStructure(0, 0, dvd);
        QCOMPARE(structure->size(), size_t{2052});
        QCOMPARE(loadBe<uint32_t>(&(*structure)[12]), 0x30000u + 400000 - 1);
    }

    void descriptions() {
        AhciDriver driver;
        QCOMPARE(driver.packet({0x5A, 0, 0x2A, 0, 0, 0, 0, 0, 64}, 64), kReady);
        auto mode = driver.get(kBuffer, 30);
        QCOMPARE(loadBe<uint16_t>(&mode[0]), uint16_t{28});
        QCOMPARE(mode[8], uint8_t{0x2A});
        QCOMPARE(mode[14], uint8_t{0x29});
        QCOMPARE(driver.packet({0x1A, 0, 0x01, 0, 64}, 64), kReady);
        QCOMPARE(driver.get(kBuffer, 6), (Bytes{11, 0x01, 0, 0, 0x01, 6}));
        QCOMPARE(driver.packet({0x5A, 0, 0x3F, 0, 0, 0, 0, 1, 0}, 256), kReady);
        QCOMPARE(driver.packet({0x5A, 0, 0x0E, 0, 0, 0, 0, 0, 64}, 64), kReady);
        QCOMPARE(driver.packet({0x5A, 0, 0x33, 0, 0, 0, 0, 0, 64}, 64), kIllegalRequest);
        QCOMPARE(driver.packet({0x5A, 0, 0xEA, 0, 0, 0, 0, 0, 64}, 64), kIllegalRequest);
        QCOMPARE(driver.sense(), 0x053900u);
        QCOMPARE(driver.packet({0x55, 0x10, 0, 0, 0, 0, 0, 0, 16}, 16), kReady);
        QCOMPARE(driver.packet({0x51, 0, 0, 0, 0, 0, 0, 0, 34}, 34), kReady);
        QCOMPARE(driver.get(kBuffer, 7), (Bytes{0, 32, 0x0E, 1, 1, 1, 1}));
        QCOMPARE(driver.packet({0x52, 1, 0, 0, 0, 1, 0, 0, 36}, 36), kReady);
        auto track = driver.get(kBuffer, 36);
        QCOMPARE(loadBe<uint32_t>(&track[24]), 64u);
        QCOMPARE(driver.packet({0x52, 1, 0, 0, 0, 2, 0, 0, 36}, 36), kIllegalRequest);
        QCOMPARE(driver.packet({0xBD, 0, 0, 0, 0, 0, 0, 0, 0, 8}, 8), kReady);
        QCOMPARE(driver.packet({0x42, 0, 0, 0, 0, 0, 0, 0, 4}, 4), kReady);
        QCOMPARE(driver.packet({0x4A, 0, 0, 0, 0x10, 0, 0, 0, 8}, 8), kIllegalRequest);
        QCOMPARE(driver.packet({0x4A, 1, 0, 0, 0x02, 0, 0, 0, 8}, 8), kReady);
        QCOMPARE(driver.get(kBuffer, 4), (Bytes{0, 2, 0x80, 0x10}));
        QCOMPARE(driver.packet({0xC7}), kIllegalRequest);
        QCOMPARE(driver.sense(), 0x052000u);
        QCOMPARE(driver.sense(), 0u); // told once
    }

    void anEmptyDriveIsNotReady() {
        AhciDriver driver({.withDisc = false});
        for (uint8_t operation : {0x00, 0x25, 0x28, 0x43, 0xBE, 0x51}) {
            QCOMPARE(driver.packet({operation, 0, 0, 0, 0, 0, 0, 0, 1, 0x10}, 2048), kNotReady);
            QCOMPARE(driver.sense(), 0x023A01u);
        }
        QCOMPARE(driver.packet({0x12, 0, 0, 0, 36}, 36), kReady);
        QVERIFY(!driver.controller->drives()[1].hasMedium);
    }

    void aChangedMediumIsAnnounced() {
        AhciDriver driver;
        QCOMPARE(driver.packet(kTestUnitReady), kReady);
        auto next = AhciDriver::makeDisc(32 * 2048, 0x11);
        auto* disc = next.get();
        driver.disc = nullptr;
        QVERIFY(change(driver, std::move(next), AhciController::ChangeMode::HonourLock));
        driver.disc = disc;
        QCOMPARE(events(driver), (Bytes{3, 2})); // removed
        QCOMPARE(events(driver), (Bytes{2, 2})); // new medium
        QCOMPARE(events(driver), (Bytes{0, 2}));
        QCOMPARE(driver.packet({0x12, 0, 0, 0, 36}, 36), kReady); // takes no attention away
        QCOMPARE(driver.packet(kTestUnitReady), kNotReady);
        QCOMPARE(driver.sense(), 0x023A01u);
        QCOMPARE(driver.packet(kTestUnitReady), kUnitAttention);
        QCOMPARE(driver.sense(), 0x062800u);
        QCOMPARE(driver.packet(kTestUnitReady), kReady);
        QCOMPARE(driver.packet({0x28, 0, 0, 0, 0, 31, 0, 0, 1}, 2048), kReady);
        QCOMPARE(driver.get(kBuffer, 2048), blocks(*disc, 31, 1));
        QCOMPARE(driver.packet({0x28, 0, 0, 0, 0, 32, 0, 0, 1}, 2048), kIllegalRequest);
    }

    void anInsertedMediumIsAnnouncedOnce() {
        AhciDriver driver({.withDisc = false});
        auto next = AhciDriver::makeDisc(32 * 2048, 0x11);
        driver.disc = next.get();
        QVERIFY(change(driver, std::move(next), AhciController::ChangeMode::HonourLock));
        QCOMPARE(driver.packet(kTestUnitReady), kUnitAttention);
        QCOMPARE(driver.packet(kTestUnitReady), kReady);
    }

    void theMachineEjects() {
        AhciDriver driver;
        driver.disc = nullptr;
        QVERIFY(change(driver, nullptr, AhciController::ChangeMode::HonourLock));
        QCOMPARE(events(driver), (Bytes{3, 1})); // removed, tray open
        QCOMPARE(driver.packet(kTestUnitReady), kNotReady);
        QCOMPARE(driver.sense(), 0x023A02u);
        QVERIFY(driver.listener.ejected.empty()); // the machine knows
    }

    void theGuestsLockIsHonouredUnlessForced() {
        AhciDriver driver;
        QCOMPARE(driver.packet({0x1E, 0, 0, 0, 1}), kReady);
        QVERIFY(driver.controller->drives()[1].locked);
        auto refused =
            change(driver, AhciDriver::makeDisc(2048, 1), AhciController::ChangeMode::HonourLock);
        QVERIFY(!refused);
        QCOMPARE(refused.error().code, ErrorCode::Busy);
        QCOMPARE(events(driver), (Bytes{1, 2})); // the user wants it out
        QCOMPARE(driver.packet({0x1B, 0, 0, 0, 2}), kIllegalRequest);
        QCOMPARE(driver.sense(), 0x055302u);
        QCOMPARE(driver.packet(kTestUnitReady), kReady);
        driver.disc = nullptr;
        QVERIFY(change(driver, nullptr, AhciController::ChangeMode::Force));
        QVERIFY(!driver.controller->drives()[1].locked);
        QVERIFY(!change(driver, nullptr, AhciController::ChangeMode::Force) == false);
        QVERIFY(!driver.bench.locked([&] {
            return driver.controller->changeMedium("hd", nullptr,
                                                   AhciController::ChangeMode::Force);
        }));
    }

    void theGuestEjects() {
        AhciDriver driver;
        driver.disc = nullptr;
        QCOMPARE(driver.packet({0x1B, 0, 0, 0, 2}), kReady);
        QCOMPARE(driver.listener.ejected, std::vector<std::string>{"cd"});
        QCOMPARE(driver.packet(kTestUnitReady), kNotReady);
        QCOMPARE(driver.sense(), 0x023A02u);
        QCOMPARE(driver.packet({0x1B, 0, 0, 0, 3}), kReady); // closes the empty tray
        QCOMPARE(driver.packet(kTestUnitReady), kNotReady);
        QCOMPARE(driver.sense(), 0x023A01u);
        QCOMPARE(driver.packet({0x1B, 0, 0, 0, 2}), kReady);
        QCOMPARE(driver.listener.ejected.size(), size_t{1}); // nothing came out
    }

    void aDiscSwappedUnseenShowsAsGoneFirst() {
        AhciDriver driver;
        driver.disc = nullptr;
        QCOMPARE(driver.packet({0x1B, 0, 0, 0, 2}), kReady); // the guest ejects, but does not look
        auto next = AhciDriver::makeDisc(32 * 2048, 0x11);
        driver.disc = next.get();
        QVERIFY(change(driver, std::move(next), AhciController::ChangeMode::HonourLock));
        QCOMPARE(driver.packet(kTestUnitReady), kNotReady);
        QCOMPARE(driver.packet(kTestUnitReady), kUnitAttention);
        QCOMPARE(driver.packet(kTestUnitReady), kReady);
        driver.disc = nullptr;
        QVERIFY(change(driver, nullptr, AhciController::ChangeMode::HonourLock));
        QCOMPARE(driver.packet(kTestUnitReady), kNotReady); // seen
        next = AhciDriver::makeDisc(32 * 2048, 0x12);
        driver.disc = next.get();
        QVERIFY(change(driver, std::move(next), AhciController::ChangeMode::HonourLock));
        QCOMPARE(driver.packet(kTestUnitReady), kUnitAttention);
        QCOMPARE(driver.packet(kTestUnitReady), kReady);
    }

    void setupFramesTellTheLastBlock() {
        AhciDriver driver;
        auto setup = [&] {
            auto frame = driver.get(driver.received(kOptical) + 0x20, 20);
            return frame[0] == 0x5F ? int{loadLe<uint16_t>(&frame[16])} : -1;
        };
        driver.packet(kTestUnitReady);
        QCOMPARE(setup(), 12); // the packet itself
        driver.packet({0x28, 0, 0, 0, 0, 1, 0, 0, 1}, 2048);
        QCOMPARE(setup(), 12); // the data went by DMA
        test::DriverCommand read;
        read.command = 0xA0;
        read.lba = 2048 << 8; // byte count limit
        read.packet = {0x28, 0, 0, 0, 0, 1, 0, 0, 3};
        read.regions = {{kBuffer, 3 * 2048}};
        QCOMPARE(driver.run(kOptical, read), kReady);
        QCOMPARE(setup(), 2048);
        read.packet = {0x12, 0, 0, 0, 36};
        QCOMPARE(driver.run(kOptical, read), kReady);
        QCOMPARE(setup(), 36);
    }

    void changingDuringAReadFailsTheRead() {
        AhciDriver driver;
        test::DriverCommand read;
        read.command = 0xA0;
        read.features = 1;
        read.packet = {0x28, 0, 0, 0, 0, 1, 0, 0, 1};
        read.regions = {{kBuffer, 2048}};
        driver.prepare(kOptical, 0, read);
        driver.issue(kOptical, 1);
        QCOMPARE(driver.disc->waiting(), size_t{1});
        driver.disc = nullptr;
        QVERIFY(change(driver, nullptr, AhciController::ChangeMode::Force));
        QCOMPARE(driver.read(kOptical, kPxTaskFile), kNotReady);
        driver.bench.tasks.runPosted();
        driver.recover(kOptical);
        QCOMPARE(driver.packet(kTestUnitReady), kNotReady);
    }

    void aDroppedReadIsNotTouchedByAChange() {
        AhciDriver driver;
        test::DriverCommand read;
        read.command = 0xA0;
        read.features = 1;
        read.packet = {0x28, 0, 0, 0, 0, 1, 0, 0, 1};
        read.regions = {{kBuffer, 2048}};
        driver.prepare(kOptical, 0, read);
        driver.issue(kOptical, 1);
        driver.write(kOptical, kPxCommand, kCmdFisEnable);
        driver.disc = nullptr;
        QVERIFY(change(driver, nullptr, AhciController::ChangeMode::Force));
        driver.bench.tasks.runPosted();
        QVERIFY(!(driver.read(kOptical, kPxCommand) & kCmdListRunning));
    }

    void mediumErrorsReachTheGuest() {
        AhciDriver driver;
        test::DriverCommand read;
        read.command = 0xA0;
        read.features = 1;
        read.packet = {0x28, 0, 0, 0, 0, 1, 0, 0, 1};
        read.regions = {{kBuffer, 2048}};
        driver.prepare(kOptical, 0, read);
        driver.issue(kOptical, 1);
        driver.disc->fail(0, EIO);
        driver.bench.tasks.runPosted();
        QCOMPARE(driver.read(kOptical, kPxTaskFile), 0x3051u);
        driver.recover(kOptical);
        QCOMPARE(driver.sense(), 0x031100u);
    }

    void pendingAttentionSurvivesSaveAndReset() {
        AhciDriver driver;
        auto next = AhciDriver::makeDisc(32 * 2048, 0x11);
        auto* disc = next.get();
        QVERIFY(change(driver, std::move(next), AhciController::ChangeMode::HonourLock));
        driver.disc = disc;
        driver.comreset(kOptical);
        auto state = driver.bench.locked([&] {
            StateWriter writer;
            driver.controller->save(writer);
            return writer.finish();
        });
        QCOMPARE(driver.packet(kTestUnitReady), kNotReady);
        AhciDriver second;
        auto reader = StateReader::open(state);
        QVERIFY(second.bench.locked([&] { return second.controller->restore(*reader); }));
        QCOMPARE(second.packet(kTestUnitReady), kNotReady);
        QCOMPARE(second.packet(kTestUnitReady), kUnitAttention);
    }

    void ataSideOfThePacketDevice() {
        AhciDriver driver;
        auto run = [&](uint8_t code, uint16_t features = 0, uint16_t count = 0) {
            test::DriverCommand command;
            command.command = code;
            command.features = features;
            command.count = count;
            uint32_t taskFile = driver.run(kOptical, command);
            if (taskFile & 1)
                driver.recover(kOptical);
            return taskFile;
        };
        QCOMPARE(run(0x08), 0x0100u); // DEVICE RESET: the signature
        QCOMPARE(run(0x90), 0x0100u);
        QCOMPARE(run(0xEF, 0x03, 0x42), kReady);
        QCOMPARE(run(0xEF, 0x03, 0x77), 0x0451u);
        QCOMPARE(run(0xE0), kReady);
        QCOMPARE(run(0xE5), kReady);
        QCOMPARE(run(0xE1), kReady);
        QCOMPARE(run(0x25), 0x0451u);
        QCOMPARE(run(0xA0), 0x0451u); // a packet command without a packet
    }
};

VIVARIUM_TEST(AtapiDriveTest)
#include "atapi_drive_test.moc"
