#include "vmm/devices/pci/pci_bus.h"
#include "vmm/devices/pci/pci_device.h"
#include "vmm/devices/pci/pci_registers.h"

#include "tests/support/pci_device_contract.h"
#include "tests/support/test_main.h"
#include "vmm/base/shared_mapping.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::test;

namespace {

constexpr PciAddress kSlot{3, 0};
constexpr uint64_t kApic = 0xFEE00000;

struct Features {
    bool msi = false;
    bool msix = false;
};

// A function with one of everything.
class SampleDevice final : public PciDevice {
public:
    SampleDevice(DeviceBench& bench, PciInterruptRouter& router, Features features)
        : PciDevice("sample", kSlot,
                    {.vendorId = 0x1234,
                     .deviceId = 0x5678,
                     .classCode = 0x030000,
                     .revision = 2,
                     .interruptPin = 2},
                    {bench.ports, bench.memoryMap, bench.interrupts, router}) {
        addBar(0, BarKind::Io, 16,
               ioHandler<&SampleDevice::readRegister, &SampleDevice::writeRegister>(this));
        auto memory = SharedMapping::create("sample", 0x10000);
        m_memory = std::move(*memory);
        addMemoryBar(2, BarKind::Memory64Prefetchable, 0x10000, m_memory.data(),
                     MemoryRegion::DirtyLog::Off);
        addExpansionRom({0x55, 0xAA, 4, 0xCB});
        if (features.msi)
            addMsiCapability(4);
        if (features.msix)
            addMsixCapability(5, 1);
    }

    using PciDevice::barAddress;
    using PciDevice::sendMessage;
    using PciDevice::setInterrupt;
    using PciDevice::setIntx;
    uint64_t readRegister(uint64_t offset, unsigned) { return 0xA0 + offset; }
    void writeRegister(uint64_t, unsigned, uint64_t value) { lastWrite = value; }
    void mappingsChanged() override { ++mappingChanges; }

    void reset() override {
        PciDevice::reset();
        std::fill_n(m_memory.data(), m_memory.sizeBytes(), uint8_t{0});
    }
    void save(StateWriter& writer) const override {
        PciDevice::save(writer);
        writer.fields(std::vector<uint8_t>(m_memory.bytes().begin(), m_memory.bytes().end()));
    }
    Result<void> restore(StateReader& reader) override {
        TRY(PciDevice::restore(reader));
        std::vector<uint8_t> memory;
        auto result = reader.fields(memory);
        if (!result || memory.size() != m_memory.sizeBytes()) {
            reset();
            return fail(ErrorCode::Corrupt, "sample: memory");
        }
        std::copy(memory.begin(), memory.end(), m_memory.data());
        return {};
    }

    uint64_t lastWrite = 0;
    int mappingChanges = 0;

private:
    SharedMapping m_memory;
};

// A device on a bus, as the guest sees it.
struct Fixture {
    explicit Fixture(Features features = {}) : device(bench, router, features) {
        bus = std::move(*PciBus::create(bench.ports));
        QVERIFY(bus->add(device));
    }
    uint32_t read(uint8_t reg, unsigned sizeBytes = 4, uint8_t devfn = kSlot.devfn()) {
        bench.ports.write(0xCF8, 4, 0x80000000 | devfn << 8 | (reg & 0xFC));
        return bench.ports.read(0xCFC + (reg & 3), sizeBytes);
    }
    void write(uint8_t reg, unsigned sizeBytes, uint32_t value) {
        bench.ports.write(0xCF8, 4, 0x80000000 | kSlot.devfn() << 8 | (reg & 0xFC));
        bench.ports.write(0xCFC + (reg & 3), sizeBytes, value);
    }
    uint8_t findCapability(uint8_t id) {
        uint8_t at = static_cast<uint8_t>(read(0x34, 1));
        for (int i = 0; at && i < 48; ++i, at = static_cast<uint8_t>(read(at + 1, 1)))
            if (read(at, 1) == id)
                return at;
        return 0;
    }
    void setIntx(bool high) {
        bench.locked([&] { device.setIntx(high); });
    }
    void setInterrupt(bool high) {
        bench.locked([&] { device.setInterrupt(high); });
    }
    void send(uint16_t index) {
        bench.locked([&] { device.sendMessage(index); });
    }

