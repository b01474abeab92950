#include "app/image/image_detection.h"
#include "app/image/job_runner.h"
#include "app/image/job_service.h"
#include "app/image/qemu_img.h"

#include "tests/support/test_main.h"

#include <QTest>

#include <chrono>
#include <cstring>
#include <thread>

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace vivarium::image {

using control::Envelope;
using control::ImageKind;

namespace {

UniqueFd fileOf(const std::vector<uint8_t>& bytes) {
    UniqueFd fd(::memfd_create("image", MFD_CLOEXEC));
    if (::pwrite(fd.get(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        return {};
    return fd;
}

std::vector<uint8_t> withText(size_t size, size_t at, const char* text, size_t length) {
    std::vector<uint8_t> bytes(size);
    std::memcpy(bytes.data() + at, text, length);
    return bytes;
}

// Serves one connection on a thread, as the program does, but outside of the sandbox.
class Served {
public:
    explicit Served(JobFunction job = runJob) {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
            return;
        m_channel.emplace(*control::LineChannel::create(UniqueFd(ends[0])));
        m_thread = std::jthread([this, job = std::move(job), socket = ends[1]] {
            m_result = serveJob(UniqueFd(socket), job);
        });
    }
    control::LineChannel& channel() { return *m_channel; }
    void hangUp() { m_channel.reset(); }
    const Result<void>& result() {
        m_thread.join();
        return m_result;
    }
    // The next message; nothing when the other end closed without one.
    std::optional<Envelope> receive() {
        for (;;) {
            if (auto line = m_channel->nextLine()) {
                auto parsed = control::parseEnvelope(*line);
                if (auto* envelope = std::get_if<Envelope>(&parsed))
                    return std::move(*envelope);
                return std::nullopt;
            }
            pollfd wait{m_channel->fd(), POLLIN, 0};
            if (::poll(&wait, 1, 30'000) <= 0)
                return std::nullopt;
            if (!m_channel->readAvailable()) {
                if (auto line = m_channel->nextLine()) {
                    auto parsed = control::parseEnvelope(*line);
                    if (auto* envelope = std::get_if<Envelope>(&parsed))
                        return std::move(*envelope);
                }
                return std::nullopt;
            }
        }
    }

private:
    std::optional<control::LineChannel> m_channel;
    Result<void> m_result;
    std::jthread m_thread; // last: joined first
};

std::string request(const char* method, const nlohmann::json& params, size_t descriptors = 0) {
    return control::requestLine(int64_t{1}, method, params, descriptors);
}

} // namespace

class JobServiceTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void nonsenseEndsTheConnection_data() {
        QTest::addColumn<QByteArray>("line");
        QTest::newRow("no JSON") << QByteArray("hello");
        QTest::newRow("no request") << QByteArray(R"({"jsonrpc":"2.0","method":"info"})");
        QTest::newRow("deep") << QByteArray(1000, '[');
    }
    void nonsenseEndsTheConnection() {
        QFETCH(QByteArray, line);
        Served served;
        served.channel().send(line.toStdString());
        QVERIFY(!served.receive());
        QCOMPARE(served.result().error().code, ErrorCode::InvalidArgument);
    }

    // Its result may come at any moment while its last progress is passed on.
    void aJobThatEndsRightAfterItsProgressIsAnswered() {
        using Clock = std::chrono::steady_clock;
        for (int i = 0; i < 2000; ++i) {
            Served served([i](JobRequest, JobOutput& output) -> Result<nlohmann::json> {
                output.progress(1, 1);
                const auto end = Clock::now() + std::chrono::nanoseconds(i * 50 % 40'000);
                while (Clock::now() < end) {
                }
                return nlohmann::json::object();
            });
            served.channel().send(request("any", nlohmann::json::object()));
            std::optional<Envelope> envelope;
            do {
                envelope = served.receive();
                QVERIFY2(envelope, "no answer");
            } while (envelope->kind != Envelope::Kind::Response);
        }
    }

    void wrongRequestsAreAnswered_data() {
        QTest::addColumn<QByteArray>("method");
        QTest::addColumn<QByteArray>("params");
        QTest::newRow("unknown") << QByteArray("format") << QByteArray("{}");
        QTest::newRow("no file") << QByteArray("info") << QByteArray("{}");
        QTest::newRow("index") << QByteArray("info") << QByteArray(R"({"fd":7})");
        QTest::newRow("type") << QByteArray("info") << QByteArray(R"({"fd":"0"})");
        QTest::newRow("enum") << QByteArray("info") << QByteArray(R"({"fd":0,"kind":"zip"})");
        QTest::newRow("no images") << QByteArray("map") << QByteArray(R"({"images":[]})");
        QTest::newRow("twice the same")
            << QByteArray("commit") << QByteArray(R"({"images":[{"fd":0},{"fd":0}]})");
    }
    void wrongRequestsAreAnswered() {
        QFETCH(QByteArray, method);
        QFETCH(QByteArray, params);
        Served served;
        std::vector<UniqueFd> files;
        files.push_back(fileOf(std::vector<uint8_t>(4096)));
        served.channel().send(
            request(method.constData(), nlohmann::json::parse(params.toStdString()), 1),
            std::move(files));
        const auto reply = served.receive();
        QVERIFY(reply);
        QCOMPARE(reply->kind, Envelope::Kind::Failure);
        QCOMPARE(reply->error.code, ErrorCode::InvalidArgument);
        QVERIFY(served.result());
    }

    void announcedDescriptorsMustCome() {
        Served served;
        served.channel().send(request("info", {{"fd", 0}}, 1));
        QVERIFY(!served.receive());
        QVERIFY(!served.result());
    }

    void hangingUpCancels() {
        std::atomic<bool> began = false;
        std::atomic<bool> noticed = false;
        Served served([&](JobRequest, JobOutput& output) -> Result<nlohmann::json> {
            began = true;
            began.notify_one();
            while (!output.cancelled())
                std::this_thread::yield();
            noticed = true;
            return fail(ErrorCode::Cancelled, "cancelled");
        });
        served.channel().send(request("info", nlohmann::json::object()));
        began.wait(false);
        served.hangUp();
        QVERIFY(served.result());
        QVERIFY(noticed);
    }

    void progressIsBounded() {
        Served served([](JobRequest, JobOutput& output) -> Result<nlohmann::json> {
            for (uint64_t i = 0; i < 100'000; ++i)
                output.progress(i, 100'000);
            return nlohmann::json::object();
        });
        served.channel().send(request("info", nlohmann::json::object()));
        int events = 0;
        for (;;) {
            const auto message = served.receive();
            QVERIFY(message);
            if (message->kind == Envelope::Kind::Response)
                break;
            ++events;
        }
        QVERIFY(events >= 1 && events < 100); // not one for each of the steps
        QVERIFY(served.result());
    }

    void contentsAreRecognised_data() {
        QTest::addColumn<int>("kind");
        QTest::addColumn<int>("offset");
        QTest::addColumn<QByteArray>("magic");
        const auto row = [](const char* name, ImageKind kind, int offset, const QByteArray& magic) {
            QTest::newRow(name) << static_cast<int>(kind) << offset << magic;
        };
        row("nothing", ImageKind::Raw, 0, "");
        row("qcow2", ImageKind::Qcow2, 0, "QFI\xfb");
        row("VMDK", ImageKind::Vmdk, 0, "KDMV");
        row("VMDK description", ImageKind::Vmdk, 0, "# Disk DescriptorFile\n");
        row("VDI", ImageKind::Vdi, 64, "\x7f\x10\xda\xbe");
        row("VHDX", ImageKind::Vhdx, 0, "vhdxfile");
        row("VHD", ImageKind::Vhd, 0, "conectix");
        row("VHD, fixed", ImageKind::Vhd, 8192 - 512, "conectix");
    }
    void contentsAreRecognised() {
        QFETCH(int, kind);
        QFETCH(int, offset);
        QFETCH(QByteArray, magic);
        const UniqueFd fd = fileOf(withText(8192, static_cast<size_t>(offset), magic.constData(),
                                            static_cast<size_t>(magic.size())));
        const auto found = detectImageKind(fd);
        QVERIFY(found);
        QCOMPARE(static_cast<int>(*found), kind);
    }

    void tinyFilesAreRaw() {
        for (size_t size : {size_t{0}, size_t{1}, size_t{3}, size_t{511}}) {
            const auto found = detectImageKind(fileOf(std::vector<uint8_t>(size, 'Q')));
            QVERIFY(found);
            QCOMPARE(*found, ImageKind::Raw);
        }
    }

    // A sparse VMDK whose descriptor is at sector 1.
    void descriptorsAreRead_data() {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<bool>("alone");
        QTest::newRow("own extent")
            << QByteArray("parentCID=ffffffff\nRW 8 SPARSE \"a.vmdk\"\n") << true;
        QTest::newRow("flat") << QByteArray("RW 8 FLAT \"/etc/passwd\" 0\n") << false;
        QTest::newRow("device") << QByteArray("rw 8 VMFSRDM \"/dev/sda\"\n") << false;
        QTest::newRow("two") << QByteArray("RW 8 SPARSE \"a\"\nRW 8 SPARSE \"b\"\n") << false;
        QTest::newRow("parent") << QByteArray("parentCID=12345678\n") << false;
        QTest::newRow("hint") << QByteArray("parentFileNameHint=\"/x\"\n") << false;
    }
    void descriptorsAreRead() {
        QFETCH(QByteArray, text);
        QFETCH(bool, alone);
        std::vector<uint8_t> bytes = withText(4096, 0, "KDMV", 4);
        bytes[12] = 8; // capacity
        bytes[28] = 1; // the descriptor's sector
        bytes[36] = 2; // and length
        std::memcpy(bytes.data() + 512, text.constData(), static_cast<size_t>(text.size()));
        QCOMPARE(checkSelfContained(fileOf(bytes), ImageKind::Vmdk).has_value(), alone);
    }

    void qemusProgressIsUnderstood() {
        QCOMPARE(progressOf("    (0.00/100%)\r"), std::optional<unsigned>(0));
        QCOMPARE(progressOf("    (0.00/100%)\r    (12.34/100%)\r"), std::optional<unsigned>(1234));
        QCOMPARE(progressOf("    (100.00/100%)\r"), std::optional<unsigned>(10'000));
        QCOMPARE(progressOf("    (12.3"), std::nullopt);
        QCOMPARE(progressOf("/100%)"), std::nullopt);
        QCOMPARE(progressOf("(999999999999999/100%)"), std::nullopt);
    }
};

} // namespace vivarium::image

using vivarium::image::JobServiceTest;
VIVARIUM_TEST(JobServiceTest)
#include "job_service_test.moc"
