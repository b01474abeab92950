#include "tests/support/test_main.h"
#include "vmm/softcpu/test_support/test_cpu.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::softcpu;
using vivarium::softcpu::test::TestCpu;

// Exceptions and interrupts: frames, error codes, stacks, priorities, double and triple faults.
class ExceptionsTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void realModeFrame();
    void protectedFrameWithStackSwitch();
    void longModeFrameIsAligned();
    void interruptStackTable();
    void errorCodes_data();
    void errorCodes();
    void pageFaultTellsAddressAndReason();
    void gatePrivilegeIsCheckedForSoftwareInterrupts();
    void doubleAndTripleFaults();
    void interruptGatesMaskAndTrapGatesDoNot();
    void singleStepTrapsAfterTheInstruction();
    void movSsHoldsTrapsBack();
    void breakpointRegisters();
    void debugRegistersUnderGeneralDetect();
    void interruptShadowOfSti();
    void externalInterruptWakesFromHalt();
    void faultsChangeNothing();
    void endlessFaultsCanBeInterrupted();
    void waitingForTheMonitorIsHalting();

private:
    uint64_t stacked(const TestCpu& cpu, unsigned slot, unsigned bytes = 8) const {
        const uint64_t at = cpu.state->gpr[kRsp] + uint64_t{slot} * bytes;
        return bytes == 8   ? cpu.memory.load<uint64_t>(at)
               : bytes == 4 ? cpu.memory.load<uint32_t>(at)
                            : cpu.memory.load<uint16_t>(at);
    }
};

void ExceptionsTest::realModeFrame() {
    TestCpu cpu;
    cpu.realMode();
    cpu.state->rflags |= kFlagIf | kFlagCf;
    QCOMPARE(cpu.run({0xCD, 0x21}), StepResult::Executed); // int 21h
    QCOMPARE(cpu.state->rip, uint64_t{0xF021});
    QCOMPARE(cpu.state->gpr[kRsp], uint64_t{0x7000 - 6});
    QCOMPARE(stacked(cpu, 0, 2), TestCpu::kCode + 2);
    QCOMPARE(stacked(cpu, 1, 2), uint64_t{0});
    QCOMPARE(stacked(cpu, 2, 2), uint64_t{kFlagFixed | kFlagIf | kFlagCf});
    QVERIFY(!(cpu.state->rflags & kFlagIf));
    QCOMPARE(cpu.run({0xCF}), StepResult::Executed); // iret
    QCOMPARE(cpu.state->rip, TestCpu::kCode + 2);
    QVERIFY(cpu.state->rflags & kFlagIf);
    // A fault saves the instruction's own address and no error code.
    cpu.state->rip = TestCpu::kCode;
    cpu.reg(kRbx) = 0xFFFF;
    QCOMPARE(cpu.run({0x8B, 0x07}), StepResult::Faulted); // mov ax, [bx]
    QCOMPARE(cpu.state->rip, uint64_t{0xF00D});
    QCOMPARE(stacked(cpu, 0, 2), TestCpu::kCode);
}

void ExceptionsTest::protectedFrameWithStackSwitch() {
    TestCpu cpu;
    cpu.protected32(3);
    cpu.state->rflags |= kFlagIf;
    QCOMPARE(cpu.run({0xFA}), StepResult::Faulted); // cli with IOPL 0
    QCOMPARE(cpu.vector(), 13);
    QCOMPARE(cpu.state->gpr[kRsp], TestCpu::kStack0 - 24);
    QCOMPARE(stacked(cpu, 0, 4), uint64_t{0}); // error code
    QCOMPARE(stacked(cpu, 1, 4), TestCpu::kCode);
    QCOMPARE(stacked(cpu, 2, 4), uint64_t{TestCpu::kCode3});
    QCOMPARE(stacked(cpu, 3, 4), uint64_t{kFlagFixed | kFlagIf | kFlagRf});
    QCOMPARE(stacked(cpu, 4, 4), TestCpu::kStack3);
    QCOMPARE(stacked(cpu, 5, 4), uint64_t{TestCpu::kData3});
    QCOMPARE(cpl(*cpu.state), 0u);
    cpu.reg(kRsp) += 4;
    QCOMPARE(cpu.run({0xCF}), StepResult::Executed);
    QCOMPARE(cpl(*cpu.state), 3u);
    QCOMPARE(cpu.state->rip, TestCpu::kCode);
    QCOMPARE(cpu.state->gpr[kRsp], TestCpu::kStack3);
}

