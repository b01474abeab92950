#include "tests/support/test_main.h"
#include "vmm/backends/network/unattached_port.h"
#include "vmm/devices/virtio/net/test_support/net_driver.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::virtio_net;
using test::NetDriver;
using Bytes = NetDriver::Bytes;

namespace {

constexpr MacAddress kNew{{0x52, 0x54, 0x00, 0x00, 0x00, 0x07}}; // of a copy's configuration

} // namespace

// What a card is after its machine was saved, restored or copied.
class VirtioNetStateTest : public QObject {
    Q_OBJECT

    static bool arrives(NetDriver& d, MacAddress destination) {
        return d.arrives(NetDriver::frame(destination));
    }
    static std::vector<uint8_t> save(NetDriver& d) {
        return test::contract_detail::saveDevice(d.bench, *d.function.transport);
    }

private Q_SLOTS:
    void whatTheDriverHasSetIsRestored() {
        NetDriver d;
        d.start();
        QCOMPARE(d.command(kClassAddress, kAddressTableSet,
                           NetDriver::table({NetDriver::kOther}, {NetDriver::kMulticast})),
                 kAckOk);
        d.addBuffers(3, 100);
        const auto before = save(d);
        QVERIFY(d.replaceCard(NetDriver::kOwn));
        QCOMPARE(save(d), before);
        d.resume();
        d.give(NetDriver::frame(NetDriver::kOther, 200));
        const auto packets = d.received(); // into the buffers of before
        QCOMPARE(packets.size(), size_t{1});
        QCOMPARE(packets[0].frame, NetDriver::frame(NetDriver::kOther, 200));
        QVERIFY(arrives(d, NetDriver::kMulticast));
        QCOMPARE(d.command(kClassReceive, kReceiveAllMulticast, {1}), kAckOk);
        QCOMPARE(d.command(kClassAddress, kAddressTableSet, NetDriver::table({}, {})), kAckOk);
        QVERIFY(d.replaceCard(NetDriver::kOwn));
        d.resume();
        QVERIFY(arrives(d, NetDriver::kMulticast));
        QVERIFY(!arrives(d, NetDriver::kOther));
        QCOMPARE(d.command(kClassReceive, kReceivePromiscuous, {1}), kAckOk);
        QVERIFY(d.replaceCard(NetDriver::kOwn));
        d.resume();
        QVERIFY(arrives(d, NetDriver::kOther));
    }

    // Buffers that a waiting frame has looked at are the driver's in the saved state.
    void framesThatWaitAreNotSaved() {
        NetDriver d;
        d.start();
        d.addBuffers(2, 100);
        d.give(NetDriver::frame(NetDriver::kOwn, 1000));
        QCOMPARE(d.port.waiting(), size_t{1});
        QVERIFY(d.replaceCard(NetDriver::kOwn));
        QCOMPARE(d.port.waiting(), size_t{1}); // in the test's port; a real one is new, too
        d.resume();
        d.addBuffers(9, 100);
        d.give(NetDriver::frame(NetDriver::kOwn, 60));
        d.addBuffers(1, 100);
        d.resume();
        QVERIFY(!(d.driver.status() & virtio::kStatusNeedsReset));
    }

    void whatWasRungBeforeIsSentAfterwards() {
        NetDriver d;
        d.start();
        d.driver.addChain(kTransmitQueue, {{NetDriver::kTransmit, 100}}, {});
        d.driver.put(NetDriver::kCommand, Bytes{kClassReceive, kReceivePromiscuous, 1});
        d.driver.addChain(kControlQueue, {{NetDriver::kCommand, 3}}, {{NetDriver::kAck, 1}});
        QVERIFY(d.replaceCard(NetDriver::kOwn));
        QVERIFY(d.port.sent.empty());
        d.resume();
        QCOMPARE(d.port.sent.size(), size_t{1});
        QCOMPARE(d.driver.getLe<uint8_t>(NetDriver::kAck), kAckOk);
    }

    // --- Addresses ---

    void aCopyHasTheAddressOfItsConfiguration() {
        NetDriver d;
        d.start();
        d.driver.readIsr();
        QVERIFY(d.replaceCard(kNew));
        QCOMPARE(d.address(), kNew);
        QCOMPARE(d.driver.readIsr(), uint8_t{0}); // nobody runs who could be told
        const uint64_t generation = d.driver.read(virtio::kConfigGeneration, 1);
        d.resume();
        QVERIFY(d.driver.readIsr() & virtio::kIsrConfig);
        QVERIFY(d.driver.read(virtio::kConfigGeneration, 1) != generation);
        // Whoever still goes by the old one is reached, too.
        QVERIFY(arrives(d, kNew));
        QVERIFY(arrives(d, NetDriver::kOwn));
        QVERIFY(!arrives(d, NetDriver::kOther));
        // Also in a copy of the copy.
        QVERIFY(d.replaceCard(NetDriver::kOther));
        d.resume();
        QVERIFY(arrives(d, NetDriver::kOther));
        QVERIFY(arrives(d, NetDriver::kOwn));
        QVERIFY(!arrives(d, kNew));
        // A driver that starts goes by the new one.
        d.start();
        QCOMPARE(d.address(), NetDriver::kOther);
        QVERIFY(!arrives(d, NetDriver::kOwn));
    }