    DeviceBench bench;
    RecordingInterruptRouter router;
    SampleDevice device;
    std::unique_ptr<PciBus> bus;
};

using Messages = std::vector<RecordingInterruptSink::Message>;

} // namespace

class PciDeviceTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void identityIsReadByEveryWidth() {
        Fixture f;
        QCOMPARE(f.read(0x00), 0x56781234u);
        QCOMPARE(f.read(0x02, 2), 0x5678u);
        QCOMPARE(f.read(0x03, 1), 0x56u);
        QCOMPARE(f.read(0x01, 2), 0x7812u); // unaligned
        QCOMPARE(f.read(0x08), 0x03000002u);
        QCOMPARE(f.read(0x3D, 1), 2u);
    }

    void identityCannotBeWritten() {
        Fixture f;
        f.write(0x00, 4, 0);
        f.write(0x08, 4, 0);
        f.write(0x3D, 1, 0);
        QCOMPARE(f.read(0x00), 0x56781234u);
        QCOMPARE(f.read(0x08), 0x03000002u);
        QCOMPARE(f.read(0x3D, 1), 2u);
    }

    void absentFunctionsReadAllOnes() {
        Fixture f;
        QCOMPARE(f.read(0x00, 4, PciAddress{4, 0}.devfn()), 0xFFFFFFFFu);
        f.bench.ports.write(0xCF8, 4, 0x80010000 | kSlot.devfn() << 8); // bus 1
        QCOMPARE(f.bench.ports.read(0xCFC, 4), 0xFFFFFFFFu);
        f.bench.ports.write(0xCF8, 4, kSlot.devfn() << 8); // not enabled
        QCOMPARE(f.bench.ports.read(0xCFC, 4), 0xFFFFFFFFu);
    }

    void twoFunctionsCannotShareASlot() {
        Fixture f;
        QCOMPARE(f.bus->add(f.device).error().code, ErrorCode::Busy);
        f.bus->remove(f.device);
        QCOMPARE(f.read(0x00), 0xFFFFFFFFu);
        QVERIFY(f.bus->add(f.device));
    }

    void narrowAddressPortAccessesGoElsewhere() {
        struct Narrow {
            uint64_t read(uint64_t offset, unsigned) { return 0x40 + offset; }
            void write(uint64_t offset, unsigned, uint64_t value) { last = offset << 8 | value; }
            uint64_t last = 0;
        } narrow;
        Fixture f;
        f.bus->setNarrowPortHandler(ioHandler<&Narrow::read, &Narrow::write>(&narrow));
        f.bench.ports.write(0xCF8, 4, 0x80001234);
        f.bench.ports.write(0xCF9, 1, 6);
        QCOMPARE(narrow.last, uint64_t{0x106});
        QCOMPARE(f.bench.ports.read(0xCF9, 1), 0x41u);
        QCOMPARE(f.bench.ports.read(0xCF8, 4), 0x80001234u);
    }

    void memoryWindowReachesAllOfConfigurationSpace() {
        Fixture f;
        MemoryRegion region{.name = "ecam",
                            .base = 0xB0000000,
                            .sizeBytes = PciBus::kEcamBytes,
                            .handler = f.bus->ecamHandler()};
        auto mapping = f.bench.memoryMap.map(region);
        QVERIFY(mapping);
        uint64_t base = 0xB0000000 + (uint64_t{kSlot.devfn()} << 12);
        QCOMPARE(f.bench.readMemory(base, 4), uint64_t{0x56781234});
        QCOMPARE(f.bench.readMemory(base, 8), uint64_t{0x56781234}); // and the command register
        QCOMPARE(f.bench.readMemory(base + 0x100, 4), uint64_t{0});  // no extended capability
        QCOMPARE(f.bench.readMemory(base + 0x1000, 4), uint64_t{0xFFFFFFFF});
        QCOMPARE(f.bench.readMemory(base + (1 << 20), 4), uint64_t{0xFFFFFFFF});
        f.bench.writeMemory(base + 0x3C, 1, 11);
        QCOMPARE(f.read(0x3C, 1), 11u);
    }

    void barsTellTheirSize_data() {
        QTest::addColumn<int>("reg");
        QTest::addColumn<uint32_t>("expected");
        QTest::newRow("io 16") << 0x10 << 0xFFFFFFF1u;
        QTest::newRow("absent") << 0x14 << 0u;
        QTest::newRow("memory64 low") << 0x18 << 0xFFFF000Cu;
        QTest::newRow("memory64 high") << 0x1C << 0xFFFFFFFFu;
        QTest::newRow("rom 4 KiB") << 0x30 << 0xFFFFF001u;
    }
    void barsTellTheirSize() {
        QFETCH(int, reg);
        QFETCH(uint32_t, expected);
        Fixture f;
        f.write(static_cast<uint8_t>(reg), 4, 0xFFFFFFFF);
        QCOMPARE(f.read(static_cast<uint8_t>(reg)), expected);
    }

    void ioBarDecodesWhereItIsPlaced() {
        Fixture f;
        f.write(0x10, 4, 0xC000);
        QCOMPARE(f.bench.ports.read(0xC003, 1), 0xFFu); // not enabled yet
        f.write(0x04, 2, pci::kCommandIo);
        QCOMPARE(f.bench.ports.read(0xC003, 1), 0xA3u);
        QCOMPARE(f.device.barAddress(0), std::optional<uint64_t>(0xC000));
        f.write(0x10, 4, 0xD000);
        QCOMPARE(f.bench.ports.read(0xC003, 1), 0xFFu);
        f.bench.ports.write(0xD000, 2, 0x1234);
        QCOMPARE(f.device.lastWrite, uint64_t{0x1234});
        QCOMPARE(f.device.mappingChanges, 2);
    }

    void takenPortsStayWithTheirOwner() {
        Fixture f;
        auto handler =
            ioHandler<&SampleDevice::readRegister, &SampleDevice::writeRegister>(&f.device);
        auto other = f.bench.ports.map("other", 0xC008, 1, handler);
        QVERIFY(other);
        f.write(0x04, 2, pci::kCommandIo);
        f.write(0x10, 4, 0xC000);
        QVERIFY(!f.device.barAddress(0));
        QCOMPARE(f.bench.ports.read(0xC000, 1), 0xFFu);
        QCOMPARE(f.bench.ports.read(0xC008, 1), 0xA0u);
        f.write(0x10, 4, 0xC010);
        QCOMPARE(f.bench.ports.read(0xC018, 1), 0xA8u);
    }

    void memoryBarIsDirectMemoryAbove4GiBToo() {
        Fixture f;
        f.write(0x18, 4, 0xE0000000);
        f.write(0x1C, 4, 1);
        f.write(0x04, 2, pci::kCommandMemory);
        f.bench.writeMemory(0x1'E0000010, 4, 0xCAFEF00D);
        QCOMPARE(f.bench.readMemory(0x1'E0000010, 4), uint64_t{0xCAFEF00D});
        auto sections = f.bench.memoryMap.directSections();
        QCOMPARE(sections.size(), size_t{1});
        QCOMPARE(sections[0].base, uint64_t{0x1'E0000000});
        QCOMPARE(sections[0].access, DirectSection::Access::ReadWrite);
        f.write(0x04, 2, 0);
        QVERIFY(f.bench.memoryMap.directSections().empty());
    }

    void sizingWithDecodingEnabledHidesNothing() {
        Fixture f;
        f.write(0x04, 2, pci::kCommandMemory | pci::kCommandIo);
        f.write(0x18, 4, 0xFFFFFFFF);
        QVERIFY(!f.device.barAddress(2));
        f.write(0x1C, 4, 0xFFFFFFFF);
        QVERIFY(!f.device.barAddress(2));
        f.write(0x30, 4, 0xFFFFFFFF);
        f.write(0x10, 4, 0xFFFFFFFF);
        QVERIFY(f.bench.memoryMap.directSections().empty());
    }

    void expansionRomNeedsBothEnables() {
        Fixture f;
        f.write(0x30, 4, 0xC0000000);
        f.write(0x04, 2, pci::kCommandMemory);
        QCOMPARE(f.bench.readMemory(0xC0000000, 2), uint64_t{0xFFFF});
        f.write(0x30, 4, 0xC0000001);
        QCOMPARE(f.bench.readMemory(0xC0000000, 2), uint64_t{0xAA55});
        f.bench.writeMemory(0xC0000000, 2, 0);
        QCOMPARE(f.bench.readMemory(0xC0000000, 2), uint64_t{0xAA55});
        QCOMPARE(f.bench.memoryMap.directSections().front().access,
                 DirectSection::Access::ReadOnly);
        f.write(0x04, 2, 0);
        QCOMPARE(f.bench.readMemory(0xC0000000, 2), uint64_t{0xFFFF});
    }

    void intxFollowsTheDisableBit() {
        Fixture f;
        f.setIntx(true);
        QVERIFY(f.router.level(kSlot, 2));
        QCOMPARE(f.read(0x06, 2) & pci::kStatusInterrupt, uint32_t{pci::kStatusInterrupt});
        f.write(0x04, 2, pci::kCommandInterruptDisable);
        QVERIFY(!f.router.level(kSlot, 2));
        QCOMPARE(f.read(0x06, 2) & pci::kStatusInterrupt, uint32_t{pci::kStatusInterrupt});
        f.write(0x04, 2, 0);
        QVERIFY(f.router.level(kSlot, 2));
        f.setIntx(true);
        f.setIntx(false);
        QVERIFY(!f.router.level(kSlot, 2));
        QCOMPARE(f.router.changes(), 4u); // changes only
    }

    void msiSendsOnRisingEdgesAndReplacesIntx() {
        Fixture f({.msi = true});
        uint8_t msi = f.findCapability(pci::kCapabilityMsi);
        QVERIFY(msi);
        f.write(msi + pci::kMsiAddress, 4, 0xFEE01000);
        f.write(msi + pci::kMsiData, 2, 0x4041);
        f.write(msi + pci::kMsiControl, 2, pci::kMsiEnable | 2 << pci::kMsiEnabledShift);
        f.setInterrupt(true);
        QVERIFY(f.bench.interrupts.takeMessages().empty()); // no bus mastering
        f.setInterrupt(false);
        f.write(0x04, 2, pci::kCommandBusMaster);
        f.setInterrupt(true);
        f.setInterrupt(true);
        QCOMPARE(f.bench.interrupts.takeMessages(), (Messages{{0xFEE01000, 0x4040}}));
        QVERIFY(!f.router.level(kSlot, 2));
        f.send(3);
        f.send(4); // beyond the granted ones: shared
        QCOMPARE(f.bench.interrupts.takeMessages(),
                 (Messages{{0xFEE01000, 0x4043}, {0xFEE01000, 0x4040}}));
        f.write(msi + pci::kMsiControl, 2, 0);
        QVERIFY(f.router.level(kSlot, 2)); // the level comes back on the pin
    }

    void maskedMsiIsSentWhenUnmasked() {
        Fixture f({.msi = true});
        uint8_t msi = f.findCapability(pci::kCapabilityMsi);
        f.write(0x04, 2, pci::kCommandBusMaster);
        f.write(msi + pci::kMsiAddress, 4, kApic);
        f.write(msi + pci::kMsiControl, 2, pci::kMsiEnable | 2 << pci::kMsiEnabledShift);
        f.write(msi + pci::kMsiMaskBits, 4, 0xFFFFFFFF);
        QCOMPARE(f.read(msi + pci::kMsiMaskBits), 0xFu);
        f.send(2);
        QVERIFY(f.bench.interrupts.takeMessages().empty());
        QCOMPARE(f.read(msi + pci::kMsiPendingBits), 4u);
        f.write(msi + pci::kMsiMaskBits, 4, 0);
        QCOMPARE(f.bench.interrupts.takeMessages(), (Messages{{kApic, 2}}));
        QCOMPARE(f.read(msi + pci::kMsiPendingBits), 0u);
    }

    void messagesOutsideTheApicWindowAreDropped() {
        Fixture f({.msi = true});
        uint8_t msi = f.findCapability(pci::kCapabilityMsi);
        f.write(0x04, 2, pci::kCommandBusMaster);
        f.write(msi + pci::kMsiControl, 2, pci::kMsiEnable);
        f.write(msi + pci::kMsiAddress, 4, 0x1000);
        f.send(0);
        f.write(msi + pci::kMsiAddress, 4, kApic);
        f.write(msi + pci::kMsiAddress + 4, 4, 1);
        f.send(0);
        QVERIFY(f.bench.interrupts.takeMessages().empty());
    }

    void msixVectorsAreMaskedOneByOne() {
        Fixture f({.msix = true});
        uint8_t msix = f.findCapability(pci::kCapabilityMsix);
        QVERIFY(msix);
        QCOMPARE(f.read(msix + pci::kMsixControl, 2), 4u);
        QCOMPARE(f.read(msix + pci::kMsixTable), 1u);
        QCOMPARE(f.read(msix + pci::kMsixPending), 0x801u);
        f.write(0x14, 4, 0xC1000000);
        f.write(0x04, 2, pci::kCommandMemory | pci::kCommandBusMaster);
        const uint64_t vector3 = 0xC1000000 + 3 * 16;
        QCOMPARE(f.bench.readMemory(vector3 + 12, 4), uint64_t{1});
        f.bench.writeMemory(vector3, 8, kApic + 0x3000);
        f.bench.writeMemory(vector3 + 8, 4, 0x77);
        f.write(msix + pci::kMsixControl, 2, pci::kMsixEnable);
        f.send(3);
        f.send(5); // no such vector
        QVERIFY(f.bench.interrupts.takeMessages().empty());
        QCOMPARE(f.bench.readMemory(0xC1000800, 8), uint64_t{8});
        f.bench.writeMemory(vector3 + 12, 4, 0);
        QCOMPARE(f.bench.interrupts.takeMessages(), (Messages{{kApic + 0x3000, 0x77}}));
        QCOMPARE(f.bench.readMemory(0xC1000800, 8), uint64_t{0});
        f.write(msix + pci::kMsixControl, 2, pci::kMsixEnable | pci::kMsixFunctionMask);
        f.send(3);
        QVERIFY(f.bench.interrupts.takeMessages().empty());
        f.write(msix + pci::kMsixControl, 2, pci::kMsixEnable);
        QCOMPARE(f.bench.interrupts.takeMessages(), (Messages{{kApic + 0x3000, 0x77}}));
    }

    void resetUnmapsAndDropsInterrupts() {
        Fixture f({.msi = true, .msix = true});
        placeBars(f.bench, f.device);
        f.setInterrupt(true);
        f.bench.locked([&] { f.device.reset(); });
        QVERIFY(!f.router.level(kSlot, 2));
        QVERIFY(!f.device.barAddress(0));
        QVERIFY(f.bench.memoryMap.directSections().empty());
        QCOMPARE(f.read(0x04, 2), 0u);
    }

    void aStateOfAnotherDeviceIsRefused() {
        Fixture f;
        Fixture other({.msix = true});
        auto state = contract_detail::saveDevice(other.bench, other.device);
        QCOMPARE(contract_detail::restoreDevice(f.bench, f.device, state).error().code,
                 ErrorCode::Corrupt);
    }

    void holdsTheDeviceContract_data() {
        QTest::addColumn<bool>("msi");
        QTest::addColumn<bool>("msix");
        QTest::newRow("intx") << false << false;
        QTest::newRow("msi") << true << false;
        QTest::newRow("both") << true << true;
    }
    void holdsTheDeviceContract() {
        QFETCH(bool, msi);
        QFETCH(bool, msix);
        RecordingInterruptRouter router;
        DeviceContract contract;
        contract.make = [&](DeviceBench& bench) {
            return std::make_unique<SampleDevice>(bench, router, Features{msi, msix});
        };
        contract.poke = [](DeviceBench& bench, Device& device, std::mt19937_64& random) {
            MutexLocker locker(bench.lock);
            if (random() % 2)
                static_cast<SampleDevice&>(device).setInterrupt(random() % 2);
            else
                static_cast<SampleDevice&>(device).sendMessage(static_cast<uint16_t>(random()));
        };
        QCOMPARE(checkPciDeviceContract(contract), QString());
    }

    void busHoldsTheDeviceContract() {
        DeviceContract contract;
        contract.make = [](DeviceBench& bench) { return std::move(*PciBus::create(bench.ports)); };
        contract.ports = {{0xCF8, 8}};
        QCOMPARE(checkDeviceContract(contract), QString());
    }
};
VIVARIUM_TEST(PciDeviceTest)

#include "pci_device_test.moc"
