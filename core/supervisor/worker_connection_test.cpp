#include "core/supervisor/worker_connection.h"

#include "core/jobs/when_done.h"
#include "tests/support/test_main.h"
#include "vmm/control/envelope.h"
#include "vmm/control/line_channel.h"
#include "vmm/control/message_json.h"

#include <QSignalSpy>
#include <QTest>

#include <sys/mman.h>
#include <sys/socket.h>

namespace vivarium::test {

namespace {

// The worker's end of a connection, in the test's hands.
class Peer {
public:
    explicit Peer(UniqueFd socket)
        : m_channel(std::move(*control::LineChannel::create(std::move(socket)))) {}

    // The next request that the connection sent.
    control::Envelope next() {
        std::optional<std::string> line = m_channel.nextLine();
        while (!line && m_channel.readAvailable())
            line = m_channel.nextLine();
        return line ? std::get<control::Envelope>(control::parseEnvelope(*line))
                    : control::Envelope{};
    }
    std::vector<UniqueFd> descriptors(size_t count) {
        return std::move(*m_channel.takeDescriptors(count));
    }

    template <class Reply>
    void answer(const control::MessageId& id, const Reply& reply, std::vector<UniqueFd> fds = {}) {
        const size_t count = fds.size();
        m_channel.send(control::responseLine(id, control::toJson(reply), count), std::move(fds));
    }
    void refuse(const control::MessageId& id, const Error& error) {
        m_channel.send(control::failureLine(id, control::kRequestFailed, error));
    }
    template <class Event>
    void announce(const Event& event, std::vector<UniqueFd> fds = {}) {
        const size_t count = fds.size();
        m_channel.send(control::notificationLine(Event::kMethod, control::toJson(event), count),
                       std::move(fds));
    }
    void sendLine(const std::string& line) { m_channel.send(line); }
    int fd() const { return m_channel.fd(); }

private:
    control::LineChannel m_channel;
};

UniqueFd memfd(const char* content) {
    UniqueFd fd(::memfd_create("test", MFD_CLOEXEC));
    if (::write(fd.get(), content, std::strlen(content)) < 0)
        return {};
    return fd;
}

QByteArray readAll(int fd) {
    QByteArray bytes(100, '\0');
    const auto length = ::pread(fd, bytes.data(), 100, 0);
    bytes.truncate(length > 0 ? length : 0);
    return bytes;
}

} // namespace

class WorkerConnectionTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init() {
        int ends[2];
        QVERIFY(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        m_connection = std::make_unique<WorkerConnection>(UniqueFd(ends[0]));
        m_peer = std::make_unique<Peer>(UniqueFd(ends[1]));
    }

    void repliesFindTheirRequestsInAnyOrder() {
        auto status = m_connection->send(control::Status{});
        auto text = m_connection->send(control::ScreenText{});
        const auto first = m_peer->next();
        const auto second = m_peer->next();
        QCOMPARE(first.method, std::string("status"));
        QCOMPARE(second.method, std::string("screenText"));
        control::ScreenTextReply screen;
        screen.textMode = true;
        screen.lines = {"Grüße", ""};
        m_peer->answer(second.id, screen);
        control::StatusReply reply;
        reply.state = control::MachineState::Paused;
        reply.cpuCount = 3;
        m_peer->answer(first.id, reply);
        QTRY_VERIFY(status.isFinished() && text.isFinished());
        QCOMPARE(status.result()->value.cpuCount, 3u);
        QCOMPARE(status.result()->value.state, control::MachineState::Paused);
        QCOMPARE(text.result()->value.lines.at(0), std::string("Grüße"));
    }

    void refusalsArriveAsErrors() {
        auto paused = m_connection->send(control::Pause{});
        m_peer->refuse(m_peer->next().id, Error{ErrorCode::WrongState, 0, "Not now."});
        QTRY_VERIFY(paused.isFinished());
        QVERIFY(!paused.result());
        QCOMPARE(paused.result().error().code, ErrorCode::WrongState);
        QCOMPARE(paused.result().error().detail, std::string("Not now."));
    }

    void descriptorsTravelBothWays() {
        std::vector<UniqueFd> fds;
        fds.push_back(memfd("medium"));
        control::ChangeMedium request;
        request.drive = "sata0";
        request.imageFd = 0;
        m_connection->send(request, std::move(fds));
        const auto received = m_peer->next();
        QCOMPARE(received.descriptorCount, size_t(1));
        QCOMPARE(readAll(m_peer->descriptors(1).at(0).get()), QByteArray("medium"));

        auto shot = m_connection->send(control::Screenshot{});
        std::vector<UniqueFd> picture;
        picture.push_back(memfd("PNG"));
        m_peer->answer(m_peer->next().id, control::ScreenshotReply{640, 480, 3},
                       std::move(picture));
        QTRY_VERIFY(shot.isFinished());
        QCOMPARE(readAll(shot.result()->descriptors->at(0).get()), QByteArray("PNG"));
    }

