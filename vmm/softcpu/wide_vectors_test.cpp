// AVX-512 as guests find it in CPUID, and in saved states: there where the host has it.
#include "tests/support/test_main.h"
#include "vmm/softcpu/interpreter/wide_vectors.h"
#include "vmm/softcpu/soft_cpuid.h"
#include "vmm/softcpu/soft_vcpu_state.h"

#include <QTest>

#include <algorithm>
#include <memory>

using namespace vivarium;
using namespace vivarium::softcpu;

namespace {

class FixedClock final : public Clock {
public:
    uint64_t nowNs() const override { return 0; }
    int64_t wallClockNs() const override { return 0; }
};

class NoHost final : public ParavirtualCpu::Host {
public:
    void storeGuest(GuestAddress, ConstByteSpan) override {}
    uint32_t loadGuest(GuestAddress) override { return 0; }
    TimeStampRate timeStampRate() const override { return {}; }
    void interruptSelf(uint8_t) override {}
};

// A vCPU through a saved state.
Result<void> pass(const CpuState& from, CpuState& to) {
    FixedClock clock;
    ParavirtualMachine machine(clock, 1, [](unsigned) {});
    NoHost host;
    ParavirtualCpu paravirtual(host, machine, 0);
    LocalApic::State apic{};
    StateWriter writer;
    writer.beginSection("vcpu", 1);
    saveVcpu(writer, from, apic, paravirtual, {});
    const std::vector<uint8_t> bytes = writer.finish();
    auto reader = TRY(StateReader::open(bytes));
    TRY(reader.enterSection("vcpu", 1));
    return restoreVcpu(reader, to, apic, paravirtual, {});
}

} // namespace

class WideVectorsTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void cpuidNamesInstructionsAndTheirState() {
        const std::vector<CpuidEntry> leaves = softwareCpuid();
        const CpuidEntry* features = findCpuid(leaves, 7, 0);
        const CpuidEntry* state = findCpuid(leaves, 0xD, 0);
        QVERIFY(features && state);
        const bool wide = features->ebx >> 16 & 1; // AVX512F
        QCOMPARE(uint64_t{state->eax} & kXcr0Avx512, wide ? uint64_t{kXcr0Avx512} : 0);
        QCOMPARE(bool(features->ebx >> 31), wide); // AVX512VL
        if (!wide)
            QCOMPARE(features->ecx, 0u);
        uint32_t largest = 576;
        for (uint32_t component = 2; component < 32; ++component) {
            const CpuidEntry* part = findCpuid(leaves, 0xD, component);
            if (!(state->eax >> component & 1)) {
                QVERIFY(!part || component == 2);
                continue;
            }
            QVERIFY(part && part->eax != 0);
            QCOMPARE(part->ebx, xsaveComponent(component).offset);
            largest = std::max(largest, part->ebx + part->eax);
        }
        QCOMPARE(state->ecx, largest);
    }

    void savedStatesKeepThemOrAreRefused() {
        const auto from = std::make_unique<CpuState>(), to = std::make_unique<CpuState>();
        resetCpu(*from, CpuReset::PowerOn);
        resetCpu(*to, CpuReset::PowerOn);
        from->xcr0 = kXcr0X87 | kXcr0Sse | kXcr0Avx | kXcr0Avx512;
        WideVector value{};
        std::fill(std::begin(value.bytes), std::end(value.bytes), uint8_t{0x5C});
        setWideVector(*from, 3, value);
        setWideVector(*from, 29, value);
        setOpmask(*from, 5, 0x123456789ABCDEF0);
        const auto restored = pass(*from, *to);
        if (hostXsaveComponents() & kXcr0Avx512) {
            QVERIFY(restored.has_value());
            QCOMPARE(to->xcr0, from->xcr0);
            QVERIFY(std::equal(std::begin(from->xsave), std::end(from->xsave), to->xsave));
        } else {
            QVERIFY(!restored);
            QCOMPARE(restored.error().code, ErrorCode::Unsupported);
            QVERIFY(restored.error().detail.find("vector registers") != std::string::npos);
        }
    }
};

VIVARIUM_TEST(WideVectorsTest)
#include "wide_vectors_test.moc"
