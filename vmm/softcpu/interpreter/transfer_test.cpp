#include "tests/support/test_main.h"
#include "vmm/softcpu/test_support/test_cpu.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::softcpu;
using vivarium::softcpu::test::TestCpu;

// Ways from one mode, level or task to another.
class TransferTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void realModeToLongMode();
    void systemCallAndReturn();
    void sysenterAndSysexit();
    void callGateToInnerLevel();
    void farReturnToOuterLevelDropsSegments();
    void virtual8086RoundTrip();
    void hardwareTaskSwitch();
    void compatibilityMode();
    void ioPermissionBitmap();
    void segmentLimits();
    void modelSpecificRegisters();
    void controlRegisterChecks_data();
    void controlRegisterChecks();
    void addressSpaceNumbers();
};

// The way of every boot loader: protected mode, PAE, page tables, EFER.LME, paging, far jump.
void TransferTest::realModeToLongMode() {
    TestCpu cpu;
    cpu.longMode(); // for its tables only
    resetCpu(*cpu.state, CpuReset::PowerOn);
    cpu.realMode();
    cpu.state->gdtr = {.base = TestCpu::kGdt, .limit = 0xFFF};
    cpu.code({0x0F, 0x20, 0xC0,                               // mov eax, cr0
              0x66, 0x83, 0xC8, 0x01,                         // or eax, 1
              0x0F, 0x22, 0xC0,                               // mov cr0, eax
              0xEA, 0x0F, 0x80, 0x08, 0x00,                   // jmp 8:800Fh
              0xB8, 0x20, 0x00, 0x00, 0x00,                   // mov eax, PAE
              0x0F, 0x22, 0xE0,                               // mov cr4, eax
              0xB8, 0x00, 0x00, 0x05, 0x00,                   // mov eax, tables
              0x0F, 0x22, 0xD8,                               // mov cr3, eax
              0xB9, 0x80, 0x00, 0x00, 0xC0,                   // mov ecx, EFER
              0x0F, 0x32, 0x0F, 0xBA, 0xE8, 0x08, 0x0F, 0x30, // rdmsr; bts eax, 8; wrmsr
              0x0F, 0x20, 0xC0, 0x0F, 0xBA, 0xE8, 0x1F, 0x0F, 0x22, 0xC0, // set PG
              0xEA, 0x41, 0x80, 0x00, 0x00, 0x28, 0x00,                   // jmp 28h:8041h
              0x90, 0x48, 0xB8, 1,    2,    3,    4,    5,    6,    7,    8});
    cpu.memory.store<uint32_t>(TestCpu::kCode + 0x0B, 0x0008800F);
    cpu.step(4);
    QCOMPARE(cpu.state->modeKey & mode::kCodeSize, mode::kCode32);
    cpu.step(11);
    QVERIFY(longModeActive(*cpu.state));
    QCOMPARE(cpu.state->modeKey & mode::kCodeSize, mode::kCode32); // compatibility mode
    const uint64_t jump = cpu.state->rip;
    cpu.memory.store<uint32_t>(jump + 1, static_cast<uint32_t>(jump + 8));
    cpu.step(2);
    QVERIFY(code64(*cpu.state));
    QCOMPARE(cpu.reg(kRax), uint64_t{0x0807060504030201});
}

