#include "vmm/control/line_channel.h"

#include "tests/support/test_main.h"

#include <QTest>

#include <array>
#include <cstring>
#include <string>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

using namespace vivarium;
using namespace vivarium::control;

namespace {

struct Pair {
    LineChannel channel;
    UniqueFd peer;
};

Pair makePair() {
    int sockets[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
        qFatal("socketpair");
    auto channel = LineChannel::create(UniqueFd(sockets[0]));
    if (!channel)
        qFatal("channel");
    return {std::move(*channel), UniqueFd(sockets[1])};
}

void sendBytes(const UniqueFd& peer, std::string_view bytes) {
    QCOMPARE(::send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
             static_cast<ssize_t>(bytes.size()));
}

void sendWithDescriptors(const UniqueFd& peer, std::string_view bytes, size_t count) {
    UniqueFd file(::memfd_create("passed", MFD_CLOEXEC));
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 250)> control{};
    iovec vector{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    cmsghdr* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int) * count);
    for (size_t i = 0; i < count; ++i) {
        const int fd = file.get();
        std::memcpy(CMSG_DATA(part) + i * sizeof fd, &fd, sizeof fd);
    }
    QCOMPARE(::sendmsg(peer.get(), &message, MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

int openDescriptorCount() {
    int count = 0;
    for (int fd = 0; fd < 512; ++fd)
        count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return count;
}

} // namespace

class LineChannelTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void onlyUnixStreamSocketsAreTaken() {
        UniqueFd file(::memfd_create("x", MFD_CLOEXEC));
        QVERIFY(!LineChannel::create(std::move(file)));
        UniqueFd datagram(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        QVERIFY(!LineChannel::create(std::move(datagram)));
        QVERIFY(!LineChannel::create(UniqueFd()));
    }

    void linesArriveInPieces() {
        Pair pair = makePair();
        sendBytes(pair.peer, "one\ntw");
        QVERIFY(pair.channel.readAvailable());
        QCOMPARE(pair.channel.nextLine(), std::optional<std::string>("one"));
        QVERIFY(!pair.channel.nextLine());
        sendBytes(pair.peer, "o\n\nthree\n");
        QVERIFY(pair.channel.readAvailable());
        QCOMPARE(pair.channel.nextLine(), std::optional<std::string>("two"));
        QCOMPARE(pair.channel.nextLine(), std::optional<std::string>(""));
        QCOMPARE(pair.channel.nextLine(), std::optional<std::string>("three"));
        QVERIFY(!pair.channel.nextLine());
    }

    void aPeerThatLeavesIsReportedAfterItsLines() {
        Pair pair = makePair();
        sendBytes(pair.peer, "last words\n");
        pair.peer.reset();
        auto read = pair.channel.readAvailable();
        QVERIFY(!read);
        QCOMPARE(read.error().code, ErrorCode::Disconnected);
        QCOMPARE(pair.channel.nextLine(), std::optional<std::string>("last words"));
    }

    void aHundredMegabyteLineIsRefusedEarly() {
        Pair pair = makePair();
        std::jthread sender([&] {
            const std::string piece(1 << 20, 'x');
            for (int i = 0; i < 100; ++i)
                if (::send(pair.peer.get(), piece.data(), piece.size(), MSG_NOSIGNAL) < 0)
                    return;
        });
        Result<void> read;
        size_t rounds = 0;
        while (read) {
            pollfd wait{pair.channel.fd(), POLLIN, 0};
            ::poll(&wait, 1, 1000);
            read = pair.channel.readAvailable();
            ++rounds;
        }
        QCOMPARE(read.error().code, ErrorCode::LimitExceeded);
        QVERIFY(!pair.channel.nextLine());
        QVERIFY(rounds < 1000);
        ::shutdown(pair.channel.fd(), SHUT_RDWR); // ends the sender
    }

    void theLongestLineFits_data() {
        QTest::addColumn<int>("extra");
        QTest::addColumn<bool>("fits");
        QTest::newRow("exact") << 0 << true;
        QTest::newRow("one more") << 1 << false;
    }
    void theLongestLineFits() {
        QFETCH(int, extra);
        QFETCH(bool, fits);
        Pair pair = makePair();
        std::string line(kMaxMessageBytes - 1 + static_cast<size_t>(extra), 'x');
        line += '\n';
        std::jthread sender([&] {
            for (size_t at = 0; at < line.size();) {
                const ssize_t sent =
                    ::send(pair.peer.get(), line.data() + at, line.size() - at, MSG_NOSIGNAL);
                if (sent <= 0)
                    return;
                at += static_cast<size_t>(sent);
            }
        });
        Result<void> read;
        std::optional<std::string> received;
        while (read && !received) {
            pollfd wait{pair.channel.fd(), POLLIN, 0};
            ::poll(&wait, 1, 1000);
            read = pair.channel.readAvailable();
            received = pair.channel.nextLine();
        }
        QCOMPARE(received.has_value(), fits);
        QCOMPARE(read.has_value(), fits);
        ::shutdown(pair.channel.fd(), SHUT_RDWR);
    }

    void descriptorsBelongToTheirLine() {
        Pair pair = makePair();
        const int before = openDescriptorCount();
        sendBytes(pair.peer, "plain\n");
        sendWithDescriptors(pair.peer, "with\n", 3);
        sendBytes(pair.peer, "after\n");
        QVERIFY(pair.channel.readAvailable());
        QCOMPARE(pair.channel.nextLine(), std::optional<std::string>("plain"));
        QCOMPARE(pair.channel.nextLine(), std::optional<std::string>("with"));
        auto taken = pair.channel.takeDescriptors(3);
        QVERIFY(taken);
        QCOMPARE(taken->size(), size_t(3));
        QVERIFY(::fcntl(taken->front().get(), F_GETFD) & FD_CLOEXEC);
        QCOMPARE(pair.channel.nextLine(), std::optional<std::string>("after"));
        QVERIFY(!pair.channel.takeDescriptors(1));
        taken->clear();
        QCOMPARE(openDescriptorCount(), before);
    }

    void unclaimedDescriptorsAreClosed() {
        Pair pair = makePair();
        const int before = openDescriptorCount();
        sendWithDescriptors(pair.peer, "with\n", 5);
        QVERIFY(pair.channel.readAvailable());
        QVERIFY(pair.channel.nextLine());
        QVERIFY(!pair.channel.nextLine());
        sendBytes(pair.peer, "next\n");
        QVERIFY(pair.channel.readAvailable());
        QVERIFY(pair.channel.nextLine());
        QVERIFY(!pair.channel.takeDescriptors(1));
        QCOMPARE(openDescriptorCount(), before);
    }

    void tooManyDescriptorsEndTheConnection() {
        Pair pair = makePair();
        const int before = openDescriptorCount();
        for (int i = 0; i < 3; ++i) // nobody takes them
            sendWithDescriptors(pair.peer, "flood\n", 250);
        auto read = pair.channel.readAvailable();
        QVERIFY(!read);
        QCOMPARE(read.error().code, ErrorCode::LimitExceeded);
        while (pair.channel.nextLine()) {
        }
        QCOMPARE(openDescriptorCount(), before);
    }

    void descriptorsPileUpWithinABound() {
        Pair pair = makePair();
        Result<void> read;
        for (int i = 0; i < 20 && read; ++i) {
            sendWithDescriptors(pair.peer, "x", 60); // never a whole line
            read = pair.channel.readAvailable();
        }
        QVERIFY(!read);
        QCOMPARE(read.error().code, ErrorCode::LimitExceeded);
    }

    void sendingContinuesWhereTheSocketStopped() {
        Pair pair = makePair();
        UniqueFd file(::memfd_create("sent", MFD_CLOEXEC));
        std::string big(700'000, 'b');
        pair.channel.send(big);
        std::vector<UniqueFd> descriptors;
        descriptors.push_back(std::move(file));
        pair.channel.send("with descriptor", std::move(descriptors));
        QVERIFY(pair.channel.wantsWrite());
        auto other = LineChannel::create(std::move(pair.peer));
        QVERIFY(other);
        std::vector<std::string> lines;
        while (lines.size() < 2) {
            QVERIFY(other->readAvailable());
            while (auto line = other->nextLine()) {
                lines.push_back(*line);
                if (lines.size() == 2)
                    QCOMPARE(other->takeDescriptors(1)->size(), size_t(1));
            }
            QVERIFY(pair.channel.flush());
        }
        QCOMPARE(lines[0], big);
        QCOMPARE(lines[1], std::string("with descriptor"));
        QVERIFY(!pair.channel.wantsWrite());
        QCOMPARE(pair.channel.queuedBytes(), size_t(0));
    }

    void writingToAPeerThatLeftFailsWithoutSignal() {
        Pair pair = makePair();
        pair.peer.reset();
        pair.channel.send("hello");
        QVERIFY(pair.channel.wantsWrite());
        auto flushed = pair.channel.flush();
        QVERIFY(!flushed);
        QCOMPARE(flushed.error().code, ErrorCode::Disconnected);
    }
};
VIVARIUM_TEST(LineChannelTest)

#include "line_channel_test.moc"
