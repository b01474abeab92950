#include "tests/support/test_main.h"
#include "vmm/softcpu/interpreter/wide_vectors.h"
#include "vmm/softcpu/test_support/test_cpu.h"

#include <QTest>

#include <cstring>

using namespace vivarium;
using namespace vivarium::softcpu;
using vivarium::softcpu::test::TestCpu;

// x87, SSE and AVX through the native unit, their gates and exceptions, and the XSAVE family.
class SimdTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void registersAndMemory();
    void generalRegistersIncludingTheStackPointer();
    void thirtyTwoBitCode();
    void gates_data();
    void gates();
    void mmxRegistersNeedNoOsfxsr();
    void alignmentIsChecked();
    void simdExceptionsLeaveTheDestination();
    void x87ComparesIntoFlags();
    void x87ExceptionsWait();
    void fxsaveRoundTrip();
    void xsaveRoundTrip_data();
    void xsaveRoundTrip();
    void everyComponentGoesThroughXsave();
    void maskedAndGatheredElements();

private:
    static void setXmm(TestCpu& cpu, unsigned number, uint64_t low, uint64_t high) {
        storeLe<uint64_t>(vectorLow(*cpu.state, number), low);
        storeLe<uint64_t>(vectorLow(*cpu.state, number) + 8, high);
    }
    static uint64_t xmm(TestCpu& cpu, unsigned number, unsigned half = 0) {
        return loadLe<uint64_t>(vectorLow(*cpu.state, number) + 8 * half);
    }
};

void SimdTest::registersAndMemory() {
    TestCpu cpu;
    cpu.longMode();
    setXmm(cpu, 1, 5, 7);
    setXmm(cpu, 9, 1, 2);
    QCOMPARE(cpu.run({0x66, 0x41, 0x0F, 0xD4, 0xC9}), StepResult::Executed); // paddq xmm1, xmm9
    QCOMPARE(xmm(cpu, 1), uint64_t{6});
    QCOMPARE(xmm(cpu, 1, 1), uint64_t{9});
    cpu.memory.store<uint64_t>(TestCpu::kData + 0x38, 100);
    cpu.memory.store<uint64_t>(TestCpu::kData + 0x40, 200);
    cpu.reg(kRbx) = TestCpu::kData;
    cpu.reg(kRsi) = 8;
    QCOMPARE(cpu.run({0xF3, 0x0F, 0x6F, 0x54, 0xF3, 0xF8}),
             StepResult::Executed); // movdqu xmm2, [rbx+rsi*8-8]
    QCOMPARE(xmm(cpu, 2), uint64_t{100});
    QCOMPARE(xmm(cpu, 2, 1), uint64_t{200});
    QCOMPARE(cpu.reg(kRsi), uint64_t{8});
    QCOMPARE(cpu.run({0x66, 0x0F, 0xD6, 0x13}), StepResult::Executed); // movq [rbx], xmm2
    QCOMPARE(cpu.memory.load<uint64_t>(TestCpu::kData), uint64_t{100});
    // A three-operand AVX instruction with memory and an extended index.
    cpu.reg(12) = 0x38;
    QCOMPARE(cpu.run({0xC4, 0xA1, 0x69, 0xD4, 0x1C, 0x23}),
             StepResult::Executed); // vpaddq xmm3, xmm2, [rbx+r12]
    QCOMPARE(xmm(cpu, 3), uint64_t{200});
    QCOMPARE(xmm(cpu, 3, 1), uint64_t{400});
    QVERIFY(cpu.memory.guardsIntact());
}

void SimdTest::generalRegistersIncludingTheStackPointer() {
    TestCpu cpu;
    cpu.longMode();
    setXmm(cpu, 4, 0x1122334455667788, 0);
    QCOMPARE(cpu.run({0x66, 0x48, 0x0F, 0x7E, 0xE4}), StepResult::Executed); // movq rsp, xmm4
    QCOMPARE(cpu.reg(kRsp), uint64_t{0x1122334455667788});
    QCOMPARE(cpu.run({0x66, 0x48, 0x0F, 0x6E, 0xF4}), StepResult::Executed); // movq xmm6, rsp
    QCOMPARE(xmm(cpu, 6), uint64_t{0x1122334455667788});
    cpu.reg(kRax) = 3;
    QCOMPARE(cpu.run({0xF2, 0x48, 0x0F, 0x2A, 0xC0}), StepResult::Executed); // cvtsi2sd xmm0, rax
    double value;
    std::memcpy(&value, vectorLow(*cpu.state, 0), 8);
    QCOMPARE(value, 3.0);
    setXmm(cpu, 1, 0x4008000000000000, 0);
    QCOMPARE(cpu.run({0x66, 0x0F, 0x2E, 0xC1}), StepResult::Executed); // ucomisd xmm0, xmm1
    QCOMPARE(cpu.state->rflags & kArithmeticFlags, uint64_t{kFlagZf});
}

