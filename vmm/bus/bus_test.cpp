#include "vmm/bus/port_bus.h"

#include "tests/support/test_main.h"

#include <QTest>

using namespace vivarium;

class PortBusTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void unclaimedPortsReadAllOnes() {
        DeviceLock lock;
        PortBus bus(lock);
        QCOMPARE(bus.read(0x1234, 4), 0xFFFFFFFFu);
    }
};
VIVARIUM_TEST(PortBusTest)

#include "bus_test.moc"
