#include "tests/support/test_main.h"
#include "vmm/devices/virtio/net/test_support/net_driver.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::virtio_net;
using test::NetDriver;
using Bytes = NetDriver::Bytes;

Q_DECLARE_METATYPE(Bytes)

namespace {

constexpr MacAddress kStranger{{0x52, 0x54, 0x00, 0x99, 0x99, 0x99}};
constexpr MacAddress kOtherGroup{{0x33, 0x33, 0x00, 0x00, 0x00, 0x01}};

std::vector<MacAddress> many(MacAddress first, size_t count) {
    std::vector<MacAddress> list(count, first);
    for (size_t i = 0; i < count; ++i)
        list[i].bytes[4] = static_cast<uint8_t>(i);
    return list;
}

} // namespace

// The control queue, and what it does to the frames that arrive.
class VirtioNetControlTest : public QObject {
    Q_OBJECT

    static bool arrives(NetDriver& d, MacAddress destination) {
        return d.arrives(NetDriver::frame(destination));
    }

private Q_SLOTS:
    void atFirstItsOwnFramesAndBroadcastsArrive() {
        NetDriver d;
        d.start();
        QVERIFY(arrives(d, NetDriver::kOwn));
        QVERIFY(arrives(d, NetDriver::kBroadcast));
        QVERIFY(!arrives(d, NetDriver::kOther));
        QVERIFY(!arrives(d, NetDriver::kMulticast));
    }

    // A driver that cannot say what it wants, or which address it goes by.
    void whoCannotChooseGetsEverything() {
        NetDriver d;
        d.start(kFeatureMac | kFeatureControlQueue);
        QVERIFY(arrives(d, NetDriver::kOther));
        QVERIFY(arrives(d, NetDriver::kMulticast));
    }

    void receiveModesAreSwitched() {
        NetDriver d;
        d.start();
        QCOMPARE(d.command(kClassReceive, kReceivePromiscuous, {1}), kAckOk);
        QVERIFY(arrives(d, NetDriver::kOther));
        QVERIFY(arrives(d, NetDriver::kMulticast));
        QCOMPARE(d.command(kClassReceive, kReceivePromiscuous, {0}), kAckOk);
        QVERIFY(!arrives(d, NetDriver::kOther));
        QCOMPARE(d.command(kClassReceive, kReceiveAllMulticast, {1}), kAckOk);
        QVERIFY(arrives(d, NetDriver::kMulticast));
        QVERIFY(!arrives(d, NetDriver::kOther));
        QCOMPARE(d.command(kClassReceive, kReceiveAllMulticast, {0}), kAckOk);
        QVERIFY(!arrives(d, NetDriver::kMulticast));
    }

    void theTableLetsItsAddressesIn() {
        NetDriver d;
        d.start();
        QCOMPARE(d.command(kClassAddress, kAddressTableSet,
                           NetDriver::table({NetDriver::kOther}, {NetDriver::kMulticast})),
                 kAckOk);
        QVERIFY(arrives(d, NetDriver::kOwn));
        QVERIFY(arrives(d, NetDriver::kOther));
        QVERIFY(arrives(d, NetDriver::kMulticast));
        QVERIFY(!arrives(d, kStranger));
        QVERIFY(!arrives(d, kOtherGroup));
        QCOMPARE(d.command(kClassAddress, kAddressTableSet, NetDriver::table({}, {})), kAckOk);
        QVERIFY(!arrives(d, NetDriver::kOther));
        QVERIFY(!arrives(d, NetDriver::kMulticast));
    }

    void tooManyAddressesLetAllOfThemIn() {
        constexpr size_t kMost = ReceiveFilter::kMaxAddresses;
        NetDriver d;
        d.start();
        auto set = [&](size_t unicast, size_t multicast) {
            return d.command(kClassAddress, kAddressTableSet,
                             NetDriver::table(many(NetDriver::kOther, unicast),
                                              many(NetDriver::kMulticast, multicast)));
        };
        QCOMPARE(set(kMost, kMost), kAckOk);
        QVERIFY(arrives(d, many(NetDriver::kOther, kMost).back()));
        QVERIFY(arrives(d, many(NetDriver::kMulticast, kMost).back()));
        QVERIFY(!arrives(d, kStranger));
        QVERIFY(!arrives(d, kOtherGroup));
        QCOMPARE(set(kMost + 1, 1), kAckOk);
        QVERIFY(arrives(d, kStranger));
        QVERIFY(!arrives(d, kOtherGroup));
        QCOMPARE(set(1, 5000), kAckOk);
        QVERIFY(!arrives(d, kStranger));
        QVERIFY(arrives(d, kOtherGroup));
    }