void SimdTest::thirtyTwoBitCode() {
    TestCpu cpu;
    cpu.protected32();
    cpu.state->cr4 |= kCr4Osfxsr;
    cpu.reg(kRbp) = TestCpu::kData;
    cpu.memory.store<uint64_t>(TestCpu::kData + 16, 42);
    updateModeKey(*cpu.state);
    QCOMPARE(cpu.run({0xF3, 0x0F, 0x7E, 0x7D, 0x10}), StepResult::Executed); // movq xmm7, [ebp+16]
    QCOMPARE(xmm(cpu, 7), uint64_t{42});
    cpu.memory.store<double>(TestCpu::kData, 2.5);
    QCOMPARE(cpu.run({0xDD, 0x45, 0x00}), StepResult::Executed); // fld qword [ebp]
    QCOMPARE(cpu.run({0xD8, 0xC0}), StepResult::Executed);       // fadd st0, st0
    const uint64_t ip = cpu.state->rip - 2;
    QCOMPARE(loadLe<uint64_t>(cpu.state->xsave + kFip), ip);
    QCOMPARE(cpu.run({0xDD, 0x5D, 0x20}), StepResult::Executed); // fstp qword [ebp+32]
    QCOMPARE(cpu.memory.load<double>(TestCpu::kData + 0x20), 5.0);
    // The environment shows the guest's addresses.
    QCOMPARE(cpu.run({0xD9, 0x75, 0x40}), StepResult::Executed); // fnstenv [ebp+64]
    QCOMPARE(uint64_t{cpu.memory.load<uint32_t>(TestCpu::kData + 0x4C)}, ip + 2);
    QCOMPARE(uint64_t{cpu.memory.load<uint32_t>(TestCpu::kData + 0x54)}, TestCpu::kData + 0x20);
}

void SimdTest::gates_data() {
    QTest::addColumn<QByteArray>("code");
    QTest::addColumn<qulonglong>("cr0");
    QTest::addColumn<qulonglong>("cr4Clear");
    QTest::addColumn<int>("vector");
    const auto row = [](const char* name, const char* code, uint64_t cr0, uint64_t cr4Clear,
                        int vector) {
        QTest::newRow(name) << QByteArray::fromHex(code) << qulonglong(cr0) << qulonglong(cr4Clear)
                            << vector;
    };
    row("x87", "D9E8", 0, 0, -1);
    row("x87 EM", "D9E8", kCr0Em, 0, 7);
    row("x87 TS", "D9E8", kCr0Ts, 0, 7);
    row("fwait TS", "9B", kCr0Ts, 0, -1);
    row("fwait TS MP", "9B", kCr0Ts | kCr0Mp, 0, 7);
    row("mmx EM", "0FEFC0", kCr0Em, 0, 6);
    row("mmx TS", "0FEFC0", kCr0Ts, 0, 7);
    row("sse", "0F57C0", 0, 0, -1);
    row("sse EM", "0F57C0", kCr0Em, 0, 6);
    row("sse TS", "0F57C0", kCr0Ts, 0, 7);
    row("sse without OSFXSR", "0F57C0", 0, kCr4Osfxsr, 6);
    row("avx", "C5F857C0", 0, 0, -1);
    row("avx TS", "C5F857C0", kCr0Ts, 0, 7);
    row("avx without OSXSAVE", "C5F857C0", 0, kCr4Osxsave, 6);
    row("ldmxcsr TS", "0FAE13", kCr0Ts, 0, 7);
    row("xgetbv without OSXSAVE", "0F01D0", 0, kCr4Osxsave, 6);
}

void SimdTest::gates() {
    QFETCH(QByteArray, code);
    QFETCH(qulonglong, cr0);
    QFETCH(qulonglong, cr4Clear);
    QFETCH(int, vector);
    TestCpu cpu;
    cpu.longMode();
    cpu.reg(kRbx) = TestCpu::kData;
    cpu.state->cr0 |= cr0;
    cpu.state->cr4 &= ~cr4Clear;
    updateModeKey(*cpu.state);
    cpu.run({code.begin(), code.end()});
    QCOMPARE(cpu.vector(), vector);
}

