#include "tests/support/test_main.h"
#include "vmm/softcpu/soft_test_guest.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::test;

namespace {

using Code = std::vector<uint8_t>;

// 32-bit: starts the others at 0x8000; for ebx = 1 to 149: writes it into the others' code at
// 0x8004, waits until it stands at 0x3000; writes 'D' to port 0x100; halts.
const Code kRewriteOthers{0xC7, 0x05, 0xF0, 0x00, 0xE0, 0xFE, 0xFF, 0x01, 0x00, 0x00, 0xC7, 0x05,
                          0x00, 0x03, 0xE0, 0xFE, 0x00, 0x45, 0x0C, 0x00, 0xC7, 0x05, 0x00, 0x03,
                          0xE0, 0xFE, 0x08, 0x46, 0x0C, 0x00, 0xBB, 0x01, 0x00, 0x00, 0x00, 0x89,
                          0x1D, 0x04, 0x80, 0x00, 0x00, 0xF3, 0x90, 0x39, 0x1D, 0x00, 0x30, 0x00,
                          0x00, 0x75, 0xF6, 0x43, 0x81, 0xFB, 0x96, 0x00, 0x00, 0x00, 0x75, 0xE7,
                          0x66, 0xBA, 0x00, 0x01, 0xB0, 0x44, 0xEE, 0xF4, 0xEB, 0xFD};
// The start of it, and then halts for ever.
const Code kStartOthers = [] {
    Code code(kRewriteOthers.begin(), kRewriteOthers.begin() + 30);
    code.insert(code.end(), {0xF4, 0xEB, 0xFD});
    return code;
}();
// 16-bit: nop; nop; 1: mov eax,0 (its number at 0x8004); mov [0x3000],eax; jmp 1b
const Code kTellNumber{0x90, 0x90, 0x66, 0xB8, 0x00, 0x00, 0x00,
                       0x00, 0x66, 0xA3, 0x00, 0x30, 0xEB, 0xF4};
// 32-bit: starts the others at 0x8000; for ebx = 1 to 149: writes it into the code at 0x9000,
// calls that and compares; waits for 1 at 0x3000; writes 'D' to port 0x100, or 'E' where a call
// gave another number; halts.
const Code kRewriteOwn{0xC7, 0x05, 0xF0, 0x00, 0xE0, 0xFE, 0xFF, 0x01, 0x00, 0x00, 0xC7, 0x05, 0x00,
                       0x03, 0xE0, 0xFE, 0x00, 0x45, 0x0C, 0x00, 0xC7, 0x05, 0x00, 0x03, 0xE0, 0xFE,
                       0x08, 0x46, 0x0C, 0x00, 0x66, 0xBA, 0x00, 0x01, 0xBB, 0x01, 0x00, 0x00, 0x00,
                       0xBE, 0x00, 0x90, 0x00, 0x00, 0x89, 0x1D, 0x01, 0x90, 0x00, 0x00, 0xFF, 0xD6,
                       0x39, 0xD8, 0x75, 0x1A, 0x43, 0x81, 0xFB, 0x96, 0x00, 0x00, 0x00, 0x75, 0xEB,
                       0xF3, 0x90, 0x83, 0x3D, 0x00, 0x30, 0x00, 0x00, 0x01, 0x75, 0xF5, 0xB0, 0x44,
                       0xEE, 0xF4, 0xEB, 0xFD, 0xB0, 0x45, 0xEB, 0xF8};
// 16-bit: the same with the code at 0x9800; writes 1 to 0x3000 if every call gave its number;
// halts.
const Code kRewriteOwn16{0x66, 0xBB, 0x01, 0x00, 0x00, 0x00, 0xBE, 0x00, 0x18, 0x66, 0x89,
                         0x1E, 0x02, 0x98, 0xFF, 0xD6, 0x66, 0x39, 0xD8, 0x75, 0x14, 0x66,
                         0x43, 0x66, 0x81, 0xFB, 0x96, 0x00, 0x00, 0x00, 0x75, 0xE9, 0x66,
                         0xC7, 0x06, 0x00, 0x30, 0x01, 0x00, 0x00, 0x00, 0xF4, 0xEB, 0xFD};
const Code kNumber{0xB8, 0, 0, 0, 0, 0xC3};         // mov eax,0; ret
const Code kNumber16{0x66, 0xB8, 0, 0, 0, 0, 0xC3}; // likewise

// 32-bit: starts the others at 0x8000; adds 1 to the word across the pages at 0x3FFE 500 times
// with LOCK; waits for 1 at 0x3000; writes 'D' to port 0x100; halts.
const Code kCountAcross = [] {
    Code code(kRewriteOthers.begin(), kRewriteOthers.begin() + 30);
    code.insert(code.end(), {0xB9, 0xF4, 0x01, 0x00, 0x00, 0xF0, 0xFF, 0x05, 0xFE, 0x3F, 0x00, 0x00,
                             0xE2, 0xF7, 0xF3, 0x90, 0x83, 0x3D, 0x00, 0x30, 0x00, 0x00, 0x01, 0x75,
                             0xF5, 0x66, 0xBA, 0x00, 0x01, 0xB0, 0x44, 0xEE, 0xF4, 0xEB, 0xFD});
    return code;
}();
// 16-bit: the same 500 times; writes 1 to 0x3000; halts.
const Code kCountAcross16{0xB9, 0xF4, 0x01, 0xF0, 0x66, 0xFF, 0x06, 0xFE, 0x3F, 0xE2,
                          0xF8, 0xC6, 0x06, 0x00, 0x30, 0x01, 0xF4, 0xEB, 0xFD};

constexpr GuestAddress kOthers = 0x8000;
// They hand over to each other all the time, which waits for a busy host's scheduler.
constexpr std::chrono::seconds kLimit(100);

// Flat 32-bit segments for the first processor.
Result<void> enterProtectedMode(Vcpu& vcpu) {
    auto registers = TRY(vcpu.registers());
    registers.cr0 |= 1;
    registers.cs = {0, 0xFFFFFFFF, 8, 0xC09B};
    registers.ds = registers.es = registers.ss = {0, 0xFFFFFFFF, 16, 0xC093};
    registers.idt = {0, 0};
    return vcpu.setRegisters(registers);
}

} // namespace

