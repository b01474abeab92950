#include "vmm/devices/storage/ata_disk.h"

#include "tests/support/test_main.h"
#include "vmm/devices/storage/test_support/ahci_driver.h"
#include "vmm/disk/test_support/raw_disk.h"

#include <QTest>

#include <algorithm>
#include <numeric>

#include <fcntl.h>
#include <sys/mman.h>

using namespace vivarium;
using namespace vivarium::ahci;
using test::AhciDriver;
using test::DriverCommand;

namespace {

constexpr unsigned kDisk = AhciDriver::kDisk;
constexpr GuestAddress kBuffer = AhciDriver::kBuffer;
constexpr uint32_t kReady = 0x50;
constexpr uint32_t kAborted = 0x0451;
constexpr uint32_t kNotFound = 0x1051;
constexpr uint32_t kUncorrectable = 0x4051;
constexpr uint8_t kReadQueued = 0x60;
constexpr uint8_t kWriteQueued = 0x61;

DriverCommand command(uint8_t code, uint64_t lba = 0, uint16_t count = 0, uint32_t bytes = 0) {
    DriverCommand made;
    made.command = code;
    made.lba = lba;
    made.count = count;
    if (bytes > 0)
        made.regions = {{kBuffer, bytes}};
    return made;
}

DriverCommand withFeatures(DriverCommand made, uint16_t features) {
    made.features = features;
    return made;
}

std::vector<uint8_t> sectors(const MemoryBlockDevice& disk, uint64_t first, uint64_t count) {
    auto& bytes = const_cast<MemoryBlockDevice&>(disk).bytes();
    return {bytes.begin() + static_cast<long>(first * 512),
            bytes.begin() + static_cast<long>((first + count) * 512)};
}

std::string identifyText(const std::vector<uint8_t>& data, size_t word, size_t words) {
    std::string text;
    for (size_t i = word * 2; i < (word + words) * 2; ++i)
        text += static_cast<char>(data[i ^ 1]);
    return text.substr(0, text.find_last_not_of(' ') + 1);
}

} // namespace

class AtaDiskTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void identify() {
        AhciDriver driver;
        QCOMPARE(driver.run(kDisk, command(0xEC, 0, 0, 512)), kReady);
        QCOMPARE(driver.read(kDisk, kPxInterruptStatus), kIntPioSetup | kIntRegisterFis);
        QCOMPARE(driver.get(driver.received(kDisk) + 0x20, 3)[0], uint8_t{0x5F});
        QCOMPARE(driver.transferCount(kDisk), 512u);
        auto data = driver.get(kBuffer, 512);
        auto word = [&](size_t index) { return loadLe<uint16_t>(&data[index * 2]); };
        QCOMPARE(identifyText(data, 10, 10), std::string("SERIAL-1"));
        QCOMPARE(identifyText(data, 27, 20), std::string("Vivarium HARDDISK"));
        QCOMPARE(loadLe<uint64_t>(&data[200]), AhciDriver::kDiskBytes / 512);
        QCOMPARE(loadLe<uint32_t>(&data[120]), uint32_t{AhciDriver::kDiskBytes / 512});
        QVERIFY(word(83) & 0x0400); // 48-bit
        QVERIFY(word(76) & 0x0100); // NCQ
        QCOMPARE(word(75), uint16_t{31});
        QCOMPARE(word(169), uint16_t{1}); // TRIM
        QCOMPARE(word(217), uint16_t{1});
        QCOMPARE(std::accumulate(data.begin(), data.end(), uint8_t{0},
                                 [](uint8_t a, uint8_t b) -> uint8_t { return a + b; }),
                 uint8_t{0});
        // A packet device's question is refused with the disk's signature.
        QCOMPARE(driver.run(kDisk, command(0xA1, 0, 0, 512)), kAborted);
        QVERIFY(driver.read(kDisk, kPxInterruptStatus) & kIntTaskFileError);
        QCOMPARE(driver.get(driver.received(kDisk) + 0x44, 3), (std::vector<uint8_t>{1, 0, 0}));
    }

    void everyReadReads_data() {
        QTest::addColumn<int>("code");
        for (int code : {0x20, 0x21, 0x24, 0xC4, 0x29, 0xC8, 0xC9, 0x25})
            QTest::addRow("%02x", code) << code;
    }
    void everyReadReads() {
        QFETCH(int, code);
        AhciDriver driver;
        auto read = command(static_cast<uint8_t>(code), 5, 3);
        read.regions = {{kBuffer, 700}, {kBuffer + 0x10000, 2}, {kBuffer + 0x20000, 834}};
        QCOMPARE(driver.run(kDisk, read), kReady);
        auto data = driver.get(kBuffer, 700);
        auto middle = driver.get(kBuffer + 0x10000, 2);
        auto rest = driver.get(kBuffer + 0x20000, 834);
        data.insert(data.end(), middle.begin(), middle.end());
        data.insert(data.end(), rest.begin(), rest.end());
        QCOMPARE(data, sectors(*driver.disk, 5, 3));
        QCOMPARE(driver.transferCount(kDisk), 1536u);
        QCOMPARE(driver.read(kDisk, kPxCommandIssue), 0u);
    }

    void everyWriteWrites_data() {
        QTest::addColumn<int>("code");
        QTest::addColumn<bool>("flushes");
        for (int code : {0x30, 0x31, 0x34, 0xC5, 0x39, 0xCA, 0xCB, 0x35})
            QTest::addRow("%02x", code) << code << false;
        for (int code : {0x3D, 0xCE})
            QTest::addRow("%02x", code) << code << true;
    }
    void everyWriteWrites() {
        QFETCH(int, code);
        QFETCH(bool, flushes);
        AhciDriver driver;
        driver.fill(kBuffer, 1024, 0xC3);
        QCOMPARE(driver.run(kDisk, command(static_cast<uint8_t>(code), 9, 2, 1024)), kReady);
        QCOMPARE(sectors(*driver.disk, 9, 2), std::vector<uint8_t>(1024, 0xC3));
        QCOMPARE(driver.disk->history().back() == BlockRequest::Kind::Flush, flushes);
        QVERIFY(driver.read(kDisk, kPxInterruptStatus) & kIntRegisterFis);
    }

    void pioWritesInterruptFromTheSecondBlockOn() {
        AhciDriver driver;
        driver.run(kDisk, command(0x30, 0, 1, 512));
        QCOMPARE(driver.read(kDisk, kPxInterruptStatus), kIntRegisterFis);
        driver.write(kDisk, kPxInterruptStatus, 0xFFFFFFFF);
        driver.run(kDisk, command(0x30, 0, 2, 1024));
        QCOMPARE(driver.read(kDisk, kPxInterruptStatus), kIntRegisterFis | kIntPioSetup);
        auto frame = driver.get(driver.received(kDisk) + 0x20, 20);
        QCOMPARE(loadLe<uint16_t>(&frame[16]), uint16_t{512});
        driver.write(kDisk, kPxInterruptStatus, 0xFFFFFFFF);
        driver.run(kDisk, command(0xC5, 0, 16, 16 * 512)); // one block of 16 sectors
        QCOMPARE(driver.read(kDisk, kPxInterruptStatus), kIntRegisterFis);
    }

    void countZeroIsTheMaximum() {
        AhciDriver driver;
        QCOMPARE(driver.run(kDisk, command(0xC8, 0, 0, 256 * 512)), kReady);
        QCOMPARE(driver.transferCount(kDisk), 256u * 512);
        QCOMPARE(driver.run(kDisk, command(0x25, 0, 0, 512)), kNotFound); // 65536 do not fit
    }

    void addressesBeyondTheDiskAreNotFound_data() {
        QTest::addColumn<int>("code");
        QTest::addColumn<quint64>("lba");
        QTest::addColumn<int>("count");
        QTest::newRow("read end") << 0x25 << quint64{2047} << 2;
        QTest::newRow("read far") << 0x25 << quint64{0xFFFFFFFFFFFF} << 1;
        QTest::newRow("write end") << 0x35 << quint64{2048} << 1;
        QTest::newRow("verify") << 0x42 << quint64{2048} << 1;
        QTest::newRow("28 bits") << 0xC8 << quint64{0xFFFFFF} << 1;
    }
    void addressesBeyondTheDiskAreNotFound() {
        QFETCH(int, code);
        QFETCH(quint64, lba);
        QFETCH(int, count);
        AhciDriver driver;
        QCOMPARE(driver.run(kDisk, command(static_cast<uint8_t>(code), lba,
                                           static_cast<uint16_t>(count), 1024)),
                 kNotFound);
        QVERIFY(driver.disk->history().empty());
        // Halted until the driver recovers.
        QCOMPARE(driver.read(kDisk, kPxCommandIssue), 1u);
        driver.recover(kDisk);
        QCOMPARE(driver.run(kDisk, command(0x25, 0, 1, 512)), kReady);
    }

    void cylinderHeadSectorAddresses() {
        AhciDriver driver;
        auto read = command(0x20, 0x000102 /* sector 2, cylinder 1 */, 1, 512);
        read.device = 0x03; // head 3
        QCOMPARE(driver.run(kDisk, read), kReady);
        QCOMPARE(driver.get(kBuffer, 512), sectors(*driver.disk, (16 + 3) * 63 + 1, 1));
        read.lba = 0;
        QCOMPARE(driver.run(kDisk, read), kNotFound);
    }

    void queuedCommandsEndInAnyOrder() {
        AhciDriver driver;
        driver.fill(kBuffer + 0x4000, 512, 0x77);
        driver.queue(0, kReadQueued, 10, 1, kBuffer);
        driver.queue(9, kReadQueued, 20, 2, kBuffer + 0x1000);
        driver.queue(31, kWriteQueued, 30, 1, kBuffer + 0x4000);
        QCOMPARE(driver.read(kDisk, kPxCommandIssue), 0u); // all accepted
        QCOMPARE(driver.read(kDisk, kPxSataActive), 1u | 1u << 9 | 1u << 31);
        QCOMPARE(driver.read(kDisk, kPxTaskFile), kReady);
        QCOMPARE(driver.disk->waiting(), size_t{3});
        driver.disk->complete(2);
        driver.bench.tasks.runPosted();
        QCOMPARE(driver.read(kDisk, kPxSataActive), 1u | 1u << 9);
        QVERIFY(driver.read(kDisk, kPxInterruptStatus) & kIntSetDeviceBits);
        auto frame = driver.get(driver.received(kDisk) + kFisSetDeviceBitsOffset, 8);
        QCOMPARE(frame[0], uint8_t{0xA1});
        QCOMPARE(loadLe<uint32_t>(&frame[4]), 1u << 31);
        QCOMPARE(sectors(*driver.disk, 30, 1), std::vector<uint8_t>(512, 0x77));
        driver.disk->complete(1);
        driver.disk->complete(0);
        driver.bench.tasks.runPosted();
        QCOMPARE(driver.read(kDisk, kPxSataActive), 0u);
        QCOMPARE(driver.get(kBuffer, 512), sectors(*driver.disk, 10, 1));
        QCOMPARE(driver.get(kBuffer + 0x1000, 1024), sectors(*driver.disk, 20, 2));
    }

    void allSlotsAtOnce() {
        AhciDriver driver;
        for (unsigned slot = 0; slot < 32; ++slot)
            driver.queue(slot, kReadQueued, slot * 3, 1, kBuffer + slot * 512);
        QCOMPARE(driver.disk->waiting(), size_t{32});
        while (driver.disk->waiting() > 0)
            driver.disk->complete(driver.disk->waiting() / 2);
        driver.bench.tasks.runPosted();
        QCOMPARE(driver.read(kDisk, kPxSataActive), 0u);
        for (unsigned slot = 0; slot < 32; ++slot)
            QCOMPARE(driver.get(kBuffer + slot * 512, 512), sectors(*driver.disk, slot * 3, 1));
    }

    void aFailedQueuedCommandIsInTheLog() {
        AhciDriver driver;
        driver.queue(3, kReadQueued, 10, 1, kBuffer);
        driver.queue(4, kReadQueued, 123, 1, kBuffer + 512);
        driver.queue(5, kReadQueued, 12, 1, kBuffer + 1024);
        driver.disk->fail(1, EIO);
        driver.bench.tasks.runPosted();
        QCOMPARE(driver.read(kDisk, kPxTaskFile), kUncorrectable);
        QVERIFY(driver.read(kDisk, kPxInterruptStatus) & kIntTaskFileError);
        QCOMPARE(driver.read(kDisk, kPxSataActive), 1u << 3 | 1u << 4 | 1u << 5);
        driver.finish(); // the others are gone for the guest
        QCOMPARE(driver.read(kDisk, kPxSataActive), 1u << 3 | 1u << 4 | 1u << 5);
        driver.recover(kDisk);
        QCOMPARE(driver.read(kDisk, kPxSataActive), 0u);
        QCOMPARE(driver.run(kDisk, command(0x2F, 0x10, 1, 512)), kReady);
        auto log = driver.get(kBuffer, 512);
        QCOMPARE(log[0], uint8_t{4});
        QCOMPARE(log[2], uint8_t{0x51});
        QCOMPARE(log[3], uint8_t{0x40});
        QCOMPARE(log[4], uint8_t{123});
        QCOMPARE(driver.run(kDisk, command(0x47, 0x10, 1, 512)), kReady);
        QCOMPARE(driver.get(kBuffer, 1)[0], uint8_t{0x80}); // read once
        QCOMPARE(driver.run(kDisk, command(0x2F, 0x00, 1, 512)), kReady);
        QCOMPARE(driver.get(kBuffer + 0x20, 1)[0], uint8_t{1});
        QCOMPARE(driver.run(kDisk, command(0x2F, 0x99, 1, 512)), kAborted);
    }

    void aWrongTagIsAborted() {
        AhciDriver driver;
        auto wrong = withFeatures(command(kReadQueued, 0, 5 << 3, 512), 1);
        QCOMPARE(driver.run(kDisk, wrong), kAborted);
    }

    void hostErrorsReachTheGuest() {
        AhciDriver driver;
        driver.prepare(kDisk, 0, command(0x25, 77, 1, 512));
        driver.issue(kDisk, 1);
        driver.disk->fail(0, EIO);
        driver.bench.tasks.runPosted();
        QCOMPARE(driver.read(kDisk, kPxTaskFile), kUncorrectable);
        auto frame = driver.get(driver.received(kDisk) + 0x40, 20);
        QCOMPARE(frame[4], uint8_t{77});
        driver.recover(kDisk);
        for (uint8_t code : {uint8_t{0x35}, uint8_t{0xEA}}) {
            driver.prepare(kDisk, 0, command(code, 0, 1, 512));
            driver.issue(kDisk, 1);
            driver.disk->fail(0, EIO);
            driver.bench.tasks.runPosted();
            QCOMPARE(driver.read(kDisk, kPxTaskFile), kAborted);
            driver.recover(kDisk);
        }
        QVERIFY(driver.listener.full.empty() && driver.listener.failed.empty());
    }

    void aFullHostStallsTheWrite() {
        AhciDriver driver;
        driver.fill(kBuffer, 512, 0x11);
        driver.prepare(kDisk, 0, command(0x35, 3, 1, 512));
        driver.issue(kDisk, 1);
        driver.disk->fail(0, ENOSPC);
        driver.bench.tasks.runPosted();
        QCOMPARE(driver.listener.full.size(), size_t{1});
        QVERIFY(driver.listener.full[0].starts_with("hd|"));
        QCOMPARE(driver.read(kDisk, kPxCommandIssue), 1u); // the guest is still waiting
        QCOMPARE(driver.disk->waiting(), size_t{0});
        driver.bench.locked([&] { driver.controller->retryStalledRequests(); });
        QCOMPARE(driver.disk->waiting(), size_t{1});
        driver.disk->fail(0, EDQUOT); // still full
        driver.bench.tasks.runPosted();
        QCOMPARE(driver.listener.full.size(), size_t{2});
        driver.bench.locked([&] { driver.controller->retryStalledRequests(); });
        driver.finish();
        QCOMPARE(driver.read(kDisk, kPxCommandIssue), 0u);
        QCOMPARE(driver.read(kDisk, kPxTaskFile), kReady);
        QCOMPARE(sectors(*driver.disk, 3, 1), std::vector<uint8_t>(512, 0x11));
    }

    void aStalledRequestCanBeReset() {
        AhciDriver driver;
        driver.prepare(kDisk, 0, command(0x35, 3, 1, 512));
        driver.issue(kDisk, 1);
        driver.disk->fail(0, ENOSPC);
        driver.bench.tasks.runPosted();
        driver.comreset(kDisk);
        driver.bench.locked([&] { driver.controller->retryStalledRequests(); });
        QCOMPARE(driver.disk->waiting(), size_t{0});
        QCOMPARE(driver.run(kDisk, command(0x25, 0, 1, 512)), kReady);
    }

    void thePolicyDecidesOnErrors() {
        AhciDriver stop({.policy = DriveErrorPolicy::Stop});
        stop.prepare(kDisk, 0, command(0x25, 3, 1, 512));
        stop.issue(kDisk, 1);
        stop.disk->fail(0, EIO);
        stop.bench.tasks.runPosted();
        QCOMPARE(stop.listener.failed.size(), size_t{1});
        QCOMPARE(stop.read(kDisk, kPxCommandIssue), 1u);
        stop.bench.locked([&] { stop.controller->retryStalledRequests(); });
        stop.finish();
        QCOMPARE(stop.read(kDisk, kPxTaskFile), kReady);

        AhciDriver ignore({.policy = DriveErrorPolicy::Ignore});
        ignore.prepare(kDisk, 0, command(0x35, 3, 1, 512));
        ignore.issue(kDisk, 1);
        ignore.disk->fail(0, EIO);
        ignore.bench.tasks.runPosted();
        QCOMPARE(ignore.read(kDisk, kPxTaskFile), kReady);

        AhciDriver told({.policy = {DriveErrorPolicy::Stop, DriveErrorPolicy::Report}});
        told.prepare(kDisk, 0, command(0x35, 3, 1, 512));
        told.issue(kDisk, 1);
        told.disk->fail(0, ENOSPC);
        told.bench.tasks.runPosted();
        QVERIFY(told.listener.full.empty());
        QVERIFY(told.read(kDisk, kPxTaskFile) & 1); // ERR
    }

    void aReadOnlyDiskAbortsWrites() {
        AhciDriver driver({.diskAccess = MemoryBlockDevice::Access::ReadOnly});
        QCOMPARE(driver.run(kDisk, command(0x35, 0, 1, 512)), kAborted);
        driver.recover(kDisk);
        QCOMPARE(driver.run(kDisk, withFeatures(command(0x06, 0, 1, 512), 1)), kAborted);
        driver.recover(kDisk);
        QCOMPARE(driver.run(kDisk, command(0x25, 0, 1, 512)), kReady);
    }

    void trimDiscards() {
        AhciDriver driver;
        std::vector<uint8_t> list(512);
        storeLe<uint64_t>(&list[0], uint64_t{2} << 48 | 10);
        storeLe<uint64_t>(&list[8], uint64_t{1} << 48 | 12); // continues it
        storeLe<uint64_t>(&list[16], uint64_t{4} << 48 | 100);
        driver.put(kBuffer, list);
        QCOMPARE(driver.run(kDisk, withFeatures(command(0x06, 0, 1, 512), 1)), kReady);
        QCOMPARE(driver.disk->history().size(), size_t{2});
        QCOMPARE(sectors(*driver.disk, 10, 3), std::vector<uint8_t>(3 * 512));
        QCOMPARE(sectors(*driver.disk, 100, 4), std::vector<uint8_t>(4 * 512));
        QVERIFY(sectors(*driver.disk, 13, 1) != std::vector<uint8_t>(512));
        storeLe<uint64_t>(&list[16], uint64_t{4} << 48 | 2046); // past the end: nothing happens
        driver.put(kBuffer, list);
        QCOMPARE(driver.run(kDisk, withFeatures(command(0x06, 0, 1, 512), 1)), kNotFound);
        driver.recover(kDisk);
        QCOMPARE(driver.disk->history().size(), size_t{2});
        QCOMPARE(driver.run(kDisk, withFeatures(command(0x06, 0, 9, 9 * 512), 1)), kAborted);
        driver.recover(kDisk);
        driver.fill(kBuffer, 512, 0);
        QCOMPARE(driver.run(kDisk, withFeatures(command(0x06, 0, 1, 512), 1)), kReady);
    }

    void settingsChangeAndComeBack() {
        AhciDriver driver;
        QCOMPARE(driver.run(kDisk, command(0xC6, 0, 8)), kReady);
        QCOMPARE(driver.run(kDisk, withFeatures(command(0xEF, 0, 0x42), 0x03)), kReady);
        QCOMPARE(driver.run(kDisk, withFeatures(command(0xEF), 0x82)), kReady);
        driver.run(kDisk, command(0xEC, 0, 0, 512));
        auto data = driver.get(kBuffer, 512);
        QCOMPARE(loadLe<uint16_t>(&data[59 * 2]), uint16_t{0x0108});
        QCOMPARE(loadLe<uint16_t>(&data[88 * 2]), uint16_t{0x047F});
        QVERIFY(!(loadLe<uint16_t>(&data[85 * 2]) & 0x20));
        // Without a write cache every write is flushed.
        driver.run(kDisk, command(0x35, 0, 1, 512));
        QVERIFY(driver.disk->history().back() == BlockRequest::Kind::Flush);
        for (auto bad :
             {command(0xC6, 0, 3), command(0xC6, 0, 32), withFeatures(command(0xEF, 0, 0x47), 0x03),
              withFeatures(command(0xEF), 0x99)}) {
            QCOMPARE(driver.run(kDisk, bad), kAborted);
            driver.recover(kDisk);
        }
        QCOMPARE(driver.run(kDisk, command(0xC6, 0, 0)), kReady);
        QCOMPARE(driver.run(kDisk, command(0xC4, 0, 1, 512)), kAborted); // multiple mode is off
        driver.comreset(kDisk);
        QCOMPARE(driver.run(kDisk, command(0xC4, 0, 1, 512)), kReady);
    }

    void smallCommands_data() {
        QTest::addColumn<int>("code");
        QTest::addColumn<quint32>("expected");
        for (int code : {0xE7, 0xEA, 0x40, 0x42, 0x10, 0x70, 0x91, 0xE0, 0xE1, 0xE2, 0xE3, 0xE5,
                         0xE6, 0x94, 0x95, 0xF8, 0x27})
            QTest::addRow("%02x", code) << code << quint32{kReady};
        QTest::newRow("diagnostics") << 0x90 << quint32{0x0150};
        for (int code : {0x00, 0x08, 0x45, 0x92, 0xA0, 0xF1, 0xF5, 0xF6, 0xF9, 0x37, 0xFF, 0xB1})
            QTest::addRow("abort %02x", code) << code << quint32{kAborted};
    }
    void smallCommands() {
        QFETCH(int, code);
        QFETCH(quint32, expected);
        AhciDriver driver;
        QCOMPARE(driver.run(kDisk, command(static_cast<uint8_t>(code), 0, 1, 512)), expected);
    }

    void powerModeAndCapacity() {
        AhciDriver driver;
        auto countField = [&] { return driver.get(driver.received(kDisk) + 0x4C, 1)[0]; };
        driver.run(kDisk, command(0xE5));
        QCOMPARE(countField(), uint8_t{0xFF});
        driver.run(kDisk, command(0xE0));
        driver.run(kDisk, command(0xE5));
        QCOMPARE(countField(), uint8_t{0x00});
        driver.run(kDisk, command(0x25, 0, 1, 512)); // access wakes it
        driver.run(kDisk, command(0xE5));
        QCOMPARE(countField(), uint8_t{0xFF});
        driver.run(kDisk, command(0x27));
        auto frame = driver.get(driver.received(kDisk) + 0x40, 20);
        QCOMPARE(loadLe<uint16_t>(&frame[4]), uint16_t{2047});
    }

    void smartAnswers() {
        AhciDriver driver;
        auto smart = [&](uint16_t feature, uint64_t low = 0) {
            return driver.run(kDisk, withFeatures(command(0xB0, 0xC24F00 | low, 1, 512), feature));
        };
        for (uint16_t feature : {0xD0, 0xD1, 0xD2, 0xD4, 0xD8, 0xDA})
            QCOMPARE(smart(feature), kReady);
        for (uint64_t log : {0, 1, 6})
            QCOMPARE(smart(0xD5, log), kReady);
        QCOMPARE(smart(0xD9), kReady);
        QCOMPARE(smart(0xD0), kAborted); // disabled
        driver.recover(kDisk);
        QCOMPARE(smart(0xD8), kReady);
        QCOMPARE(driver.run(kDisk, withFeatures(command(0xB0, 0, 1, 512), 0xD0)), kAborted);
    }

    void aRealImageBehindTheController() {
        UniqueFd fd(::memfd_create("disk", MFD_CLOEXEC));
        QCOMPARE(::ftruncate(fd.get(), 1 << 20), 0);
        for (auto engine : {IoEngine::Kind::IoUring, IoEngine::Kind::ThreadPool}) {
            auto copy = fd.duplicate();
            QVERIFY(copy);
            auto image = openRawDisk(std::move(*copy), {.engine = engine});
            if (!image) {
                qInfo("SKIP: this host does not allow io_uring");
                continue;
            }
            AhciDriver driver;
            std::vector<AhciDrive> drives;
            drives.push_back({"hd", 0, AhciDrive::Kind::Disk, std::move(*image), ""});
            auto made = AhciController::create({0x1F, 2}, driver.services(), std::move(drives));
            QVERIFY(made);
            driver.disk = driver.disc = nullptr;
            driver.controller = std::move(*made);
            driver.connect();
            for (unsigned slot = 0; slot < 32; ++slot) {
                driver.fill(kBuffer + slot * 512, 512, static_cast<uint8_t>(slot + 1));
                driver.queue(slot, kWriteQueued, slot * 2, 1, kBuffer + slot * 512);
            }
            auto idle = [&] { return !driver.controller->busy(); };
            QVERIFY(driver.bench.tasks.runUntil(idle));
            QCOMPARE(driver.read(kDisk, kPxSataActive), 0u);
            driver.fill(kBuffer, 64 * 512, 0xEE);
            driver.prepare(kDisk, 0, command(0x25, 0, 64, 64 * 512));
            driver.issue(kDisk, 1);
            QVERIFY(driver.bench.tasks.runUntil(idle));
            auto data = driver.get(kBuffer, 64 * 512);
            for (size_t i = 0; i < data.size(); ++i)
                QCOMPARE(data[i], uint8_t(i / 512 % 2 ? 0 : i / 1024 + 1));
            // In flight when the machine is reset, again and again.
            for (int round = 0; round < 20; ++round) {
                for (unsigned slot = 0; slot < 32; ++slot)
                    driver.queue(slot, kReadQueued, slot, 8, kBuffer + slot * 4096);
                driver.bench.locked([&] { driver.controller->reset(); });
                driver.fill(kBuffer, 32 * 4096, 0xDD);
                driver.bench.tasks.runPosted();
                QCOMPARE(driver.get(kBuffer, 32 * 4096), std::vector<uint8_t>(32 * 4096, 0xDD));
                driver.connect();
            }
        }
    }
};

VIVARIUM_TEST(AtaDiskTest)
#include "ata_disk_test.moc"
