#include "vmm/devices/interrupt/local_apic.h"

#include "tests/support/test_main.h"

#include <QTest>

using namespace vivarium;
using Role = LocalApic::Role;
using TimerMode = LocalApic::TimerMode;

namespace {

constexpr uint64_t kNow = 1'000'000;

struct Apic : LocalApic {
    explicit Apic(uint32_t id = 0, Role role = Role::Bootstrap) : LocalApic(id, role) {
        writeRegister(0xF0, 0x1FF, kNow);
    }
    uint32_t at(uint64_t offset) const { return readRegister(offset, kNow); }
    void send(uint8_t vector, bool level = false) { deliver({.vector = vector, .level = level}); }
};

} // namespace

// Sections are those of the Intel SDM, volume 3A.
class LocalApicTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void powerOnState() { // 11.4.7.1
        LocalApic apic(5, Role::Application);
        QCOMPARE(apic.readRegister(0x20, 0), 5u << 24);
        QCOMPARE(apic.readRegister(0x30, 0) & 0xFF, 0x14u);
        QCOMPARE(apic.readRegister(0xE0, 0), 0xFFFFFFFFu);
        QCOMPARE(apic.readRegister(0xF0, 0), 0xFFu);
        for (uint64_t lvt = 0x320; lvt <= 0x370; lvt += 0x10)
            QCOMPARE(apic.readRegister(lvt, 0), 0x10000u);
        QVERIFY(apic.enabled() && !apic.softwareEnabled() && !apic.passesExtInt());
        QVERIFY(LocalApic(0, Role::Bootstrap).passesExtInt());
    }

    void priorities() { // 11.8.3
        Apic apic;
        apic.send(0x41);
        apic.send(0x55);
        QCOMPARE(apic.pendingVector(), std::optional<uint8_t>(0x55));
        apic.acknowledge(0x55);
        QCOMPARE(apic.at(0xA0), 0x50u);
        QCOMPARE(apic.pendingVector(), std::optional<uint8_t>());
        apic.send(0x5F); // the same class waits
        QCOMPARE(apic.pendingVector(), std::optional<uint8_t>());
        apic.send(0x61);
        QCOMPARE(apic.pendingVector(), std::optional<uint8_t>(0x61));
        apic.setTaskPriority(0x70);
        QCOMPARE(apic.pendingVector(), std::optional<uint8_t>());
        QCOMPARE(apic.at(0xA0), 0x70u);
        apic.setTaskPriority(0);
        QVERIFY(!apic.writeRegister(0xB0, 0, kNow).endOfInterrupt); // an edge
        QCOMPARE(apic.at(0xA0), 0u);
    }

    void levelsAreBroadcast() { // 11.8.5
        Apic apic;
        apic.send(0x81, true);
        QCOMPARE(apic.at(0x180 + 0x40), 2u); // TMR
        apic.acknowledge(0x81);
        QCOMPARE(apic.writeRegister(0xB0, 0, kNow).endOfInterrupt, std::optional<uint8_t>(0x81));
    }

    void illegalVectors() { // 11.5.3
        Apic apic;
        apic.writeRegister(0x370, 0xFE, kNow);
        apic.send(8);
        QCOMPARE(apic.at(0x280), 0u); // shown after a write only
        apic.writeRegister(0x280, 0, kNow);
        QCOMPARE(apic.at(0x280), 0x40u);
        QCOMPARE(apic.pendingVector(), std::optional<uint8_t>(0xFE));
        QVERIFY(!apic.writeRegister(0x300, 0x4008, kNow).send);
        apic.writeRegister(0x280, 0, kNow);
        QCOMPARE(apic.at(0x280), 0x20u);
    }

    void destinations() { // 11.6.2
        Apic apic(3);
        QVERIFY(apic.accepts(3, false, false));
        QVERIFY(!apic.accepts(2, false, false));
        QVERIFY(apic.accepts(0xFF, false, false));
        apic.writeRegister(0xD0, 0x24000000, kNow);
        QVERIFY(apic.accepts(0x04, true, false)); // flat
        QVERIFY(!apic.accepts(0x03, true, false));
        apic.writeRegister(0xE0, 0x0FFFFFFF, kNow); // cluster 2, member 4
        QVERIFY(apic.accepts(0x24, true, false));
        QVERIFY(!apic.accepts(0x14, true, false));
        QVERIFY(apic.accepts(0xF4, true, false));
        QVERIFY(!apic.accepts(0x2B, true, false));
    }

    void x2Mode() { // 11.12
        Apic apic(0x25);
        QVERIFY(!apic.readMsr(0x802, kNow));
        const uint64_t base = apic.state().base;
        QVERIFY(!apic.setBase((base & ~LocalApic::kBaseEnabled) | LocalApic::kBaseX2));
        QVERIFY(apic.setBase(base | LocalApic::kBaseX2));
        QVERIFY(!apic.setBase(base)); // back only through disabled
        QCOMPARE(apic.readMsr(0x802, kNow), std::optional<uint64_t>(0x25));
        QCOMPARE(apic.readMsr(0x80D, kNow), std::optional<uint64_t>(0x20020));
        QVERIFY(!apic.readMsr(0x80E, kNow)); // no destination format
        QVERIFY(!apic.readMsr(0x831, kNow));
        QVERIFY(apic.writeMsr(0x802, 1, kNow).refused);
        QVERIFY(apic.writeMsr(0x80B, 1, kNow).refused); // EOI takes zero
        QVERIFY(!apic.writeMsr(0x80B, 0, kNow).refused);
        QVERIFY(apic.writeMsr(0x808, 0x100, kNow).refused); // reserved bits
        const auto effect = apic.writeMsr(0x830, 0x0000001200004041, kNow);
        QVERIFY(effect.send);
        QCOMPARE(effect.send->destination, 0x12u);
        QVERIFY(effect.send->wideDestination);
        QVERIFY(apic.accepts(0x20020, true, true));
        QVERIFY(!apic.accepts(0x20010, true, true));
        const auto self = apic.writeMsr(0x83F, 0x44, kNow);
        QVERIFY(self.shorthand == LocalApic::Effect::Shorthand::Self);
        QVERIFY(apic.setBase(base & ~LocalApic::kBaseEnabled));
        QVERIFY(apic.setBase(base));
        QCOMPARE(apic.at(0x20), 0x25u << 24);
    }

    void oneShotTimer() { // 11.5.4
        Apic apic;
        apic.writeRegister(0x320, 0x40, kNow);
        apic.writeRegister(0x3E0, 0xB, kNow); // by 1
        apic.writeRegister(0x380, 5000, kNow);
        QCOMPARE(apic.countdownEndNs(), std::optional<uint64_t>(kNow + 5000));
        QCOMPARE(apic.readRegister(0x390, kNow + 1000), 4000u);
        apic.timerExpired(kNow + 5000);
        QCOMPARE(apic.pendingVector(), std::optional<uint8_t>(0x40));
        QCOMPARE(apic.countdownEndNs(), std::optional<uint64_t>());
        QCOMPARE(apic.readRegister(0x390, kNow + 6000), 0u);
    }

    void periodicTimer() {
        Apic apic;
        apic.writeRegister(0x320, 0x20040, kNow);
        apic.writeRegister(0x3E0, 0, kNow); // by 2
        apic.writeRegister(0x380, 50'000, kNow);
        QCOMPARE(apic.countdownEndNs(), std::optional<uint64_t>(kNow + 100'000));
        apic.timerExpired(kNow + 350'000); // late: the phase stays
        QCOMPARE(apic.countdownEndNs(), std::optional<uint64_t>(kNow + 400'000));
        QCOMPARE(apic.readRegister(0x390, kNow + 350'000), 25'000u);
    }

    void missedTicksAreOwed() {
        Apic apic;
        apic.writeRegister(0x320, 0x20040, kNow);
        apic.writeRegister(0x3E0, 0, kNow); // by 2
        apic.writeRegister(0x380, 50'000, kNow);
        apic.timerExpired(kNow + 350'000); // three, of which one waits now
        QCOMPARE(apic.state().owedTicks, 2u);
        apic.timerExpired(kNow + 400'000); // meets it
        QCOMPARE(apic.state().owedTicks, 3u);
        for (uint32_t left : {2u, 1u, 0u, 0u}) {
            QCOMPARE(apic.pendingVector(), std::optional<uint8_t>(0x40));
            apic.acknowledge(0x40);
            QCOMPARE(apic.pendingVector(), std::optional<uint8_t>());
            QCOMPARE(apic.state().owedTicks, left);
            apic.writeRegister(0xB0, 0, kNow); // end of interrupt
        }
        QCOMPARE(apic.pendingVector(), std::optional<uint8_t>());
        apic.timerExpired(kNow + 700'000);
        QVERIFY(apic.state().owedTicks != 0);
        apic.writeRegister(0x380, 50'000, kNow); // another countdown
        QCOMPARE(apic.state().owedTicks, 0u);
    }

    void tscDeadline() { // 11.5.4.1
        Apic apic;
        apic.setTscDeadline(99);
        QCOMPARE(apic.tscDeadline(), uint64_t(0)); // not in another mode
        apic.writeRegister(0x320, 0x40040, kNow);
        apic.setTscDeadline(99);
        QCOMPARE(apic.tscDeadline(), uint64_t(99));
        apic.writeRegister(0x380, 5000, kNow);
        QCOMPARE(apic.at(0x390), 0u);
        apic.timerExpired(kNow);
        QCOMPARE(apic.tscDeadline(), uint64_t(0));
        QCOMPARE(apic.pendingVector(), std::optional<uint8_t>(0x40));
        apic.setTscDeadline(5);
        apic.writeRegister(0x320, 0x40, kNow); // leaving the mode disarms
        QCOMPARE(apic.tscDeadline(), uint64_t(0));
    }

    void disabledApic() { // 11.4.7.2
        Apic apic;
        apic.writeRegister(0x320, 0x40, kNow);
        apic.writeRegister(0xF0, 0xFF, kNow);
        QCOMPARE(apic.at(0x320), 0x10040u);
        apic.writeRegister(0x320, 0x40, kNow);
        QCOMPARE(apic.at(0x320), 0x10040u); // cannot be unmasked
        apic.send(0x50);
        QCOMPARE(apic.at(0x200 + 0x20), 0u);
        apic.deliver({.mode = DeliveryMode::Nmi});
        QVERIFY(apic.takeNmi());
        QVERIFY(!apic.takeNmi());
    }

    void initKeepsTheIdentity() { // 11.4.7.3
        Apic apic(2, Role::Application);
        apic.writeRegister(0x20, 7u << 24, kNow);
        apic.send(0x50);
        apic.init();
        QCOMPARE(apic.at(0x20), 7u << 24);
        QCOMPARE(apic.at(0x200 + 0x20), 0u);
        QVERIFY(!apic.softwareEnabled());
    }
};

VIVARIUM_TEST(LocalApicTest)
#include "local_apic_test.moc"