void TransferTest::systemCallAndReturn() {
    TestCpu cpu;
    cpu.longMode(3);
    cpu.state->star = uint64_t{0x0028} << 32 | uint64_t{0x23} << 48;
    cpu.state->lstar = 0x12345;
    cpu.state->sfmask = kFlagIf | kFlagDf;
    cpu.state->rflags |= kFlagIf | kFlagCf;
    QCOMPARE(cpu.run({0x0F, 0x05}), StepResult::Executed);
    QCOMPARE(cpu.state->rip, uint64_t{0x12345});
    QCOMPARE(cpu.reg(kRcx), TestCpu::kCode + 2);
    QCOMPARE(cpu.reg(11), uint64_t{kFlagFixed | kFlagIf | kFlagCf});
    QVERIFY(!(cpu.state->rflags & kFlagIf));
    QCOMPARE(cpl(*cpu.state), 0u);
    QCOMPARE(int(cpu.state->segment[kCs].selector), 0x28);
    QCOMPARE(int(cpu.state->segment[kSs].selector), 0x30);
    QCOMPARE(cpu.run({0x48, 0x0F, 0x07}), StepResult::Executed);
    QCOMPARE(cpu.state->rip, TestCpu::kCode + 2);
    QCOMPARE(cpl(*cpu.state), 3u);
    QCOMPARE(int(cpu.state->segment[kCs].selector), 0x33);
    QVERIFY(cpu.state->rflags & kFlagIf);
    cpu.state->efer &= ~uint64_t{kEferSce};
    QCOMPARE(cpu.run({0x0F, 0x05}), StepResult::Faulted);
    QCOMPARE(cpu.vector(), 6);
}

void TransferTest::sysenterAndSysexit() {
    TestCpu cpu;
    cpu.protected32(3);
    QCOMPARE(cpu.run({0x0F, 0x34}), StepResult::Faulted); // IA32_SYSENTER_CS is null
    QCOMPARE(cpu.vector(), 13);
    cpu.protected32(3);
    cpu.state->sysenterCs = TestCpu::kCode0;
    cpu.state->sysenterEip = 0x9000;
    cpu.state->sysenterEsp = 0x21000;
    QCOMPARE(cpu.run({0x0F, 0x34}), StepResult::Executed);
    QCOMPARE(cpu.state->rip, uint64_t{0x9000});
    QCOMPARE(cpu.reg(kRsp), uint64_t{0x21000});
    QCOMPARE(cpl(*cpu.state), 0u);
    cpu.reg(kRdx) = 0x8100;
    cpu.reg(kRcx) = 0x31000;
    QCOMPARE(cpu.run({0x0F, 0x35}), StepResult::Executed);
    QCOMPARE(cpu.state->rip, uint64_t{0x8100});
    QCOMPARE(cpl(*cpu.state), 3u);
}

void TransferTest::callGateToInnerLevel() {
    TestCpu cpu;
    cpu.protected32(3);
    // A 32-bit call gate with two parameters to kCode0:9000h, for level 3.
    cpu.setDescriptor(TestCpu::kSpare, 0x9000 | uint64_t{TestCpu::kCode0} << 16 |
                                           uint64_t{2} << 32 | uint64_t{0xEC} << 40);
    cpu.reg(kRsp) = TestCpu::kStack3 - 8;
    cpu.memory.store<uint32_t>(TestCpu::kStack3 - 8, 0x11);
    cpu.memory.store<uint32_t>(TestCpu::kStack3 - 4, 0x22);
    QCOMPARE(cpu.run({0x9A, 0, 0, 0, 0, 0x63, 0}), StepResult::Executed);
    QCOMPARE(cpu.state->rip, uint64_t{0x9000});
    QCOMPARE(cpl(*cpu.state), 0u);
    const uint32_t expected[6] = {uint32_t(TestCpu::kCode + 7),   TestCpu::kCode3, 0x11, 0x22,
                                  uint32_t(TestCpu::kStack3 - 8), TestCpu::kData3};
    for (unsigned i = 0; i < 6; ++i)
        QCOMPARE(cpu.memory.load<uint32_t>(cpu.reg(kRsp) + i * 4), expected[i]);
    QCOMPARE(cpu.run({0xCA, 0x08, 0x00}), StepResult::Executed); // retf 8
    QCOMPARE(cpu.state->rip, TestCpu::kCode + 7);
    QCOMPARE(cpl(*cpu.state), 3u);
    QCOMPARE(cpu.reg(kRsp), TestCpu::kStack3);
}

