#include "vmm/devices/virtio/net/virtio_net.h"

#include "tests/support/test_main.h"
#include "vmm/devices/virtio/net/test_support/net_driver.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::virtio_net;
using test::NetDriver;
using Bytes = NetDriver::Bytes;

// Registers and frames; commands and states are in the other files.
class VirtioNetTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void configurationIsRefusedWithAReason_data() {
        QTest::addColumn<QString>("address");
        QTest::newRow("group") << QStringLiteral("01:00:5e:00:00:01");
        QTest::newRow("broadcast") << QStringLiteral("ff:ff:ff:ff:ff:ff");
        QTest::newRow("nobody's") << QStringLiteral("00:00:00:00:00:00");
    }
    void configurationIsRefusedWithAReason() {
        QFETCH(QString, address);
        NetDriver d;
        const auto made =
            VirtioNet::create({25, 0},
                              {{d.bench.ports, d.bench.memoryMap, d.bench.interrupts, d.router},
                               d.bench.memory,
                               d.bench.tasks,
                               nullptr,
                               d.port},
                              "net1", *MacAddress::parse(address.toStdString()));
        QVERIFY(!made);
        QCOMPARE(made.error().code, ErrorCode::InvalidArgument);
        QVERIFY(made.error().detail.find(address.toStdString()) != std::string::npos);
    }

    void describesItself() {
        NetDriver d;
        d.bench.locked([&] {
            QCOMPARE(d.function.transport->readConfig(0, 4), 0x10411AF4u);
            QCOMPARE(d.function.transport->readConfig(0x0A, 2), 0x0200u);
            QCOMPARE(d.function.transport->readConfig(0x30, 4), 0u); // no option ROM
            QVERIFY(d.function.transport->name() == "net0");
        });
        QCOMPARE(d.driver.offeredFeatures() & 0xFFFFFF, NetDriver::kAllFeatures);
        QCOMPARE(d.driver.read(virtio::kQueueCount, 2), uint64_t{3});
        QCOMPARE(d.address(), NetDriver::kOwn);
        QCOMPARE(d.linkStatus(), uint64_t{kStatusLinkUp});
        // What comes behind belongs to features that are not offered; nothing can be written.
        QCOMPARE(d.driver.readDevice(kConfigBytes, 4), uint64_t{0});
        d.driver.writeDevice(kAddress, 1, 0xEE);
        QCOMPARE(d.address(), NetDriver::kOwn);
    }

    void aCardLeavesItsPort() {
        NetDriver d;
        QVERIFY(d.port.hasCard());
        d.function = {};
        QVERIFY(!d.port.hasCard());
    }

    // --- Sending ---

    void sendsFrames() {
        NetDriver d;
        d.start();
        const Bytes first = NetDriver::frame(NetDriver::kOther, 1514, 3);
        d.send(first);
        d.send(NetDriver::frame(NetDriver::kBroadcast, 14));
        QCOMPARE(d.port.sent.size(), size_t{2});
        QCOMPARE(d.port.sent[0], first);
        QCOMPARE(d.port.sent[1], NetDriver::frame(NetDriver::kBroadcast, 14));
        const auto used = d.driver.takeUsed(kTransmitQueue);
        QCOMPARE(used.size(), size_t{2});
        QCOMPARE(used[0].length, 0u);
        QVERIFY(d.driver.readIsr() & virtio::kIsrQueue);
    }

    void packetsMayBeCutAnywhere() {
        NetDriver d;
        d.start();
        const Bytes frame = NetDriver::frame(NetDriver::kOther, 100);
        Bytes packet(kHeaderBytes);
        packet.insert(packet.end(), frame.begin(), frame.end());
        d.driver.put(NetDriver::kTransmit, packet);
        d.driver.addChain(kTransmitQueue,
                          {{NetDriver::kTransmit, 5},
                           {NetDriver::kTransmit + 5, 20},
                           {NetDriver::kTransmit + 25, 87}},
                          {{NetDriver::kAck, 1}}); // which is left alone
        d.driver.notify(kTransmitQueue);
        QCOMPARE(d.port.sent, std::vector<Bytes>{frame});
    }

    void packetsWithoutHeaderOrTooLongNeedAReset_data() {
        QTest::addColumn<uint>("bytes");
        QTest::addColumn<bool>("fine");
        QTest::newRow("nothing") << 0u << false;
        QTest::newRow("short header") << 11u << false;
        QTest::newRow("header alone") << 12u << true;
        QTest::newRow("longest") << 12u + 65549u << true;
        QTest::newRow("longer") << 12u + 65550u << false;
        QTest::newRow("a megabyte") << 0x100000u << false;
    }
    void packetsWithoutHeaderOrTooLongNeedAReset() {
        QFETCH(uint, bytes);
        QFETCH(bool, fine);
        NetDriver d;
        d.start();
        d.driver.addChain(kTransmitQueue, {{NetDriver::kTransmit, bytes}}, {});
        d.driver.notify(kTransmitQueue);
        QCOMPARE(bool(d.driver.status() & virtio::kStatusNeedsReset), !fine);
        QCOMPARE(d.driver.takeUsed(kTransmitQueue).size(), size_t(fine ? 1 : 0));
        QCOMPARE(d.port.sent.size(), size_t(fine && bytes > 26 ? 1 : 0));
    }

    void whatIsNoFrameIsNotSent() {
        NetDriver d;
        d.start();
        d.send(Bytes(13)); // no Ethernet header
        Bytes header(kHeaderBytes);
        header[kHeaderGsoType] = 1; // to be cut into segments
        d.send(NetDriver::frame(NetDriver::kOther, 9000), header);
        QVERIFY(d.port.sent.empty());
        header[kHeaderGsoType] = kGsoNone;
        header[0] = 0xFF; // flags that nobody negotiated mean nothing
        d.send(NetDriver::frame(NetDriver::kOther), header);
        QCOMPARE(d.port.sent.size(), size_t{1});
        QCOMPARE(d.driver.takeUsed(kTransmitQueue).size(), size_t{3});
    }

    // --- Receiving ---

    void receivesFrames() {
        NetDriver d;
        d.start();
        d.addBuffers(2, 2048);
        const Bytes frame = NetDriver::frame(NetDriver::kOwn, 1514);
        d.give(frame);
        d.give(NetDriver::frame(NetDriver::kBroadcast, 14));
        const auto packets = d.received();
        QCOMPARE(packets.size(), size_t{2});
        Bytes header(kHeaderBytes);
        header[kHeaderBufferCount] = 1;
        QCOMPARE(packets[0].header, header);
        QCOMPARE(packets[0].frame, frame);
        QCOMPARE(packets[0].lengths, std::vector<uint32_t>{12 + 1514});
        QCOMPARE(packets[1].frame, NetDriver::frame(NetDriver::kBroadcast, 14));
        QVERIFY(d.driver.readIsr() & virtio::kIsrQueue);
    }

    void buffersMayBeCutAnywhere() {
        NetDriver d;
        d.start(kFeatureMac);
        d.addBuffer({{NetDriver::kReceive, 5},
                     {NetDriver::kReceive + 0x1000, 8},
                     {NetDriver::kReceive + 0x2000, 1500}});
        d.driver.notify(kReceiveQueue);
        d.give(NetDriver::frame(NetDriver::kOwn, 300));
        const auto packets = d.received();
        QCOMPARE(packets.size(), size_t{1});
        QCOMPARE(packets[0].frame, NetDriver::frame(NetDriver::kOwn, 300));
    }

    void buffersAreMerged() {
        NetDriver d;
        d.start();
        d.addBuffers(12, 100);
        d.give(NetDriver::frame(NetDriver::kOwn, 1000));
        d.give(NetDriver::frame(NetDriver::kOwn, 88)); // fills one exactly
        const auto packets = d.received();
        QCOMPARE(packets.size(), size_t{2});
        QCOMPARE(packets[0].header[kHeaderBufferCount], uint8_t{11});
        QCOMPARE(packets[0].frame, NetDriver::frame(NetDriver::kOwn, 1000));
        std::vector<uint32_t> lengths(10, 100); // all but the last are full (5.1.6.4.1)
        lengths.push_back(12);
        QCOMPARE(packets[0].lengths, lengths);
        QCOMPARE(packets[1].lengths, std::vector<uint32_t>{100});
        QCOMPARE(packets[1].header[kHeaderBufferCount], uint8_t{1});
    }

    void withoutMergingAFrameThatDoesNotFitIsDropped() {
        NetDriver d;
        d.start(kFeatureMac);
        d.addBuffers(2, 100);
        d.give(NetDriver::frame(NetDriver::kOwn, 89));
        QVERIFY(d.received().empty());
        QCOMPARE(d.port.waiting(), size_t{0});
        d.give(NetDriver::frame(NetDriver::kOwn, 88));
        d.give(NetDriver::frame(NetDriver::kOwn, 20));
        const auto packets = d.received(); // both buffers are still there
        QCOMPARE(packets.size(), size_t{2});
        QCOMPARE(packets[1].frame, NetDriver::frame(NetDriver::kOwn, 20));
    }

    void framesWaitForBuffers() {
        NetDriver d;
        d.start();
        for (uint8_t i = 0; i < 3; ++i)
            d.give(NetDriver::frame(NetDriver::kOwn, 200, i));
        QCOMPARE(d.port.waiting(), size_t{3});
        d.addBuffers(2, 100); // not enough for the first
        QCOMPARE(d.port.waiting(), size_t{3});
        QVERIFY(d.received().empty());
        d.addBuffers(3, 100); // it takes three
        QCOMPARE(d.port.waiting(), size_t{2});
        d.addBuffers(8, 100);
        const auto packets = d.received();
        QCOMPARE(packets.size(), size_t{3});
        for (uint8_t i = 0; i < 3; ++i)
            QCOMPARE(packets[i].frame, NetDriver::frame(NetDriver::kOwn, 200, i));
        // Nobody waits any more: buffers alone are no news for the port.
        const unsigned rooms = d.port.roomsMade;
        d.addBuffers(1, 100);
        QCOMPARE(d.port.roomsMade, rooms);
    }

    void withoutADriverFramesAreDropped() {
        NetDriver d;
        d.give(NetDriver::frame(NetDriver::kOwn));
        QCOMPARE(d.port.waiting(), size_t{0});
        d.driver.negotiate(NetDriver::kAllFeatures | virtio::kFeatureVersion1);
        d.give(NetDriver::frame(NetDriver::kOwn));
        QCOMPARE(d.port.waiting(), size_t{0});
    }

    void aResetDropsWhatWaits_data() {
        QTest::addColumn<bool>("byDriver");
        QTest::newRow("driver") << true;
        QTest::newRow("machine") << false;
    }
    void aResetDropsWhatWaits() {
        QFETCH(bool, byDriver);
        NetDriver d;
        d.start();
        d.addBuffers(1, 40);
        d.give(NetDriver::frame(NetDriver::kOwn, 1000));
        d.give(NetDriver::frame(NetDriver::kOwn, 20));
        QCOMPARE(d.port.waiting(), size_t{2});
        if (byDriver)
            d.driver.setStatus(0);
        else
            d.bench.locked([&] { d.function.transport->reset(); });
        QCOMPARE(d.port.waiting(), size_t{0});
        QVERIFY(d.received().empty());
        d.driver.findStructures();
        QCOMPARE(d.driver.status(), uint8_t{0});
        d.start();
        QVERIFY(d.arrives(NetDriver::frame(NetDriver::kOwn)));
    }

    void framesOfImpossibleLengthAreDropped_data() {
        QTest::addColumn<uint>("bytes");
        QTest::addColumn<bool>("arrives");
        QTest::newRow("empty") << 0u << false;
        QTest::newRow("shorter than a header") << 13u << false;
        QTest::newRow("header") << 14u << true;
        QTest::newRow("with a tag") << 1518u << true;
        QTest::newRow("longer") << 1519u << false;
        QTest::newRow("very long") << 70000u << false;
    }
    void framesOfImpossibleLengthAreDropped() {
        QFETCH(uint, bytes);
        QFETCH(bool, arrives);
        NetDriver d;
        d.start();
        QCOMPARE(d.arrives(NetDriver::frame(NetDriver::kOwn, bytes)), arrives);
    }

    void aBufferWithoutRoomForTheHeaderNeedsAReset_data() {
        QTest::addColumn<bool>("second");
        QTest::newRow("first") << false;
        QTest::newRow("second") << true;
    }
    void aBufferWithoutRoomForTheHeaderNeedsAReset() {
        QFETCH(bool, second);
        NetDriver d;
        d.start();
        if (second)
            d.addBuffers(1, 50);
        d.addBuffers(1, 11);
        d.give(NetDriver::frame(NetDriver::kOwn));
        QVERIFY(d.driver.status() & virtio::kStatusNeedsReset);
        QVERIFY(d.received().empty());
        d.give(NetDriver::frame(NetDriver::kOwn)); // waits for the driver's reset
        QCOMPARE(d.port.waiting(), size_t{1});
        d.start();
        QCOMPARE(d.port.waiting(), size_t{0});
        QVERIFY(d.arrives(NetDriver::frame(NetDriver::kOwn)));
    }

    void aBrokenReceiveQueueNeedsAReset() {
        NetDriver d;
        d.start();
        d.driver.setAvailableIndex(kReceiveQueue, 1000);
        d.give(NetDriver::frame(NetDriver::kOwn));
        QVERIFY(d.driver.status() & virtio::kStatusNeedsReset);
        d.start();
        QVERIFY(d.arrives(NetDriver::frame(NetDriver::kOwn)));
    }

    void whatIsSentMayComeBackAtOnce() {
        NetDriver d;
        d.start(NetDriver::kAllFeatures | virtio::kFeatureEventIndex | virtio::kFeatureIndirect);
        d.port.loops = true;
        d.addBuffers(4, 2048);
        const Bytes frame = NetDriver::frame(NetDriver::kOwn, 700);
        d.send(frame);
        const auto packets = d.received();
        QCOMPARE(packets.size(), size_t{1});
        QCOMPARE(packets[0].frame, frame);
    }

    // A driver that adds chains as fast as they are served does not keep the device busy in one
    // notification.
    void oneNotificationIsBoundedWork() {
        NetDriver d;
        d.start(NetDriver::kAllFeatures, 8);
        d.driver.put(NetDriver::kTransmit, Bytes(100));
        const uint16_t head = d.driver.addChain(kTransmitQueue, {{NetDriver::kTransmit, 100}}, {});
        for (int i = 0; i < 7; ++i)
            d.driver.makeAvailable(kTransmitQueue, head);
        d.driver.notify(kTransmitQueue);
        QCOMPARE(d.port.sent.size(), size_t{8});
        d.driver.makeAvailable(kTransmitQueue, head); // without a notification
        QCOMPARE(d.port.sent.size(), size_t{8});
        QCOMPARE(d.bench.tasks.runPosted(), 1u);
        QCOMPARE(d.port.sent.size(), size_t{9});
        // A task that outlives its card does nothing.
        for (int i = 0; i < 8; ++i)
            d.driver.makeAvailable(kTransmitQueue, head);
        d.driver.notify(kTransmitQueue);
        d.function = {};
        QCOMPARE(d.bench.tasks.runPosted(), 1u);
        QCOMPARE(d.port.sent.size(), size_t{17});
    }

    // --- The link ---

    void changesOfTheLinkAreTold() {
        NetDriver d;
        d.start();
        d.driver.readIsr();
        const uint64_t generation = d.driver.read(virtio::kConfigGeneration, 1);
        d.bench.locked([&] { d.port.setLink(LinkState::Down); });
        QCOMPARE(d.driver.readIsr(), virtio::kIsrConfig);
        QCOMPARE(d.linkStatus(), uint64_t{0});
        QVERIFY(d.driver.read(virtio::kConfigGeneration, 1) != generation);
        d.bench.locked([&] { d.port.setLink(LinkState::Down); }); // no news
        QCOMPARE(d.driver.readIsr(), uint8_t{0});
        d.bench.locked([&] { d.port.setLink(LinkState::Up); });
        QCOMPARE(d.driver.readIsr(), virtio::kIsrConfig);
        QCOMPARE(d.linkStatus(), uint64_t{kStatusLinkUp}); // and nothing to announce
    }
};
VIVARIUM_TEST(VirtioNetTest)

#include "virtio_net_test.moc"