    void eventsBecomeSignals() {
        int states = 0;
        connect(m_connection.get(), &WorkerConnection::stateChanged, this,
                [&](const control::StateChanged& event) {
                    ++states;
                    QCOMPARE(event.reason, control::StopReason::DiskFull);
                });
        size_t rectangles = 0;
        connect(m_connection.get(), &WorkerConnection::damaged, this,
                [&](const control::Damage& event) { rectangles = event.rectangles.size(); });
        std::shared_ptr<UniqueFd> memory;
        connect(m_connection.get(), &WorkerConnection::scanoutChanged, this,
                [&](const ScanoutInfo& info, std::shared_ptr<UniqueFd> fd) {
                    QCOMPARE(info.width, 64u);
                    memory = fd;
                });
        m_peer->announce(control::StateChanged{control::MachineState::Paused,
                                               control::StopReason::DiskFull, "full"});
        m_peer->announce(control::Damage{1, {Rect{0, 0, 1, 1}, Rect{2, 2, 3, 3}}});
        std::vector<UniqueFd> fds;
        fds.push_back(memfd("pixels"));
        m_peer->announce(control::ScanoutChanged{ScanoutInfo{64, 2, 256, 0, 512, 1}},
                         std::move(fds));
        QTRY_VERIFY(memory);
        QCOMPARE(states, 1);
        QCOMPARE(rectangles, size_t(2));
        QCOMPARE(readAll(memory->get()), QByteArray("pixels"));
    }

    void anUnusableScanoutIsIgnored() {
        QSignalSpy leds(m_connection.get(), &WorkerConnection::ledsChanged);
        bool seen = false;
        connect(m_connection.get(), &WorkerConnection::scanoutChanged, this, [&] { seen = true; });
        std::vector<UniqueFd> fds;
        fds.push_back(memfd("x"));
        // Its lines would lie outside of the memory.
        m_peer->announce(control::ScanoutChanged{ScanoutInfo{64, 2000, 256, 0, 512, 1}},
                         std::move(fds));
        m_peer->announce(control::LedsChanged{});
        QTRY_COMPARE(leds.size(), 1);
        QVERIFY(!seen);
    }

    void whenTheWorkerGoesPendingRequestsFail() {
        QSignalSpy gone(m_connection.get(), &WorkerConnection::disconnected);
        auto status = m_connection->send(control::Status{});
        m_peer.reset();
        QTRY_COMPARE(gone.size(), 1);
        QVERIFY(!m_connection->connected());
        QTRY_VERIFY(status.isFinished());
        QCOMPARE(status.result().error().code, ErrorCode::Disconnected);
        const auto late = m_connection->send(control::Status{}).result();
        QCOMPARE(late.error().code, ErrorCode::Disconnected);
        QCOMPARE(gone.size(), 1);
    }

    void lastMessagesAreReadBeforeTheEnd() {
        control::Exiting last;
        bool endSeen = false;
        connect(m_connection.get(), &WorkerConnection::exiting, this,
                [&](const control::Exiting& event) {
                    QVERIFY(!endSeen);
                    last = event;
                });
        connect(m_connection.get(), &WorkerConnection::disconnected, this, [&] { endSeen = true; });
        m_peer->announce(control::Exiting{control::StopReason::GuestExit, 42, {}});
        m_peer.reset();
        QTRY_VERIFY(endSeen);
        QCOMPARE(last.guestExitValue, 42);
    }

    void rubbishEndsTheConnection_data() {
        QTest::addColumn<QByteArray>("bytes");
        QTest::newRow("not JSON") << QByteArray("hello there\n");
        QTest::newRow("deep") << QByteArray(5000, '[') + '\n';
        QTest::newRow("too long") << QByteArray(2 << 20, 'x');
        QTest::newRow("missing descriptors")
            << QByteArray(R"({"jsonrpc":"2.0","method":"scanout","params":{},"fds":3})") + '\n';
    }
    void rubbishEndsTheConnection() {
        QFETCH(QByteArray, bytes);
        QSignalSpy gone(m_connection.get(), &WorkerConnection::disconnected);
        qsizetype sent = 0;
        const bool ended = QTest::qWaitFor([&] {
            if (sent < bytes.size()) {
                const auto count =
                    ::send(m_peer->fd(), bytes.constData() + sent,
                           static_cast<size_t>(bytes.size() - sent), MSG_NOSIGNAL | MSG_DONTWAIT);
                sent += count > 0 ? count : 0;
            }
            return gone.size() == 1;
        });
        QVERIFY(ended);
    }

    void unknownEventsAndAnswersAreIgnored() {
        QSignalSpy leds(m_connection.get(), &WorkerConnection::ledsChanged);
        m_peer->sendLine(R"({"jsonrpc":"2.0","method":"fromTheFuture","params":{"x":1}})");
        m_peer->answer(control::MessageId(int64_t(99)), control::Empty{});
        m_peer->announce(control::LedsChanged{true, false, true});
        QTRY_COMPARE(leds.size(), 1);
        QVERIFY(m_connection->connected());
    }

    void aReceiverMayDeleteTheConnection() {
        connect(m_connection.get(), &WorkerConnection::ledsChanged, this,
                [&] { m_connection.reset(); });
        auto status = m_connection->send(control::Status{});
        m_peer->announce(control::LedsChanged{});
        m_peer->announce(control::LedsChanged{});
        QTRY_VERIFY(!m_connection);
        QTRY_VERIFY(status.isFinished());
    }

    void aSocketThatIsNoneIsNotConnected() {
        WorkerConnection connection(memfd(""));
        QVERIFY(!connection.connected());
        QCOMPARE(connection.send(control::Status{}).result().error().code, ErrorCode::Disconnected);
    }

private:
    std::unique_ptr<WorkerConnection> m_connection;
    std::unique_ptr<Peer> m_peer;
};

} // namespace vivarium::test

using vivarium::test::WorkerConnectionTest;
VIVARIUM_TEST(WorkerConnectionTest)
#include "worker_connection_test.moc"