void TransferTest::farReturnToOuterLevelDropsSegments() {
    TestCpu cpu;
    cpu.protected32();
    cpu.state->segment[kEs] = TestCpu::flat(TestCpu::kData3, 0xC0F3);
    const uint32_t frame[4] = {0x9000, TestCpu::kCode3, uint32_t(TestCpu::kStack3),
                               TestCpu::kData3};
    cpu.reg(kRsp) = TestCpu::kStack0 - 16;
    for (unsigned i = 0; i < 4; ++i)
        cpu.memory.store<uint32_t>(TestCpu::kStack0 - 16 + i * 4, frame[i]);
    QCOMPARE(cpu.run({0xCB}), StepResult::Executed);
    QCOMPARE(cpl(*cpu.state), 3u);
    QCOMPARE(int(cpu.state->segment[kDs].selector), 0); // level 0 data is out of reach
    QCOMPARE(int(cpu.state->segment[kEs].selector), int(TestCpu::kData3));
}

void TransferTest::virtual8086RoundTrip() {
    TestCpu cpu;
    cpu.protected32();
    const uint32_t frame[9] = {0x0100, 0x1200, uint32_t(kFlagVm | kFlagIf | kFlagFixed),
                               0x0FF0, 0x1300, 0x1400,
                               0x1500, 0x1600, 0x1700};
    cpu.reg(kRsp) = TestCpu::kStack0 - 36;
    for (unsigned i = 0; i < 9; ++i)
        cpu.memory.store<uint32_t>(cpu.reg(kRsp) + i * 4, frame[i]);
    QCOMPARE(cpu.run({0xCF}), StepResult::Executed);
    QVERIFY(cpu.state->modeKey & mode::kVm86);
    QCOMPARE(cpu.state->segment[kCs].base, uint64_t{0x12000});
    QCOMPARE(cpu.state->segment[kSs].base, uint64_t{0x13000});
    QCOMPARE(cpu.state->segment[kGs].base, uint64_t{0x17000});
    QCOMPARE(cpl(*cpu.state), 3u);
    // INT n needs IOPL 3 there; without it the monitor gets #GP and the whole frame.
    cpu.memory.put(0x12100, {0xCD, 0x21});
    QCOMPARE(cpu.step(), StepResult::Faulted);
    QCOMPARE(cpu.vector(), 13);
    QVERIFY(!(cpu.state->rflags & kFlagVm));
    QCOMPARE(cpu.reg(kRsp), TestCpu::kStack0 - 40);
    QCOMPARE(cpu.memory.load<uint32_t>(TestCpu::kStack0 - 4), 0x1700u);
    QCOMPARE(cpu.memory.load<uint32_t>(TestCpu::kStack0 - 36), 0x0100u);
    QCOMPARE(int(cpu.state->segment[kGs].selector), 0);
}

void TransferTest::hardwareTaskSwitch() {
    TestCpu cpu;
    cpu.protected32();
    constexpr uint32_t kNewTss = 0x4000;
    cpu.setDescriptor(TestCpu::kSpare, TestCpu::descriptor(kNewTss, 0x67, 0x0089));
    cpu.memory.store<uint32_t>(kNewTss + 32, 0x9000);
    cpu.memory.store<uint32_t>(kNewTss + 36, kFlagFixed | kFlagCf);
    cpu.memory.store<uint32_t>(kNewTss + 40, 0xAAAA);
    cpu.memory.store<uint32_t>(kNewTss + 56, 0x22000);
    for (unsigned i = 0; i < 6; ++i)
        cpu.memory.store<uint16_t>(kNewTss + 72 + i * 4,
                                   i == kCs ? TestCpu::kCode0 : TestCpu::kData0);
    cpu.reg(kRbx) = 0x1234;
    QCOMPARE(cpu.run({0x9A, 0, 0, 0, 0, 0x60, 0}), StepResult::Executed);
    QCOMPARE(cpu.state->rip, uint64_t{0x9000});
    QCOMPARE(cpu.reg(kRax), uint64_t{0xAAAA});
    QCOMPARE(cpu.reg(kRsp), uint64_t{0x22000});
    QCOMPARE(int(cpu.state->tr.selector), int(TestCpu::kSpare));
    QVERIFY(cpu.state->rflags & kFlagNt);
    QVERIFY(cpu.state->cr0 & kCr0Ts);
    QCOMPARE(cpu.memory.load<uint16_t>(kNewTss), TestCpu::kTssSelector); // the way back
    QCOMPARE(cpu.memory.load<uint32_t>(TestCpu::kTss + 32), uint32_t(TestCpu::kCode + 7));
    QCOMPARE(int(cpu.memory.load<uint8_t>(TestCpu::kGdt + TestCpu::kSpare + 5)), 0x8B);
    QCOMPARE(cpu.run({0xCF}), StepResult::Executed); // iret with NT
    QCOMPARE(cpu.state->rip, TestCpu::kCode + 7);
    QCOMPARE(cpu.reg(kRbx), uint64_t{0x1234});
    QCOMPARE(int(cpu.state->tr.selector), int(TestCpu::kTssSelector));
    QCOMPARE(int(cpu.memory.load<uint8_t>(TestCpu::kGdt + TestCpu::kSpare + 5)), 0x89);
    QVERIFY(!(cpu.state->rflags & kFlagNt));
}

