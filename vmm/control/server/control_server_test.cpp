#include "vmm/control/server/control_server.h"

#include "tests/support/test_main.h"
#include "vmm/base/shared_mapping.h"
#include "vmm/control/message_json.h"

#include <QTest>

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

using namespace vivarium;
using namespace vivarium::control;
using nlohmann::json;

namespace {

std::string text(const json& value) {
    return value.dump();
}

// Answers at once, except pause: those wait in `pauses`.
class FakeHandler : public ControlHandler {
public:
    MachineState machineState = MachineState::Running;
    std::vector<Call<Pause>> pauses;
    std::vector<std::string> seen;
    std::vector<Subscribe> wanted;
    std::vector<size_t> remainingAfterLeave;
    size_t descriptorCount = 0;

    MachineState state() const override { return machineState; }
    Hello hello() const override { return {kProtocolVersion, "9.9", "id", "name", machineState}; }
    void subscriptionsChanged(const Subscribe& subscribe) override { wanted.push_back(subscribe); }
    void clientLeft(ClientId, size_t remaining) override {
        remainingAfterLeave.push_back(remaining);
    }
    void handle(const Configure&, Call<Configure> call) override { done("configure", call); }
    void handle(const Start&, Call<Start> call) override { done("start", call); }
    void handle(const Pause&, Call<Pause> call) override { pauses.push_back(std::move(call)); }
    void handle(const Resume&, Call<Resume> call) override {
        call.respond(fail(ErrorCode::NoSpace, "still full"));
    }
    void handle(const Reset&, Call<Reset> call) override { done("reset", call); }
    void handle(const PowerButton&, Call<PowerButton> call) override { done("powerButton", call); }
    void handle(const PowerOff&, Call<PowerOff> call) override { done("powerOff", call); }
    void handle(const Status&, Call<Status> call) override { done("status", call); }
    void handle(const Key& request, Call<Key> call) override { done(request.keys[0], call); }
    void handle(const PointerRelative&, Call<PointerRelative> call) override {
        done("pointerRelative", call);
    }
    void handle(const PointerAbsolute&, Call<PointerAbsolute> call) override {
        done("pointerAbsolute", call);
    }
    void handle(const TypeText&, Call<TypeText> call) override { done("typeText", call); }
    void handle(const CancelTyping&, Call<CancelTyping> call) override {
        done("cancelTyping", call);
    }
    void handle(const Screenshot&, Call<Screenshot> call) override {
        Answer<ScreenshotReply> answer;
        answer.value = {640, 480, 5};
        answer.descriptors.emplace_back(::memfd_create("png", MFD_CLOEXEC));
        call.respond(std::move(answer));
    }
    void handle(const ScreenText&, Call<ScreenText> call) override { done("screenText", call); }
    void handle(const ChangeMedium&, Call<ChangeMedium> call) override {
        descriptorCount = call.descriptors.size();
        done("changeMedium", call);
    }
    void handle(const AttachDrive&, Call<AttachDrive> call) override { done("attachDrive", call); }
    void handle(const DetachDrive&, Call<DetachDrive> call) override { done("detachDrive", call); }
    void handle(const ResizeDrive&, Call<ResizeDrive> call) override { done("resizeDrive", call); }
    void handle(const AttachSerial&, Call<AttachSerial> call) override {
        done("attachSerial", call);
    }
    void handle(const TakeSnapshot&, Call<TakeSnapshot> call) override {
        done("takeSnapshot", call);
    }
    void handle(const MergeLayers&, Call<MergeLayers> call) override { done("mergeLayers", call); }
    void handle(const CancelJob&, Call<CancelJob> call) override { done("cancelJob", call); }
    void handle(const Fork&, Call<Fork> call) override { done("fork", call); }

private:
    template <class Request>
    void done(const std::string& what, Call<Request>& call) {
        seen.push_back(what);
        call.respond(Answer<typename Request::Reply>{});
    }
};

class TestClient {
public:
    explicit TestClient(ControlServer& server) {
        int sockets[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
            qFatal("socketpair");
        added = server.addClient(UniqueFd(sockets[0])).has_value();
        channel.emplace(*LineChannel::create(UniqueFd(sockets[1])));
    }

    // What has arrived by now.
    void read() {
        connected = connected && channel->readAvailable().has_value();
        while (auto line = channel->nextLine()) {
            json message = json::parse(*line, nullptr, false);
            if (message.contains("fds"))
                descriptors += channel->takeDescriptors(message["fds"].get<size_t>())->size();
            messages.push_back(std::move(message));
        }
    }
    void send(int id, std::string_view method, const json& params = json::object()) {
        channel->send(requestLine(MessageId(int64_t{id}), method, params));
    }
    json take() {
        if (messages.empty())
            return {};
        json first = std::move(messages.front());
        messages.pop_front();
        return first;
    }

    bool added = false;
    bool connected = true;
    std::optional<LineChannel> channel;
    std::deque<json> messages;
    size_t descriptors = 0;
};

} // namespace

class ControlServerTest : public QObject {
    Q_OBJECT
    std::unique_ptr<EventLoop> m_loop;
    FakeHandler m_handler;
    std::unique_ptr<ControlServer> m_server;