void ExceptionsTest::longModeFrameIsAligned() {
    TestCpu cpu;
    cpu.longMode();
    cpu.reg(kRsp) = TestCpu::kStack0 - 3;
    QCOMPARE(cpu.run({0x0F, 0x0B}), StepResult::Faulted); // ud2
    QCOMPARE(cpu.vector(), 6);
    QCOMPARE(cpu.state->gpr[kRsp], ((TestCpu::kStack0 - 3) & ~uint64_t{15}) - 40);
    QCOMPARE(stacked(cpu, 0), TestCpu::kCode);
    QCOMPARE(stacked(cpu, 1), uint64_t{TestCpu::kCode64Selector});
    QCOMPARE(stacked(cpu, 3), TestCpu::kStack0 - 3);
    QCOMPARE(stacked(cpu, 4), uint64_t{TestCpu::kData0});
    QCOMPARE(cpu.run({0x48, 0xCF}), StepResult::Executed); // iretq
    QCOMPARE(cpu.state->rip, TestCpu::kCode);
    QCOMPARE(cpu.state->gpr[kRsp], TestCpu::kStack0 - 3);
    // From level 3 the new SS is null.
    cpu.longMode(3);
    QCOMPARE(cpu.run({0x0F, 0x0B}), StepResult::Faulted);
    QCOMPARE(int(cpu.state->segment[kSs].selector), 0);
    QCOMPARE(cpl(*cpu.state), 0u);
    QCOMPARE(stacked(cpu, 4), uint64_t{TestCpu::kData3});
}

void ExceptionsTest::interruptStackTable() {
    TestCpu cpu;
    cpu.longMode();
    cpu.setGate64(6, TestCpu::kCode64Selector, TestCpu::kHandlers + 96, 0x8E, 1);
    QCOMPARE(cpu.run({0x0F, 0x0B}), StepResult::Faulted);
    QCOMPARE(cpu.state->gpr[kRsp], TestCpu::kIst1 - 40);
}

void ExceptionsTest::errorCodes_data() {
    QTest::addColumn<QByteArray>("code");
    QTest::addColumn<int>("ax");
    QTest::addColumn<int>("vector");
    QTest::addColumn<int>("errorCode");
    const auto row = [](const char* name, const char* code, int ax, int vector, int error) {
        QTest::newRow(name) << QByteArray::fromHex(code) << ax << vector << error;
    };
    row("ds beyond the table", "8ED8", 0x1008, 13, 0x1008);
    row("ds not present", "8ED8", 0x58, 11, 0x58);
    row("ds with a system descriptor", "8ED8", 0x40, 13, 0x40);
    row("ds from the missing ldt", "8ED8", 0x0C, 13, 0x0C);
    row("null ds loads", "8ED8", 0, -1, 0);
    row("null ss", "8ED0", 0, 13, 0);
    row("ss with the wrong level", "8ED0", 0x23, 13, 0x20);
    row("ss not present", "8ED0", 0x58, 12, 0x58);
    row("ss with code", "8ED0", 0x08, 13, 0x08);
    row("far jump to data", "EA000001001000", 0, 13, 0x10);
    row("far jump to null", "EA000001000000", 0, 13, 0);
    row("ltr with data", "0F00D8", 0x10, 13, 0x10);
    row("ltr busy", "0F00D8", 0x40, 13, 0x40);
    row("mov cs", "8EC8", 8, 6, 0);
    row("int with no gate", "CDFF", 0, 13, 0xFF * 8 + 2);
    row("cr0 PG without PE", "0F22C0", 0, -1, 0);
    row("cr4 reserved", "0F22E0", 0x8000, 13, 0);
}

void ExceptionsTest::errorCodes() {
    QFETCH(QByteArray, code);
    QFETCH(int, ax);
    QFETCH(int, vector);
    QFETCH(int, errorCode);
    TestCpu cpu;
    cpu.protected32();
    cpu.state->idtr.limit = 0xFF * 8 - 1;
    cpu.reg(kRax) = unsigned(ax);
    cpu.run({code.begin(), code.end()});
    QCOMPARE(cpu.vector(), vector);
    if (vector > 6)
        QCOMPARE(int(stacked(cpu, 0, 4)), errorCode);
}

void ExceptionsTest::pageFaultTellsAddressAndReason() {
    TestCpu cpu;
    cpu.longMode(3);
    cpu.memory.store<uint64_t>(TestCpu::kTables + 0x2008, 0x200000 | 0x81); // supervisor, read-only
    cpu.reg(kRbx) = 0x234560;
    QCOMPARE(cpu.run({0xFF, 0x03}), StepResult::Faulted); // inc dword [rbx]
    QCOMPARE(cpu.vector(), 14);
    QCOMPARE(cpu.state->cr2, uint64_t{0x234560});
    QCOMPARE(stacked(cpu, 0), uint64_t{7}); // a read for writing is a write
    QCOMPARE(stacked(cpu, 1), TestCpu::kCode);
}

