// Measures the console window with a guest that is a second process: it writes its picture into a
// memfd and announces damage over a socket, as the worker does. Prints JSON: frames painted a
// second and the console's own CPU seconds a second while a full-screen guest redraws all the time,
// and what an idle guest costs in 3 s. Needs an X server. Usage: console_bench [CASE...]

#include "ui/console/console_frame.h"
#include "ui/console/console_widget.h"
#include "ui/widgets/current_preferences.h"
#include "ui/widgets/guest_display.h"
#include "vmm/base/unique_fd.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QJsonDocument>
#include <QJsonObject>
#include <QScreen>
#include <QSocketNotifier>
#include <QTemporaryDir>
#include <QTimer>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <algorithm>
#include <filesystem>
#include <fcntl.h>
#include <fstream>
#include <map>
#include <optional>
#include <poll.h>
#include <sstream>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vector>

using namespace vivarium;

namespace {

constexpr int kSettleMs = 700;
constexpr int kMeasureMs = 3000;
constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr uint32_t kMaxWidth = 3840, kMaxHeight = 2160;
constexpr size_t kMemoryBytes = size_t{kMaxWidth} * kMaxHeight * 4;

// What the guest's process is told to do until the next order.
struct Order {
    enum class Kind : uint32_t { Rest, Redraw, WatchIdle, Quit };
    Kind kind = Kind::Rest;
    uint32_t width = 0, height = 0;
    uint32_t framesPerSecond = 0; // 0: as fast as possible
};

struct Costs {
    uint64_t cpuTicks = 0, cpuNs = 0, voluntarySwitches = 0, involuntarySwitches = 0;
};

// What the guest's process says: damage, or the costs of the console while it was idle.
struct Report {
    enum class Kind : uint32_t { Damage, Idle };
    Kind kind = Kind::Damage;
    Costs costs;
};

// The costs so far of each thread of a process.
std::map<std::string, Costs> threadCosts(pid_t process) {
    std::map<std::string, Costs> threads;
    const std::string folder = "/proc/" + std::to_string(process) + "/task";
    for (const auto& thread : std::filesystem::directory_iterator(folder)) {
        Costs& costs = threads[thread.path().filename()];
        std::ifstream status(thread.path() / "status");
        for (std::string word; status >> word;) {
            if (word == "voluntary_ctxt_switches:")
                status >> costs.voluntarySwitches;
            else if (word == "nonvoluntary_ctxt_switches:")
                status >> costs.involuntarySwitches;
        }
        std::ifstream(thread.path() / "schedstat") >> costs.cpuNs;
        // proc(5): utime and stime are fields 14 and 15; the name in field 2 may hold spaces.
        std::ifstream statistics(thread.path() / "stat");
        std::string line;
        std::getline(statistics, line);
        std::istringstream fields(line.substr(line.rfind(')') + 1));
        std::string skipped;
        for (int field = 3; field < 14; ++field)
            fields >> skipped;
        uint64_t user = 0, system = 0;
        fields >> user >> system;
        costs.cpuTicks = user + system;
    }
    return threads;
}

// What the threads that are there now have cost since `before`. (Qt's pool ends idle threads.)
Costs costsSince(pid_t process, const std::map<std::string, Costs>& before) {
    Costs sum;
    for (const auto& [thread, now] : threadCosts(process)) {
        const auto found = before.find(thread);
        const Costs old = found == before.end() ? Costs{} : found->second;
        sum.cpuTicks += now.cpuTicks - old.cpuTicks;
        sum.cpuNs += now.cpuNs - old.cpuNs;
        sum.voluntarySwitches += now.voluntarySwitches - old.voluntarySwitches;
        sum.involuntarySwitches += now.involuntarySwitches - old.involuntarySwitches;
    }
    return sum;
}

int64_t nowNs() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * kNsPerSecond + now.tv_nsec;
}