    void turn(TestClient& client, int rounds = 4) {
        for (int i = 0; i < rounds; ++i) {
            m_loop->runOnce(0);
            client.read();
        }
    }
    std::unique_ptr<TestClient> connectedClient() {
        auto client = std::make_unique<TestClient>(*m_server);
        turn(*client);
        client->messages.clear();
        return client;
    }

private Q_SLOTS:
    void init() {
        m_loop = std::move(*EventLoop::create());
        m_handler = {};
        m_server = std::make_unique<ControlServer>(*m_loop, m_handler);
    }
    void cleanup() { m_server.reset(); }

    void helloComesFirst() {
        TestClient client(*m_server);
        turn(client);
        const json hello = client.take();
        QCOMPARE(text(hello["method"]), text("hello"));
        QCOMPARE(text(hello["params"]["protocol"]), text(kProtocolVersion));
        QCOMPARE(text(hello["params"]["state"]), text("running"));
    }

    void requestsAreAnsweredInAnyOrder() {
        auto client = connectedClient();
        client->send(1, "pause");
        client->send(2, "status");
        turn(*client);
        QCOMPARE(text(client->take()["id"]), text(2));
        m_handler.pauses[0].respond(Answer<Empty>{});
        turn(*client);
        const json reply = client->take();
        QCOMPARE(text(reply["id"]), text(1));
        QVERIFY(reply.contains("result"));
    }

    void failuresCarryCodeAndSentence() {
        auto client = connectedClient();
        client->send(1, "resume");
        client->send(2, "fly");
        client->send(3, "key", {{"keys", json::array()}});
        turn(*client);
        const json failed = client->take();
        QCOMPARE(text(failed["error"]["code"]), text(kRequestFailed));
        QCOMPARE(text(failed["error"]["data"]["code"]), text("no-space"));
        QCOMPARE(text(failed["error"]["message"]), text("still full"));
        QCOMPARE(text(client->take()["error"]["code"]), text(kNoSuchMethod));
        QCOMPARE(text(client->take()["error"]["code"]), text(kInvalidParameters));
    }

    void everyRequestIsRefusedInTheWrongState() {
        m_handler.machineState = MachineState::PoweredOff;
        auto client = connectedClient();
        client->send(1, "pause");
        client->send(2, "status");
        turn(*client);
        QCOMPARE(text(client->take()["error"]["data"]["code"]), text("wrong-state"));
        QVERIFY(client->take().contains("result"));
        m_handler.machineState = MachineState::Running;
        client->send(3, "start");
        turn(*client);
        QCOMPARE(text(client->take()["error"]["data"]["code"]), text("wrong-state"));
        QVERIFY(m_handler.pauses.empty());
    }

    void aRequestWithoutIdIsDoneAndNotAnswered() {
        auto client = connectedClient();
        client->channel->send(notificationLine("key", {{"keys", {"a"}}}));
        turn(*client);
        QVERIFY(client->messages.empty());
        QCOMPARE(m_handler.seen, std::vector<std::string>{"a"});
    }

