#include "tests/support/test_main.h"
#include "vmm/softcpu/test_support/test_cpu.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::softcpu;
using vivarium::softcpu::test::TestCpu;

// What every mode of the processor does with ordinary instructions.
class InterpreterTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void integerInstructions_data();
    void integerInstructions();
    void divideErrors_data();
    void divideErrors();
    void stringsRepeatAndRestart();
    void stringsStopForAttention();
    void compareExchangeOfAllSizes();
    void selfModifyingCodeIsSeenAtOnce();
    void instructionsMayCrossPages();
    void stackFramesOfEnter();
    void decimalAdjustment();
};

void InterpreterTest::integerInstructions_data() {
    QTest::addColumn<QByteArray>("code");
    QTest::addColumn<qulonglong>("rax");
    QTest::addColumn<qulonglong>("rbx");
    QTest::addColumn<qulonglong>("expectedRax");
    QTest::addColumn<qulonglong>("expectedFlags"); // of the arithmetic flags
    const auto row = [](const char* name, const char* code, uint64_t rax, uint64_t rbx,
                        uint64_t expected, uint64_t flags) {
        QTest::newRow(name) << QByteArray::fromHex(code) << qulonglong(rax) << qulonglong(rbx)
                            << qulonglong(expected) << qulonglong(flags);
    };
    constexpr uint64_t kZeroFlags = kFlagZf | kFlagPf;
    row("add", "4801D8", 1, 2, 3, kFlagPf);
    row("add carry", "4801D8", ~0ull, 1, 0, kFlagCf | kFlagAf | kZeroFlags);
    row("add32 clears the upper half", "01D8", 0xFFFFFFFF00000001, 1, 2, 0);
    row("add8 overflow", "00D8", 0x7F, 1, 0x80, kFlagOf | kFlagSf | kFlagAf);
    row("sub borrow", "4829D8", 0, 1, ~0ull, kFlagCf | kFlagAf | kFlagSf | kFlagPf);
    row("cmp", "4839D8", 5, 5, 5, kZeroFlags);
    row("xor", "31C0", 77, 0, 0, kZeroFlags);
    row("and imm8 sign-extended", "4883E0F0", 0xFF, 0, 0xF0, kFlagPf);
    row("inc", "48FFC0", 0x7FFFFFFFFFFFFFFF, 0, 0x8000000000000000,
        kFlagOf | kFlagSf | kFlagPf | kFlagAf);
    row("neg", "48F7D8", 1, 0, ~0ull, kFlagCf | kFlagSf | kFlagPf | kFlagAf);
    row("not", "48F7D0", 0, 0, ~0ull, 0);
    row("movzx", "0FB6C3", ~0ull, 0x1FF, 0xFF, 0);
    row("movsx", "480FBEC3", 0, 0x80, 0xFFFFFFFFFFFFFF80, 0);
    row("movsxd", "4863C3", 0, 0x80000000, 0xFFFFFFFF80000000, 0);
    row("mov ah", "88DC", 0x1122, 0x33, 0x3322, 0);
    row("bswap", "480FC8", 0x0102030405060708, 0, 0x0807060504030201, 0);
    row("cdqe", "4898", 0x80000000, 0, 0xFFFFFFFF80000000, 0);
    row("xchg", "4893", 1, 2, 2, 0);
    row("lea", "488D444BF0", 7, 0x30, 0x20, 0);
    row("rol 4", "48C1C004", 0x8000000000000001, 0, 0x18, 0);
    row("imul", "480FAFC3", 3, ~0ull, static_cast<uint64_t>(-3), 0);
    row("cmovz not taken clears the upper half", "0F44C3", 0xFFFFFFFF00000007, 1, 7, 0);
    row("setnz", "0F95C0", 0, 0, 1, 0);
    row("andn", "C4E268F2C3", 0, 0xF0F0, 0xF0F0, kFlagPf);
    row("rorx", "C4E3FBF0C304", 0, 0x18, 0x8000000000000001, 0);
    row("popcnt", "F3480FB8C3", 0, 0xFF, 8, 0);
    row("crc32", "F2480F38F1C3", 0, 0x3736353433323130, 0x200A91AA, 0);
    row("movbe-like bswap of words by rol", "66C1C008", 0x1234, 0, 0x3412, 0);
}

