#include "vmm/devices/interrupt/pic_pair.h"

#include "tests/support/test_main.h"

#include <QTest>

using namespace vivarium;

namespace {

constexpr uint8_t kMasterBase = 0x20, kSlaveBase = 0x28;

struct Pics : PicPair {
    explicit Pics(uint8_t icw4 = 1) {
        const uint8_t bases[] = {kMasterBase, kSlaveBase}, wiring[] = {4, 2};
        for (unsigned chip = 0; chip < 2; ++chip) {
            write(chip, 0, 0x11); // ICW1: ICW4 follows
            write(chip, 1, bases[chip]);
            write(chip, 1, wiring[chip]);
            write(chip, 1, icw4);
            write(chip, 1, 0); // nothing masked
        }
    }
    void edge(unsigned input) {
        setLine(input, true);
        setLine(input, false);
    }
    int inService(unsigned chip) {
        write(chip, 0, 0x0B);
        return read(chip, 0);
    }
    int requests(unsigned chip) {
        write(chip, 0, 0x0A);
        return read(chip, 0);
    }
};

} // namespace

// Sections are those of the Intel 8259A data sheet.
class PicPairTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void masterAndSlave() {
        Pics pics;
        QVERIFY(!pics.output());
        pics.edge(4);
        pics.edge(12);
        pics.edge(1);
        QVERIFY(pics.output());
        QCOMPARE(pics.requests(0), 0x16); // 1, 2 for the slave, 4
        QCOMPARE(int(pics.acknowledge()), kMasterBase + 1);
        QVERIFY(!pics.output()); // the others have lower priority
        pics.write(0, 0, 0x20);
        QCOMPARE(int(pics.acknowledge()), kSlaveBase + 4);
        QCOMPARE(pics.inService(1), 0x10);
        QCOMPARE(pics.inService(0), 0x04);
        pics.write(1, 0, 0x20);
        QVERIFY(!pics.output()); // the master still serves the cascade
        pics.write(0, 0, 0x20);
        QCOMPARE(int(pics.acknowledge()), kMasterBase + 4);
    }

    void edgesAndLevels() {
        Pics pics;
        pics.setLine(5, true);
        QCOMPARE(int(pics.acknowledge()), kMasterBase + 5);
        pics.write(0, 0, 0x20);
        QVERIFY(!pics.output()); // still high: no new edge
        pics.setLine(5, false);
        pics.writeElcr(0, 0xFF);
        QCOMPARE(int(pics.readElcr(0)), 0xF8); // 0 to 2 are always edges
        pics.setLine(5, true);
        QCOMPARE(int(pics.acknowledge()), kMasterBase + 5);
        pics.write(0, 0, 0x20);
        QVERIFY(pics.output());
        pics.setLine(5, false);
        QVERIFY(!pics.output());
    }

    // "Default IR7": the request has gone before it is acknowledged.
    void spuriousInterrupts() {
        Pics pics;
        pics.writeElcr(0, 0xF8);
        pics.setLine(6, true);
        pics.setLine(6, false);
        QCOMPARE(int(pics.acknowledge()), kMasterBase + 7);
        QCOMPARE(pics.inService(0), 0);
    }

    void priorityRotates() {
        Pics pics;
        pics.edge(3);
        pics.acknowledge();
        pics.write(0, 0, 0xA0); // rotate on non-specific EOI: 3 becomes the lowest
        pics.edge(3);
        pics.edge(4);
        QCOMPARE(int(pics.acknowledge()), kMasterBase + 4);
        pics.write(0, 0, 0x64);     // specific EOI
        pics.write(0, 0, 0xC0 | 2); // set priority: 3 is the highest
        pics.edge(4);
        QCOMPARE(int(pics.acknowledge()), kMasterBase + 3);
    }

    void automaticEnd() {
        Pics pics(3);
        pics.edge(1);
        QCOMPARE(int(pics.acknowledge()), kMasterBase + 1);
        QCOMPARE(pics.inService(0), 0);
        pics.write(0, 0, 0x80); // rotate in automatic EOI mode
        pics.edge(1);
        pics.acknowledge();
        pics.edge(0);
        pics.edge(2 + 1);
        QCOMPARE(int(pics.acknowledge()), kMasterBase + 3); // after 1 comes 2, 3, ... 0
    }

    // "Special Mask Mode": what is masked while it is served blocks nothing.
    void specialMask() {
        Pics pics;
        pics.edge(1);
        pics.acknowledge();
        pics.edge(4);
        QVERIFY(!pics.output());
        pics.write(0, 1, 0x02);
        QVERIFY(!pics.output());
        pics.write(0, 0, 0x68);
        QVERIFY(pics.output());
        pics.acknowledge();
        pics.write(0, 0, 0x20); // ends 4, not the masked 1
        QCOMPARE(pics.inService(0), 0x02);
    }

    // "Special Fully Nested Mode": the slave's higher inputs interrupt its lower ones.
    void specialFullyNested() {
        Pics pics(0x11);
        pics.edge(12);
        pics.acknowledge();
        QVERIFY(!pics.output());
        pics.edge(9);
        QVERIFY(pics.output());
        QCOMPARE(int(pics.acknowledge()), kSlaveBase + 1);
    }

    void pollAcknowledges() {
        Pics pics;
        pics.write(0, 0, 0x0C);
        QCOMPARE(int(pics.read(0, 0)), 0);
        pics.edge(3);
        pics.write(0, 0, 0x0C);
        QCOMPARE(int(pics.read(0, 0)), 0x83);
        QCOMPARE(pics.inService(0), 0x08);
        QVERIFY(!pics.output());
    }

    void initialisationClears() {
        Pics pics;
        pics.write(0, 1, 0xFF);
        pics.edge(3);
        pics.write(0, 0, 0x10); // ICW1 without ICW4
        pics.write(0, 1, 0x40);
        pics.write(0, 1, 4);
        QCOMPARE(int(pics.read(0, 1)), 0); // mask cleared, and the edge forgotten
        QVERIFY(!pics.output());
        pics.edge(3);
        QCOMPARE(int(pics.acknowledge()), 0x43);
    }
};

VIVARIUM_TEST(PicPairTest)
#include "pic_pair_test.moc"