// The guest: a process of its own, so that its CPU is not the console's.
[[noreturn]] void runGuest(int socket, uint8_t* memory) {
    Order order;
    uint32_t frame = 0;
    int64_t next = nowNs();
    for (;;) {
        const bool draws = order.kind == Order::Kind::Redraw;
        const int64_t wait =
            draws && order.framesPerSecond ? std::max<int64_t>(0, next - nowNs()) : 0;
        pollfd descriptor{socket, POLLIN, 0};
        const timespec timeout{wait / kNsPerSecond, wait % kNsPerSecond};
        if (ppoll(&descriptor, 1, draws ? &timeout : nullptr, nullptr) > 0) {
            if (read(socket, &order, sizeof order) != sizeof order ||
                order.kind == Order::Kind::Quit)
                _exit(0);
            next = nowNs();
            if (order.kind == Order::Kind::WatchIdle) {
                usleep(kSettleMs * 1000); // the console goes to sleep after it has sent the order
                const auto before = threadCosts(getppid());
                usleep(kMeasureMs * 1000);
                const Report report{Report::Kind::Idle, costsSince(getppid(), before)};
                (void)!write(socket, &report, sizeof report);
            }
            continue;
        }
        // Every pixel changes in every frame, and neighbours differ.
        ++frame;
        for (uint32_t y = 0; y < order.height; ++y) {
            auto* line = reinterpret_cast<uint32_t*>(memory + size_t{y} * order.width * 4);
            const uint32_t colour = (y + frame) * 0x00010305;
            for (uint32_t x = 0; x < order.width; ++x)
                line[x] = colour + x * 0x00020103;
        }
        const Report report{};
        if (write(socket, &report, sizeof report) != sizeof report)
            _exit(0);
        next += order.framesPerSecond ? kNsPerSecond / order.framesPerSecond : 0;
    }
}

class MemorySource : public ConsoleSource {
public:
    explicit MemorySource(int memoryFd) : m_memoryFd(memoryFd) {}

    const QImage& picture() const override { return m_picture; }
    bool absolutePointer() const override { return true; }
    void sendKey(KeyCode, quint32, KeyDirection) override {}
    void sendChord(const std::vector<KeyCode>&) override {}
    void movePointer(QPoint, int, quint8) override {}
    void setPointer(QPoint, int, quint8) override {}
    void typeText(const QString&) override {}
    void cancelTyping() override {}
    void takeScreenshot(std::function<void(const QImage&)> done) override { done(m_picture); }

    void setSize(uint32_t width, uint32_t height) {
        m_picture =
            mapScanout({width, height, width * 4, 0, kMemoryBytes, ++m_generation}, m_memoryFd);
        Q_EMIT
        pictureReplaced();
    }
    void announceDamage() {
        Q_EMIT
        damaged({m_picture.rect()});
    }

private:
    int m_memoryFd;
    QImage m_picture;
    uint64_t m_generation = 0;
};

class BenchFrame : public ConsoleFrame {
public:
    explicit BenchFrame(CurrentPreferences& preferences) : ConsoleFrame(preferences) {
        retranslate();
    }
    ~BenchFrame() override { view()->setSource(nullptr); }
    using ConsoleFrame::setSource;

protected:
    QString screenName() const override { return QStringLiteral("bench"); }
    void updateTitle() override {}
};

struct Case {
    const char* name;
    uint32_t width, height;
    ScaleMode mode;
    uint32_t framesPerSecond;
};

constexpr Case kCases[] = {
    {"unscaled_1080p_60hz", 1920, 1080, ScaleMode::OneToOne, 60},
    {"unscaled_1080p_free", 1920, 1080, ScaleMode::OneToOne, 0},
    {"fit_720p_60hz", 1280, 720, ScaleMode::Fit, 60},
    {"fit_720p_free", 1280, 720, ScaleMode::Fit, 0},
    {"fit_text_60hz", 720, 400, ScaleMode::Fit, 60},
    {"integer_540p_60hz", 960, 540, ScaleMode::Integer, 60},
    {"reduced_1440p_60hz", 2560, 1440, ScaleMode::Fit, 60},
    {"reduced_2160p_60hz", 3840, 2160, ScaleMode::Fit, 60},
};

class Bench {
public:
    Bench(int socket, int memoryFd, CurrentPreferences& preferences)
        : m_socket(socket), m_source(memoryFd), m_frame(preferences),
          m_notifier(socket, QSocketNotifier::Read) {
        QObject::connect(&m_notifier, &QSocketNotifier::activated, &m_source,
                         [this] { receive(); });
        m_source.setSize(kCases[0].width, kCases[0].height);
        m_frame.setSource(&m_source);
        // Also without a window manager, which would give a full-screen window its size.
        m_frame.setGeometry(m_frame.screen()->geometry());
        m_frame.setFullScreen(true);
        wait(kSettleMs);
    }