void InterpreterTest::integerInstructions() {
    QFETCH(QByteArray, code);
    QFETCH(qulonglong, rax);
    QFETCH(qulonglong, rbx);
    TestCpu cpu;
    cpu.longMode();
    cpu.reg(kRax) = rax;
    cpu.reg(kRbx) = rbx;
    QCOMPARE(cpu.run({code.begin(), code.end()}), StepResult::Executed);
    QCOMPARE(cpu.state->rip, TestCpu::kCode + uint64_t(code.size()));
    QTEST(qulonglong(cpu.reg(kRax)), "expectedRax");
    // AF and PF of ANDN, and most flags of IMUL and ROL, are undefined.
    const QByteArray tag = QTest::currentDataTag();
    if (!tag.contains("imul") && !tag.contains("rol") && tag != "andn")
        QTEST(qulonglong(cpu.state->rflags & kArithmeticFlags), "expectedFlags");
}

void InterpreterTest::divideErrors_data() {
    QTest::addColumn<QByteArray>("code");
    QTest::addColumn<qulonglong>("rdx");
    QTest::addColumn<qulonglong>("rax");
    QTest::addColumn<qulonglong>("rbx");
    QTest::addColumn<bool>("fails");
    const auto row = [](const char* name, const char* code, uint64_t rdx, uint64_t rax,
                        uint64_t rbx, bool fails) {
        QTest::newRow(name) << QByteArray::fromHex(code) << qulonglong(rdx) << qulonglong(rax)
                            << qulonglong(rbx) << fails;
    };
    row("div by zero", "48F7F3", 0, 1, 0, true);
    row("div overflow", "48F7F3", 5, 0, 5, true);
    row("div largest", "48F7F3", 4, ~0ull, 5, false);
    row("idiv of the lowest by -1", "48F7FB", 0x8000000000000000, 0, ~0ull, true);
    row("idiv quotient lowest", "48F7FB", ~0ull, 0x8000000000000000, 1, false);
    row("idiv quotient too large", "48F7FB", 0, 0x8000000000000000, 1, true);
    row("idiv8", "F6FB", 0, 0x8000, 1, true);
    row("div8", "F6F3", 0, 0x00FF, 1, false);
    row("div16", "66F7F3", 1, 0, 1, true);
    row("idiv32", "F7FB", 0xFFFFFFFF, 0x80000000, 0xFFFFFFFF, true);
}

void InterpreterTest::divideErrors() {
    QFETCH(QByteArray, code);
    QFETCH(qulonglong, rdx);
    QFETCH(qulonglong, rax);
    QFETCH(qulonglong, rbx);
    QFETCH(bool, fails);
    TestCpu cpu;
    cpu.longMode();
    cpu.reg(kRdx) = rdx;
    cpu.reg(kRax) = rax;
    cpu.reg(kRbx) = rbx;
    QCOMPARE(cpu.run({code.begin(), code.end()}),
             fails ? StepResult::Faulted : StepResult::Executed);
    QCOMPARE(cpu.vector(), fails ? 0 : -1);
    if (fails)
        QCOMPARE(qulonglong(cpu.reg(kRax)), rax);
}

