#include "tests/support/device_test_doubles.h"
#include "tests/support/test_main.h"
#include "vmm/backends/vnc/vnc_keysyms.h"
#include "vmm/backends/vnc/vnc_server.h"
#include "vmm/base/shared_mapping.h"

#include <QTest>

#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>

#include <linux/input-event-codes.h>
#include <netinet/in.h>
#include <rfb/rfbclient.h>
#include <sys/socket.h>

using namespace vivarium;
using vivarium::test::ManualClock;

namespace {

// Runs tasks at once on the caller's thread, under the device lock, as the machine's queue would.
class LockedTaskQueue final : public TaskQueue {
public:
    explicit LockedTaskQueue(DeviceLock& deviceLock) : m_deviceLock(deviceLock) {}
    void post(std::function<void()> task) override {
        MutexLocker lock(m_deviceLock);
        task();
    }

private:
    DeviceLock& m_deviceLock;
};

class RecordingInput final : public InputDevice {
public:
    bool acceptsKeys() const override { return true; }
    bool acceptsAbsolutePointer() const override { return true; }
    void key(KeyCode code, bool down) override {
        std::scoped_lock lock(mutex);
        keys.emplace_back(static_cast<int>(code), down);
    }
    void absolutePointer(const AbsolutePointerEvent& event) override {
        std::scoped_lock lock(mutex);
        pointer = event;
    }
    size_t keyCount() {
        std::scoped_lock lock(mutex);
        return keys.size();
    }
    std::mutex mutex;
    std::vector<std::pair<int, bool>> keys;
    AbsolutePointerEvent pointer;
};

// A display with one picture that tests draw into.
class TestSource final : public DisplaySource {
public:
    bool refresh() override { return false; }
    std::optional<TextScreen> textScreen() override { return std::nullopt; }
};

struct Server {
    DeviceLock deviceLock;
    ManualClock clock;
    TimerQueue timers{clock};
    Display display{timers};
    TestSource source;
    InputRouter router;
    RecordingInput input;
    LockedTaskQueue tasks{deviceLock};
    SharedMapping picture;
    uint16_t port = 0;
    std::unique_ptr<VncServer> vnc;

    explicit Server(VncOptions options = {}) {
        display.setSource(&source);
        router.addDevice(input);
        show(64, 48, 0x102030);
        UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
            ::listen(socket.get(), 4) != 0 ||
            ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
            return;
        port = ntohs(address.sin_port);
        vnc = *VncServer::create(std::move(socket), {display, router, tasks, deviceLock},
                                 std::move(options));
    }

    void show(uint32_t width, uint32_t height, uint32_t colour) {
        MutexLocker lock(deviceLock);
        SharedMapping next = *SharedMapping::create("picture", uint64_t{width} * height * 4);
        for (uint64_t i = 0; i < uint64_t{width} * height; ++i)
            storeLe<uint32_t>(next.data() + i * 4, colour);
        ScanoutInfo info{width, height, width * 4, 0, next.sizeBytes(), ++generation};
        display.setScanout({info, next.fd(), next.data()});
        picture = std::move(next);
    }
    uint64_t generation = 0;
};

void silence(const char*, ...) {}

// libvncclient, pumped by the test.
struct Client {
    rfbClient* client = rfbGetClient(8, 3, 4);
    bool connected = false;
    static inline const char* s_password = "";

    explicit Client(uint16_t port, const char* password = "") {
        rfbClientLog = rfbClientErr = silence;
        s_password = password;
        client->GetPassword = [](rfbClient*) { return ::strdup(s_password); };
        client->canHandleNewFBSize = TRUE;
        client->serverHost = ::strdup("127.0.0.1");
        client->serverPort = port;
        connected = rfbInitClient(client, nullptr, nullptr);
        if (!connected)
            client = nullptr; // freed by rfbInitClient
    }
    ~Client() {
        if (client) {
            std::free(client->frameBuffer);
            rfbClientCleanup(client);
        }
    }
    void pump() {
        if (WaitForMessage(client, 20'000) > 0)
            HandleRFBServerMessage(client);
    }
    uint32_t pixel(int x, int y) const {
        return loadLe<uint32_t>(client->frameBuffer + (y * client->width + x) * 4) & 0xFFFFFF;
    }
};

uint32_t asClientColour(uint32_t rgb) { // libvncclient asks for red in the lowest byte
    return (rgb & 0xFF) << 16 | (rgb & 0xFF00) | (rgb >> 16 & 0xFF);
}

} // namespace

class VncServerTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void aClientSeesThePictureAndItsChanges() {
        Server server;
        Client client(server.port);
        QVERIFY(client.connected);
        QTRY_VERIFY((client.pump(),
                     client.client->width == 64 && client.pixel(5, 5) == asClientColour(0x102030)));
        {
            MutexLocker lock(server.deviceLock);
            storeLe<uint32_t>(server.picture.data() + (10 * 64 + 20) * 4, 0xFFAA00);
            server.display.addDamage({20, 10, 1, 1});
            server.display.refreshNow();
        }
        QTRY_VERIFY((client.pump(), client.pixel(20, 10) == asClientColour(0xFFAA00)));
        QCOMPARE(client.pixel(21, 10), asClientColour(0x102030));
    }

