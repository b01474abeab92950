// Code whose pages move, and interrupts that become enabled: what links between blocks must not
// miss.
#include "vmm/softcpu/translator/test_machine.h"

#include "tests/support/test_main.h"

#include <QObject>
#include <QTest>

namespace vivarium::softcpu::test {

namespace {

using Bytes = std::vector<uint8_t>;

void append(Bytes& program, const Bytes& more) {
    program.insert(program.end(), more.begin(), more.end());
}

// call kData from the program's end.
Bytes relativeCall(const Bytes& program) {
    auto distance =
        static_cast<uint32_t>(TestMachine::kData - TestMachine::kCode - program.size() - 5);
    Bytes call{0xE8};
    for (unsigned i = 0; i < 4; ++i)
        call.push_back(static_cast<uint8_t>(distance >> (8 * i)));
    return call;
}

} // namespace

class CodePageTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void movedCodeIsFollowed_data() {
        QTest::addColumn<bool>("indirect");
        QTest::addColumn<bool>("wholeSpace");
        QTest::newRow("call, INVLPG") << false << false;
        QTest::newRow("call, CR3") << false << true;
        QTest::newRow("indirect call, INVLPG") << true << false;
        QTest::newRow("indirect call, CR3") << true << true;
    }

    void movedCodeIsFollowed() {
        QFETCH(bool, indirect);
        QFETCH(bool, wholeSpace);
        TestMachine machine;
        // mov ecx, 3; 1: call kData; add edx, eax; dec ecx; jnz 1b
        Bytes program{0xB9, 3, 0, 0, 0};
        Bytes callRbp{0xFF, 0xD5, 0x90, 0x90, 0x90};
        append(program, indirect ? callRbp : relativeCall(program));
        append(program, {0x01, 0xC2, 0xFF, 0xC9, 0x75, 0xF5});
        // mov [rsi], rdi (kData's page table entry); invlpg [rbp], or mov rax, cr3; mov cr3, rax
        append(program, {0x48, 0x89, 0x3E});
        append(program,
               wholeSpace ? Bytes{0x0F, 0x20, 0xD8, 0x0F, 0x22, 0xD8} : Bytes{0x0F, 0x01, 0x7D, 0});
        // call kData; hlt
        append(program, indirect ? callRbp : relativeCall(program));
        append(program, {0xF4});
        machine.put(TestMachine::kCode, program);
        machine.put(TestMachine::kData, {0xB8, 11, 0, 0, 0, 0xC3});          // mov eax, 11; ret
        machine.put(TestMachine::kData + 0x2000, {0xB8, 22, 0, 0, 0, 0xC3}); // mov eax, 22; ret
        machine.state->gpr[kRbp] = TestMachine::kData;
        machine.state->gpr[kRdx] = 0;
        machine.state->gpr[kRsi] = TestMachine::kSystem + 0x4000 + 8;
        machine.state->gpr[kRdi] = (TestMachine::kData + 0x2000) | 3;
        QVERIFY(machine.run(TestMachine::By::Translator));
        QCOMPARE(machine.state->gpr[kRdx], uint64_t{33});
        QCOMPARE(machine.state->gpr[kRax], uint64_t{22});
    }

    void codeInAScreensMemoryMayChangeAtAnyTime() {
        constexpr uint64_t kScreen = 0x500000, kPageBytes = 4096;
        alignas(kPageBytes) uint8_t screen[kPageBytes] = {0xB0, 1, 0xC3}; // mov al, 1; ret
        TestMachine machine;
        machine.memory.view().add({kScreen, kPageBytes, screen, DirectSection::Access::ReadWrite,
                                   MemoryRegion::DirtyLog::On});
        machine.memory.store<uint64_t>(0x4000 + 8, kScreen | 3); // kData's page
        Bytes program = relativeCall({});
        append(program, {0xF4});
        machine.put(TestMachine::kCode, program);
        machine.state->gpr[kRsp] = TestMachine::kData + 0x2000;
        for (uint8_t value : {1, 2, 3}) {
            screen[1] = value;
            machine.state->rip = TestMachine::kCode;
            QVERIFY(machine.run(TestMachine::By::Translator));
            QCOMPARE(machine.state->gpr[kRax] & 0xFF, uint64_t{value});
        }
    }