void TransferTest::compatibilityMode() {
    TestCpu cpu;
    cpu.longMode();
    cpu.memory.store<uint32_t>(TestCpu::kData, 0x8100);
    cpu.memory.store<uint16_t>(TestCpu::kData + 4, TestCpu::kCode0);
    cpu.reg(kRbx) = TestCpu::kData;
    QCOMPARE(cpu.run({0xFF, 0x2B}), StepResult::Executed); // jmp far [rbx]
    QVERIFY(!code64(*cpu.state));
    QVERIFY(longModeActive(*cpu.state));
    QCOMPARE(cpu.state->rip, uint64_t{0x8100});
    // Exceptions go back to 64-bit code.
    QCOMPARE(cpu.run({0x0F, 0x0B}), StepResult::Faulted);
    QVERIFY(code64(*cpu.state));
    QCOMPARE(cpu.vector(), 6);
}

void TransferTest::ioPermissionBitmap() {
    TestCpu cpu;
    cpu.protected32(3);
    cpu.memory.store<uint8_t>(TestCpu::kTss + 104 + 0x60 / 8, 0x01); // port 60h forbidden
    cpu.memory.deviceValue = 0x5A;
    cpu.reg(kRdx) = 0x61;
    QCOMPARE(cpu.run({0xEC}), StepResult::Executed);
    QCOMPARE(cpu.reg(kRax), uint64_t{0x5A});
    cpu.reg(kRdx) = 0x60;
    QCOMPARE(cpu.run({0xEC}), StepResult::Faulted);
    QCOMPARE(cpu.vector(), 13);
    QCOMPARE(cpu.memory.log, std::string("i97:1 "));
}

void TransferTest::segmentLimits() {
    TestCpu cpu;
    cpu.protected32();
    cpu.state->segment[kDs].limit = 0xFFFF;
    updateModeKey(*cpu.state);
    cpu.reg(kRbx) = 0xFFFC;
    QCOMPARE(cpu.run({0x8B, 0x03}), StepResult::Executed);
    cpu.reg(kRbx) = 0xFFFD;
    QCOMPARE(cpu.run({0x8B, 0x03}), StepResult::Faulted);
    QCOMPARE(cpu.vector(), 13);
    cpu.protected32();
    cpu.state->segment[kSs] = {.base = 0,
                               .limit = 0xFFF,
                               .selector = TestCpu::kData0,
                               .attributes = 0x4097}; // expand-down
    updateModeKey(*cpu.state);
    cpu.reg(kRsp) = 0x1004;
    QCOMPARE(cpu.run({0x50}), StepResult::Executed);
    cpu.state->segment[kSs].limit = 0x1FFF;
    QCOMPARE(cpu.run({0x50}), StepResult::Shutdown); // no stack for #SS, nor for #DF
}