    void garbageEndsOnlyItsOwnConnection() {
        auto bad = connectedClient();
        auto good = connectedClient();
        bad->channel->send("}{ not json");
        turn(*bad);
        QCOMPARE(text(bad->take()["error"]["code"]), text(kParseError));
        QVERIFY(!bad->connected);
        good->send(1, "status");
        turn(*good);
        QVERIFY(good->take().contains("result"));
        QCOMPARE(m_server->clientCount(), size_t(1));
        QCOMPARE(m_handler.remainingAfterLeave, std::vector<size_t>{1});
    }

    void aLineThatIsTooLongEndsTheConnection() {
        auto client = connectedClient();
        const std::string piece(64 << 10, 'x');
        for (int i = 0; i < 200 && client->connected; ++i) {
            ::send(client->channel->fd(), piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            turn(*client, 1);
        }
        turn(*client);
        QVERIFY(!client->connected);
        QCOMPARE(text(client->take()["error"]["data"]["code"]), text("limit-exceeded"));
    }

    void pendingRequestsAreBounded() {
        auto client = connectedClient();
        for (int i = 0; i < 70; ++i)
            client->send(i, "pause");
        turn(*client);
        QCOMPARE(m_handler.pauses.size(), ClientSession::kMaxPendingRequests);
        QCOMPARE(client->messages.size(), size_t(6));
        QCOMPARE(text(client->take()["error"]["data"]["code"]), text("limit-exceeded"));
    }

    void repliesToAClientThatLeftAreDropped() {
        auto client = connectedClient();
        client->send(1, "pause");
        turn(*client);
        client.reset();
        for (int i = 0; i < 4; ++i)
            m_loop->runOnce(0);
        QCOMPARE(m_server->clientCount(), size_t(0));
        m_handler.pauses[0].respond(Answer<Empty>{});
        m_server.reset();
        m_handler.pauses[0].respond(Answer<Empty>{}); // also after the server
    }

    void descriptorsTravelBothWays() {
        auto client = connectedClient();
        std::vector<UniqueFd> descriptors;
        descriptors.emplace_back(::memfd_create("iso", MFD_CLOEXEC));
        client->channel->send(requestLine(MessageId(int64_t{1}), "changeMedium",
                                          {{"drive", "sata1"}, {"imageFd", 0}}, 1),
                              std::move(descriptors));
        client->send(2, "screenshot");
        // Announced, but not sent.
        client->channel->send(requestLine(MessageId(int64_t{3}), "changeMedium",
                                          {{"drive", "sata1"}, {"imageFd", 0}}, 1));
        turn(*client);
        QCOMPARE(m_handler.descriptorCount, size_t(1));
        QVERIFY(client->take().contains("result"));
        QCOMPARE(text(client->take()["result"]["width"]), text(640));
        QCOMPARE(client->descriptors, size_t(1));
        QCOMPARE(text(client->take()["error"]["code"]), text(kInvalidRequest));
    }

    void theSeventeenthClientIsRefused() {
        std::vector<std::unique_ptr<TestClient>> clients;
        for (size_t i = 0; i < ControlServer::kMaxClients; ++i)
            clients.push_back(connectedClient());
        TestClient surplus(*m_server);
        QVERIFY(!surplus.added);
        clients.pop_back();
        for (int i = 0; i < 4; ++i)
            m_loop->runOnce(0);
        TestClient next(*m_server);
        QVERIFY(next.added);
    }

    void listeningSocketTakesClients() {
        UniqueFd listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        ::bind(listening.get(), reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t));
        ::listen(listening.get(), 4);
        socklen_t length = sizeof address;
        ::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&address), &length);
        QVERIFY(m_server->listen(std::move(listening)));
        UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        QCOMPARE(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
        m_loop->runOnce(0);
        QCOMPARE(m_server->clientCount(), size_t(1));
    }