    void theAddressCanBeSet() {
        NetDriver d;
        d.start();
        QCOMPARE(d.command(kClassAddress, kAddressSet, NetDriver::bytesOf(NetDriver::kOther)),
                 kAckOk);
        QCOMPARE(d.address(), NetDriver::kOther);
        QVERIFY(d.driver.readIsr() & virtio::kIsrConfig);
        QVERIFY(arrives(d, NetDriver::kOther));
        QVERIFY(!arrives(d, NetDriver::kOwn));
        // Until the next reset.
        d.driver.setStatus(0);
        QCOMPARE(d.address(), NetDriver::kOwn);
        d.start();
        QVERIFY(!arrives(d, NetDriver::kOther));
        d.driver.readIsr();
        QCOMPARE(d.command(kClassAddress, kAddressSet, NetDriver::bytesOf(NetDriver::kOwn)),
                 kAckOk);
        QVERIFY(!(d.driver.readIsr() & virtio::kIsrConfig)); // it is the same
    }

    void badCommandsAreRefused_data() {
        QTest::addColumn<uint>("commandClass");
        QTest::addColumn<uint>("command");
        QTest::addColumn<Bytes>("data");
        auto row = [](const char* name, uint commandClass, uint command, const Bytes& data) {
            QTest::newRow(name) << commandClass << command << data;
        };
        row("unknown class", 0xFF, 0, {});
        row("VLANs", 2, 0, {1, 0});
        row("more queues", 4, 0, {1, 0});
        row("offloads", 5, 0, Bytes(8));
        row("unknown mode", kClassReceive, 6, {1});
        row("modes that were not offered", kClassReceive, 2, {1});
        row("mode without a value", kClassReceive, kReceivePromiscuous, {});
        row("mode with two", kClassReceive, kReceivePromiscuous, {1, 0});
        row("neither on nor off", kClassReceive, kReceivePromiscuous, {2});
        row("unknown address command", kClassAddress, 2, Bytes(6));
        row("short address", kClassAddress, kAddressSet, Bytes(5, 2));
        row("long address", kClassAddress, kAddressSet, Bytes(7, 2));
        row("address of a group", kClassAddress, kAddressSet,
            NetDriver::bytesOf(NetDriver::kMulticast));
        row("address of nobody", kClassAddress, kAddressSet, Bytes(6));
        row("no table", kClassAddress, kAddressTableSet, {});
        row("half a number", kClassAddress, kAddressTableSet, {0, 0});
        row("one list", kClassAddress, kAddressTableSet, {0, 0, 0, 0});
        row("three lists", kClassAddress, kAddressTableSet, Bytes(12));
        row("half an address", kClassAddress, kAddressTableSet, {1, 0, 0, 0, 2, 2, 2});
        row("no end", kClassAddress, kAddressTableSet,
            {0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0});
        row("no end of the second", kClassAddress, kAddressTableSet,
            {0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF});
        row("more than 32 bits count", kClassAddress, kAddressTableSet,
            {0xAB, 0xAA, 0xAA, 0x2A, 0, 0, 0, 0}); // times 6 is 2 in 32 bits
        row("unknown announcement", kClassAnnounce, 1, {});
        row("announcement with data", kClassAnnounce, kAnnounceAcknowledge, {0});
    }
    void badCommandsAreRefused() {
        QFETCH(uint, commandClass);
        QFETCH(uint, command);
        QFETCH(Bytes, data);
        NetDriver d;
        d.start();
        QCOMPARE(d.command(kClassAddress, kAddressTableSet,
                           NetDriver::table({NetDriver::kOther}, {NetDriver::kMulticast})),
                 kAckOk);
        QCOMPARE(d.command(uint8_t(commandClass), uint8_t(command), data), kAckError);
        // Nothing has changed, and nothing is broken.
        QCOMPARE(d.address(), NetDriver::kOwn);
        QVERIFY(arrives(d, NetDriver::kOwn));
        QVERIFY(arrives(d, NetDriver::kOther));
        QVERIFY(arrives(d, NetDriver::kMulticast));
        QVERIFY(!arrives(d, kStranger));
        QVERIFY(!arrives(d, kOtherGroup));
    }