void InterpreterTest::stringsRepeatAndRestart() {
    TestCpu cpu;
    cpu.longMode();
    const uint64_t last = 0x1FF000; // the last mapped page; what follows faults
    for (unsigned i = 0; i < 0x1000; ++i)
        cpu.memory.store<uint8_t>(TestCpu::kData + i, static_cast<uint8_t>(i * 7));
    cpu.memory.store<uint64_t>(TestCpu::kTables + 0x2008, 0);
    cpu.reg(kRsi) = TestCpu::kData;
    cpu.reg(kRdi) = last + 0xF00;
    cpu.reg(kRcx) = 0x200;
    QCOMPARE(cpu.run({0xF3, 0xA4}), StepResult::Faulted); // rep movsb
    QCOMPARE(cpu.vector(), 14);
    QCOMPARE(cpu.state->cr2, uint64_t{0x200000});
    QCOMPARE(cpu.reg(kRcx), uint64_t{0x100}); // half done, and it shows
    QCOMPARE(cpu.reg(kRsi), TestCpu::kData + 0x100);
    QCOMPARE(cpu.reg(kRdi), uint64_t{0x200000});
    QCOMPARE(cpu.memory.load<uint8_t>(last + 0xFFF), static_cast<uint8_t>(0xFF * 7));

    cpu.longMode();
    cpu.mmu->tlb().flushAll();
    cpu.reg(kRdi) = TestCpu::kData;
    cpu.reg(kRcx) = 100;
    cpu.reg(kRax) = 35;                                    // 5 * 7
    QCOMPARE(cpu.run({0xF2, 0xAE}), StepResult::Executed); // repne scasb
    QCOMPARE(cpu.reg(kRcx), uint64_t{94});
    QVERIFY(cpu.state->rflags & kFlagZf);
    // An overlapping copy repeats the pattern.
    cpu.reg(kRsi) = TestCpu::kData;
    cpu.reg(kRdi) = TestCpu::kData + 2;
    cpu.reg(kRcx) = 20;
    QCOMPARE(cpu.run({0xF3, 0x66, 0xA5}), StepResult::Executed);
    QCOMPARE(cpu.memory.load<uint16_t>(TestCpu::kData + 40), uint16_t{0x0700});
}

void InterpreterTest::stringsStopForAttention() {
    TestCpu cpu;
    cpu.longMode();
    cpu.reg(kRdi) = TestCpu::kData;
    cpu.reg(kRcx) = 0x1800;
    cpu.reg(kRax) = 0x55;
    cpu.state->attention = kAttentionKick;
    QCOMPARE(cpu.run({0xF3, 0xAA}), StepResult::Executed);
    QCOMPARE(cpu.state->rip, TestCpu::kCode);
    QCOMPARE(cpu.reg(kRcx), uint64_t{0x800});
    cpu.state->attention = 0;
    QCOMPARE(cpu.step(), StepResult::Executed);
    QCOMPARE(cpu.state->rip, TestCpu::kCode + 2);
    QCOMPARE(cpu.memory.load<uint8_t>(TestCpu::kData + 0x17FF), uint8_t{0x55});
    QCOMPARE(cpu.memory.load<uint8_t>(TestCpu::kData + 0x1800), uint8_t{0});
}

void InterpreterTest::compareExchangeOfAllSizes() {
    TestCpu cpu;
    cpu.longMode();
    cpu.reg(kRdi) = TestCpu::kData;
    cpu.memory.store<uint64_t>(TestCpu::kData, 10);
    cpu.reg(kRax) = 10;
    cpu.reg(kRbx) = 20;
    cpu.run({0xF0, 0x48, 0x0F, 0xB1, 0x1F}); // lock cmpxchg [rdi], rbx
    QVERIFY(cpu.state->rflags & kFlagZf);
    QCOMPARE(cpu.memory.load<uint64_t>(TestCpu::kData), uint64_t{20});
    cpu.run({0xF0, 0x48, 0x0F, 0xB1, 0x1F});
    QVERIFY(!(cpu.state->rflags & kFlagZf));
    QCOMPARE(cpu.reg(kRax), uint64_t{20});
    cpu.memory.store<uint64_t>(TestCpu::kData + 8, 30);
    cpu.reg(kRdx) = 30;
    cpu.reg(kRbx) = 1;
    cpu.reg(kRcx) = 2;
    cpu.run({0xF0, 0x48, 0x0F, 0xC7, 0x0F}); // lock cmpxchg16b [rdi]
    QVERIFY(cpu.state->rflags & kFlagZf);
    QCOMPARE(cpu.memory.load<uint64_t>(TestCpu::kData), uint64_t{1});
    QCOMPARE(cpu.memory.load<uint64_t>(TestCpu::kData + 8), uint64_t{2});
    cpu.reg(kRdi) += 8;
    QCOMPARE(cpu.run({0xF0, 0x48, 0x0F, 0xC7, 0x0F}), StepResult::Faulted);
    QCOMPARE(cpu.vector(), 13);
}

