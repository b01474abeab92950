#include "tests/support/test_main.h"
#include "ui/console/vnc_address.h"
#include "ui/console/vnc_console_source.h"

#include <QElapsedTimer>
#include <QSignalSpy>
#include <QTest>

#include <atomic>
#include <mutex>
#include <thread>

#include <linux/input-event-codes.h>
#include <rfb/rfb.h>
#include <sys/socket.h>
#include <netinet/in.h>

namespace vivarium {

class VncAddressTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void parses_data();
    void parses();
    void refuses_data();
    void refuses();
};

void VncAddressTest::parses_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("address");
    const auto row = [](const char* text, const char* address) {
        QTest::newRow(text) << QString::fromLatin1(text) << QString::fromLatin1(address);
    };
    row("vnc://host", "host:5900");
    row("vnc://host:5901/", "host:5901");
    row("host:1", "host:5901");
    row("host::1", "host:5901");
    row("HOST:6000", "HOST:6000");
    row("[::1]:5902", "[::1]:5902");
    row("[fe80::1]", "[fe80::1]:5900");
    row("unix:/run/x.sock", "unix:/run/x.sock");
}

void VncAddressTest::parses() {
    QFETCH(QString, text);
    QFETCH(QString, address);
    const Result<VncAddress> parsed = VncAddress::parse(text);
    QVERIFY(parsed);
    QCOMPARE(parsed->toString(), address);
}

void VncAddressTest::refuses_data() {
    QTest::addColumn<QString>("text");
    for (const char* text : {"", "vnc://", ":5900", "host:port", "host:70000", "[::1", "[::1]x",
                             "unix:relative", "1:2:3"})
        QTest::newRow(text) << QString::fromLatin1(text);
}

void VncAddressTest::refuses() {
    QFETCH(QString, text);
    QVERIFY(!VncAddress::parse(text));
}

namespace {

// A VNC server in this process, on a free port of the loopback.
class TestServer {
public:
    TestServer(int width, int height, const char* password)
        : m_pixels(static_cast<size_t>(width) * height), m_password(password) {
        m_screen = rfbGetScreen(nullptr, nullptr, width, height, 8, 3, 4);
        m_screen->frameBuffer = reinterpret_cast<char*>(m_pixels.data());
        m_screen->serverFormat.redShift = 16;
        m_screen->serverFormat.greenShift = 8;
        m_screen->serverFormat.blueShift = 0;
        m_screen->autoPort = TRUE;
        m_screen->port = m_screen->ipv6port = 5950;
        m_screen->listenInterface = htonl(INADDR_LOOPBACK);
        m_screen->cursor = nullptr;
        m_screen->screenData = this;
        m_screen->kbdAddEvent = [](rfbBool down, rfbKeySym key, rfbClientPtr client) {
            auto* self = static_cast<TestServer*>(client->screen->screenData);
            const std::lock_guard lock(self->m_mutex);
            self->m_keys.append({key, down != 0});
        };
        m_screen->ptrAddEvent = [](int mask, int x, int y, rfbClientPtr client) {
            auto* self = static_cast<TestServer*>(client->screen->screenData);
            const std::lock_guard lock(self->m_mutex);
            self->m_pointer = QPoint(x, y);
            self->m_buttons = mask;
        };
        if (password) {
            m_passwords[0] = const_cast<char*>(m_password);
            m_screen->authPasswdData = m_passwords;
            m_screen->passwordCheck = rfbCheckPasswordByList;
        }
        rfbLogEnable(FALSE);
        rfbInitServer(m_screen);
        m_thread = std::jthread([this](const std::stop_token& stop) {
            while (!stop.stop_requested())
                rfbProcessEvents(m_screen, 5000);
        });
    }
    ~TestServer() {
        m_thread.request_stop();
        m_thread.join();
        m_screen->frameBuffer = nullptr;
        rfbShutdownServer(m_screen, TRUE);
        rfbScreenCleanup(m_screen);
    }
    VncAddress address() const {
        return {QStringLiteral("127.0.0.1"), static_cast<uint16_t>(m_screen->port), {}};
    }
    void fill(uint32_t colour) {
        std::fill(m_pixels.begin(), m_pixels.end(), colour);
        rfbMarkRectAsModified(m_screen, 0, 0, m_screen->width, m_screen->height);
    }
    QList<std::pair<quint32, bool>> keys() {
        const std::lock_guard lock(m_mutex);
        return m_keys;
    }
    QPoint pointer() {
        const std::lock_guard lock(m_mutex);
        return m_pointer;
    }

private:
    rfbScreenInfoPtr m_screen = nullptr;
    std::vector<uint32_t> m_pixels;
    const char* m_password;
    char* m_passwords[2] = {nullptr, nullptr};
    std::mutex m_mutex;
    QList<std::pair<quint32, bool>> m_keys;
    QPoint m_pointer;
    int m_buttons = 0;
    std::jthread m_thread;
};

} // namespace

class VncConsoleSourceTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void showsThePicture();
    void sendsKeysAndPointer();
    void asksForThePassword();
    void wrongPasswordIsRefused();
    void nobodyListens();
    void closingWhileConnectingDoesNotWait();
};

void VncConsoleSourceTest::showsThePicture() {
    TestServer server(64, 48, nullptr);
    server.fill(0x00336699);
    VncConsoleSource source(server.address());
    source.connectToServer();
    QTRY_COMPARE(source.picture().size(), QSize(64, 48));
    QTRY_COMPARE(source.picture().pixel(10, 10) & 0xffffff, 0x336699u);
    server.fill(0x00aa0011);
    QTRY_COMPARE(source.picture().pixel(63, 47) & 0xffffff, 0xaa0011u);
}

void VncConsoleSourceTest::sendsKeysAndPointer() {
    TestServer server(100, 100, nullptr);
    VncConsoleSource source(server.address());
    source.connectToServer();
    QTRY_VERIFY(!source.picture().isNull());
    source.sendKey(static_cast<KeyCode>(KEY_A), 0x41, KeyDirection::Down); // "A", Shift held
    source.sendKey(static_cast<KeyCode>(KEY_A), 0x61, KeyDirection::Up);   // Shift is up already
    QTRY_COMPARE(server.keys().size(), 2);
    QCOMPARE(server.keys().at(0), (std::pair<quint32, bool>(0x41, true)));
    QCOMPARE(server.keys().at(1), (std::pair<quint32, bool>(0x41, false)));
    source.setPointer(QPoint(32767, 0), 0, 0);
    QTRY_COMPARE(server.pointer(), QPoint(99, 0));
}

void VncConsoleSourceTest::asksForThePassword() {
    TestServer server(32, 32, "secret");
    VncConsoleSource source(server.address());
    connect(&source, &VncConsoleSource::passwordWanted, &source,
            [&source] { source.answerPassword(QStringLiteral("secret")); });
    source.connectToServer();
    QTRY_VERIFY(!source.picture().isNull());
}

void VncConsoleSourceTest::wrongPasswordIsRefused() {
    TestServer server(32, 32, "secret");
    VncConsoleSource source(server.address());
    connect(&source, &VncConsoleSource::passwordWanted, &source,
            [&source] { source.answerPassword(QStringLiteral("guess")); });
    QSignalSpy failed(&source, &VncConsoleSource::failed);
    source.connectToServer();
    QTRY_COMPARE(failed.size(), 1);
    QVERIFY(failed.first().first().value<Error>().code == ErrorCode::PermissionDenied);
}

void VncConsoleSourceTest::nobodyListens() {
    VncConsoleSource source({QStringLiteral("127.0.0.1"), 1, {}});
    QSignalSpy failed(&source, &VncConsoleSource::failed);
    source.connectToServer();
    QTRY_COMPARE(failed.size(), 1);
}

void VncConsoleSourceTest::closingWhileConnectingDoesNotWait() {
    // Accepts connections and never says a word.
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    QCOMPARE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    QCOMPARE(::listen(listener.get(), 1), 0);
    socklen_t size = sizeof address;
    getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
    QElapsedTimer timer;
    {
        VncConsoleSource source({QStringLiteral("127.0.0.1"), ntohs(address.sin_port), {}});
        source.connectToServer();
        QTest::qWait(50);
        timer.start();
    }
    QVERIFY(timer.elapsed() < 500);
}

} // namespace vivarium

using vivarium::VncAddressTest;
using vivarium::VncConsoleSourceTest;
VIVARIUM_TEST(VncAddressTest)
VIVARIUM_TEST(VncConsoleSourceTest)
#include "vnc_test.moc"
