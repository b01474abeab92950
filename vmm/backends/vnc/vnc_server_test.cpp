#include "vmm/backends/vnc/vnc_server.h"

#include "tests/support/test_main.h"
#include "tests/support/vnc_test_client.h"
#include "vmm/backends/vnc/vnc_test_peer.h"

#include <QTest>

#include <random>

#include <linux/input-event-codes.h>

using namespace vivarium;
using namespace vivarium::test;

namespace {
using Keys = std::vector<std::pair<int, bool>>;

std::string updateRequest(uint8_t incremental, uint16_t width, uint16_t height) {
    std::string message{3, static_cast<char>(incremental), 0, 0, 0, 0};
    for (uint16_t value : {width, height}) {
        message.push_back(static_cast<char>(value >> 8));
        message.push_back(static_cast<char>(value));
    }
    return message;
}
// Asks for what changed in a picture of 64 x 48 and draws it; false when something else comes.
bool receiveRawUpdate(VncRawPeer& peer, std::vector<uint32_t>& picture) {
    peer.send(updateRequest(1, 64, 48));
    std::string head = peer.receive(4);
    if (head.size() != 4 || head[0] != 0)
        return false;
    for (int rects = loadBe<uint16_t>(head.data() + 2); rects > 0; --rects) {
        std::string rect = peer.receive(12);
        if (rect.size() != 12 || loadBe<uint32_t>(rect.data() + 8) != 0) // raw encoding
            return false;
        size_t x = loadBe<uint16_t>(rect.data()), y = loadBe<uint16_t>(rect.data() + 2);
        size_t width = loadBe<uint16_t>(rect.data() + 4),
               height = loadBe<uint16_t>(rect.data() + 6);
        std::string pixels = peer.receive(width * height * 4);
        if (x + width > 64 || y + height > 48 || pixels.size() != width * height * 4)
            return false;
        for (size_t i = 0; i < width * height; ++i)
            picture[(y + i / width) * 64 + x + i % width] =
                loadLe<uint32_t>(pixels.data() + i * 4) & 0xFFFFFF;
    }
    return true;
}
} // namespace

class VncServerTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void aClientSeesThePictureAndItsChanges() {
        VncTestServer server;
        VncTestClient client(server.port);
        QVERIFY(client.connected);
        QCOMPARE(client.client->width, 64);
        QCOMPARE(client.client->height, 48);
        QTRY_VERIFY((client.pump(), client.pixel(5, 5) == 0x102030));
        server.draw(20, 10, 0xFFAA00);
        QTRY_VERIFY((client.pump(), client.pixel(20, 10) == 0xFFAA00));
        QCOMPARE(client.pixel(21, 10), 0x102030u);
    }

    void aNewSizeArrives() {
        VncTestServer server;
        VncTestClient client(server.port);
        QVERIFY(client.connected);
        server.show(100, 30, 0x00FF00);
        QTRY_VERIFY((client.pump(), client.client->width == 100 && client.client->height == 30 &&
                                        client.pixel(99, 29) == 0x00FF00));
        server.draw(99, 0, 0x0000FF);
        QTRY_VERIFY((client.pump(), client.pixel(99, 0) == 0x0000FF));
    }

    void aClientOfFixedSizeSeesWhatFits() {
        VncTestServer server;
        VncRawPeer peer(server.port); // never says that it can follow sizes
        QVERIFY(peer.enter());
        std::vector<uint32_t> picture(64 * 48);
        QVERIFY(receiveRawUpdate(peer, picture));
        QCOMPARE(picture[47 * 64 + 29], 0x102030u);
        server.show(30, 100, 0x00FF00);
        while (picture[47 * 64 + 29] != 0x00FF00)
            QVERIFY(receiveRawUpdate(peer, picture));
        QCOMPARE(picture[47 * 64 + 30], 0u); // outside the new picture
    }

    void keysReachTheGuest() {
        VncTestServer server;
        VncTestClient client(server.port);
        QVERIFY(client.connected);
        SendKeyEvent(client.client, 'a', TRUE);
        SendKeyEvent(client.client, 'a', FALSE);
        SendKeyEvent(client.client, XK_Return, TRUE);
        QTRY_COMPARE(server.input.keys(), (Keys{{KEY_A, true}, {KEY_A, false}, {KEY_ENTER, true}}));
    }

    void thePointerReachesTheGuest() {
        VncTestServer server;
        VncTestClient client(server.port);
        QVERIFY(client.connected);
        SendPointerEvent(client.client, 63, 0, rfbButton3Mask);
        QTRY_COMPARE(server.input.pointer().x, uint16_t{32767});
        QCOMPARE(server.input.pointer().y, uint16_t{0});
        QCOMPARE(server.input.pointer().buttons, static_cast<uint8_t>(PointerButton::Right));
        for (int notch = 0; notch < 2; ++notch) {
            SendPointerEvent(client.client, 0, 47, rfbButton5Mask);
            SendPointerEvent(client.client, 0, 47, 0);
        }
        QTRY_COMPARE(server.input.wheel(), -2);
        QTRY_COMPARE(server.input.pointer().y, uint16_t{32767});
    }

    void whatALeavingClientHeldIsReleased() {
        VncTestServer server;
        {
            VncTestClient client(server.port);
            QVERIFY(client.connected);
            SendKeyEvent(client.client, 'q', TRUE);
            QTRY_COMPARE(server.input.keys().size(), size_t{1});
        }
        QTRY_COMPARE(server.input.keys(), (Keys{{KEY_Q, true}, {KEY_Q, false}}));
        QTRY_COMPARE(server.vnc->clientCount(), 0u);
    }

    void aReadOnlyServerIgnoresInput() {
        VncOptions options;
        options.input = VncOptions::Input::Ignored;
        VncTestServer server(options);
        VncTestClient client(server.port);
        QVERIFY(client.connected);
        SendKeyEvent(client.client, 'a', TRUE);
        SendPointerEvent(client.client, 1, 1, 1);
        server.show(32, 32, 1); // its arrival shows that the input was read before
        QTRY_VERIFY((client.pump(), client.client->width == 32));
        QVERIFY(server.input.keys().empty());
    }

    void thePasswordDecides() {
        VncOptions options;
        options.password = "secret";
        VncTestServer server(options);
        QVERIFY(!VncTestClient(server.port, "wrong").connected);
        QVERIFY(!VncTestClient(server.port, "").connected);
        QVERIFY(VncTestClient(server.port, "secret").connected);
    }

    void withAPasswordNobodyGetsInWithout() {
        VncOptions options;
        options.password = "secret";
        VncTestServer server(options);
        VncRawPeer peer(server.port);
        QCOMPARE(peer.receive(12).size(), size_t{12});
        peer.send("RFB 003.008\n");
        QCOMPARE(peer.receive(2), std::string("\x01\x02")); // one type: VNC authentication
        peer.send("\x01");                                  // asks for none
        QVERIFY(peer.hungUp());
        QCOMPARE(server.vnc->clientCount(), 0u);
    }

    void severalClientsAtOnce() {
        VncTestServer server;
        VncTestClient first(server.port), second(server.port);
        QVERIFY(first.connected && second.connected);
        QTRY_COMPARE(server.vnc->clientCount(), 2u);
        server.show(16, 16, 0x0000FF);
        QTRY_VERIFY((first.pump(), first.client->width == 16));
        QTRY_VERIFY((second.pump(), second.client->width == 16));
        server.vnc->disconnectClients();
        QTRY_COMPARE(server.vnc->clientCount(), 0u);
        VncTestClient third(server.port);
        QVERIFY(third.connected);
    }

    void withoutClientsNothingIsRefreshed() {
        VncTestServer server;
        unsigned before = server.source.refreshes;
        {
            VncTestClient client(server.port);
            QVERIFY(client.connected);
            QTRY_VERIFY(server.source.refreshes > before);
        }
        QTRY_COMPARE(server.vnc->clientCount(), 0u);
        MutexLocker lock(server.deviceLock);
        server.display.wake();
        QVERIFY(!server.timers.nextDeadlineNs());
    }

    void clipboardTextIsPassedBothWays() {
        std::mutex mutex;
        std::string received;
        VncOptions options;
        options.clipboardChanged = [&](const std::string& text) {
            std::scoped_lock lock(mutex);
            received = text;
        };
        VncTestServer server(options);
        VncTestClient client(server.port);
        QVERIFY(client.connected);
        std::string sent = "caf\xE9";
        SendClientCutText(client.client, sent.data(), static_cast<int>(sent.size()));
        QTRY_COMPARE((std::scoped_lock(mutex), received), std::string("caf\xC3\xA9"));
        server.vnc->setClipboard("na\xC3\xAFve");
        QTRY_COMPARE((client.pump(), client.clipboard), std::string("na\xEFve"));
        server.vnc->setClipboard(std::string(VncServer::kMaxClipboardBytes + 1, 'x'));
        server.vnc->setClipboard("\xFF");
        server.vnc->setClipboard("last");
        QTRY_COMPARE((client.pump(), client.clipboard), std::string("last"));
    }

    void anUnfinishedHandshakeTimesOut() {
        VncOptions options;
        options.handshakeTimeoutMs = 200;
        VncTestServer server(options);
        VncRawPeer silent(server.port), halfway(server.port);
        halfway.send("RFB");
        QVERIFY(silent.hungUp());
        QVERIFY(halfway.hungUp());
    }

    void tooManyClientsAreTurnedAway() {
        VncTestServer server;
        std::vector<std::unique_ptr<VncRawPeer>> peers;
        for (uint32_t i = 0; i < VncServer::kMaxClients; ++i) {
            peers.push_back(std::make_unique<VncRawPeer>(server.port));
            QVERIFY(peers.back()->connected());
        }
        for (auto& peer : peers) // all are being served
            QCOMPARE(peer->receive(12).size(), size_t{12});
        VncRawPeer late(server.port);
        QCOMPARE(late.receive(12), std::string());
        peers.clear();
        QTRY_VERIFY(VncTestClient(server.port).connected);
    }

    void webSocketsAreRefused() {
        VncTestServer server;
        VncRawPeer page(server.port);
        page.send("GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: binary\r\n"
                  "Origin: http://example.org\r\n\r\n");
        QVERIFY(page.hungUp());
        QCOMPARE(server.vnc->clientCount(), 0u);
    }

    void aClientThatReadsNothingHoldsNobodyUp() {
        VncTestServer server;
        server.show(1024, 768, 0x123456);
        VncRawPeer slow(server.port);
        QVERIFY(slow.enter());
        for (int i = 0; i < 8; ++i) // 3 MiB each, none of it read
            slow.send(updateRequest(0, 1024, 768));
        VncTestClient client(server.port);
        QVERIFY(client.connected);
        QTRY_VERIFY((client.pump(), client.pixel(1000, 700) == 0x123456));
        for (uint32_t i = 1; i <= 5; ++i) {
            server.draw(i, i, i);
            QTRY_VERIFY(
                (client.pump(), client.pixel(static_cast<int>(i), static_cast<int>(i)) == i));
        }
        QCOMPARE(server.vnc->clientCount(), 2u);
    } // and ends without waiting for it

    void randomMessagesDoNoHarm() {
        std::mt19937 random(7);
        VncTestServer server;
        for (int round = 0; round < 20; ++round) {
            VncRawPeer peer(server.port);
            QVERIFY(peer.enter());
            std::string noise;
            for (int i = 0; i < 300; ++i)
                noise.push_back(static_cast<char>(random() % 4 ? random() % 12 : random()));
            peer.send(noise);
            server.show(20 + static_cast<uint32_t>(random() % 200),
                        20 + static_cast<uint32_t>(random() % 200), 0);
        }
        QTRY_COMPARE(server.vnc->clientCount(), 0u);
        QVERIFY(VncTestClient(server.port).connected);
    }

    void aMissingSocketIsAnError() {
        VncTestServer server;
        auto created = VncServer::create(
            UniqueFd(), {server.display, server.router, server.tasks, server.deviceLock}, {});
        QVERIFY(!created);
        QCOMPARE(created.error().code, ErrorCode::InvalidArgument);
    }
};
VIVARIUM_TEST(VncServerTest)

#include "vnc_server_test.moc"