void ExceptionsTest::gatePrivilegeIsCheckedForSoftwareInterrupts() {
    TestCpu cpu;
    cpu.protected32(3);
    QCOMPARE(cpu.run({0xCD, 0x80}), StepResult::Faulted);
    QCOMPARE(cpu.vector(), 13);
    QCOMPARE(stacked(cpu, 0, 4), uint64_t{0x80 * 8 + 2});
    QCOMPARE(stacked(cpu, 1, 4), TestCpu::kCode);
    cpu.protected32(3);
    cpu.setGate32(0x80, TestCpu::kCode0, 0x10800, 0xEF);
    QCOMPARE(cpu.run({0xCD, 0x80}), StepResult::Executed);
    QCOMPARE(cpu.vector(), 0x80);
    QCOMPARE(stacked(cpu, 0, 4), TestCpu::kCode + 2);
}

void ExceptionsTest::doubleAndTripleFaults() {
    TestCpu cpu;
    cpu.protected32();
    cpu.setGate32(13, 0, 0, 0); // no handler for #GP
    cpu.reg(kRax) = 0x1008;
    QCOMPARE(cpu.run({0x8E, 0xD8}), StepResult::Faulted);
    QCOMPARE(cpu.vector(), 8);
    QCOMPARE(stacked(cpu, 0, 4), uint64_t{0});
    QCOMPARE(stacked(cpu, 1, 4), TestCpu::kCode);
    cpu.protected32();
    cpu.setGate32(13, 0, 0, 0);
    cpu.setGate32(8, 0, 0, 0);
    cpu.reg(kRax) = 0x1008;
    QCOMPARE(cpu.run({0x8E, 0xD8}), StepResult::Shutdown);
    QCOMPARE(cpu.state->activity, Activity::Shutdown);
    // #UD is benign: its missing handler is a plain #NP.
    cpu.state->activity = Activity::Running;
    cpu.protected32();
    cpu.setGate32(6, TestCpu::kCode0, 0, 0x0E);
    QCOMPARE(cpu.run({0x0F, 0x0B}), StepResult::Faulted);
    QCOMPARE(cpu.vector(), 11);
    QCOMPARE(stacked(cpu, 0, 4), uint64_t{6 * 8 + 3});
}

void ExceptionsTest::interruptGatesMaskAndTrapGatesDoNot() {
    for (const bool trap : {false, true}) {
        TestCpu cpu;
        cpu.longMode();
        cpu.state->rflags |= kFlagIf | kFlagNt;
        cpu.setGate64(0x30, TestCpu::kCode64Selector, TestCpu::kHandlers + 0x300,
                      trap ? 0x8F : 0x8E, 0);
        QCOMPARE(cpu.interpreter->deliverInterrupt(0x30), StepResult::Faulted);
        QCOMPARE(cpu.vector(), 0x30);
        QCOMPARE((cpu.state->rflags & kFlagIf) != 0, trap);
        QVERIFY(!(cpu.state->rflags & kFlagNt));
    }
}

void ExceptionsTest::singleStepTrapsAfterTheInstruction() {
    TestCpu cpu;
    cpu.longMode();
    cpu.state->rflags |= kFlagTf;
    updateModeKey(*cpu.state);
    QCOMPARE(cpu.run({0x90}), StepResult::Faulted);
    QCOMPARE(cpu.vector(), 1);
    QCOMPARE(stacked(cpu, 0), TestCpu::kCode + 1);
    QVERIFY(cpu.state->dr[6] & 1 << 14);
    QVERIFY(!(cpu.state->rflags & kFlagTf));
    // A repeated string instruction traps after every element.
    cpu.longMode();
    cpu.state->rflags |= kFlagTf;
    cpu.reg(kRcx) = 5;
    cpu.reg(kRdi) = TestCpu::kData;
    updateModeKey(*cpu.state);
    QCOMPARE(cpu.run({0xF3, 0xAA}), StepResult::Faulted);
    QCOMPARE(cpu.reg(kRcx), uint64_t{4});
    QCOMPARE(stacked(cpu, 0), TestCpu::kCode);
}

void ExceptionsTest::movSsHoldsTrapsBack() {
    TestCpu cpu;
    cpu.protected32();
    cpu.state->rflags |= kFlagTf;
    updateModeKey(*cpu.state);
    cpu.reg(kRax) = TestCpu::kData0;
    QCOMPARE(cpu.run({0x8E, 0xD0, 0x90}), StepResult::Executed);
    QCOMPARE(cpu.state->interruptShadow, kShadowMovSs);
    QCOMPARE(cpu.step(), StepResult::Faulted);
    QCOMPARE(cpu.vector(), 1);
    QCOMPARE(stacked(cpu, 0, 4), TestCpu::kCode + 3);
}

