#include "tests/integration/engine/worker_process.h"

#include "vmm/base/bytes.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace vivarium::test {

namespace {

std::string workerProgram() {
    if (const char* folder = std::getenv("VIVARIUM_BIN_DIR"))
        return std::string(folder) + "/vivarium-vmm";
    std::error_code ignored;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
    return self.parent_path().parent_path() / "bin" / "vivarium-vmm";
}

[[noreturn]] void stopTest(const char* what) {
    std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
    std::abort();
}

} // namespace

ControlClient::ControlClient(UniqueFd socket)
    : m_channel([&] {
          auto channel = control::LineChannel::create(std::move(socket));
          if (!channel)
              stopTest("control channel");
          return std::move(*channel);
      }()) {}

std::optional<control::Envelope> ControlClient::receive() {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + std::chrono::milliseconds(kTimeoutMs);
    for (;;) {
        if (auto line = m_channel.nextLine()) {
            auto parsed = control::parseEnvelope(*line);
            auto* envelope = std::get_if<control::Envelope>(&parsed);
            if (!envelope)
                return std::nullopt;
            if (envelope->descriptorCount > 0) {
                auto taken = m_channel.takeDescriptors(envelope->descriptorCount);
                if (!taken)
                    return std::nullopt;
                for (UniqueFd& fd : *taken)
                    m_descriptors.push_back(std::move(fd));
            }
            return std::move(*envelope);
        }
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
        if (left <= 0)
            return std::nullopt;
        pollfd wait{m_channel.fd(),
                    static_cast<short>(POLLIN | (m_channel.wantsWrite() ? POLLOUT : 0)), 0};
        ::poll(&wait, 1, static_cast<int>(left));
        if (wait.revents & POLLOUT && !m_channel.flush())
            return std::nullopt;
        if (wait.revents & (POLLIN | POLLHUP | POLLERR) && !m_channel.readAvailable()) {
            // The last lines may have come with the end.
            if (auto line = m_channel.nextLine()) {
                auto parsed = control::parseEnvelope(*line);
                if (auto* envelope = std::get_if<control::Envelope>(&parsed))
                    return std::move(*envelope);
            }
            return std::nullopt;
        }
    }
}

int64_t ControlClient::sendRaw(std::string_view method, const nlohmann::json& params,
                               std::vector<UniqueFd> descriptors) {
    const int64_t id = m_nextId++;
    const size_t count = descriptors.size();
    m_channel.send(control::requestLine(id, method, params, count), std::move(descriptors));
    return id;
}

Result<nlohmann::json> ControlClient::replyRaw(int64_t number) {
    const auto answers = [number](const control::Envelope& envelope) {
        return envelope.kind != control::Envelope::Kind::Notification &&
               envelope.id == control::MessageId(number);
    };
    auto found = std::find_if(m_events.begin(), m_events.end(), answers);
    while (found == m_events.end()) {
        auto envelope = receive();
        if (!envelope)
            return fail(ErrorCode::Timeout, "no reply");
        m_events.push_back(std::move(*envelope));
        found = answers(m_events.back()) ? std::prev(m_events.end()) : m_events.end();
    }
    control::Envelope envelope = std::move(*found);
    m_events.erase(found);
    if (envelope.kind == control::Envelope::Kind::Failure)
        return envelope.error;
    return std::move(envelope.body);
}

std::optional<nlohmann::json> ControlClient::waitForRaw(std::string_view method) {
    for (;;) {
        for (auto event = m_events.begin(); event != m_events.end(); ++event)
            if (event->method == method) {
                auto body = std::move(event->body);
                m_events.erase(event);
                return body;
            }
        auto envelope = receive();
        if (!envelope)
            return std::nullopt;
        m_events.push_back(std::move(*envelope));
    }
}

std::optional<control::StateChanged> ControlClient::waitForState(control::MachineState state) {
    while (auto event = waitFor<control::StateChanged>())
        if (event->state == state)
            return event;
    return std::nullopt;
}

bool ControlClient::waitForEnd() {
    while (receive()) {
    }
    pollfd wait{m_channel.fd(), POLLIN, 0};
    return ::poll(&wait, 1, 0) == 1 && wait.revents & POLLHUP;
}

WorkerProcess::WorkerProcess() : m_log(::memfd_create("log", MFD_CLOEXEC)) {
    int sockets[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
        stopTest("socketpair");
    const std::string program = workerProgram();
    const std::string number = std::to_string(sockets[1]);
    m_pid = ::fork();
    if (m_pid == 0) {
        ::fcntl(sockets[1], F_SETFD, 0);
        ::dup2(m_log.get(), STDERR_FILENO);
        ::execl(program.c_str(), program.c_str(), "--control-fd", number.c_str(), nullptr);
        ::_exit(127);
    }
    ::close(sockets[1]);
    m_client = std::make_unique<ControlClient>(UniqueFd(sockets[0]));
}

WorkerProcess::~WorkerProcess() {
    if (m_pid <= 0)
        return;
    ::kill(m_pid, SIGKILL);
    ::waitpid(m_pid, nullptr, 0);
}

std::optional<int> WorkerProcess::waitForExit() {
    UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, m_pid, 0)));
    pollfd wait{process.get(), POLLIN, 0};
    if (::poll(&wait, 1, ControlClient::kTimeoutMs) != 1)
        return std::nullopt;
    int status = 0;
    ::waitpid(std::exchange(m_pid, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::string WorkerProcess::log() const {
    std::string text(1 << 16, '\0');
    const ssize_t count = ::pread(m_log.get(), text.data(), text.size(), 0);
    text.resize(count > 0 ? static_cast<size_t>(count) : 0);
    return text;
}

UniqueFd fileOf(const std::string& name, const std::vector<uint8_t>& bytes) {
    UniqueFd file(::memfd_create(name.c_str(), MFD_CLOEXEC));
    if (::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
        stopTest("memfd");
    return file;
}

UniqueFd multibootGuest(const std::vector<uint8_t>& code) {
    // Multiboot 0.6.96, 3.1: magic, flags (addresses are given), checksum, header, load, load end
    // (0: the whole file), end of zeroed memory (0: none), entry.
    constexpr uint32_t kMagic = 0x1BADB002, kFlags = 1 << 16, kBase = 0x100000;
    const uint32_t header[8] = {kMagic, kFlags, -(kMagic + kFlags), kBase, kBase,
                                0,      0,      kGuestEntry};
    static_assert(kGuestEntry == kBase + sizeof header);
    std::vector<uint8_t> image(sizeof header);
    std::memcpy(image.data(), header, sizeof header);
    image.insert(image.end(), code.begin(), code.end());
    return fileOf("guest", image);
}

control::MachineConfig kernelConfig() {
    control::MachineConfig config;
    config.id = "00000000-0000-4000-8000-000000000001";
    config.name = "engine test";
    config.memoryBytes = 32 << 20;
    config.accelerator =
        control::AcceleratorChoice::Kvm; // the software processor has its own tests
    config.firmware.kind = control::FirmwareKind::None;
    config.kernel.kernelFd = 0;
    return config;
}

std::string whyNoGuests() {
    if (::access("/dev/kvm", R_OK | W_OK) != 0)
        return std::string("/dev/kvm: ") + std::strerror(errno);
    return {};
}

} // namespace vivarium::test