void TransferTest::modelSpecificRegisters() {
    TestCpu cpu;
    cpu.longMode();
    cpu.reg(kRcx) = 0xC0000101;
    cpu.reg(kRax) = 0x1000;
    cpu.reg(kRdx) = 0xFFFF8000;
    QCOMPARE(cpu.run({0x0F, 0x30}), StepResult::Executed);
    QCOMPARE(cpu.state->segment[kGs].base, uint64_t{0xFFFF800000001000});
    cpu.run({0x0F, 0x01, 0xF8}); // swapgs
    QCOMPARE(cpu.state->kernelGsBase, uint64_t{0xFFFF800000001000});
    cpu.reg(kRdx) = 0x8000; // not canonical
    QCOMPARE(cpu.run({0x0F, 0x30}), StepResult::Faulted);
    QCOMPARE(cpu.vector(), 13);
    cpu.longMode();
    cpu.reg(kRcx) = 0x12345; // unknown
    QCOMPARE(cpu.run({0x0F, 0x32}), StepResult::Faulted);
    cpu.longMode();
    cpu.platform.msrs[0x12345] = 0x100000002;
    QCOMPARE(cpu.run({0x0F, 0x32}), StepResult::Executed);
    QCOMPARE(cpu.reg(kRax), uint64_t{2});
    QCOMPARE(cpu.reg(kRdx), uint64_t{1});
}

void TransferTest::controlRegisterChecks_data() {
    QTest::addColumn<QByteArray>("code");
    QTest::addColumn<qulonglong>("rax");
    QTest::addColumn<int>("vector");
    const auto row = [](const char* name, const char* code, uint64_t rax, int vector) {
        QTest::newRow(name) << QByteArray::fromHex(code) << qulonglong(rax) << vector;
    };
    row("cr0 high bits", "0F22C0", 0x180000011, 13);
    row("cr0 paging without protection", "0F22C0", 0x80000010, 13);
    row("cr0 NW without CD", "0F22C0", 0xA0000011, 13);
    row("cr0 paging off in 64-bit mode", "0F22C0", 0x11, 13);
    row("cr0 ordinary", "0F22C0", 0x80010013, -1);
    row("cr1", "0F22C8", 0, 6);
    row("cr3 beyond the physical addresses", "0F22D8", uint64_t{1} << 45, 13);
    row("cr4 without PAE", "0F22E0", 0, 13);
    row("cr8", "440F22C0", 5, -1);
    row("cr8 too large", "440F22C0", 16, 13);
    row("dr7 high bits", "0F23F8", uint64_t{1} << 32, 13);
    row("xsetbv without x87", "0F01D1", 2, 13);
    row("xsetbv AVX without SSE", "0F01D1", 5, 13);
}

void TransferTest::controlRegisterChecks() {
    QFETCH(QByteArray, code);
    QFETCH(qulonglong, rax);
    QFETCH(int, vector);
    TestCpu cpu;
    cpu.longMode();
    cpu.reg(kRax) = rax;
    cpu.run({code.begin(), code.end()});
    QCOMPARE(cpu.vector(), vector);
}

// PCIDs (Intel SDM 3A, 4.10.1) and INVPCID.
void TransferTest::addressSpaceNumbers() {
    TestCpu cpu;
    cpu.longMode();
    cpu.reg(kRax) = cpu.state->cr4 | kCr4Pcide;
    QCOMPARE(cpu.run({0x0F, 0x22, 0xE0}), StepResult::Executed); // mov cr4, rax
    cpu.reg(kRax) = uint64_t{1} << 63 | TestCpu::kTables | 5;    // keep what is known
    QCOMPARE(cpu.run({0x0F, 0x22, 0xD8}), StepResult::Executed); // mov cr3, rax
    QCOMPARE(cpu.state->cr3, TestCpu::kTables | 5);
    cpu.reg(kRbx) = TestCpu::kData;
    cpu.memory.store<uint64_t>(TestCpu::kData, 5);
    for (uint64_t type = 0; type < 4; ++type) {
        cpu.reg(kRax) = type;
        QCOMPARE(cpu.run({0x66, 0x0F, 0x38, 0x82, 0x03}), StepResult::Executed); // invpcid
    }
    cpu.reg(kRax) = 4;
    QCOMPARE(cpu.run({0x66, 0x0F, 0x38, 0x82, 0x03}), StepResult::Faulted);
    QCOMPARE(cpu.vector(), int(kGeneralProtection));
}

VIVARIUM_TEST(TransferTest)
#include "transfer_test.moc"
