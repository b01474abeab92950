#include "vmm/softcpu/translator/translator.h"

#include "vmm/softcpu/translator/test_machine.h"

#include "tests/support/test_main.h"

#include <QTest>

#include <thread>

using namespace vivarium;
using namespace vivarium::softcpu;
using namespace vivarium::softcpu::test;

namespace {

constexpr auto kTranslator = TestMachine::By::Translator;

std::vector<uint8_t> operator+(std::vector<uint8_t> left, const std::vector<uint8_t>& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

std::vector<uint8_t> movImmediate(uint8_t reg, uint32_t value) { // mov r32, imm32
    return {static_cast<uint8_t>(0xB8 | reg), static_cast<uint8_t>(value),
            static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value >> 16),
            static_cast<uint8_t>(value >> 24)};
}

// Protected mode with flat 32-bit segments and no paging.
void enterProtectedMode(TestMachine& machine) {
    CpuState& state = *machine.state;
    resetCpu(state, CpuReset::PowerOn);
    state.cr0 = kCr0Pe | kCr0Et | kCr0Ne;
    state.segment[kCs] = {0, 0xFFFFFFFF, 8, 0xC09B};
    for (unsigned segment : {kEs, kSs, kDs, kFs, kGs})
        state.segment[segment] = {0, 0xFFFFFFFF, 16, 0xC093};
    state.rip = TestMachine::kCode;
    state.gpr[kRsp] = TestMachine::kData + 0x2000;
    machine.mmu.tlb().flushAll();
    updateModeKey(state);
}

void enterRealMode(TestMachine& machine, uint16_t segment) {
    CpuState& state = *machine.state;
    resetCpu(state, CpuReset::PowerOn);
    for (unsigned i = 0; i < 6; ++i)
        state.segment[i] = {uint64_t{segment} * 16, 0xFFFF, segment,
                            static_cast<uint16_t>(i == kCs ? 0x9B : 0x93)};
    state.rip = 0;
    state.gpr[kRsp] = 0x8000;
    machine.mmu.tlb().flushAll();
    updateModeKey(state);
}

} // namespace

class TranslatorTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void loopStaysInTranslatedCode() {
        TestMachine machine;
        // mov ecx, 100000; xor eax, eax; 1: add rax, rcx; dec rcx; jnz 1b; hlt
        machine.put(TestMachine::kCode, movImmediate(kRcx, 100000) +
                                            std::vector<uint8_t>{0x31, 0xC0, 0x48, 0x01, 0xC8, 0x48,
                                                                 0xFF, 0xC9, 0x75, 0xF8, 0xF4});
        QVERIFY(machine.run(kTranslator));
        QCOMPARE(machine.state->gpr[kRax], uint64_t{5000050000});
        QCOMPARE(machine.state->gpr[kRcx], uint64_t{0});
        QVERIFY(machine.translator().statistics().entries < 10);
    }

    void callsAndReturnsUseTheGuestsStack() {
        TestMachine machine;
        // call f; call f; hlt; f: inc r12; push r12; pop rbx; ret 0
        machine.put(TestMachine::kCode, {0xE8, 6,    0,    0,    0,    0xE8, 1,    0,    0, 0,
                                         0xF4, 0x49, 0xFF, 0xC4, 0x41, 0x54, 0x5B, 0xC2, 0, 0});
        machine.state->gpr[12] = 40;
        QVERIFY(machine.run(kTranslator));
        QCOMPARE(machine.state->gpr[12], uint64_t{42});
        QCOMPARE(machine.state->gpr[kRbx], uint64_t{42});
        QCOMPARE(machine.state->gpr[kRsp], TestMachine::kData + 0x2000);
        QCOMPARE(machine.memory.load<uint64_t>(TestMachine::kData + 0x1FF8),
                 TestMachine::kCode + 10);
    }

    void codeThatChangesItsOwnBlockIsSeenAtOnce() {
        TestMachine machine;
        // mov byte [rip+1], 7 (the immediate of the next instruction); mov eax, 1; hlt
        machine.put(TestMachine::kCode, std::vector<uint8_t>{0xC6, 0x05, 1, 0, 0, 0, 7} +
                                            movImmediate(kRax, 1) + std::vector<uint8_t>{0xF4});
        QVERIFY(machine.run(kTranslator));
        QCOMPARE(machine.state->gpr[kRax], uint64_t{7});
    }

    void codeRewrittenInALoopIsExact() {
        TestMachine machine;
        // mov ecx, 50; xor eax, eax; 1: mov [rip+imm of add], cl; add eax, imm8; dec ecx; jnz 1b
        machine.put(TestMachine::kCode,
                    movImmediate(kRcx, 50) + std::vector<uint8_t>{0x31, 0xC0, 0x88, 0x0D, 2, 0, 0,
                                                                  0, 0x83, 0xC0, 0, 0xFF, 0xC9,
                                                                  0x75, 0xF3, 0xF4});
        QVERIFY(machine.run(kTranslator));
        QCOMPARE(machine.state->gpr[kRax], uint64_t{50 * 51 / 2});
    }

    void devicesMayReplaceCode() {
        TestMachine machine;
        machine.put(TestMachine::kCode, movImmediate(kRax, 1) + std::vector<uint8_t>{0xF4});
        QVERIFY(machine.run(kTranslator));
        machine.put(TestMachine::kCode, movImmediate(kRax, 2) + std::vector<uint8_t>{0xF4});
        machine.coherence.devicesWrote();
        machine.state->rip = TestMachine::kCode;
        QVERIFY(machine.run(kTranslator));
        QCOMPARE(machine.state->gpr[kRax], uint64_t{2});
    }

    void instructionAcrossPages() {
        TestMachine machine;
        // A 10-byte mov rax, imm64 whose bytes lie on both sides of kData.
        machine.state->rip = TestMachine::kData - 4;
        machine.put(TestMachine::kData - 4, {0x48, 0xB8, 1, 2, 3, 4, 5, 6, 7, 8, 0xFF, 0xC0, 0xF4});
        QVERIFY(machine.run(kTranslator));
        QCOMPARE(machine.state->gpr[kRax], uint64_t{0x0807060504030202} & 0xFFFFFFFF);
    }

    void accessAcrossPages() {
        TestMachine machine;
        // mov [rbx], rax; mov rcx, [rbx]; hlt
        machine.put(TestMachine::kCode, {0x48, 0x89, 0x03, 0x48, 0x8B, 0x0B, 0xF4});
        machine.state->gpr[kRax] = 0x1122334455667788;
        machine.state->gpr[kRbx] = TestMachine::kData + 0x1000 - 3;
        QVERIFY(machine.run(kTranslator));
        QCOMPARE(machine.state->gpr[kRcx], uint64_t{0x1122334455667788});
        QCOMPARE(machine.memory.load<uint64_t>(TestMachine::kData + 0x1000 - 3),
                 uint64_t{0x1122334455667788});
    }

    void faultInTheMiddleOfABlock() {
        TestMachine machine;
        // inc ebx; stc; mov eax, [rdx]; inc ebx; hlt
        machine.put(TestMachine::kCode, {0xFF, 0xC3, 0xF9, 0x8B, 0x02, 0xFF, 0xC3, 0xF4});
        machine.state->gpr[kRdx] = 0x123456000;
        machine.state->gpr[kRbx] = 5;
        machine.state->rflags = kFlagFixed | kFlagZf;
        QVERIFY(machine.run(kTranslator));
        QCOMPARE(machine.faultVector(), int(kPageFaultVector));
        QCOMPARE(machine.state->cr2, uint64_t{0x123456000});
        QCOMPARE(machine.state->gpr[kRbx], uint64_t{6});
        QCOMPARE(machine.memory.load<uint64_t>(TestMachine::kFaultStack - 40),
                 TestMachine::kCode + 3);
        QVERIFY(machine.memory.load<uint64_t>(TestMachine::kFaultStack - 24) & kFlagCf);
    }

    void shortLoopsEndAndFaultInAnyRound() {
        // 1: mov [rsi], bl; inc rsi; dec edi; jnz 1b; hlt: a loop whose code is there twice
        const uint64_t end = TestMachine::kCode + TestMachine::kWindowBytes;
        for (unsigned rounds = 1; rounds <= 5; ++rounds)
            for (unsigned fitting = 0; fitting <= 5; ++fitting) {
                TestMachine machine;
                machine.put(TestMachine::kCode,
                            {0x88, 0x1E, 0x48, 0xFF, 0xC6, 0xFF, 0xCF, 0x75, 0xF7, 0xF4});
                machine.state->gpr[kRbx] = 0x5A;
                machine.state->gpr[kRsi] = end - fitting;
                machine.state->gpr[kRdi] = rounds;
                QVERIFY(machine.run(kTranslator));
                const unsigned done = std::min(rounds, fitting);
                QCOMPARE(machine.state->gpr[kRsi], end - fitting + done);
                QCOMPARE(machine.state->gpr[kRdi], uint64_t{rounds - done});
                QCOMPARE(machine.memory.load<uint8_t>(end - fitting + done - 1),
                         uint8_t(done > 0 ? 0x5A : 0));
                QCOMPARE(machine.faultVector(), rounds > fitting ? int(kPageFaultVector) : -1);
                if (rounds > fitting)
                    QCOMPARE(machine.memory.load<uint64_t>(TestMachine::kFaultStack - 40),
                             TestMachine::kCode);
            }
    }

    void divideErrorInTheMiddleOfABlock() {
        TestMachine machine;
        // inc ebx; xor ecx, ecx; div ecx; hlt
        machine.put(TestMachine::kCode, {0xFF, 0xC3, 0x31, 0xC9, 0xF7, 0xF1, 0xF4});
        machine.state->gpr[kRbx] = 1;
        QVERIFY(machine.run(kTranslator));
        QCOMPARE(machine.faultVector(), int(kDivideError));
        QCOMPARE(machine.state->gpr[kRbx], uint64_t{2});
        QCOMPARE(machine.memory.load<uint64_t>(TestMachine::kFaultStack - 40),
                 TestMachine::kCode + 4);
    }

    void flagsAreSavedAndRestored() {
        TestMachine machine;
        // stc; std; pushfq; cld; clc; pushfq; pop rbx; popfq (DF changes: interpreted); pushfq;
        // pop rcx; push rbx; popfq (interpreted); pushfq; clc; popfq; setnc al; hlt
        machine.put(TestMachine::kCode,
                    {0xF9, 0xFD, 0x9C, 0xFC, 0xF8, 0x9C, 0x5B, 0x9D, 0x9C, 0x59,
                     0x53, 0x9D, 0xF9, 0x9C, 0xF8, 0x9D, 0x0F, 0x92, 0xC0, 0xF4});
        machine.state->rflags = kFlagFixed | kFlagZf;
        machine.state->gpr[kRax] = 0;
        QVERIFY(machine.run(kTranslator));
        QCOMPARE(machine.state->gpr[kRcx], kFlagFixed | kFlagZf | kFlagCf | kFlagDf);
        QCOMPARE(machine.state->gpr[kRbx], kFlagFixed | kFlagZf);
        QCOMPARE(machine.state->gpr[kRax], uint64_t{1});
        QVERIFY(machine.translator().statistics().steps <= 4);
    }

    void invalidatedPageTablesAreFollowed() {
        TestMachine machine;
        // mov eax, [rbx]; invlpg [rbx] after the page table entry was changed by the store before
        // 1: mov eax, [rbx]; mov [rsi], rdi; invlpg [rbx]; mov edx, [rbx]; hlt
        machine.put(TestMachine::kCode,
                    {0x8B, 0x03, 0x48, 0x89, 0x3E, 0x0F, 0x01, 0x3B, 0x8B, 0x13, 0xF4});
        machine.state->gpr[kRbx] = TestMachine::kData;
        machine.state->gpr[kRsi] = TestMachine::kSystem + 0x4000 + 8; // kData's entry
        machine.state->gpr[kRdi] = (TestMachine::kData + 0x1000) | 3;
        machine.memory.store<uint32_t>(TestMachine::kData, 11);
        machine.memory.store<uint32_t>(TestMachine::kData + 0x1000, 22);
        QVERIFY(machine.run(kTranslator));
        QCOMPARE(machine.state->gpr[kRax], uint64_t{11});
        QCOMPARE(machine.state->gpr[kRdx], uint64_t{22});
    }

    void fullCacheStartsAnew() {
        TestMachine machine;
        constexpr size_t kSmallest = size_t{1} << 16;
        machine.translator(kSmallest);
        // 1000 blocks of inc dword [rbx]; jmp next, three times over.
        std::vector<uint8_t> program;
        for (unsigned i = 0; i < 1000; ++i)
            program = program + std::vector<uint8_t>{0xFF, 0x03, 0xEB, 0};
        int32_t back = -static_cast<int32_t>(program.size()) - 8;
        program = program + std::vector<uint8_t>{0xFF, 0xC9, 0x0F, 0x85};
        for (unsigned i = 0; i < 4; ++i)
            program.push_back(static_cast<uint8_t>(back >> (8 * i)));
        program.push_back(0xF4);
        machine.put(TestMachine::kCode, program);
        machine.state->gpr[kRbx] = TestMachine::kData;
        machine.state->gpr[kRcx] = 3;
        QVERIFY(machine.run(kTranslator));
        QCOMPARE(machine.memory.load<uint32_t>(TestMachine::kData), 3000u);
        QVERIFY(machine.translator().statistics().flushes > 0);
    }

    void attentionEndsALoop_data() {
        QTest::addColumn<QByteArray>("loop");
        QTest::newRow("always taken") << QByteArray::fromHex("ebfe");        // jmp $
        QTest::newRow("conditional") << QByteArray::fromHex("31c074fc");     // xor eax, eax; jz $-2
        QTest::newRow("counted") << QByteArray::fromHex("b902000000e2f9f4"); // mov ecx, 2; loop $-5
        QTest::newRow("indirect") << QByteArray::fromHex("ffe3");            // jmp rbx
    }

    void attentionEndsALoop() {
        QFETCH(QByteArray, loop);
        TestMachine machine;
        machine.put(TestMachine::kCode, {loop.begin(), loop.end()});
        machine.state->gpr[kRbx] = TestMachine::kCode;
        std::thread kicker([&] { machine.state->attention.fetch_or(kAttentionKick); });
        QCOMPARE(machine.translator().run(), ExecutorExit::Attention);
        kicker.join();
        QVERIFY(machine.state->rip - TestMachine::kCode < static_cast<uint64_t>(loop.size()));
    }

    void otherFlagsOutliveTheBlock() {
        TestMachine machine;
        // cld; cli; mov eax, 7; stosd; hlt: the last two are interpreted, after the block
        machine.put(TestMachine::kCode, std::vector<uint8_t>{0xFC, 0xFA} + movImmediate(kRax, 7) +
                                            std::vector<uint8_t>{0xAB, 0xF4});
        machine.state->rflags = kFlagFixed | kFlagIf | kFlagDf;
        machine.state->gpr[kRdi] = TestMachine::kData;
        QVERIFY(machine.run(kTranslator));
        QCOMPARE(machine.state->rflags, kFlagFixed);
        QCOMPARE(machine.state->gpr[kRdi], TestMachine::kData + 4);
        // std; nop; stosd; hlt
        machine.put(TestMachine::kCode, {0xFD, 0x90, 0xAB, 0xF4});
        machine.coherence.devicesWrote();
        machine.state->rip = TestMachine::kCode;
        QVERIFY(machine.run(kTranslator));
        QCOMPARE(machine.state->rflags, kFlagFixed | kFlagDf);
        QCOMPARE(machine.state->gpr[kRdi], TestMachine::kData);
    }

    void protectedModeCode() {
        TestMachine machine;
        enterProtectedMode(machine);
        // mov ecx, 10; xor eax, eax; 1: push ecx; inc eax; pop edx; add [ebx+ecx*4], dl; loop 1b;
        // lea esi, [ebx-1] with ebx = kData; hlt
        machine.put(TestMachine::kCode,
                    movImmediate(kRcx, 10) + std::vector<uint8_t>{0x31, 0xC0, 0x51, 0x40, 0x5A,
                                                                  0x00, 0x14, 0x8B, 0xE2, 0xF8,
                                                                  0x8D, 0x73, 0xFF, 0xF4});
        machine.state->gpr[kRbx] = TestMachine::kData;
        QVERIFY(machine.run(kTranslator));
        QCOMPARE(machine.state->gpr[kRax], uint64_t{10});
        QCOMPARE(machine.memory.load<uint8_t>(TestMachine::kData + 40), uint8_t{10});
        QCOMPARE(machine.state->gpr[kRsi], TestMachine::kData - 1);
        QVERIFY(machine.translator().statistics().steps < 5);
    }

    void codeSegmentIsNotWritten() {
        TestMachine machine;
        enterProtectedMode(machine);
        machine.put(TestMachine::kCode, {0x2E, 0x00, 0x03, 0xF4}); // add cs:[ebx], al; hlt
        machine.state->idtr = {0, 0};
        machine.state->gpr[kRbx] = TestMachine::kData;
        machine.state->gpr[kRax] = 1;
        QVERIFY(machine.run(kTranslator));
        QCOMPARE(machine.state->activity, Activity::Shutdown);
        QCOMPARE(machine.memory.load<uint8_t>(TestMachine::kData), uint8_t{0});
    }

    void realModeCode() {
        TestMachine machine;
        enterRealMode(machine, 0x1000);
        // mov cx, 5; 1: call f; loop 1b; hlt; f: add [bx+si], cx; push ax; pop dx; ret
        machine.put(0x10000,
                    {0xB9, 5, 0, 0xE8, 3, 0, 0xE2, 0xFB, 0xF4, 0x01, 0x08, 0x50, 0x5A, 0xC3});
        machine.state->gpr[kRbx] = 0xFFF0;
        machine.state->gpr[kRsi] = 0x1120; // wraps to 0x1110
        machine.state->gpr[kRax] = 0x12345678;
        machine.state->gpr[kRdx] = 0x9ABCDEF0;
        QVERIFY(machine.run(kTranslator));
        QCOMPARE(machine.memory.load<uint16_t>(0x11110), uint16_t{15});
        QCOMPARE(machine.state->gpr[kRdx], uint64_t{0x9ABC5678});
        QCOMPARE(machine.state->gpr[kRsp], uint64_t{0x8000});
        QVERIFY(machine.translator().statistics().steps < 5);
    }

    void writesOfAnotherCpuAreSeen() {
        TestMachine machine;
        machine.put(TestMachine::kCode, movImmediate(kRax, 1) + std::vector<uint8_t>{0xF4});
        QVERIFY(machine.run(kTranslator));
        // The second vCPU shares the RAM; its write goes through its own slow path.
        auto state = std::make_unique<CpuState>();
        SoftMmu mmu(*state, machine.memory.view(), machine.memory, 40);
        auto native = NativeUnit::create().value();
        Interpreter interpreter(*state, mmu, machine.memory, machine.platform, *native);
        Translator other(*state, mmu, interpreter, machine.coherence,
                         Translator::reserveCache({}).value());
        state->cr0 = kCr0Et;
        resetCpu(*state, CpuReset::PowerOn);
        uint8_t two = 2;
        QVERIFY(!mmu.write(TestMachine::kCode + 1, &two, 1, TlbMode::Supervisor));
        QVERIFY(machine.state->attention.load() & kAttentionCode);
        machine.state->rip = TestMachine::kCode;
        QVERIFY(machine.run(kTranslator));
        QCOMPARE(machine.state->gpr[kRax], uint64_t{2});
        QCOMPARE(machine.state->attention.load(), 0u);
    }
};

VIVARIUM_TEST(TranslatorTest)
#include "translator_test.moc"