    void whatWasNotNegotiatedIsRefused() {
        NetDriver d;
        d.start(kFeatureMac | kFeatureControlQueue);
        QCOMPARE(d.command(kClassReceive, kReceivePromiscuous, {1}), kAckError);
        QCOMPARE(d.command(kClassAddress, kAddressTableSet, NetDriver::table({}, {})), kAckError);
        QCOMPARE(d.command(kClassAddress, kAddressSet, NetDriver::bytesOf(NetDriver::kOther)),
                 kAckError);
        QCOMPARE(d.command(kClassAnnounce, kAnnounceAcknowledge, {}), kAckError);
        d.start(kFeatureMac | kFeatureControlQueue | kFeatureControlAddress);
        QCOMPARE(d.command(kClassAddress, kAddressSet, NetDriver::bytesOf(NetDriver::kOther)),
                 kAckOk);
        // Without the feature there is no such queue.
        d.start(kFeatureMac);
        QCOMPARE(d.command(kClassReceive, kReceivePromiscuous, {1}), uint8_t{0xFF});
        QVERIFY(!(d.driver.status() & virtio::kStatusNeedsReset));
    }

    void commandsMayBeCutAnywhere() {
        NetDriver d;
        d.start();
        Bytes bytes{kClassAddress, kAddressTableSet};
        const Bytes table = NetDriver::table({NetDriver::kOther}, {NetDriver::kMulticast});
        bytes.insert(bytes.end(), table.begin(), table.end());
        d.driver.put(NetDriver::kCommand, bytes);
        const auto size = static_cast<uint32_t>(bytes.size());
        QCOMPARE(d.run({{NetDriver::kCommand, 1},
                        {NetDriver::kCommand + 1, 3},
                        {NetDriver::kCommand + 4, 5},
                        {NetDriver::kCommand + 9, size - 9}}),
                 kAckOk);
        QVERIFY(arrives(d, NetDriver::kOther));
    }

    void commandsWithoutClassOrAcknowledgementNeedAReset_data() {
        QTest::addColumn<uint>("readable");
        QTest::addColumn<uint>("writable");
        QTest::newRow("nothing to read") << 0u << 1u;
        QTest::newRow("class alone") << 1u << 1u;
        QTest::newRow("nothing to write") << 3u << 0u;
    }
    void commandsWithoutClassOrAcknowledgementNeedAReset() {
        QFETCH(uint, readable);
        QFETCH(uint, writable);
        NetDriver d;
        d.start();
        std::vector<test::RingPiece> ack;
        if (writable > 0)
            ack.push_back({NetDriver::kAck, writable});
        d.driver.addChain(kControlQueue, {{NetDriver::kCommand, readable}}, ack);
        d.driver.notify(kControlQueue);
        QVERIFY(d.driver.status() & virtio::kStatusNeedsReset);
        QVERIFY(d.driver.takeUsed(kControlQueue).empty());
    }

    // A command as long as a chain can be is read no further than its lists are remembered.
    void longCommandsAreNoWork() {
        NetDriver d;
        d.start(NetDriver::kAllFeatures, 8);
        Bytes start{kClassAddress, kAddressTableSet, 0, 0, 0, 0};
        storeLe<uint32_t>(&start[2], (0x100000 - 10) / 6); // as many as there is room for
        d.driver.put(NetDriver::kCommand, start);
        std::vector<test::RingPiece> pieces{{NetDriver::kCommand, 6}};
        for (int i = 0; i < 6; ++i)
            pieces.push_back({0, 0x100000}); // whatever lies there
        QCOMPARE(d.run(pieces), kAckError);
        QVERIFY(!arrives(d, NetDriver::kOther));
    }
};
VIVARIUM_TEST(VirtioNetControlTest)

#include "virtio_net_control_test.moc"
