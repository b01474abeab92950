#include "tests/support/test_main.h"
#include "vmm/kvm/kvm_test_guest.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::test;

namespace {

// fwait; mov dx,0x100; mov al,0x42; out dx,al; 1: hlt; jmp 1b
const std::vector<uint8_t> kWaitForFpu{0x9B, 0xBA, 0x00, 0x01, 0xB0, 0x42, 0xEE, 0xF4, 0xEB, 0xFD};

// Knows FWAIT, and that it does nothing without a pending exception.
class FwaitCompletion final : public InstructionCompletion {
public:
    FwaitCompletion(Need need, std::atomic<unsigned>& count) : m_need(need), m_count(count) {}
    Need begin(const VcpuRegisters&) override { return m_need; }
    void setVectors(ConstByteSpan xsave, uint64_t xcr0) override {
        m_xsave.assign(xsave.begin(), xsave.end());
        m_count += xcr0 & 1 ? 100 : 0;
    }
    Outcome execute(VcpuRegisters& registers) override {
        ++m_count;
        ++registers.rip;
        return Outcome::Executed;
    }
    ConstByteSpan vectors() const override { return m_xsave; }
    bool endsNmi() const override { return true; }
    std::string text() const override { return "9b"; }

private:
    const Need m_need;
    std::atomic<unsigned>& m_count;
    std::vector<uint8_t> m_xsave;
};

} // namespace

// Where KVM runs the instruction itself nobody is asked, and the guest sees the same.
class KvmCompletionTest : public QObject {
    Q_OBJECT

    using Need = InstructionCompletion::Need;

private Q_SLOTS:
    void initTestCase() {
        std::string obstacle = kvmObstacle();
        if (!obstacle.empty())
            QSKIP(obstacle.c_str());
    }

    void guestsGoOnAfterTheInstruction_data() {
        QTest::addColumn<int>("need");
        QTest::newRow("general registers") << static_cast<int>(Need::General);
        QTest::newRow("vectors") << static_cast<int>(Need::Vectors);
    }
    void guestsGoOnAfterTheInstruction() {
        QFETCH(int, need);
        std::atomic<unsigned> count = 0;
        auto guest = TestGuest::create(kWaitForFpu);
        QVERIFY(guest);
        auto& vcpu = static_cast<KvmVcpu&>((*guest)->vm->vcpu(0));
        vcpu.setCompletion([need, &count] {
            return std::make_unique<FwaitCompletion>(static_cast<Need>(need), count);
        });
        QVERIFY((*guest)->run());
        QCOMPARE((*guest)->port.writes.take(), (AccessRecord{0, 1, 0x42}));
        (*guest)->vcpus.pause();
        if (vcpu.completedInstructions() == 0)
            QSKIP("this KVM executes FWAIT by itself");
        QCOMPARE(vcpu.completedInstructions(), uint64_t(1));
        QCOMPARE(count.load(), static_cast<Need>(need) == Need::Vectors ? 101u : 1u);
    }

    void whatCannotBeCompletedIsTheErrorItWas() {
        std::atomic<unsigned> count = 0;
        auto guest = TestGuest::create(kWaitForFpu);
        QVERIFY(guest);
        auto& vcpu = static_cast<KvmVcpu&>((*guest)->vm->vcpu(0));
        vcpu.setCompletion(
            [&count] { return std::make_unique<FwaitCompletion>(Need::Unable, count); });
        QVERIFY((*guest)->run());
        auto event = (*guest)->events.take(std::chrono::seconds(2));
        if (!event)
            QSKIP("this KVM executes FWAIT by itself");
        QVERIFY(event->kind == VcpuEvent::Kind::Failed);
        QVERIFY(QByteArray::fromStdString(event->fault->text()).contains("cannot emulate"));
        QCOMPARE(count.load(), 0u);
    }
};

VIVARIUM_TEST(KvmCompletionTest)
#include "kvm_completion_test.moc"