// CR4.OSFXSR is about XMM registers (Intel SDM 3A, 2.5). Found by random guests.
void SimdTest::mmxRegistersNeedNoOsfxsr() {
    TestCpu cpu;
    cpu.longMode();
    cpu.state->cr4 &= ~uint64_t{kCr4Osfxsr | kCr4Osxsave};
    updateModeKey(*cpu.state);
    cpu.reg(kRax) = 0x0080FF7F;
    QCOMPARE(cpu.run({0x0F, 0x6E, 0xE8}), StepResult::Executed); // movd mm5, eax
    QCOMPARE(cpu.run({0x0F, 0xD7, 0xED}), StepResult::Executed); // pmovmskb ebp, mm5
    QCOMPARE(cpu.reg(kRbp), uint64_t{0b0110});
    QCOMPARE(cpu.run({0x66, 0x0F, 0xD7, 0xED}), StepResult::Faulted); // pmovmskb ebp, xmm5
}

void SimdTest::alignmentIsChecked() {
    TestCpu cpu;
    cpu.longMode();
    cpu.reg(kRbx) = TestCpu::kData + 8;
    QCOMPARE(cpu.run({0x0F, 0x28, 0x03}), StepResult::Faulted); // movaps
    QCOMPARE(cpu.vector(), 13);
    cpu.longMode();
    QCOMPARE(cpu.run({0x0F, 0x10, 0x03}), StepResult::Executed);       // movups
    QCOMPARE(cpu.run({0xC5, 0xF8, 0x58, 0x03}), StepResult::Executed); // vaddps
    QCOMPARE(cpu.run({0xC5, 0xF8, 0x28, 0x03}), StepResult::Faulted);  // vmovaps
}

void SimdTest::simdExceptionsLeaveTheDestination() {
    TestCpu cpu;
    cpu.longMode();
    setMxcsr(*cpu.state, 0x1F80 & ~0x200u); // division by zero unmasked
    setXmm(cpu, 0, 0x3FF0000000000000, 0);  // 1.0
    setXmm(cpu, 1, 0, 0);
    QCOMPARE(cpu.run({0xF2, 0x0F, 0x5E, 0xC1}), StepResult::Faulted); // divsd xmm0, xmm1
    QCOMPARE(cpu.vector(), 19);
    QCOMPARE(xmm(cpu, 0), uint64_t{0x3FF0000000000000});
    QCOMPARE(mxcsr(*cpu.state) & 0x3F, 4u);
    cpu.longMode();
    setMxcsr(*cpu.state, 0x1F80);
    QCOMPARE(cpu.run({0xF2, 0x0F, 0x5E, 0xC1}), StepResult::Executed);
    QCOMPARE(xmm(cpu, 0), uint64_t{0x7FF0000000000000});
    QCOMPARE(mxcsr(*cpu.state) & 0x3F, 4u);
}

void SimdTest::x87ComparesIntoFlags() {
    TestCpu cpu;
    cpu.longMode();
    QCOMPARE(cpu.run({0xD9, 0xE8}), StepResult::Executed); // fld1
    for (const uint8_t opcode : {0xDB, 0xDF})
        for (const uint8_t modrm : {0xF1, 0xE9}) { // fcomi, fucomi, fcomip, fucomip st, st(1)
            if ((opcode == 0xDB) == (modrm == 0xF1))
                QCOMPARE(cpu.run({0xD9, 0xEE}), StepResult::Executed); // fldz
            cpu.state->rflags = kFlagFixed | kFlagZf;
            QCOMPARE(cpu.run({opcode, modrm}), StepResult::Executed);
            QCOMPARE(cpu.state->rflags, kFlagFixed | kFlagCf); // 0 < 1
        }
}

void SimdTest::x87ExceptionsWait() {
    TestCpu cpu;
    cpu.longMode();
    cpu.memory.store<uint16_t>(TestCpu::kData, 0x37B); // division by zero unmasked
    cpu.reg(kRbx) = TestCpu::kData;
    cpu.run({0xD9, 0x2B});                                 // fldcw
    cpu.run({0xD9, 0xE8});                                 // fld1
    cpu.run({0xD9, 0xEE});                                 // fldz
    QCOMPARE(cpu.run({0xDE, 0xF9}), StepResult::Executed); // fdivp: nothing yet
    QCOMPARE(cpu.run({0xDF, 0xE0}), StepResult::Executed); // fnstsw ax does not wait
    QVERIFY(cpu.reg(kRax) & 0x80);
    const auto before = cpu.state->rip;
    QCOMPARE(cpu.run({0xD9, 0xE8}), StepResult::Faulted); // the next one does
    QCOMPARE(cpu.vector(), 16);
    QCOMPARE(cpu.memory.load<uint64_t>(cpu.reg(kRsp)), before);
    // With CR0.NE clear it becomes an interrupt.
    cpu.longMode();
    cpu.state->cr0 &= ~uint64_t{kCr0Ne};
    updateModeKey(*cpu.state);
    QCOMPARE(cpu.run({0x9B}), StepResult::Executed);
    QCOMPARE(cpu.platform.fpuErrors, 1);
    QCOMPARE(cpu.run({0xDB, 0xE2}), StepResult::Executed); // fnclex
    QCOMPARE(cpu.run({0xD9, 0xE8}), StepResult::Executed);
    QCOMPARE(cpu.platform.fpuErrors, 1);
}