    void pagesThatAreNoCodeAnyMoreFault() {
        TestMachine machine;
        // call kData; mov [rsi], rdi (takes the page away); invlpg [rbp]; call kData; hlt
        Bytes program = relativeCall({});
        append(program, {0x48, 0x89, 0x3E, 0x0F, 0x01, 0x7D, 0});
        append(program, relativeCall(program));
        append(program, {0xF4});
        machine.put(TestMachine::kCode, program);
        machine.put(TestMachine::kData, {0xC3});
        machine.state->gpr[kRbp] = TestMachine::kData;
        machine.state->gpr[kRsi] = TestMachine::kSystem + 0x4000 + 8;
        machine.state->gpr[kRdi] = 0;
        QVERIFY(machine.run(TestMachine::By::Translator));
        QCOMPARE(machine.faultVector(), int(kPageFaultVector));
        QCOMPARE(machine.state->cr2, TestMachine::kData);
    }

    void waitingInterruptsAreSeenAfterSti() {
        TestMachine machine;
        machine.put(TestMachine::kCode, {0xFA, 0xFB, 0x90, 0x90, 0xF4}); // cli; sti; nop; nop; hlt
        machine.state->interruptWindowWanted = 1;
        QCOMPARE(machine.translator().run(), ExecutorExit::Attention);
        QCOMPARE(machine.state->rip, TestMachine::kCode + 3); // one instruction later
        QVERIFY(machine.state->rflags & kFlagIf);
    }

    void waitingInterruptsAreSeenAfterPopf() {
        TestMachine machine;
        machine.put(TestMachine::kCode, {0x53, 0x9D, 0x90, 0xF4}); // push rbx; popfq; nop; hlt
        machine.state->gpr[kRbx] = kFlagFixed | kFlagIf;
        machine.state->interruptWindowWanted = 1;
        QCOMPARE(machine.translator().run(), ExecutorExit::Attention);
        QCOMPARE(machine.state->rip, TestMachine::kCode + 2);
    }

    void interruptFlagChangesInTranslatedCode() {
        TestMachine machine;
        // sti; pushfq; pop rax; cli; pushfq; pop rcx; push rax; popfq; pushfq; pop rdx; hlt
        machine.put(TestMachine::kCode,
                    {0xFB, 0x9C, 0x58, 0xFA, 0x9C, 0x59, 0x50, 0x9D, 0x9C, 0x5A, 0xF4});
        machine.state->rflags = kFlagFixed;
        QVERIFY(machine.run(TestMachine::By::Translator));
        QCOMPARE(machine.state->gpr[kRax], kFlagFixed | kFlagIf);
        QCOMPARE(machine.state->gpr[kRcx], kFlagFixed);
        QCOMPARE(machine.state->gpr[kRdx], kFlagFixed | kFlagIf);
        QVERIFY(machine.translator().statistics().steps <= 1); // HLT
    }

    void codeSegmentsWithABaseHaveJumpCaches() {
        TestMachine machine;
        CpuState& state = *machine.state;
        resetCpu(state, CpuReset::PowerOn);
        state.segment[kCs].base = 0x10000;
        state.rip = 0;
        state.gpr[kRsp] = 0x8000;
        state.gpr[kRcx] = 1000;
        machine.mmu.tlb().flushAll();
        updateModeKey(state);
        // 1: call f; loop 1b; hlt; f: inc ax; ret
        machine.put(0x10000, {0xE8, 3, 0, 0xE2, 0xFB, 0xF4, 0x40, 0xC3});
        QVERIFY(machine.run(TestMachine::By::Translator));
        QCOMPARE(state.gpr[kRax], uint64_t{1000});
        QVERIFY(machine.translator().statistics().entries < 20);
    }
};

} // namespace vivarium::softcpu::test

using vivarium::softcpu::test::CodePageTest;
VIVARIUM_TEST(CodePageTest)
#include "code_page_test.moc"