    void theSameAddressIsNoNews() {
        NetDriver d;
        d.start(NetDriver::kAllFeatures & ~kFeatureAnnounce);
        d.driver.readIsr();
        QVERIFY(d.replaceCard(NetDriver::kOwn));
        d.resume();
        QCOMPARE(d.driver.readIsr(), uint8_t{0});
        d.resume(); // a pause is none, either
        QCOMPARE(d.driver.readIsr(), uint8_t{0});
    }

    void anAddressThatTheDriverHasSetIsState() {
        NetDriver d;
        d.start(NetDriver::kAllFeatures & ~kFeatureAnnounce);
        QCOMPARE(d.command(kClassAddress, kAddressSet, NetDriver::bytesOf(NetDriver::kOther)),
                 kAckOk);
        d.driver.readIsr();
        QVERIFY(d.replaceCard(kNew));
        d.resume();
        QCOMPARE(d.driver.readIsr(), uint8_t{0});
        QCOMPARE(d.address(), NetDriver::kOther);
        QVERIFY(arrives(d, NetDriver::kOther));
        QVERIFY(!arrives(d, kNew));
        d.driver.setStatus(0);
        QCOMPARE(d.address(), kNew);
    }

    void aDriverThatTakesTheAddressOverGoesByIt() {
        NetDriver d;
        d.start();
        QVERIFY(d.replaceCard(kNew));
        d.resume();
        d.driver.readIsr();
        QCOMPARE(d.command(kClassAddress, kAddressSet, NetDriver::bytesOf(kNew)), kAckOk);
        QVERIFY(!(d.driver.readIsr() & virtio::kIsrConfig));
        QVERIFY(arrives(d, kNew));
        QVERIFY(!arrives(d, NetDriver::kOwn));
    }

    void beforeADriverStartsThereIsNobodyToTell() {
        NetDriver d;
        d.driver.readIsr();
        QVERIFY(d.replaceCard(kNew));
        d.resume();
        QCOMPARE(d.driver.readIsr(), uint8_t{0});
        QCOMPARE(d.linkStatus(), uint64_t{kStatusLinkUp});
        d.start();
        QVERIFY(arrives(d, kNew));
        QVERIFY(!arrives(d, NetDriver::kOwn));
    }

    // --- Link and announcement ---

    void anotherLinkIsTold() {
        NetDriver d;
        d.start(NetDriver::kAllFeatures & ~kFeatureAnnounce);
        QVERIFY(d.replaceCard(NetDriver::kOwn, LinkState::Down));
        d.driver.readIsr();
        QCOMPARE(d.linkStatus(), uint64_t{kStatusLinkUp}); // as it was told
        d.resume();
        QCOMPARE(d.driver.readIsr(), virtio::kIsrConfig);
        QCOMPARE(d.linkStatus(), uint64_t{0});
    }

    void theDriverIsAskedToAnnounceItself() {
        NetDriver d;
        d.start();
        d.driver.readIsr();
        QVERIFY(d.replaceCard(NetDriver::kOwn));
        QCOMPARE(d.linkStatus(), uint64_t{kStatusLinkUp});
        d.resume();
        QCOMPARE(d.driver.readIsr(), virtio::kIsrConfig);
        QCOMPARE(d.linkStatus(), uint64_t{kStatusLinkUp | kStatusAnnounce});
        // Also when it is saved before it could.
        QVERIFY(d.replaceCard(NetDriver::kOwn));
        QCOMPARE(d.linkStatus(), uint64_t{kStatusLinkUp | kStatusAnnounce});
        d.resume();
        QCOMPARE(d.command(kClassAnnounce, kAnnounceAcknowledge, {}), kAckOk);
        QCOMPARE(d.linkStatus(), uint64_t{kStatusLinkUp});
        d.resume(); // a pause is no journey
        QCOMPARE(d.linkStatus(), uint64_t{kStatusLinkUp});
    }

