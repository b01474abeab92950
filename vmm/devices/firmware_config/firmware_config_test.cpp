#include "vmm/devices/firmware_config/firmware_config.h"

#include "tests/support/device_contract.h"
#include "tests/support/test_main.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::test;

namespace {

constexpr GuestAddress kDescriptor = 0x1000;
constexpr GuestAddress kTarget = 0x2000;

std::vector<uint8_t> bytes(std::string_view text) {
    return {text.begin(), text.end()};
}

struct Fixture {
    Fixture() : config(std::move(*FirmwareConfig::create(bench.ports, bench.memory))) {
        QVERIFY(config->addFile("etc/zebra", bytes("stripes")));
        QVERIFY(config->addFile("bootorder", bytes("first\nsecond\n")));
        QVERIFY(config->addItem(firmware_key::kCpuCount, FirmwareConfig::bytesOf<uint16_t>(4)));
    }
    std::string readItem(uint16_t key, size_t count) {
        bench.ports.write(0x510, 2, key);
        std::string text;
        for (size_t i = 0; i < count; ++i)
            text += static_cast<char>(bench.ports.read(0x511, 1));
        return text;
    }
    // Runs a DMA and returns the control word afterwards.
    uint32_t dma(uint32_t control, uint32_t lengthBytes, GuestAddress address) {
        uint8_t descriptor[16];
        storeBe<uint32_t>(descriptor, control);
        storeBe<uint32_t>(descriptor + 4, lengthBytes);
        storeBe<uint64_t>(descriptor + 8, address);
        (void)bench.memory.write(kDescriptor, descriptor);
        bench.ports.write(0x514, 4, 0);
        bench.ports.write(0x518, 4, byteSwap(uint32_t{kDescriptor}));
        return byteSwap(*bench.memory.readObject<uint32_t>(kDescriptor));
    }
    std::string target(size_t count) {
        auto view = *bench.memory.view(kTarget, count);
        return {view.begin(), view.end()};
    }

    DeviceBench bench;
    std::unique_ptr<FirmwareConfig> config;
};

constexpr uint32_t kRead = 2, kSkip = 4, kSelect = 8, kWrite = 16;

} // namespace

class FirmwareConfigTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void announcesItself() {
        Fixture f;
        QCOMPARE(f.readItem(0, 4), std::string("QEMU"));
        QCOMPARE(f.readItem(1, 4), std::string("\x03\0\0\0", 4));
        QCOMPARE(f.bench.ports.read(0x514, 4), 0x554D4551u); // "QEMU" in memory order
        QCOMPARE(f.bench.ports.read(0x518, 4), 0x47464320u); // " CFG"
    }

    void readsItemsAndZerosBehindThem() {
        Fixture f;
        QCOMPARE(f.readItem(5, 3), std::string("\x04\0\0", 3));
        QCOMPARE(f.readItem(0x7777, 2), std::string("\0\0", 2));
        QCOMPARE(f.readItem(5, 1), std::string("\x04")); // selecting rewinds
    }

    void directoryIsSortedByName() {
        Fixture f;
        std::string directory = f.readItem(0x19, 4 + 2 * 64);
        QCOMPARE(loadBe<uint32_t>(directory.data()), 2u);
        QCOMPARE(loadBe<uint32_t>(directory.data() + 4), 13u);
        QCOMPARE(loadBe<uint16_t>(directory.data() + 8), uint16_t{0x20});
        QCOMPARE(std::string(directory.data() + 12), std::string("bootorder"));
        QCOMPARE(loadBe<uint16_t>(directory.data() + 72), uint16_t{0x21});
        QCOMPARE(std::string(directory.data() + 76), std::string("etc/zebra"));
        QCOMPARE(f.readItem(0x21, 7), std::string("stripes"));
    }

    void dmaSelectsReadsAndSkips() {
        Fixture f;
        QCOMPARE(f.dma(0x20u << 16 | kSelect | kRead, 5, kTarget), 0u);
        QCOMPARE(f.target(5), std::string("first"));
        QCOMPARE(f.dma(kSkip, 1, 0), 0u);
        QCOMPARE(f.dma(kRead, 10, kTarget), 0u);
        QCOMPARE(f.target(10), std::string("second\n\0\0\0", 10));
        QCOMPARE(f.dma(0x21u << 16 | kSelect, 0, 0), 0u);
        QCOMPARE(f.bench.ports.read(0x511, 1), uint32_t{'s'}); // both interfaces share the position
    }

    void badDmaReportsAnError_data() {
        QTest::addColumn<uint32_t>("control");
        QTest::addColumn<uint32_t>("lengthBytes");
        QTest::addColumn<quint64>("address");
        QTest::newRow("write") << kWrite << 4u << quint64{kTarget};
        QTest::newRow("outside RAM") << kRead << 4u << quint64{0xFED00000};
        QTest::newRow("across the end")
            << kRead << 0x2000u << quint64{DeviceBench::kRamBytes - 0x1000};
        QTest::newRow("address overflow") << kRead << 0x2000u << ~quint64{0xFFF};
        QTest::newRow("huge") << kRead << 0xFFFFFFFFu << quint64{0};
    }
    void badDmaReportsAnError() {
        QFETCH(uint32_t, control);
        QFETCH(uint32_t, lengthBytes);
        QFETCH(quint64, address);
        Fixture f;
        QCOMPARE(f.dma(0x20u << 16 | kSelect | control, lengthBytes, address), 1u);
    }

    void dmaDescriptorOutsideRamIsIgnored() {
        Fixture f;
        f.bench.ports.write(0x514, 4, 0xFFFFFFFF);
        f.bench.ports.write(0x518, 4, 0xFFFFFFFF);
        QCOMPARE(f.readItem(0, 4), std::string("QEMU"));
    }

    void refusesWhatFirmwareCouldNotRead() {
        Fixture f;
        QCOMPARE(f.config->addFile("bootorder", {}).error().code, ErrorCode::AlreadyExists);
        QCOMPARE(f.config->addFile(std::string(56, 'x'), {}).error().code,
                 ErrorCode::InvalidArgument);
        QCOMPARE(f.config->addItem(5, {}).error().code, ErrorCode::AlreadyExists);
        QCOMPARE(f.config->addItem(0x20, {}).error().code, ErrorCode::InvalidArgument);
        for (size_t i = 2; i < FirmwareConfig::kMaxFiles; ++i)
            QVERIFY(f.config->addFile("f" + std::to_string(i), {}));
        QCOMPARE(f.config->addFile("more", {}).error().code, ErrorCode::LimitExceeded);
    }

    void holdsTheDeviceContract() {
        DeviceContract contract;
        contract.make = [](DeviceBench& bench) {
            auto config = std::move(*FirmwareConfig::create(bench.ports, bench.memory));
            (void)config->addFile("etc/e820", std::vector<uint8_t>(300, 7));
            return config;
        };
        contract.ports = {{0x510, 12}};
        contract.poke = [](DeviceBench& bench, Device&, std::mt19937_64& random) {
            // A descriptor that looks like one, started from where it lies.
            uint8_t descriptor[16];
            storeBe<uint32_t>(descriptor, static_cast<uint32_t>(0x20 << 16 | (random() & 0x1F)));
            storeBe<uint32_t>(descriptor + 4, static_cast<uint32_t>(random() % 1000));
            storeBe<uint64_t>(descriptor + 8, interestingValue(random));
            (void)bench.memory.write(kDescriptor, descriptor);
            bench.ports.write(0x518, 4, byteSwap(uint32_t{kDescriptor}));
        };
        QCOMPARE(checkDeviceContract(contract), QString());
    }
};
VIVARIUM_TEST(FirmwareConfigTest)

#include "firmware_config_test.moc"
