#include "vmm/machine/qtest/qtest_protocol.h"

#include "tests/support/test_main.h"
#include "vmm/machine/qtest/base64.h"
#include "vmm/machine/qtest/qtest_test_machine.h"

#include <QTest>

#include <string>

using namespace vivarium;

class QtestProtocolTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QtestMachine> m_machine;
    std::unique_ptr<QtestProtocol> m_protocol;

    QByteArray run(const QByteArray& command) {
        return QByteArray::fromStdString(
            m_protocol->execute({command.constData(), static_cast<size_t>(command.size())}));
    }

private Q_SLOTS:
    void init() {
        m_machine = test::makeQtestMachine();
        QVERIFY(m_machine);
        m_protocol = std::make_unique<QtestProtocol>(*m_machine);
    }

    void memoryReadsWhatWasWritten() {
        QCOMPARE(run("writeq 0x100000 0x1122334455667788"), QByteArray("OK\n"));
        QCOMPARE(run("readb 0x100007"), QByteArray("OK 0x0000000000000011\n"));
        QCOMPARE(run("readw 1048576"), QByteArray("OK 0x0000000000007788\n"));
        QCOMPARE(run("readl 0x100002"), QByteArray("OK 0x0000000033445566\n"));
        QCOMPARE(run("write 0x200000 4 0xdeadbeef"), QByteArray("OK\n"));
        QCOMPARE(run("read 0x200000 4"), QByteArray("OK 0xdeadbeef\n"));
        QCOMPARE(run("write 0x200000 4 0x01"), QByteArray("OK\n"));
        QCOMPARE(run("read 0x200000 4"), QByteArray("OK 0x01000000\n"));
        QCOMPARE(run("memset 0x200001 2 0xab"), QByteArray("OK\n"));
        QCOMPARE(run("read 0x200000 4"), QByteArray("OK 0x01abab00\n"));
        QCOMPARE(run("b64write 0x200000 3 AQID"), QByteArray("OK\n"));
        QCOMPARE(run("b64read 0x200000 4"), QByteArray("OK AQIDAA==\n"));
    }

    void portsAnswer() {
        QCOMPARE(run("outb 0x3ff 0x5a"), QByteArray("OK\n")); // the UART's scratch register
        QCOMPARE(run("inb 0x3ff"), QByteArray("OK 0x005a\n"));
        QCOMPARE(run("inl 0xabc"), QByteArray("OK 0xffffffff\n"));
        QCOMPARE(run("endianness"), QByteArray("OK little\n"));
    }

    void mistakesFail_data() {
        QTest::addColumn<QByteArray>("command");
        for (const char* command : {"rtas x",
                                    "fly",
                                    "outb",
                                    "outb 0x3ff",
                                    "outb 0x10000 1",
                                    "inb x",
                                    "inb -",
                                    "read 0x0 0x10000001",
                                    "read 0xffffffffffffffff 2",
                                    "readq 0xfffffffffffffffc",
                                    "write 0 4 deadbeef",
                                    "write 0 1 0x0102",
                                    "write 0 2 0xzz",
                                    "b64write 0 4 A",
                                    "b64write 0 4 A===",
                                    "b64write 0 4 ####",
                                    "memset 0 1",
                                    "clock_step x",
                                    "clock_step 0xffffffffffffffff",
                                    "set_irq_in a b",
                                    "irq_intercept_in",
                                    "inb 99999999999999999999999"})
            QTest::newRow(command) << QByteArray(command);
    }
    void mistakesFail() {
        QFETCH(QByteArray, command);
        QVERIFY2(run(command).startsWith("FAIL "), command.constData());
    }

    void emptyLinesAndSpacesAreTolerated() {
        QCOMPARE(run(""), QByteArray());
        QCOMPARE(run("  \r"), QByteArray());
        QCOMPARE(run(" endianness \r"), QByteArray("OK little\n"));
    }

    void theClockStepsAndFiresTimers() {
        QCOMPARE(run("clock_set 1000"), QByteArray("OK 1000\n"));
        QCOMPARE(run("clock_step 500"), QByteArray("OK 1500\n"));
        QCOMPARE(run("clock_set 10"), QByteArray("OK 1500\n")); // never back
        const uint64_t before = m_machine->nowNs();
        run("clock_step"); // to the next timer, if any
        QVERIFY(m_machine->nowNs() >= before);
    }

    void interruptLinesAreToldWhenAskedFor() {
        run("outb 0x3fc 0x08"); // OUT2: the interrupt pin is connected
        QCOMPARE(run("outb 0x3f9 0x02"), QByteArray("OK\n")); // transmitter empty: not intercepted
        run("outb 0x3f9 0x00");
        QCOMPARE(run("irq_intercept_in ioapic"), QByteArray("OK\n"));
        QCOMPARE(run("outb 0x3f9 0x02"), QByteArray("IRQ raise 4\nOK\n"));
        QCOMPARE(run("inb 0x3fa"), QByteArray("IRQ lower 4\nOK 0x0002\n"));
    }

    void base64RoundTrip() {
        for (size_t length = 0; length < 40; ++length) {
            std::vector<uint8_t> bytes(length);
            for (size_t i = 0; i < length; ++i)
                bytes[i] = static_cast<uint8_t>(i * 37 + length);
            const auto back = fromBase64(toBase64(bytes));
            QVERIFY(back);
            QVERIFY(*back == bytes);
        }
    }
};
VIVARIUM_TEST(QtestProtocolTest)

#include "qtest_protocol_test.moc"
