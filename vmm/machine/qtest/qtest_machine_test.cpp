#include "vmm/machine/qtest/qtest_machine.h"

#include "tests/support/test_main.h"
#include "vmm/base/bytes.h"
#include "vmm/machine/qtest/qtest_test_machine.h"

#include <QTest>

#include <array>
#include <random>
#include <string>

using namespace vivarium;

namespace {

constexpr uint32_t kAhciBar = 0xFEB00000;
constexpr uint8_t kVga = 1 << 3, kLpc = 31 << 3, kAhci = 31 << 3 | 2, kSmbus = 31 << 3 | 3;

} // namespace

// The wired machine, driven like a guest would, without a processor.
class QtestMachineTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QtestMachine> m;

    uint32_t readConfig(uint8_t devfn, uint8_t offset) {
        m->writePort(0xCF8, 4, 0x80000000u | uint32_t{devfn} << 8 | offset);
        return m->readPort(0xCFC, 4);
    }
    void writeConfig(uint8_t devfn, uint8_t offset, uint32_t value) {
        m->writePort(0xCF8, 4, 0x80000000u | uint32_t{devfn} << 8 | offset);
        m->writePort(0xCFC, 4, value);
    }
    template <class T>
    T read(GuestAddress address) {
        uint8_t bytes[sizeof(T)];
        m->readMemory(address, bytes);
        return loadLe<T>(bytes);
    }
    template <class T>
    void write(GuestAddress address, std::type_identity_t<T> value) {
        uint8_t bytes[sizeof(T)];
        storeLe<T>(bytes, value);
        m->writeMemory(address, bytes);
    }
    bool raised(uint32_t gsi) {
        bool any = false;
        for (const auto& change : m->takeInterruptChanges())
            any |= change.gsi == gsi && change.high;
        return any;
    }
    // One command on AHCI port `port`: a register FIS at 0x10100, data at 0x20000.
    void runAhci(unsigned port, const std::vector<uint8_t>& fis, uint32_t dataBytes,
                 const std::vector<uint8_t>& packet = {}) {
        const GuestAddress registers = kAhciBar + 0x100 + port * 0x80;
        write<uint32_t>(registers + 0x00, 0x8000); // PxCLB
        write<uint32_t>(registers + 0x08, 0x9000); // PxFB
        write<uint32_t>(registers + 0x18, 0x11);   // PxCMD: FRE, ST
        const uint32_t flags =
            5 | (packet.empty() ? 0 : 0x20) | 1 << 16; // FIS length, ATAPI, PRDTL
        write<uint32_t>(0x8000, flags);
        write<uint32_t>(0x8004, 0);
        write<uint64_t>(0x8008, 0x10000); // CTBA
        m->writeMemory(0x10000, std::vector<uint8_t>(0x90));
        m->writeMemory(0x10000, fis);
        if (!packet.empty())
            m->writeMemory(0x10040, packet);
        write<uint64_t>(0x10080, 0x20000);
        write<uint32_t>(0x1008C, dataBytes - 1);
        write<uint32_t>(registers + 0x38, 1); // PxCI
    }
    bool succeeded(unsigned port) {
        const GuestAddress registers = kAhciBar + 0x100 + port * 0x80;
        return read<uint32_t>(registers + 0x38) == 0 && !(read<uint32_t>(registers + 0x20) & 1);
    }
    void enableAhci() {
        writeConfig(kAhci, 0x24, kAhciBar);
        writeConfig(kAhci, 0x04, 0x0006);
        write<uint32_t>(kAhciBar + 4, 0x80000000); // GHC.AE
    }