void SimdTest::fxsaveRoundTrip() {
    TestCpu cpu;
    cpu.longMode();
    setXmm(cpu, 15, 77, 88);
    cpu.run({0xD9, 0xE8}); // fld1
    cpu.reg(kRbx) = TestCpu::kData;
    QCOMPARE(cpu.run({0x48, 0x0F, 0xAE, 0x03}), StepResult::Executed); // fxsave64
    QCOMPARE(cpu.memory.load<uint64_t>(TestCpu::kData + 160 + 15 * 16), uint64_t{77});
    QCOMPARE(cpu.memory.load<uint16_t>(TestCpu::kData), uint16_t{0x37F});
    QCOMPARE(int(cpu.memory.load<uint8_t>(TestCpu::kData + 4)), 0x80); // one register in use
    setXmm(cpu, 15, 0, 0);
    cpu.run({0xDB, 0xE3});                                             // fninit
    QCOMPARE(cpu.run({0x48, 0x0F, 0xAE, 0x0B}), StepResult::Executed); // fxrstor64
    QCOMPARE(xmm(cpu, 15, 1), uint64_t{88});
    QCOMPARE(int(cpu.state->xsave[kFtw]), 0x80);
    cpu.memory.store<uint32_t>(TestCpu::kData + 24, 0x10000);
    QCOMPARE(cpu.run({0x48, 0x0F, 0xAE, 0x0B}), StepResult::Faulted);
    QCOMPARE(cpu.vector(), 13);
}

void SimdTest::xsaveRoundTrip_data() {
    QTest::addColumn<QByteArray>("save");
    QTest::newRow("xsave") << QByteArray::fromHex("480FAE23");
    QTest::newRow("xsavec") << QByteArray::fromHex("480FC723");
    QTest::newRow("xsaveopt") << QByteArray::fromHex("480FAE33");
}

void SimdTest::xsaveRoundTrip() {
    QFETCH(QByteArray, save);
    TestCpu cpu;
    cpu.longMode();
    cpu.reg(kRbx) = TestCpu::kData;
    for (unsigned i = 0; i < 32; ++i)
        cpu.memory.store<uint8_t>(TestCpu::kData + 0x800 + i, static_cast<uint8_t>(i + 1));
    cpu.reg(kRsi) = TestCpu::kData + 0x800;
    QCOMPARE(cpu.run({0xC5, 0xFE, 0x6F, 0x2E}), StepResult::Executed); // vmovdqu ymm5, [rsi]
    cpu.reg(kRax) = 7;
    cpu.reg(kRdx) = 0;
    QCOMPARE(cpu.run({save.begin(), save.end()}), StepResult::Executed);
    QVERIFY(cpu.memory.load<uint64_t>(TestCpu::kData + 512) & 4);
    QCOMPARE(cpu.run({0xC5, 0xFC, 0x77}), StepResult::Executed); // vzeroall
    QCOMPARE(xmm(cpu, 5), uint64_t{0});
    QCOMPARE(cpu.run({0x48, 0x0F, 0xAE, 0x2B}), StepResult::Executed); // xrstor
    QCOMPARE(cpu.run({0xC5, 0xFE, 0x7F, 0x6E, 0x20}),
             StepResult::Executed); // vmovdqu [rsi+32], ymm5
    for (unsigned i = 0; i < 32; ++i)
        QCOMPARE(unsigned(cpu.memory.load<uint8_t>(TestCpu::kData + 0x820 + i)), i + 1);
    // Reserved header bits fault.
    cpu.memory.store<uint64_t>(TestCpu::kData + 512, uint64_t{1} << 40);
    QCOMPARE(cpu.run({0x48, 0x0F, 0xAE, 0x2B}), StepResult::Faulted);
    QCOMPARE(cpu.vector(), 13);
}