    void theAnnouncementWaitsForTheLink() {
        NetDriver d;
        d.start();
        QVERIFY(d.replaceCard(NetDriver::kOwn, LinkState::Down));
        d.resume();
        QCOMPARE(d.linkStatus(), uint64_t{0});
        d.driver.readIsr();
        d.bench.locked([&] { d.port.setLink(LinkState::Up); });
        QCOMPARE(d.driver.readIsr(), virtio::kIsrConfig);
        QCOMPARE(d.linkStatus(), uint64_t{kStatusLinkUp | kStatusAnnounce});
        d.driver.setStatus(0);
        QCOMPARE(d.linkStatus(), uint64_t{kStatusLinkUp});
    }

    void whoDoesNotKnowAnnouncementsIsNotAsked() {
        NetDriver d;
        d.start(kFeatureMac | kFeatureStatus);
        QVERIFY(d.replaceCard(NetDriver::kOwn));
        d.resume();
        QCOMPARE(d.linkStatus(), uint64_t{kStatusLinkUp});
    }

    // --- Hostile states ---

    void aDamagedStateIsRefused_data() {
        QTest::addColumn<int>("fromEnd");
        QTest::addColumn<int>("value");
        // Behind the two flags: two lists of a flag and a number each.
        QTest::newRow("too many addresses") << 1 << 65;
        QTest::newRow("addresses that are not there") << 1 << 1;
        QTest::newRow("a flag of the filter") << 6 << 2;
        QTest::newRow("the announcement") << 7 << 2;
        QTest::newRow("the link") << 8 << 2;
        QTest::newRow("whose address it is") << 9 << 2;
        QTest::newRow("the address of a group") << 15 << 0x53;
    }
    void aDamagedStateIsRefused() {
        QFETCH(int, fromEnd);
        QFETCH(int, value);
        NetDriver d;
        d.start();
        auto payload = test::contract_detail::sectionPayload(*d.function.transport, save(d));
        payload[payload.size() - static_cast<size_t>(fromEnd)] = static_cast<uint8_t>(value);
        const auto state = test::contract_detail::sealSection(
            "net0", d.function.transport->stateVersion(), payload);
        const auto restored =
            test::contract_detail::restoreDevice(d.bench, *d.function.transport, state);
        QVERIFY(!restored);
        QCOMPARE(restored.error().code, ErrorCode::Corrupt);
        d.driver.findStructures();
        d.start();
        QVERIFY(arrives(d, NetDriver::kOwn));
    }

    void holdsTheDeviceContract_data() {
        QTest::addColumn<bool>("attached");
        QTest::newRow("attached") << true;
        QTest::newRow("unattached") << false;
    }
    void holdsTheDeviceContract() {
        QFETCH(bool, attached);
        test::RecordingInterruptRouter router;
        UnattachedPort nowhere;
        std::map<Device*, VirtioNet*> cards;
        std::vector<std::unique_ptr<test::FakeNetworkPort>> ports; // outlive the cards
        test::DeviceContract contract;
        contract.make = [&](test::DeviceBench& bench) -> std::unique_ptr<Device> {
            ports.push_back(std::make_unique<test::FakeNetworkPort>());
            auto made = NetDriver::make(
                bench, router, attached ? static_cast<NetworkPort&>(*ports.back()) : nowhere,
                NetDriver::kOwn);
            cards[made.transport.get()] = made.card;
            return std::move(made.transport);
        };
        // Sometimes a whole driver starts, with buffers, frames and commands.
        contract.poke = [&](test::DeviceBench& bench, Device& device, std::mt19937_64& random) {
            if (random() % 4 == 0) {
                bench.locked([&] { cards.at(&device)->resume(); });
                return;
            }
            test::VirtioDriver driver(bench, static_cast<VirtioPciTransport&>(device));
            driver.start(random() & NetDriver::kAllFeatures, kQueueCount, 8);
            for (uint64_t i = random() % 6; i > 0; --i)
                driver.addChain(kReceiveQueue, {},
                                {{NetDriver::kReceive, static_cast<uint32_t>(random() % 2000)}});
            driver.addChain(kTransmitQueue,
                            {{NetDriver::kTransmit, static_cast<uint32_t>(random() % 2000)}}, {});
            driver.put(NetDriver::kCommand,
                       Bytes{static_cast<uint8_t>(random() % 4), static_cast<uint8_t>(random() % 3),
                             static_cast<uint8_t>(random() % 3)});
            driver.addChain(kControlQueue,
                            {{NetDriver::kCommand, 2 + static_cast<uint32_t>(random() % 8)}},
                            {{NetDriver::kAck, 1}});
            for (uint16_t queue = 0; queue < kQueueCount; ++queue)
                driver.notify(queue);
        };
        contract.accesses = 1500;
        QCOMPARE(checkPciDeviceContract(contract), QString());
    }
};
VIVARIUM_TEST(VirtioNetStateTest)

#include "virtio_net_state_test.moc"