void InterpreterTest::selfModifyingCodeIsSeenAtOnce() {
    TestCpu cpu;
    cpu.longMode();
    cpu.code({0xC6, 0x05, 0x00, 0x00, 0x00, 0x00, 0x40, // mov byte [rip], 40h: the next opcode
              0xB0, 0xB0});                             // mov al, B0h becomes rex; mov al, ..
    cpu.memory.store<uint8_t>(TestCpu::kCode + 9, 0x77);
    cpu.step(2);
    QCOMPARE(cpu.reg(kRax) & 0xFF, uint64_t{0x77});
    // A loop that changes its own immediate every time.
    cpu.state->rip = TestCpu::kCode;
    cpu.code({0xB8, 0, 0, 0, 0,                   // mov eax, n
              0xFF, 0x05, 0xF6, 0xFF, 0xFF, 0xFF, // inc dword [n]
              0xEB, 0xF3});                       // jmp
    cpu.step(3 * 5 + 1);
    QCOMPARE(cpu.reg(kRax), uint64_t{5});
}

void InterpreterTest::instructionsMayCrossPages() {
    TestCpu cpu;
    cpu.longMode();
    cpu.state->rip = TestCpu::kCode + 0xFFC;
    QCOMPARE(cpu.run({0x48, 0xB8, 1, 2, 3, 4, 5, 6, 7, 8}), StepResult::Executed);
    QCOMPARE(cpu.reg(kRax), uint64_t{0x0807060504030201});
    // The second page is missing: the fault is the fetch's, with the address of that page.
    cpu.state->rip = 0x1FFFFE;
    cpu.memory.store<uint64_t>(TestCpu::kTables + 0x2008, 0);
    cpu.memory.store<uint16_t>(0x1FFFFE, 0xB848);
    QCOMPARE(cpu.step(), StepResult::Faulted);
    QCOMPARE(cpu.vector(), 14);
    QCOMPARE(cpu.state->cr2, uint64_t{0x200000});
    QCOMPARE(cpu.memory.load<uint64_t>(cpu.reg(kRsp)), uint64_t{0x10}); // I/D
}

void InterpreterTest::stackFramesOfEnter() {
    TestCpu cpu;
    cpu.longMode();
    cpu.reg(kRbp) = TestCpu::kData + 0x100;
    cpu.memory.store<uint64_t>(TestCpu::kData + 0xF8, 0x1111);
    cpu.run({0xC8, 0x10, 0x00, 0x02}); // enter 16, 2
    const uint64_t frame = TestCpu::kStack0 - 8;
    QCOMPARE(cpu.reg(kRbp), frame);
    QCOMPARE(cpu.reg(kRsp), frame - 16 - 16);
    QCOMPARE(cpu.memory.load<uint64_t>(frame - 8), uint64_t{0x1111});
    QCOMPARE(cpu.memory.load<uint64_t>(frame - 16), frame);
    cpu.run({0xC9});
    QCOMPARE(cpu.reg(kRsp), TestCpu::kStack0);
    QCOMPARE(cpu.reg(kRbp), TestCpu::kData + 0x100);
}

void InterpreterTest::decimalAdjustment() {
    TestCpu cpu;
    cpu.protected32();
    cpu.reg(kRax) = 0x79;
    cpu.run({0x04, 0x35}); // add al, 35h
    cpu.run({0x27});       // daa
    QCOMPARE(cpu.reg(kRax) & 0xFF, uint64_t{0x14});
    QVERIFY(cpu.state->rflags & kFlagCf);
    cpu.reg(kRax) = 0x0105;
    cpu.run({0xD5, 0x0A}); // aad
    QCOMPARE(cpu.reg(kRax), uint64_t{15});
    QCOMPARE(cpu.run({0xD4, 0x00}), StepResult::Faulted); // aam 0
    QCOMPARE(cpu.vector(), 0);
}

VIVARIUM_TEST(InterpreterTest)
#include "interpreter_test.moc"
