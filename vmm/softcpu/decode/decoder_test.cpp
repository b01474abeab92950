#include "vmm/softcpu/decode/decoder.h"

#include "tests/support/test_main.h"

#include <QTest>
#include <Zydis/Zydis.h>

#include <vector>

using namespace vivarium;
using namespace vivarium::softcpu;

class DecoderTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void sizesFollowModeAndPrefixes_data();
    void sizesFollowModeAndPrefixes();
    void operandsAreNumberedLikeTheHardware();
    void memoryOperandsKeepTheirParts();
    void badBytesAreToldApart();
    void unknownHintsAreNoOperations();
    void masksOfMemoryOperands_data();
    void masksOfMemoryOperands();
};

namespace {

Instruction decoded(const std::vector<uint8_t>& bytes, uint32_t codeSize) {
    Instruction instruction;
    if (decode(bytes, codeSize, instruction) != DecodeStatus::Ok)
        instruction.mnemonic = ZYDIS_MNEMONIC_INVALID;
    return instruction;
}

} // namespace

void DecoderTest::sizesFollowModeAndPrefixes_data() {
    QTest::addColumn<QByteArray>("code");
    QTest::addColumn<uint>("codeSize");
    QTest::addColumn<int>("operandBytes");
    QTest::addColumn<int>("addressBytes");
    const auto row = [](const char* name, const char* code, uint size, int operand, int address) {
        QTest::newRow(name) << QByteArray::fromHex(code) << size << operand << address;
    };
    row("mov 16", "8B07", 0, 2, 2);
    row("mov 16 with 66", "668B07", 0, 4, 2);
    row("mov 16 with 67", "678B07", 0, 2, 4);
    row("mov 32", "8B07", 1, 4, 4);
    row("mov 64", "8B07", 2, 4, 8);
    row("mov 64 with REX.W", "488B07", 2, 8, 8);
    row("push in 64-bit mode", "50", 2, 8, 8);
    row("push imm8 in 64-bit mode", "6A00", 2, 8, 8);
    row("near call in 64-bit mode", "E800000000", 2, 8, 8);
    row("ret in 64-bit mode", "C3", 2, 8, 8);
    row("movsb", "A4", 2, 1, 8);
    row("movsq", "48A5", 2, 8, 8);
    row("iret", "CF", 2, 4, 8);
    row("iretq", "48CF", 2, 8, 8);
}

void DecoderTest::sizesFollowModeAndPrefixes() {
    QFETCH(QByteArray, code);
    QFETCH(uint, codeSize);
    const Instruction instruction = decoded({code.begin(), code.end()}, codeSize);
    QCOMPARE(int(instruction.length), int(code.size()));
    QTEST(int(instruction.operandBytes), "operandBytes");
    QTEST(int(instruction.addressBytes), "addressBytes");
}

void DecoderTest::operandsAreNumberedLikeTheHardware() {
    Instruction instruction = decoded({0x88, 0xE3}, 2); // mov bl, ah
    QCOMPARE(instruction.operand[0].kind, OperandKind::Gpr);
    QCOMPARE(int(instruction.operand[0].reg), 3);
    QCOMPARE(instruction.operand[1].kind, OperandKind::GprHigh);
    QCOMPARE(int(instruction.operand[1].reg), 0);
    instruction = decoded({0x40, 0x88, 0xE3}, 2); // mov bl, spl
    QCOMPARE(instruction.operand[1].kind, OperandKind::Gpr);
    QCOMPARE(int(instruction.operand[1].reg), 4);
    instruction = decoded({0x44, 0x88, 0xCB}, 2); // mov bl, r9b
    QCOMPARE(int(instruction.operand[1].reg), 9);
    instruction = decoded({0x8E, 0xE8}, 1); // mov gs, eax
    QCOMPARE(instruction.operand[0].kind, OperandKind::Segment);
    QCOMPARE(int(instruction.operand[0].reg), 5);
    instruction = decoded({0x44, 0x0F, 0x22, 0xC0}, 2); // mov cr8, rax
    QCOMPARE(instruction.operand[0].kind, OperandKind::Control);
    QCOMPARE(int(instruction.operand[0].reg), 8);
    instruction = decoded({0xEA, 0x78, 0x56, 0x34, 0x12, 0x08, 0x00}, 1); // jmp 8:12345678h
    QCOMPARE(instruction.operand[0].immediate, int64_t{0x0000000812345678});
}