    void picturesGoToSubscribersOnly() {
        auto viewer = connectedClient();
        auto other = connectedClient();
        viewer->send(1, "subscribe", {{"display", true}});
        turn(*viewer);
        QVERIFY(viewer->take().contains("result"));
        QVERIFY(m_handler.wanted.back().display);
        auto memory = SharedMapping::create("picture", 4096);
        UniqueFd fd(::dup(memory->fd()));
        m_server->publishScanout({16, 16, 64, 0, 4096, 5}, std::move(fd));
        m_server->publishDamage({{1, 2, 3, 4}});
        turn(*viewer);
        turn(*other);
        QCOMPARE(text(viewer->take()["method"]), text("scanout"));
        QCOMPARE(viewer->descriptors, size_t(1));
        const json damage = viewer->take();
        QCOMPARE(text(damage["params"]["generation"]), text(5));
        QVERIFY(other->messages.empty());
        // A later subscriber is told the present picture.
        other->send(1, "subscribe", {{"display", true}});
        turn(*other);
        QVERIFY(other->take().contains("result"));
        QCOMPARE(text(other->take()["method"]), text("scanout"));
        QCOMPARE(m_handler.wanted.size(), size_t(1));
        viewer.reset();
        other->send(2, "subscribe");
        turn(*other);
        QCOMPARE(m_handler.wanted.size(), size_t(2));
        QVERIFY(!m_handler.wanted.back().display);
    }

    void damageIsMergedForASlowClient() {
        auto slow = connectedClient();
        slow->send(1, "subscribe", {{"display", true}});
        turn(*slow);
        slow->messages.clear();
        auto memory = SharedMapping::create("picture", 4096);
        m_server->publishScanout({16, 16, 64, 0, 4096, 1}, UniqueFd(::dup(memory->fd())));
        for (uint32_t i = 0; i < 100'000; ++i) // far more than the socket holds
            m_server->publishDamage({{i % 16, i % 16, 1, 1}});
        QCOMPARE(m_server->clientCount(), size_t(1));
        size_t messages = 0;
        for (int i = 0; i < 1000; ++i) {
            turn(*slow, 1);
            messages += slow->messages.size();
            slow->messages.clear();
        }
        QVERIFY(messages > 1);
        QVERIFY2(messages < 10'000, qPrintable(QString::number(messages)));
        QVERIFY(slow->connected);
    }

    void aClientThatNeverReadsIsGivenUp() {
        auto dead = connectedClient();
        auto good = connectedClient();
        StateChanged event{MachineState::Paused, StopReason::InternalError,
                           std::string(10'000, 'r')};
        for (int i = 0; i < 400 && m_server->clientCount() == 2; ++i) {
            m_server->publish(event);
            good->read();
            turn(*good, 1);
        }
        QCOMPARE(m_server->clientCount(), size_t(1));
        QVERIFY(good->connected);
    }

    void aClientThatPipelinesWithoutReadingStopsBeingRead() {
        auto client = connectedClient();
        const std::string line = requestLine(MessageId(int64_t{1}), "status", json::object());
        for (int i = 0; i < 200'000 && client->channel->queuedBytes() < 64 * 1024; ++i) {
            client->channel->send(line);
            if (i % 100 == 0)
                m_loop->runOnce(0);
        }
        // The server took some, then stopped: our own queue filled up and it is still alive.
        QVERIFY(client->channel->queuedBytes() >= 64 * 1024);
        QCOMPARE(m_server->clientCount(), size_t(1));
        for (int i = 0; i < 400 && client->channel->wantsWrite(); ++i) {
            turn(*client, 1);
            QVERIFY(client->channel->flush());
        }
        QVERIFY(!client->channel->wantsWrite());
        QVERIFY(client->connected);
    }

    void finishSendsTheLastMessage() {
        auto client = connectedClient();
        m_server->publish(Exiting{StopReason::GuestExit, 3, ""});
        m_server->finish(1000);
        client->read();
        QCOMPARE(text(client->take()["params"]["guestExitValue"]), text(3));
        QVERIFY(!client->connected);
    }
};
VIVARIUM_TEST(ControlServerTest)

#include "control_server_test.moc"