    void aNewSizeArrives() {
        Server server;
        Client client(server.port);
        QVERIFY(client.connected);
        server.show(100, 30, 0x00FF00);
        QTRY_VERIFY((client.pump(), client.client->width == 100 && client.client->height == 30 &&
                                        client.pixel(99, 29) == asClientColour(0x00FF00)));
    }

    void keysAndPointerReachTheGuest() {
        Server server;
        Client client(server.port);
        QVERIFY(client.connected);
        QTRY_VERIFY((client.pump(), client.client->width == 64));
        SendKeyEvent(client.client, 'A', TRUE);
        SendKeyEvent(client.client, 'A', FALSE);
        SendPointerEvent(client.client, 63, 0, 4);
        QTRY_COMPARE(server.input.keyCount(), size_t{2});
        QTRY_VERIFY(([&] {
            std::scoped_lock lock(server.input.mutex);
            return server.input.pointer.x == 32767 && server.input.pointer.y == 0 &&
                   server.input.pointer.buttons == 2;
        }()));
        QCOMPARE(server.input.keys[0].first, KEY_A);
        QVERIFY(server.input.keys[0].second && !server.input.keys[1].second);
    }

    void whatALeavingClientHeldIsReleased() {
        Server server;
        {
            Client client(server.port);
            QVERIFY(client.connected);
            SendKeyEvent(client.client, 'q', TRUE);
            QTRY_COMPARE(server.input.keyCount(), size_t{1});
        }
        QTRY_COMPARE(server.input.keyCount(), size_t{2});
        QVERIFY(!server.input.keys[1].second);
        QTRY_COMPARE(server.vnc->clientCount(), 0u);
    }

    void aReadOnlyServerIgnoresInput() {
        VncOptions options;
        options.input = VncOptions::Input::Ignored;
        Server server(options);
        Client client(server.port);
        QVERIFY(client.connected);
        SendKeyEvent(client.client, 'a', TRUE);
        SendPointerEvent(client.client, 1, 1, 1);
        server.show(32, 32, 1); // its arrival shows that the input was read before
        QTRY_VERIFY((client.pump(), client.client->width == 32));
        QCOMPARE(server.input.keyCount(), size_t{0});
    }

    void thePasswordDecides() {
        VncOptions options;
        options.password = "secret";
        Server server(options);
        QVERIFY(!Client(server.port, "wrong").connected);
        QVERIFY(Client(server.port, "secret").connected);
    }

    void severalClientsAtOnce() {
        Server server;
        Client first(server.port), second(server.port);
        QVERIFY(first.connected && second.connected);
        QTRY_COMPARE(server.vnc->clientCount(), 2u);
        server.show(16, 16, 0x0000FF);
        QTRY_VERIFY((first.pump(), first.client->width == 16));
        QTRY_VERIFY((second.pump(), second.client->width == 16));
    }

    void keysymsBecomeKeys() {
        QCOMPARE(static_cast<int>(*keyCodeForKeysym(XK_Escape)), KEY_ESC);
        QCOMPARE(static_cast<int>(*keyCodeForKeysym('!')), KEY_1);
        QCOMPARE(static_cast<int>(*keyCodeForKeysym('z')), KEY_Z);
        QCOMPARE(static_cast<int>(*keyCodeForKeysym(0x01000041)), KEY_A);
        QVERIFY(!keyCodeForKeysym(0x12345678));
    }
};

VIVARIUM_TEST(VncServerTest)
#include "vnc_server_test.moc"