// What several processors must see of each other while they run. Memory and flags are the host's;
// translated code is not.
class SoftSmpTest : public QObject {
    Q_OBJECT

    static std::unique_ptr<SoftTestGuest> start(const Code& first, const Code& others) {
        auto guest = SoftTestGuest::create(first, 2);
        if (!guest || !(*guest)->memory.write(kOthers, others) ||
            !(*guest)->memory.write(0x9000, kNumber) ||
            !(*guest)->memory.write(0x9800, kNumber16) ||
            !enterProtectedMode((*guest)->accelerator->vcpu(0)) || !(*guest)->run())
            return nullptr;
        return std::move(*guest);
    }

private Q_SLOTS:
    void codeThatAnotherProcessorRewritesIsSeen() {
        auto guest = start(kRewriteOthers, kTellNumber);
        QVERIFY(guest);
        QCOMPARE(guest->port.writes.take(kLimit), (AccessRecord{0, 1, 'D'}));
    }

    // By one that runs without interrupts and touches no device.
    void codeThatADeviceReplacesIsSeen() {
        auto guest = start(kStartOthers, kTellNumber);
        QVERIFY(guest);
        for (uint32_t number = 1; number <= 20; ++number) {
            {
                MutexLocker lock(guest->lock);
                QVERIFY(guest->memory.writeObject(kOthers + 4, number));
            }
            QTRY_COMPARE(guest->memory.readObject<uint32_t>(0x3000).value_or(0), number);
        }
    }

    void lockedAccessesAcrossPagesAreWhole() {
        auto guest = start(kCountAcross, kCountAcross16);
        QVERIFY(guest);
        QCOMPARE(guest->port.writes.take(kLimit), (AccessRecord{0, 1, 'D'}));
        MutexLocker lock(guest->lock);
        QCOMPARE(guest->memory.readObject<uint32_t>(0x3FFE).value_or(0), 1'000u);
    }

    // Two processors translate and rewrite code of one page all the time.
    void bothRewriteCodeOfOnePage() {
        auto guest = start(kRewriteOwn, kRewriteOwn16);
        QVERIFY(guest);
        QCOMPARE(guest->port.writes.take(kLimit), (AccessRecord{0, 1, 'D'}));
    }
};

VIVARIUM_TEST(SoftSmpTest)
#include "soft_smp_test.moc"
