#include "app/image/qemu_img.h"

#include "app/image/foreign_sandbox.h"
#include "vmm/control/image_messages.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace vivarium::image {

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kProgram = "/usr/bin/qemu-img";
constexpr auto kProgressInterval = std::chrono::milliseconds(100);
constexpr unsigned kWholeProgress = 10'000;
constexpr int kCannotStart = 127;

struct Pipe {
    UniqueFd readEnd;
    UniqueFd writeEnd;
};
Result<Pipe> makePipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return systemError(errno, "connect qemu-img");
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// The child until it is the other program. This process has one thread, so anything may be called.
[[noreturn]] void becomeQemuImg(const std::vector<std::string>& arguments, int output, int errors) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::signal(SIGPIPE, SIG_DFL);
    const int nothing = ::open("/source", O_RDONLY | O_CLOEXEC); // a descriptor 0 that is harmless
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(errors, STDERR_FILENO);
    ::syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
    std::vector<char*> argv{const_cast<char*>("qemu-img")};
    for (const std::string& argument : arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    char locale[] = "LC_ALL=C";
    char* environment[] = {locale, nullptr};
    if (filterForeignProgram())
        ::execve(kProgram, argv.data(), environment);
    ::_exit(kCannotStart);
}

// Reads what is there; false at the end. Keeps the last kMaxOutputBytes.
bool drain(int fd, std::string& text) {
    std::array<char, 16 * 1024> chunk;
    const ssize_t count = ::read(fd, chunk.data(), chunk.size());
    if (count < 0)
        return errno == EINTR || errno == EAGAIN;
    text.append(chunk.data(), static_cast<size_t>(count));
    if (text.size() > kMaxOutputBytes)
        text.erase(0, text.size() - kMaxOutputBytes);
    return count > 0;
}

// qemu-img's sentence without its name in front and its line end.
std::string saidBy(std::string text) {
    constexpr std::string_view kName = "qemu-img: ";
    text = text.substr(0, text.find('\n'));
    if (text.starts_with(kName))
        text.erase(0, kName.size());
    std::replace_if(
        text.begin(), text.end(), [](unsigned char c) { return c < ' '; }, ' ');
    return text.substr(0, 512);
}

Error failureOf(int status, const std::string& errors) {
    if (errors.find("No space left on device") != std::string::npos)
        return fail(ErrorCode::NoSpace, "There is not enough space for the new disk image.");
    if (WIFSIGNALED(status))
        return fail(ErrorCode::Internal,
                    "qemu-img was killed by signal " + std::to_string(WTERMSIG(status)) + ".");
    if (WEXITSTATUS(status) == kCannotStart)
        return fail(ErrorCode::Unavailable, "qemu-img cannot be started in its sandbox.");
    return fail(ErrorCode::Corrupt, "The image cannot be read: " + saidBy(errors) + ".");
}

} // namespace

Result<void> findQemuImg() {
    if (::access(kProgram, X_OK) == 0)
        return {};
    return fail(ErrorCode::Unavailable,
                "Images of other programs are read with qemu-img, which is not "
                "installed; install the package qemu-utils.");
}

std::optional<unsigned> progressOf(std::string_view text) {
    const size_t end = text.rfind("/100%)");
    if (end == std::string_view::npos)
        return std::nullopt;
    const size_t begin = text.rfind('(', end);
    if (begin == std::string_view::npos || end - begin > 8)
        return std::nullopt;
    const double percent =
        std::strtod(std::string(text.substr(begin + 1, end - begin - 1)).c_str(), nullptr);
    return static_cast<unsigned>(std::clamp(percent, 0.0, 100.0) * 100);
}

Result<std::string> runQemuImg(const std::vector<std::string>& arguments,
                               JobConnection& connection) {
    Pipe output = TRY(makePipe());
    Pipe errors = TRY(makePipe());
    const pid_t child = ::fork();
    if (child < 0)
        return systemError(errno, "start qemu-img");
    if (child == 0)
        becomeQemuImg(arguments, output.writeEnd.get(), errors.writeEnd.get());
    output.writeEnd.reset();
    errors.writeEnd.reset();

    std::string printed;
    std::string complaint;
    Clock::time_point lastProgress{};
    bool cancelled = false;
    while (output.readEnd || errors.readEnd) {
        // A negative descriptor is not looked at.
        pollfd waits[3] = {{output.readEnd.get(), POLLIN, 0},
                           {errors.readEnd.get(), POLLIN, 0},
                           {cancelled ? -1 : connection.fd(), POLLIN, 0}};
        if (!cancelled && connection.wantsWrite())
            waits[2].events |= POLLOUT;
        if (::poll(waits, 3, -1) < 0)
            continue; // a signal
        if (waits[0].revents != 0 && !drain(output.readEnd.get(), printed))
            output.readEnd.reset();
        if (waits[1].revents != 0 && !drain(errors.readEnd.get(), complaint))
            errors.readEnd.reset();
        if (waits[2].revents != 0 && !connection.service()) {
            cancelled = true;
            ::kill(child, SIGKILL);
        }
        const auto share = progressOf(printed);
        if (share && !cancelled && Clock::now() - lastProgress >= kProgressInterval) {
            lastProgress = Clock::now();
            connection.sendEvent(
                control::ImageProgress::kMethod,
                control::imageMessageToJson(control::ImageProgress{*share, kWholeProgress}));
            printed.clear();
        }
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (cancelled)
        return fail(ErrorCode::Cancelled, "The conversion was cancelled.");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return failureOf(status, complaint);
    return printed;
}

} // namespace vivarium::image