void ExceptionsTest::breakpointRegisters() {
    TestCpu cpu;
    cpu.longMode();
    cpu.state->dr[0] = TestCpu::kCode;
    cpu.state->dr[1] = TestCpu::kData + 4;
    cpu.state->dr[7] = 0x400 | 1 | 4 | (1 << 20) | (3 << 22); // execute; write of 4 bytes
    updateModeKey(*cpu.state);
    cpu.reg(kRbx) = TestCpu::kData;
    QCOMPARE(cpu.run({0x88, 0x43, 0x05}), StepResult::Faulted); // before it executes
    QCOMPARE(stacked(cpu, 0), TestCpu::kCode);
    QCOMPARE(cpu.state->dr[6] & 0xF, uint64_t{1});
    cpu.longMode();
    cpu.state->rflags |= kFlagRf;
    QCOMPARE(cpu.step(), StepResult::Faulted); // now the write, after it is done
    QCOMPARE(stacked(cpu, 0), TestCpu::kCode + 3);
    QCOMPARE(cpu.state->dr[6] & 0xF, uint64_t{2});
}

void ExceptionsTest::debugRegistersUnderGeneralDetect() {
    TestCpu cpu;
    cpu.longMode();
    cpu.state->dr[7] |= 1 << 13;
    QCOMPARE(cpu.run({0x0F, 0x21, 0xC0}), StepResult::Faulted); // mov rax, dr0
    QCOMPARE(cpu.vector(), 1);
    QVERIFY(cpu.state->dr[6] & 1 << 13);
    QVERIFY(!(cpu.state->dr[7] & 1 << 13));
}

void ExceptionsTest::interruptShadowOfSti() {
    TestCpu cpu;
    cpu.longMode();
    cpu.state->interruptWindowWanted = 1;
    cpu.run({0xFB, 0x90}); // sti
    QVERIFY(!interruptible(*cpu.state));
    QCOMPARE(cpu.state->attention.load(), 0u);
    cpu.step();
    QVERIFY(interruptible(*cpu.state));
    QCOMPARE(cpu.state->attention.load(), kAttentionInterrupt);
}

void ExceptionsTest::externalInterruptWakesFromHalt() {
    TestCpu cpu;
    cpu.longMode();
    cpu.state->rflags |= kFlagIf;
    QCOMPARE(cpu.run({0xF4}), StepResult::Halted);
    QCOMPARE(cpu.state->activity, Activity::Halted);
    QCOMPARE(cpu.interpreter->deliverInterrupt(0x20), StepResult::Faulted);
    QCOMPARE(cpu.state->activity, Activity::Running);
    QCOMPARE(stacked(cpu, 0), TestCpu::kCode + 1);
}

void ExceptionsTest::faultsChangeNothing() {
    // POP into an unmapped place must not move the stack; PUSHA must not either.
    TestCpu cpu;
    cpu.longMode();
    cpu.memory.store<uint64_t>(TestCpu::kTables + 0x2008, 0);
    cpu.reg(kRbx) = 0x200000;
    cpu.setGate64(14, TestCpu::kCode64Selector, TestCpu::kHandlers + 14 * 16, 0x8E, 1);
    QCOMPARE(cpu.run({0x8F, 0x03}), StepResult::Faulted);
    QCOMPARE(stacked(cpu, 4), TestCpu::kStack0);
    QCOMPARE(cpu.reg(kRbx), uint64_t{0x200000});
}

// The handler of alignment checks runs at CPL 3 on a misaligned stack: its frame cannot be pushed.
void ExceptionsTest::endlessFaultsCanBeInterrupted() {
    TestCpu cpu;
    cpu.protected32(3);
    cpu.state->cr0 |= kCr0Am;
    cpu.state->rflags |= kFlagAc;
    cpu.setGate32(kAlignmentCheckVector, TestCpu::kCode3, TestCpu::kHandlers, 0xEE);
    cpu.reg(kRsp) = TestCpu::kStack3 + 1;
    updateModeKey(*cpu.state);
    QCOMPARE(cpu.run({0x50}), StepResult::Faulted); // push eax
    QCOMPARE(cpu.state->rip, TestCpu::kCode);
    QCOMPARE(cpu.reg(kRsp), TestCpu::kStack3 + 1);
}

void ExceptionsTest::waitingForTheMonitorIsHalting() {
    TestCpu cpu;
    cpu.longMode();
    cpu.reg(kRcx) = 0;
    QCOMPARE(cpu.run({0x0F, 0x01, 0xC9}), StepResult::Halted); // mwait
    QCOMPARE(cpu.state->activity, Activity::Halted);
    cpu.state->rflags |= kFlagIf;
    QCOMPARE(cpu.interpreter->deliverInterrupt(0x20), StepResult::Faulted);
    QCOMPARE(cpu.state->activity, Activity::Running);
}

VIVARIUM_TEST(ExceptionsTest)
#include "exceptions_test.moc"
