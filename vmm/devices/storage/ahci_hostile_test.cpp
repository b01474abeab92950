#include "tests/support/test_main.h"
#include "vmm/devices/storage/test_support/ahci_driver.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::ahci;
using test::AhciDriver;
using test::DriverCommand;

namespace {
constexpr unsigned kDisk = AhciDriver::kDisk;
constexpr GuestAddress kBuffer = AhciDriver::kBuffer;
constexpr uint64_t kRamEnd = test::DeviceBench::kRamBytes;
} // namespace

// What no driver does: structures outside RAM, tables that end early or never, loops of doorbells.
class AhciHostileTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void regionsOutsideRamTouchNothing_data() {
        QTest::addColumn<quint64>("address");
        QTest::addColumn<int>("code");
        for (int code : {0x25, 0x35, 0x60, 0x61, 0xEC, 0x06, 0x2F}) {
            QTest::addRow("end %02x", code) << quint64{kRamEnd - 128} << code;
            QTest::addRow("hole %02x", code) << quint64{0xC0000000} << code;
            QTest::addRow("self %02x", code) << quint64{0xC0000100} << code;
            QTest::addRow("top %02x", code) << ~quint64{255} << code;
        }
    }
    void regionsOutsideRamTouchNothing() {
        QFETCH(quint64, address);
        QFETCH(int, code);
        AhciDriver driver;
        driver.fill(kBuffer, 512, 0xEE);
        DriverCommand command;
        command.command = static_cast<uint8_t>(code);
        command.features = 1;
        command.count = code == 0x60 || code == 0x61 ? 0 : 1;
        if (code == 0x60 || code == 0x61)
            command.features = 2;
        if (code == 0x2F)
            command.lba = 0x10;
        command.regions = {{kBuffer, 256}, {address, 1024}};
        if (code == 0x25 || code == 0x35)
            command.count = 2;
        auto before = driver.disk->bytes();
        driver.run(kDisk, command);
        QVERIFY(driver.read(kDisk, kPxInterruptStatus) & kIntHostBusFatal);
        QCOMPARE(driver.get(kBuffer, 256), std::vector<uint8_t>(256, 0xEE));
        QVERIFY(driver.disk->history().empty());
        QVERIFY(driver.disk->bytes() == before);
        // Nothing runs until the driver restarts the port; then everything does.
        driver.issue(kDisk, 2);
        QVERIFY(driver.disk->history().empty());
        driver.comreset(kDisk);
        command.command = 0x25;
        command.count = 1;
        command.regions = {{kBuffer, 512}};
        QCOMPARE(driver.run(kDisk, command), 0x50u);
    }

    void listsAndTablesOutsideRam() {
        AhciDriver driver;
        DriverCommand command;
        command.command = 0xEC;
        command.regions = {{kBuffer, 512}};
        driver.prepare(kDisk, 0, command);
        driver.write(kDisk, kPxCommandListUpper, 0xFFFFFFFF);
        driver.issue(kDisk, 1);
        QVERIFY(driver.read(kDisk, kPxInterruptStatus) & kIntHostBusFatal);
        driver.write(kDisk, kPxCommandListUpper, 0);
        driver.recover(kDisk);

        std::array<uint8_t, 8> table{};
        for (uint64_t at :
             {uint64_t{kRamEnd - 0x80}, uint64_t{kRamEnd}, ~uint64_t{0x7F}, uint64_t{0xC0000000}}) {
            storeLe<uint64_t>(table.data(), at);
            driver.prepare(kDisk, 0, command);
            driver.put(driver.commandList(kDisk) + 8, table);
            driver.issue(kDisk, 1);
            // In the first case only the region table is outside; the frame is zeroes.
            QVERIFY(driver.read(kDisk, kPxInterruptStatus) &
                    (at < kRamEnd ? kIntTaskFileError : kIntHostBusFatal));
            driver.recover(kDisk);
        }

        driver.prepare(kDisk, 0, command);
        driver.write(kDisk, kPxFisBaseUpper, 0x1000);
        driver.issue(kDisk, 1);
        QVERIFY(driver.read(kDisk, kPxInterruptStatus) & kIntHostBusFatal);
        driver.write(kDisk, kPxFisBaseUpper, 0);
        driver.comreset(kDisk);
        QCOMPARE(driver.run(kDisk, command), 0x50u);
    }

    void aTableThatEndsEarly() {
        AhciDriver driver;
        driver.fill(kBuffer, 1024, 0xEE);
        DriverCommand command;
        command.command = 0x25;
        command.count = 2;
        command.regions = {{kBuffer, 1000}};
        QCOMPARE(driver.run(kDisk, command), 0x0451u);
        QVERIFY(driver.read(kDisk, kPxInterruptStatus) & kIntOverflow);
        QCOMPARE(driver.get(kBuffer, 1024), std::vector<uint8_t>(1024, 0xEE));
        driver.recover(kDisk);
        command.regions.clear();
        QCOMPARE(driver.run(kDisk, command), 0x0451u);
        driver.recover(kDisk);
        command.command = 0xEC;
        command.regions = {{kBuffer, 100}};
        driver.run(kDisk, command);
        QVERIFY(driver.read(kDisk, kPxInterruptStatus) & kIntOverflow);
        QCOMPARE(driver.transferCount(kDisk), 100u);
        QCOMPARE(driver.get(kBuffer + 100, 100), std::vector<uint8_t>(100, 0xEE));
    }

    void hugeTablesAreWorkedOffInPieces() {
        AhciDriver driver;
        // One table of 65,535 two-byte regions for all slots, behind the other structures.
        constexpr GuestAddress kTable = 0x200000;
        std::vector<uint8_t> table(0x80 + 65535 * 16);
        table[0] = 0x27;
        table[1] = 0x80;
        table[2] = 0x25;
        table[7] = 0x40;
        table[12] = 255; // sectors: 130,560 bytes, 65,280 regions
        for (size_t i = 0; i < 65535; ++i) {
            storeLe<uint64_t>(&table[0x80 + i * 16], 0x3A0000 + i * 2);
            storeLe<uint32_t>(&table[0x80 + i * 16 + 12], 1);
        }
        driver.put(kTable, table);
        for (unsigned slot = 0; slot < 32; ++slot) {
            std::array<uint8_t, 32> header{5, 0, 0xFF, 0xFF};
            storeLe<uint64_t>(&header[8], kTable);
            driver.put(driver.commandList(kDisk) + slot * 32, header);
        }
        driver.issue(kDisk, 0xFFFFFFFF);
        driver.finish();
        QCOMPARE(driver.read(kDisk, kPxCommandIssue), 0u);
        QCOMPARE(driver.read(kDisk, kPxTaskFile), 0x50u);
        QCOMPARE(driver.get(0x3A0000, 255 * 512),
                 std::vector<uint8_t>(driver.disk->bytes().begin(),
                                      driver.disk->bytes().begin() + 255 * 512));
        // Commands that end at once give way to the machine after one full table.
        table[2] = 0xEC;
        driver.put(kTable, table);
        driver.issue(kDisk, 0xFFFFFFFF);
        QVERIFY(driver.read(kDisk, kPxCommandIssue) != 0);
        driver.bench.tasks.runPosted();
        QCOMPARE(driver.read(kDisk, kPxCommandIssue), 0u);
    }

    void unknownFrames() {
        AhciDriver driver;
        DriverCommand command;
        command.command = 0xEC;
        command.regions = {{kBuffer, 512}};
        driver.prepare(kDisk, 0, command);
        driver.put(driver.table(kDisk, 0), std::vector<uint8_t>{0x99});
        driver.issue(kDisk, 1);
        QCOMPARE(driver.read(kDisk, kPxTaskFile), 0x0451u);
    }

    void buffersOverTheAdaptersOwnStructures() {
        AhciDriver driver;
        DriverCommand command;
        command.command = 0x25;
        command.count = 8;
        command.regions = {{driver.commandList(kDisk), 4096}}; // list and frames too
        driver.run(kDisk, command);
        driver.issue(kDisk, 0xFFFFFFFF); // whatever the slots say now
        driver.finish();
        command.count = 1;
        command.regions = {{kBuffer, 512}};
        driver.comreset(kDisk);
        QCOMPARE(driver.run(kDisk, command), 0x50u);
    }

    void portsWithoutADriveDoNothing() {
        AhciDriver driver;
        driver.startPort(1);
        driver.issue(1, 0xFFFFFFFF, true);
        QCOMPARE(driver.read(1, kPxCommandIssue), 0xFFFFFFFFu);
        driver.write(1, kPxSataControl, 1);
        driver.write(1, kPxSataControl, 0);
        QCOMPARE(driver.read(1, kPxSataStatus), 0u);
        driver.write(1, kPxCommand, 0);
        QCOMPARE(driver.read(1, kPxCommandIssue), 0u);
    }

    void doorbellsOfAStoppedPortAreIgnored() {
        AhciDriver driver;
        driver.write(kDisk, kPxCommand, kCmdFisEnable);
        driver.issue(kDisk, 0xFFFFFFFF, true);
        QCOMPARE(driver.read(kDisk, kPxCommandIssue), 0u);
        QCOMPARE(driver.read(kDisk, kPxSataActive), 0u);
    }

    void randomCommandsOnBothDrives() {
        AhciDriver driver;
        std::mt19937_64 random(7);
        for (int round = 0; round < 3000; ++round) {
            unsigned port = random() % 2 ? kDisk : AhciDriver::kOptical;
            unsigned slot = random() % 4;
            DriverCommand command;
            command.command =
                static_cast<uint8_t>(random() % 3 ? std::array{0x25, 0x35, 0x60, 0x61, 0xA0, 0x06,
                                                               0x2F, 0xEC}[random() % 8]
                                                  : random());
            command.features = static_cast<uint16_t>(random() % 4 ? random() % 9 : random());
            command.count = static_cast<uint16_t>(random() % 2 ? slot << 3 : random() % 70);
            command.lba = random() % 4 ? random() % 2100 : random();
            command.device = static_cast<uint8_t>(random());
            command.isControl = random() % 50 == 0;
            command.control = static_cast<uint8_t>(random() % 8);
            command.packet.emplace();
            for (uint8_t& byte : *command.packet)
                byte = static_cast<uint8_t>(random() % 3 ? random() % 5 : random());
            (*command.packet)[0] = static_cast<uint8_t>(random());
            for (uint64_t regions = random() % 5; regions > 0; --regions)
                command.regions.push_back({random() % 20 ? kBuffer + random() % 0x100000 : random(),
                                           static_cast<uint32_t>(random() % 0x10000 + 1),
                                           random() % 4 == 0});
            driver.prepare(port, slot, command);
            driver.issue(port, 1u << slot, random() % 2);
            switch (random() % 12) {
            case 0:
                driver.comreset(port);
                break;
            case 1:
                driver.recover(port);
                break;
            case 2:
                if (driver.disk->waiting() > 0)
                    driver.disk->fail(0, random() % 2 ? EIO : ENOSPC);
                break;
            case 3:
                driver.bench.locked([&] { driver.controller->retryStalledRequests(); });
                break;
            case 4: {
                auto disc = random() % 2 ? AhciDriver::makeDisc(65536, 3) : nullptr;
                driver.disc = disc.get();
                (void)driver.bench.locked([&] {
                    return driver.controller->changeMedium("cd", std::move(disc),
                                                           AhciController::ChangeMode::Force);
                });
                break;
            }
            default:
                break;
            }
            driver.forgetEjected();
            if (random() % 3)
                driver.finish();
        }
    }
};

VIVARIUM_TEST(AhciHostileTest)
#include "ahci_hostile_test.moc"
