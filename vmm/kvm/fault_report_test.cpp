#include "tests/support/test_main.h"
#include "vmm/kvm/fault_report.h"

#include <QTest>

#include <array>

using namespace vivarium;

namespace {
struct StoppedVcpu : Vcpu {
    VcpuRegisters state;
    std::optional<uint64_t> unmappedFrom; // linear addresses from here on have no page
    VcpuExit run() override { return {}; }
    void kick() override {}
    Result<VcpuRegisters> registers() override { return state; }
    Result<void> setRegisters(const VcpuRegisters&) override { return {}; }
    std::optional<GuestAddress> translate(uint64_t address) override {
        if (unmappedFrom && address >= *unmappedFrom)
            return std::nullopt;
        return address & 0xFFFFFF;
    }
    Result<void> reset(VcpuStart) override { return {}; }
    Result<void> save(StateWriter&) override { return {}; }
    Result<void> restore(StateReader&) override { return {}; }
};
struct TouchyDevice {
    bool touched = false;
    uint64_t read(uint64_t, unsigned) { return touched = true; }
    void write(uint64_t, unsigned, uint64_t) { touched = true; }
};
} // namespace

class FaultReportTest : public QObject {
    Q_OBJECT

private:
    DeviceLock m_lock;
    MemoryMap m_map{m_lock};
    alignas(4096) std::array<uint8_t, 4096> m_page{};
    TouchyDevice m_device;
    MemoryMapping m_ram, m_registers;

private Q_SLOTS:
    void initTestCase() {
        for (size_t i = 0; i < m_page.size(); ++i)
            m_page[i] = static_cast<uint8_t>(i);
        auto ram = m_map.map({.name = "ram",
                              .base = 0x10000,
                              .sizeBytes = m_page.size(),
                              .kind = MemoryKind::Rom,
                              .host = m_page.data()});
        QVERIFY(ram);
        m_ram = std::move(*ram);
        auto registers =
            m_map.map({.name = "device",
                       .base = 0x11000,
                       .sizeBytes = 0x1000,
                       .kind = MemoryKind::Mmio,
                       .handler = ioHandler<&TouchyDevice::read, &TouchyDevice::write>(&m_device)});
        QVERIFY(registers);
        m_registers = std::move(*registers);
    }

    void modes_data() {
        QTest::addColumn<quint64>("cr0");
        QTest::addColumn<quint64>("efer");
        QTest::addColumn<quint64>("rflags");
        QTest::addColumn<int>("attributes");
        QTest::addColumn<QString>("name");
        QTest::newRow("real") << quint64{0x10} << quint64{0} << quint64{2} << 0x93
                              << QStringLiteral("real mode");
        QTest::newRow("v86") << quint64{0x11} << quint64{0} << quint64{0x20002} << 0xF3
                             << QStringLiteral("virtual-8086 mode");
        QTest::newRow("16") << quint64{0x11} << quint64{0} << quint64{2} << 0x9B
                            << QStringLiteral("16-bit protected mode");
        QTest::newRow("32") << quint64{0x11} << quint64{0} << quint64{2} << 0xC09B
                            << QStringLiteral("32-bit protected mode");
        QTest::newRow("compatibility") << quint64{0x80000011} << quint64{0x500} << quint64{2}
                                       << 0xC09B << QStringLiteral("compatibility mode");
        QTest::newRow("64") << quint64{0x80000011} << quint64{0x500} << quint64{2} << 0xA09B
                            << QStringLiteral("64-bit mode");
    }
    void modes() {
        QFETCH(quint64, cr0);
        QFETCH(quint64, efer);
        QFETCH(quint64, rflags);
        QFETCH(int, attributes);
        QFETCH(QString, name);
        VcpuRegisters registers;
        registers.cr0 = cr0;
        registers.efer = efer;
        registers.rflags = rflags;
        registers.cs.attributes = static_cast<uint16_t>(attributes);
        QCOMPARE(QString::fromLatin1(faultModeName(executionMode(registers))), name);
    }

    void realModeAddsTheSegmentBase() {
        StoppedVcpu vcpu;
        vcpu.state.cs.base = 0x10000;
        vcpu.state.rip = 0x21;
        auto report = collectFaultReport(vcpu, 3, "test", m_map);
        QCOMPARE(report.linearAddress, uint64_t{0x10021});
        QCOMPARE(report.instructionBytes.size(), size_t{15});
        QCOMPARE(report.instructionBytes[0], uint8_t{0x21});
        QVERIFY(report.text().find("vCPU 3: test\n") == 0);
        QVERIFY(report.text().find("21 22 23") != std::string::npos);
    }

    void longModeIgnoresTheSegmentBase() {
        StoppedVcpu vcpu;
        vcpu.state.efer = 0x500;
        vcpu.state.cs.attributes = 0xA09B;
        vcpu.state.cs.base = 0x10000;
        vcpu.state.rip = 0xFFFFFFFF00010040;
        auto report = collectFaultReport(vcpu, 0, "test", m_map);
        QCOMPARE(report.linearAddress, uint64_t{0xFFFFFFFF00010040});
        QCOMPARE(report.instructionBytes[0], uint8_t{0x40});
    }

    void bytesEndWhereMemoryEnds() {
        StoppedVcpu vcpu;
        vcpu.state.rip = 0x10FFA; // six bytes before the device
        auto report = collectFaultReport(vcpu, 0, "test", m_map);
        QCOMPARE(report.instructionBytes.size(), size_t{6});
        QVERIFY(!m_device.touched);

        vcpu.state.rip = 0x11000;
        report = collectFaultReport(vcpu, 0, "test", m_map);
        QVERIFY(report.instructionBytes.empty());
        QVERIFY(!m_device.touched);
        QVERIFY(report.text().find("unreadable") != std::string::npos);

        vcpu.state.rip = 0x10000;
        vcpu.unmappedFrom = 0x10003;
        report = collectFaultReport(vcpu, 0, "test", m_map);
        QCOMPARE(report.instructionBytes.size(), size_t{3});
    }
};

VIVARIUM_TEST(FaultReportTest)
#include "fault_report_test.moc"
