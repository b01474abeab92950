#include "vmm/backends/serial/file_backend.h"
#include "vmm/backends/serial/ring_backend.h"
#include "vmm/backends/serial/socket_server_backend.h"
#include "vmm/backends/serial/stream_backend.h"

#include "tests/support/test_main.h"

#include <QTemporaryDir>
#include <QTest>

#include <thread>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

using namespace vivarium;

namespace {

ConstByteSpan bytesOf(std::string_view text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// What has arrived on a non-blocking read; empty at the end or when nothing waits.
std::string drain(int fd) {
    std::string text;
    char buffer[4096];
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    for (;;) {
        ssize_t count = ::read(fd, buffer, sizeof buffer);
        if (count <= 0)
            return text;
        text.append(buffer, static_cast<size_t>(count));
    }
}

struct Pair {
    UniqueFd ours, theirs;
};

Pair socketPair() {
    int ends[2];
    [[maybe_unused]] int made = ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Pair pipePair() { // ours reads
    int ends[2];
    [[maybe_unused]] int made = ::pipe2(ends, O_CLOEXEC);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// The device's side: a receiver with so much room.
struct Receiver {
    std::string text;
    CharacterBackend::Receiver callback() {
        return [this](ConstByteSpan bytes) { text.append(bytes.begin(), bytes.end()); };
    }
};

} // namespace

class SerialBackendTest : public QObject {
    Q_OBJECT

    std::unique_ptr<EventLoop> m_loop;
    DeviceLock m_lock;

    void turn(int rounds = 6) {
        for (int i = 0; i < rounds; ++i)
            m_loop->runOnce(0);
    }
    template <class Backend>
    void write(Backend& backend, std::string_view text) {
        MutexLocker lock(m_lock);
        backend.write(bytesOf(text));
    }
    template <class Backend>
    void room(Backend& backend, size_t count) {
        MutexLocker lock(m_lock);
        backend.setReceiveRoom(count);
    }

private Q_SLOTS:
    void init() { m_loop = std::move(*EventLoop::create()); }

    void streamCarriesBothWays() {
        auto [ours, theirs] = socketPair();
        auto copy = ours.duplicate();
        auto backend = StreamBackend::create(*m_loop, m_lock, std::move(ours), std::move(*copy));
        QVERIFY(backend);
        Receiver receiver;
        (*backend)->setReceiver(receiver.callback());
        write(**backend, "login: ");
        QCOMPARE(drain(theirs.get()), std::string("login: "));
        QCOMPARE(::write(theirs.get(), "root\n", 5), ssize_t(5));
        turn();
        QCOMPARE(receiver.text, std::string()); // no room yet
        room(**backend, 2);
        turn();
        QCOMPARE(receiver.text, std::string("ro"));
        room(**backend, 16);
        turn();
        QCOMPARE(receiver.text, std::string("root\n"));
    }

    void slowPeerGetsBufferedThenDropped() {
        auto [ours, theirs] = socketPair();
        auto backend = StreamBackend::create(*m_loop, m_lock, UniqueFd(), std::move(ours));
        QVERIFY(backend);
        const std::string block(4096, 'x');
        size_t offered = 0;
        for (; offered < 4 << 20; offered += block.size())
            write(**backend, block);
        size_t arrived = 0;
        for (int i = 0; i < 1000; ++i) {
            arrived += drain(theirs.get()).size();
            turn(2);
        }
        QVERIFY(arrived >= SerialConnection::kMaxQueuedBytes);
        QVERIFY(arrived < offered);
        write(**backend, "still alive");
        QCOMPARE(drain(theirs.get()), std::string("still alive"));
    }

    void peerThatLeavesIsHarmless() {
        auto [ours, theirs] = socketPair();
        auto copy = ours.duplicate();
        auto backend = StreamBackend::create(*m_loop, m_lock, std::move(ours), std::move(*copy));
        Receiver receiver;
        (*backend)->setReceiver(receiver.callback());
        room(**backend, 100);
        turn();
        QCOMPARE(::write(theirs.get(), "bye", 3), ssize_t(3));
        theirs.reset();
        write(**backend, "nobody listens");
        turn();
        QCOMPARE(receiver.text, std::string("bye"));
        write(**backend, "nobody listens");
        turn();
    }

    void pipesWorkAndKeepWhatWasSentBeforeTheEnd() {
        auto input = pipePair();
        auto output = pipePair();
        auto backend =
            StreamBackend::create(*m_loop, m_lock, std::move(input.ours), std::move(output.theirs));
        Receiver receiver;
        (*backend)->setReceiver(receiver.callback());
        QCOMPARE(::write(input.theirs.get(), "0123456789", 10), ssize_t(10));
        input.theirs.reset();
        for (int i = 0; i < 5; ++i) {
            turn();
            room(**backend, 2);
            turn();
        }
        QCOMPARE(receiver.text, std::string("0123456789"));
        write(**backend, "out");
        QCOMPARE(drain(output.ours.get()), std::string("out"));
    }

    void regularFileAsInput() {
        QTemporaryDir folder;
        std::string path = folder.filePath(QStringLiteral("in")).toStdString();
        UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        QCOMPARE(::write(file.get(), "script", 6), ssize_t(6));
        ::lseek(file.get(), 0, SEEK_SET);
        auto backend = StreamBackend::create(*m_loop, m_lock, std::move(file), UniqueFd());
        QVERIFY(backend);
        Receiver receiver;
        (*backend)->setReceiver(receiver.callback());
        room(**backend, 4);
        turn();
        QCOMPARE(receiver.text, std::string("scri"));
        room(**backend, 4);
        turn();
        QCOMPARE(receiver.text, std::string("script"));
    }

    void terminalFlagsAreSetBack() {
        auto output = pipePair();
        int flags = ::fcntl(output.theirs.get(), F_GETFL);
        auto copy = output.theirs.duplicate();
        {
            auto backend =
                StreamBackend::create(*m_loop, m_lock, UniqueFd(), std::move(output.theirs));
            QVERIFY(::fcntl(copy->get(), F_GETFL) & O_NONBLOCK);
        }
        QCOMPARE(::fcntl(copy->get(), F_GETFL), flags);
        turn(); // the task that the constructor posted finds nobody
    }

    void fileGetsEverything() {
        QTemporaryDir folder;
        std::string path = folder.filePath(QStringLiteral("out")).toStdString();
        UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        UniqueFd reader(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        {
            FileBackend backend(*m_loop, m_lock, std::move(file));
            write(backend, "one ");
            turn();
            QCOMPARE(drain(reader.get()), std::string("one "));
            write(backend, "two");
        }
        turn();
        QCOMPARE(drain(reader.get()), std::string("two"));
    }

    void fullDiskOnlyLosesOutput() {
        UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
        FileBackend backend(*m_loop, m_lock, std::move(full));
        for (int i = 0; i < 100; ++i) {
            write(backend, std::string(65536, 'x'));
            turn(1);
        }
    }

    void socketServesOneClientAfterTheOther() {
        QTemporaryDir folder;
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        QByteArray path = folder.filePath(QStringLiteral("serial")).toLocal8Bit();
        qstrncpy(address.sun_path, path.constData(), sizeof address.sun_path);
        UniqueFd listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        auto name = reinterpret_cast<const sockaddr*>(&address);
        QCOMPARE(::bind(listening.get(), name, sizeof address), 0);
        QCOMPARE(::listen(listening.get(), 4), 0);
        auto connectClient = [&] {
            UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
            ::connect(client.get(), name, sizeof address);
            return client;
        };
        auto backend = SocketServerBackend::create(*m_loop, m_lock, std::move(listening));
        QVERIFY(backend);
        Receiver receiver;
        (*backend)->setReceiver(receiver.callback());
        room(**backend, 8);
        write(**backend, "lost");

        UniqueFd first = connectClient();
        UniqueFd second = connectClient();
        turn();
        write(**backend, "to the first");
        QCOMPARE(drain(first.get()), std::string("to the first"));
        QCOMPARE(drain(second.get()), std::string());
        QCOMPARE(::write(second.get(), "B", 1), ssize_t(1));
        QCOMPARE(::write(first.get(), "A", 1), ssize_t(1));
        turn();
        QCOMPARE(receiver.text, std::string("A"));
        first.reset();
        turn();
        write(**backend, "to the second");
        QCOMPARE(drain(second.get()), std::string("to the second"));
        QCOMPARE(receiver.text, std::string("AB"));

        // A client that left with input unread, and no room for it, does not block the next.
        room(**backend, 0);
        turn();
        QCOMPARE(::write(second.get(), "C", 1), ssize_t(1));
        second.reset();
        turn();
        UniqueFd third = connectClient();
        turn();
        write(**backend, "to the third");
        QCOMPARE(drain(third.get()), std::string("to the third"));
    }

    void socketMustListen() {
        auto [ours, theirs] = socketPair();
        QCOMPARE(SocketServerBackend::create(*m_loop, m_lock, std::move(ours)).error().code,
                 ErrorCode::InvalidArgument);
    }

    void ringKeepsTheLatest() {
        RingBackend backend(*m_loop, m_lock);
        std::string all;
        for (int i = 0; i < 20'000; ++i)
            all += std::to_string(i) + "\n";
        for (size_t at = 0; at < all.size(); at += 100)
            write(backend, std::string_view(all).substr(at, 100));
        auto history = backend.history();
        QCOMPARE(std::string(history.begin(), history.end()),
                 all.substr(all.size() - RingBackend::kHistoryBytes));
    }

    void ringListenersGetHistoryThenLive() {
        RingBackend backend(*m_loop, m_lock);
        Receiver receiver;
        backend.setReceiver(receiver.callback());
        room(backend, 16);
        write(backend, "boot ");
        auto attach = [&] {
            MutexLocker lock(m_lock);
            return std::move(*backend.attach());
        };
        UniqueFd first = attach();
        write(backend, "more ");
        UniqueFd second = attach();
        write(backend, "end");
        turn();
        QCOMPARE(drain(first.get()), std::string("boot more end"));
        QCOMPARE(drain(second.get()), std::string("boot more end"));
        QCOMPARE(::write(first.get(), "1", 1), ssize_t(1));
        QCOMPARE(::write(second.get(), "2", 1), ssize_t(1));
        turn();
        QCOMPARE(receiver.text, std::string("12"));
        first.reset();
        turn();
        write(backend, "!");
        QCOMPARE(drain(second.get()), std::string("!"));
    }

    void ringListenersAreBounded() {
        RingBackend backend(*m_loop, m_lock);
        std::vector<UniqueFd> clients;
        MutexLocker lock(m_lock);
        for (size_t i = 0; i < RingBackend::kMaxListeners; ++i)
            clients.push_back(std::move(*backend.attach()));
        QCOMPARE(backend.attach().error().code, ErrorCode::LimitExceeded);
    }

    void ringListenersThatLeftMakeRoom() {
        RingBackend backend(*m_loop, m_lock);
        for (size_t i = 0; i < 3 * RingBackend::kMaxListeners; ++i) {
            room(backend, i % 2);
            {
                MutexLocker lock(m_lock);
                QVERIFY(backend.attach());
            }
            turn();
        }
    }

    // A vCPU writes while the loop carries input and the peer reads slowly.
    void writingFromAnotherThread() {
        RingBackend backend(*m_loop, m_lock);
        size_t received = 0;
        backend.setReceiver([&](ConstByteSpan bytes) {
            received += bytes.size();
            backend.setReceiveRoom(16);
        });
        room(backend, 16);
        UniqueFd client;
        {
            MutexLocker lock(m_lock);
            client = std::move(*backend.attach());
        }
        constexpr size_t kLines = 2000;
        std::string expected;
        for (size_t i = 0; i < kLines; ++i)
            expected += "line " + std::to_string(i) + "\n";
        std::jthread vcpu([&] {
            for (size_t at = 0; at < expected.size(); at += 7)
                write(backend, std::string_view(expected).substr(at, 7));
        });
        std::string text;
        std::jthread peer([&] {
            char buffer[256];
            while (text.size() < expected.size()) {
                ssize_t count = ::read(client.get(), buffer, sizeof buffer);
                if (count <= 0 || ::write(client.get(), "k", 1) != 1)
                    break;
                text.append(buffer, static_cast<size_t>(count));
            }
            m_loop->post([&] { m_loop->stop(); });
        });
        m_loop->run();
        vcpu.join();
        peer.join();
        turn(100);
        QCOMPARE(text, expected);
        QVERIFY(received > 0);
    }

    void ringPassesOnToAnotherBackend() {
        auto [ours, theirs] = socketPair();
        auto copy = ours.duplicate();
        auto stream = StreamBackend::create(*m_loop, m_lock, std::move(ours), std::move(*copy));
        RingBackend backend(*m_loop, m_lock, std::move(*stream));
        Receiver receiver;
        backend.setReceiver(receiver.callback());
        room(backend, 16);
        write(backend, "hello");
        QCOMPARE(drain(theirs.get()), std::string("hello"));
        QCOMPARE(::write(theirs.get(), "x", 1), ssize_t(1));
        turn();
        QCOMPARE(receiver.text, std::string("x"));
    }
};
VIVARIUM_TEST(SerialBackendTest)

#include "serial_backend_test.moc"