// With AVX-512 where the host has it.
void SimdTest::everyComponentGoesThroughXsave() {
    TestCpu cpu;
    cpu.longMode();
    cpu.state->xcr0 = hostXsaveComponents();
    updateModeKey(*cpu.state);
    WideVector value{};
    std::memset(value.bytes, 0x5C, sizeof value.bytes);
    setWideVector(*cpu.state, 3, value);
    setWideVector(*cpu.state, 29, value);
    setOpmask(*cpu.state, 5, 0x123456789ABCDEF0);
    const auto before = std::make_unique<CpuState>();
    std::memcpy(before->xsave, cpu.state->xsave, sizeof before->xsave);
    const auto same = [&] {
        for (unsigned number = 0; number < 32; ++number)
            if (std::memcmp(wideVector(*cpu.state, number).bytes, wideVector(*before, number).bytes,
                            64) != 0)
                return false;
        return opmask(*cpu.state, 5) == opmask(*before, 5);
    };
    cpu.reg(kRbx) = TestCpu::kData;
    cpu.reg(kRax) = cpu.reg(kRdx) = 0xFFFFFFFF;
    QCOMPARE(cpu.run({0x48, 0x0F, 0xAE, 0x23}), StepResult::Executed); // xsave64 [rbx]
    const auto present = cpu.memory.load<uint64_t>(TestCpu::kData + kXstateBv);
    QCOMPARE(present & ~uint64_t{3}, hostXsaveComponents() & ~uint64_t{3});
    cpu.memory.store<uint64_t>(TestCpu::kData + kXstateBv, 0);
    QCOMPARE(cpu.run({0x48, 0x0F, 0xAE, 0x2B}), StepResult::Executed); // xrstor64 [rbx]
    for (unsigned number = 0; number < 32; ++number)
        for (const uint8_t byte : wideVector(*cpu.state, number).bytes)
            QCOMPARE(int(byte), 0);
    QCOMPARE(opmask(*cpu.state, 5), uint64_t{0});
    cpu.memory.store<uint64_t>(TestCpu::kData + kXstateBv, present);
    QCOMPARE(cpu.run({0x48, 0x0F, 0xAE, 0x2B}), StepResult::Executed);
    QVERIFY(same());
    // In place of what the host has natively, an instruction sees it.
    if (hostXsaveComponents() & kXcr0Avx512) {
        QCOMPARE(cpu.run({0x62, 0xB1, 0x65, 0x40, 0xEF, 0xDD}),
                 StepResult::Executed); // vpxord zmm3, zmm19, zmm21: zero
        QVERIFY(!same());
        QCOMPARE(int(wideVector(*cpu.state, 3).bytes[63]), 0);
    } else {
        QCOMPARE(cpu.run({0x62, 0xB1, 0x65, 0x40, 0xEF, 0xDD}), StepResult::Faulted);
        QCOMPARE(cpu.vector(), 6);
    }
}

void SimdTest::maskedAndGatheredElements() {
    TestCpu cpu;
    cpu.longMode();
    cpu.memory.store<uint64_t>(TestCpu::kTables + 0x2008, 0); // nothing at 2 MiB
    cpu.memory.store<uint32_t>(0x1FFFF8, 0x11);
    cpu.memory.store<uint32_t>(0x1FFFFC, 0x22);
    cpu.reg(kRbx) = 0x1FFFF8;
    setXmm(cpu, 1, 0x8000000080000000, 0); // the upper two elements are masked out
    setXmm(cpu, 2, 99, 99);
    QCOMPARE(cpu.run({0xC4, 0xE2, 0x71, 0x8C, 0x13}),
             StepResult::Executed); // vpmaskmovd xmm2, xmm1, [rbx]
    QCOMPARE(xmm(cpu, 2), uint64_t{0x2200000011});
    QCOMPARE(xmm(cpu, 2, 1), uint64_t{0});
    setXmm(cpu, 3, 0x0000000100000000, 0);
    setXmm(cpu, 1, 0x8000000080000000, 0);
    QCOMPARE(cpu.run({0xC4, 0xE2, 0x71, 0x90, 0x14, 0x9B}),
             StepResult::Executed); // vpgatherdd xmm2, [rbx+xmm3*4], xmm1
    QCOMPARE(xmm(cpu, 2), uint64_t{0x2200000011});
    QCOMPARE(xmm(cpu, 1), uint64_t{0});
}

VIVARIUM_TEST(SimdTest)
#include "simd_test.moc"