private Q_SLOTS:
    void init() {
        m = test::makeQtestMachine();
        QVERIFY(m);
    }

    void theFunctionsOfTheBoardAnswer() {
        QCOMPARE(readConfig(0, 0), 0x29C08086u);
        QCOMPARE(readConfig(kLpc, 0), 0x29188086u);
        QCOMPARE(readConfig(kAhci, 0), 0x29228086u);
        QCOMPARE(readConfig(kSmbus, 0), 0x29308086u);
        QCOMPARE(readConfig(kVga, 0), 0x11111234u);
        QCOMPARE(readConfig(5 << 3, 0), 0xFFFFFFFFu);
        writeConfig(0, 0x60, 0xB0000001); // PCIEXBAR
        QCOMPARE(read<uint32_t>(0xB0000000), 0x29C08086u);
        QCOMPARE(read<uint16_t>(0xB0000000 + (uint64_t{kAhci} << 12) + 2), uint16_t(0x2922));
    }

    void whatTheAcceleratorProvidesIsAbsent() {
        QCOMPARE(m->readPort(0x40, 1), 0xFFu); // PIT
        QCOMPARE(m->readPort(0x21, 1), 0xFFu); // PIC
        QCOMPARE(read<uint32_t>(0xFEC00000), 0xFFFFFFFFu);
    }

    void shadowMemoryOpensByPam() {
        write<uint8_t>(0xC0000, 0x12);
        QVERIFY(read<uint8_t>(0xC0000) != 0x12);
        writeConfig(0, 0x90, readConfig(0, 0x90) | 0x3300); // PAM1: 0xC0000..0xC7FFF read and write
        write<uint8_t>(0xC0000, 0x12);
        QCOMPARE(read<uint8_t>(0xC0000), uint8_t(0x12));
    }

    void theDiskIdentifiesReadsAndWrites() {
        enableAhci();
        QCOMPARE(read<uint32_t>(kAhciBar + 0x128) & 0xF, 3u); // PxSSTS: device present
        runAhci(0, {0x27, 0x80, 0xEC, 0, 0, 0, 0, 0}, 512);
        QVERIFY(succeeded(0)); // IDENTIFY DEVICE
        std::string serial;
        for (GuestAddress at = 0x20000 + 20; at < 0x20000 + 40; at += 2) {
            serial += static_cast<char>(read<uint8_t>(at + 1)); // ATA strings swap bytes
            serial += static_cast<char>(read<uint8_t>(at));
        }
        QVERIFY2(serial.find("TESTDISK") != std::string::npos, serial.c_str());
        QCOMPARE(read<uint32_t>(0x20000 + 200), uint32_t(test::kTestDiskBytes / 512));
        // READ DMA EXT of sector 77, then WRITE DMA EXT of it to sector 3 and back.
        runAhci(0, {0x27, 0x80, 0x25, 0, 77, 0, 0, 0x40, 0, 0, 0, 0, 1, 0}, 512);
        QVERIFY(succeeded(0));
        QCOMPARE(read<uint32_t>(0x20000), 77u);
        write<uint32_t>(0x8000, 0);
        runAhci(0, {0x27, 0x80, 0x35, 0, 3, 0, 0, 0x40, 0, 0, 0, 0, 1, 0}, 512);
        QVERIFY(succeeded(0));
        write<uint32_t>(0x20000, 0);
        runAhci(0, {0x27, 0x80, 0x25, 0, 3, 0, 0, 0x40, 0, 0, 0, 0, 1, 0}, 512);
        QVERIFY(succeeded(0));
        const auto drives = [&] {
            MutexLocker lock(m->deviceLock());
            return m->board().drives();
        }();
        QCOMPARE(drives.size(), size_t(2));
        QVERIFY(drives[0].readRequests >= 2);
    }

    void theOpticalDriveIdentifiesAndIsEmpty() {
        enableAhci();
        runAhci(1, {0x27, 0x80, 0xA1, 0, 0, 0, 0, 0}, 512);
        QVERIFY(succeeded(1));                              // IDENTIFY PACKET DEVICE
        QCOMPARE(read<uint16_t>(0x20000) & 0xFF00, 0x8500); // ATAPI, CD-ROM, removable
        // INQUIRY: a CD device, removable.
        runAhci(1, {0x27, 0x80, 0xA0, 1, 0, 36, 0, 0}, 36,
                {0x12, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0});
        QVERIFY(succeeded(1));
        QCOMPARE(read<uint8_t>(0x20000) & 0x1F, 5);
        // TEST UNIT READY fails: no medium.
        runAhci(1, {0x27, 0x80, 0xA0, 0, 0, 0, 0, 0}, 512, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
        QVERIFY(!succeeded(1));
    }

    void theHpetCountsAndInterrupts() {
        constexpr GuestAddress kHpet = 0xFED00000;
        const uint64_t capabilities = read<uint64_t>(kHpet);
        const uint64_t periodFs = capabilities >> 32;
        QVERIFY(periodFs > 0 && periodFs <= 100'000'000); // HPET 1.0a, 2.3.4
        write<uint64_t>(kHpet + 0x10, 1);                 // main counter on
        m->advanceTo(m->nowNs() + 1'000'000);
        const uint64_t counter = read<uint64_t>(kHpet + 0xF0);
        QCOMPARE(counter, 1'000'000ull * 1'000'000 / periodFs);
        // Timer 0, one shot in 2 ms, on interrupt 20: edge triggered.
        const uint64_t routes = read<uint64_t>(kHpet + 0x100) >> 32;
        QVERIFY2(routes >> 20 & 1, qPrintable(QString::number(routes, 16)));
        write<uint64_t>(kHpet + 0x100, 20ull << 9 | 1 << 2);
        write<uint64_t>(kHpet + 0x108, counter + 2'000'000ull * 1'000'000 / periodFs);
        m->takeInterruptChanges();
        m->advanceTo(m->nowNs() + 1'999'000);
        QVERIFY(!raised(20));
        m->advanceTo(m->nowNs() + 2'000);
        QVERIFY(raised(20));
    }

    void theRtcTicks() {
        const auto readRtc = [&](uint8_t index) {
            m->writePort(0x70, 1, index);
            return m->readPort(0x71, 1);
        };
        const uint32_t before = readRtc(0x00);
        m->advanceTo(m->nowNs() + 1'000'000'000);
        const uint32_t after = readRtc(0x00);
        QVERIFY(before != after);
        m->writePort(0x70, 1, 0x0B); // update interrupt
        m->writePort(0x71, 1, m->readPort(0x71, 1) | 0x10);
        readRtc(0x0C); // the flag of the updates so far
        m->takeInterruptChanges();
        m->advanceTo(m->nowNs() + 1'000'000'000);
        QVERIFY(raised(8));
    }

    void theScreenShowsText() {
        std::string_view text = "ok";
        for (size_t i = 0; i < text.size(); ++i)
            write<uint16_t>(0xB8000 + 2 * i, static_cast<uint16_t>(0x0700 | text[i]));
        m->writePort(0x1CE, 2, 0);
        QCOMPARE(m->readPort(0x1CF, 2) & 0xFFF0, 0xB0C0u);
    }

    void guestsEndTheMachine() {
        m->writePort(0xF4, 1, 0x11);
        QCOMPARE(m->exitValue().value_or(0), uint8_t(0x11));
        m->writePort(0xCF9, 1, 0x06);
        QCOMPARE(m->resetCount(), uint64_t(1));
        QCOMPARE(readConfig(0, 0), 0x29C08086u);
    }

    void aLongStepWithAFastTimerEnds() {
        constexpr GuestAddress kHpet = 0xFED00000;
        write<uint64_t>(kHpet + 0x100, 1 << 3 | 1 << 2 | 1 << 6); // periodic
        write<uint64_t>(kHpet + 0x108, 1);
        write<uint64_t>(kHpet + 0x10, 1);
        const uint64_t target = m->nowNs() + 1'000'000'000'000'000;
        m->advanceTo(target);
        QCOMPARE(m->nowNs(), target);
    }

    // Any access to any place: nothing crashes, hangs or reads outside.
    void randomAccessesAreSurvived_data() {
        QTest::addColumn<unsigned>("seed");
        for (unsigned seed = 1; seed <= 4; ++seed)
            QTest::newRow(qPrintable(QString::number(seed))) << seed;
    }
    void randomAccessesAreSurvived() {
        QFETCH(unsigned, seed);
        std::mt19937_64 random(seed);
        enableAhci();
        writeConfig(0, 0x60, 0xB0000001);
        writeConfig(kVga, 0x10, 0xE0000000);
        writeConfig(kVga, 0x18, 0xFEA00000);
        writeConfig(kVga, 0x04, 7);
        static constexpr std::array<uint64_t, 12> kBases{
            kAhciBar,   kAhciBar + 0x100, kAhciBar + 0x180, 0xB0000000 + (uint64_t{kAhci} << 12),
            0xFEA00000, 0xFEA00400,       0xFED00000,       0xA0000,
            0xB8000,    0xE0000000,       0xFED1C000,       0xB0000000 + (uint64_t{kVga} << 12)};
        static constexpr std::array<uint16_t, 14> kPorts{0x3F8, 0x60,  0x64,  0x70,  0x3C0,
                                                         0x1CE, 0x510, 0x514, 0x600, 0xCF8,
                                                         0xCFC, 0x92,  0x00,  0x80};
        for (int i = 0; i < 20'000; ++i) {
            const uint64_t word = random();
            const unsigned sizeBytes = 1u << (word & 3);
            const uint64_t value = random() >> (random() & 63);
            switch (word >> 2 & 3) {
            case 0:
                write<uint64_t>(kBases[(word >> 8) % kBases.size()] + (word >> 16 & 0x1FF), value);
                break;
            case 1: {
                std::array<uint8_t, 8> bytes;
                m->readMemory(kBases[(word >> 8) % kBases.size()] + (word >> 16 & 0xFFF),
                              {bytes.data(), sizeBytes});
                break;
            }
            case 2: {
                const uint16_t near = kPorts[(word >> 8) % kPorts.size()];
                const auto port =
                    static_cast<uint16_t>(word >> 40 & 7 ? near + (word >> 16 & 15) : word >> 16);
                m->writePort(port, std::min(sizeBytes, 4u), static_cast<uint32_t>(value));
                break;
            }
            case 3:
                m->readPort(static_cast<uint16_t>(word >> 16), std::min(sizeBytes, 4u));
                break;
            }
            if (i % 64 == 0)
                m->advanceTo(m->nowNs() + (value & 0xFFFFF));
        }
    }

    // The state of all devices together: saved, restored into another machine, the same bytes.
    void savedStateIsRestored() {
        enableAhci();
        m->writePort(0x3FF, 1, 0x77);
        m->advanceTo(m->nowNs() + 123'456'789);
        const auto save = [](QtestMachine& machine) {
            MutexLocker lock(machine.deviceLock());
            StateWriter writer;
            for (const Device* device : machine.board().devices())
                device->save(writer);
            return writer.finish();
        };
        const std::vector<uint8_t> state = save(*m);
        auto other = test::makeQtestMachine();
        other->advanceTo(m->nowNs());
        {
            MutexLocker lock(other->deviceLock());
            auto reader = StateReader::open(state);
            QVERIFY(reader);
            for (Device* device : other->board().devices())
                QVERIFY2(device->restore(*reader), std::string(device->name()).c_str());
        }
        QVERIFY(save(*other) == state);
    }
};
VIVARIUM_TEST(QtestMachineTest)

#include "qtest_machine_test.moc"