    QJsonObject redraw(const Case& test) {
        m_source.setSize(test.width, test.height);
        m_frame.setScaleMode(test.mode);
        send({Order::Kind::Redraw, test.width, test.height, test.framesPerSecond});
        wait(kSettleMs);
        const auto before = threadCosts(getpid());
        const quint64 framesBefore = m_frame.view()->paintedFrames();
        const quint64 announcedBefore = m_announced;
        QElapsedTimer timer;
        timer.start();
        wait(kMeasureMs);
        const double seconds = static_cast<double>(timer.nsecsElapsed()) / 1e9;
        const double cpu = static_cast<double>(costsSince(getpid(), before).cpuNs) / 1e9;
        const auto frames = static_cast<double>(m_frame.view()->paintedFrames() - framesBefore);
        const auto announced = static_cast<double>(m_announced - announcedBefore);
        send({});
        wait(kSettleMs);
        const QSize window = m_frame.view()->size() * m_frame.devicePixelRatio();
        return {{QStringLiteral("window"),
                 QStringLiteral("%1x%2").arg(window.width()).arg(window.height())},
                {QStringLiteral("guest_fps"), announced / seconds},
                {QStringLiteral("fps"), frames / seconds},
                {QStringLiteral("cpu_s_per_s"), cpu / seconds},
                {QStringLiteral("cpu_ms_per_frame"), frames > 0 ? cpu / frames * 1e3 : 0}};
    }

    QJsonObject idle() {
        wait(kSettleMs);
        m_idle.reset();
        send({Order::Kind::WatchIdle});
        while (!m_idle)
            QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
        return {
            {QStringLiteral("seconds"), kMeasureMs / 1000},
            {QStringLiteral("cpu_ticks"), static_cast<qint64>(m_idle->cpuTicks)},
            {QStringLiteral("cpu_us"), static_cast<double>(m_idle->cpuNs) / 1e3},
            {QStringLiteral("voluntary_switches"), static_cast<qint64>(m_idle->voluntarySwitches)},
            {QStringLiteral("involuntary_switches"),
             static_cast<qint64>(m_idle->involuntarySwitches)}};
    }

    void quit() { send({Order::Kind::Quit}); }

private:
    void receive() {
        Report report;
        while (recv(m_socket, &report, sizeof report, MSG_DONTWAIT) == sizeof report) {
            if (report.kind == Report::Kind::Idle) {
                m_idle = report.costs;
            } else {
                ++m_announced;
                m_source.announceDamage();
            }
        }
    }

    void send(const Order& order) { (void)!write(m_socket, &order, sizeof order); }

    static void wait(int milliseconds) {
        QEventLoop loop;
        QTimer::singleShot(milliseconds, &loop, &QEventLoop::quit);
        loop.exec();
    }

    int m_socket;
    MemorySource m_source;
    BenchFrame m_frame;
    QSocketNotifier m_notifier;
    quint64 m_announced = 0;
    std::optional<Costs> m_idle;
};

bool wanted(int argc, char** argv, const char* name) {
    if (argc < 2)
        return true;
    for (int i = 1; i < argc; ++i)
        if (std::strcmp(argv[i], name) == 0)
            return true;
    return false;
}

} // namespace

int main(int argc, char** argv) {
    const UniqueFd memoryFd(memfd_create("scanout", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    int sockets[2];
    if (!memoryFd.valid() || ftruncate(memoryFd.get(), kMemoryBytes) != 0 ||
        fcntl(memoryFd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
        std::perror("console_bench");
        return 1;
    }
    const pid_t guest = fork();
    if (guest == 0) {
        close(sockets[0]);
        void* memory =
            mmap(nullptr, kMemoryBytes, PROT_READ | PROT_WRITE, MAP_SHARED, memoryFd.get(), 0);
        if (memory == MAP_FAILED)
            _exit(1);
        runGuest(sockets[1], static_cast<uint8_t*>(memory));
    }
    close(sockets[1]);
    QApplication application(argc, argv);
    const QTemporaryDir home;
    qputenv("VIVARIUM_HOME", home.path().toLocal8Bit());
    CurrentPreferences preferences(ApplicationPaths::fromEnvironment());
    QJsonObject results;
    {
        Bench bench(sockets[0], memoryFd.get(), preferences);
        for (const Case& test : kCases)
            if (wanted(argc, argv, test.name))
                results.insert(QLatin1String(test.name), bench.redraw(test));
        if (wanted(argc, argv, "idle"))
            results.insert(QStringLiteral("idle"), bench.idle());
        bench.quit();
    }
    waitpid(guest, nullptr, 0);
    std::fputs(QJsonDocument(results).toJson().constData(), stdout);
    return 0;
}