void DecoderTest::memoryOperandsKeepTheirParts() {
    Instruction instruction = decoded({0x64, 0x8B, 0x44, 0xCA, 0xF0}, 2);
    QCOMPARE(int(instruction.memoryIndex), 1);
    QCOMPARE(int(instruction.memory.segment), 4);
    QCOMPARE(int(instruction.memory.base), 2);
    QCOMPARE(int(instruction.memory.index), 1);
    QCOMPARE(int(instruction.memory.scale), 8);
    QCOMPARE(instruction.memory.displacement, int64_t{-16});
    instruction = decoded({0x8B, 0x05, 0x10, 0, 0, 0}, 2); // mov eax, [rip + 16]
    QCOMPARE(instruction.memory.base, kRipRegister);
    instruction = decoded({0x8B, 0x46, 0xFE}, 0); // mov ax, [bp - 2]
    QCOMPARE(int(instruction.memory.segment), 2);
    instruction = decoded({0xF3, 0x2E, 0xA4}, 1); // rep movsb from CS
    QCOMPARE(instruction.repeat, Repeat::Rep);
    QCOMPARE(int(instruction.segmentOverride), 1);
    instruction = decoded({0x62, 0xD2, 0x7D, 0x03, 0xA3, 0x94, 0x3A, 0xBE, 0xFF, 0xFF, 0xFF},
                          2); // vscatterqps [r10 + xmm23 - 0x42] {k3}, xmm2
    QVERIFY(instruction.memory.vsib);
    QCOMPARE(int(instruction.memory.index), 23);
}

void DecoderTest::badBytesAreToldApart() {
    Instruction instruction;
    const uint8_t incomplete[] = {0x48, 0x8B};
    QCOMPARE(decode(incomplete, 2, instruction), DecodeStatus::NeedMore);
    const uint8_t undefined[] = {0x0F, 0x0B};
    QCOMPARE(decode(undefined, 2, instruction), DecodeStatus::Ok); // UD2 is an instruction
    const uint8_t removed[] = {0x06};
    QCOMPARE(decode(removed, 2, instruction), DecodeStatus::Invalid); // PUSH ES
    const uint8_t locked[] = {0xF0, 0x8B, 0x07};
    QCOMPARE(decode(locked, 2, instruction), DecodeStatus::Invalid);
    const std::vector<uint8_t> prefixes(16, 0x66);
    QCOMPARE(decode(prefixes, 2, instruction), DecodeStatus::TooLong);
}

void DecoderTest::unknownHintsAreNoOperations() {
    QCOMPARE(int(decoded({0xF3, 0x0F, 0x1E, 0xFA}, 2).mnemonic), int(ZYDIS_MNEMONIC_NOP));
}

void DecoderTest::masksOfMemoryOperands_data() {
    QTest::addColumn<QByteArray>("code");
    QTest::addColumn<int>("masking");
    QTest::addColumn<int>("maskBits");
    QTest::addColumn<int>("elementBytes");
    const auto row = [](const char* name, const char* code, Masking masking, int bits, int bytes) {
        QTest::newRow(name) << QByteArray::fromHex(code) << int(masking) << bits << bytes;
    };
    row("vaddps zmm", "62F16C495800", Masking::Elements, 16, 4);
    row("vaddps ymm", "62F16C295800", Masking::Elements, 8, 4);
    row("vaddps broadcast", "62F16C595800", Masking::Whole, 16, 4);
    row("vaddss", "62F16E095800", Masking::Elements, 1, 4);
    row("vmovdqu8", "62F17F496F00", Masking::Elements, 64, 1);
    row("vcvtpd2ps xmm", "62F1FD095A00", Masking::Elements, 2, 8);
    row("vpmovdb", "62F27E493100", Masking::Elements, 16, 1);
    row("vpmuludq", "62F1ED49F400", Masking::Elements, 8, 8);
    row("vpdpbusd", "62F26D495000", Masking::Elements, 16, 4);
    row("vpcmpd to a mask", "62F36D491F0000", Masking::Elements, 16, 4);
    row("vpcompressd", "62F27D498B00", Masking::Compressed, 16, 4);
    row("vpexpandq", "62F2FD498900", Masking::Compressed, 8, 8);
    row("vbroadcasti32x4", "62F27D495A00", Masking::Whole, 16, 16);
    row("vdbpsadbw", "62F36D49420000", Masking::None, 0, 0);
    row("vpshufb", "62F26D490000", Masking::None, 0, 0); // mixes its elements
}

void DecoderTest::masksOfMemoryOperands() {
    QFETCH(QByteArray, code);
    const Instruction instruction = decoded({code.begin(), code.end()}, 2);
    QVERIFY(instruction.mnemonic != ZYDIS_MNEMONIC_INVALID);
    QCOMPARE(int(instruction.length), int(code.size()));
    QCOMPARE(int(instruction.maskRegister), 1);
    QTEST(int(instruction.masked.masking), "masking");
    QTEST(int(instruction.masked.maskBits), "maskBits");
    QTEST(int(instruction.masked.elementBytes), "elementBytes");
}

VIVARIUM_TEST(DecoderTest)
#include "decoder_test.moc"
