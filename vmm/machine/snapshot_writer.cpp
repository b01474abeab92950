#include "vmm/machine/snapshot_writer.h"

#include "vmm/base/monotonic_time.h"
#include "vmm/machine/process_copy.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace vivarium {

namespace {

// One packet from the copy to the original.
struct Report {
    RamImageProgress progress;
    enum class Kind : int32_t { Progress, Done, Failed } kind = Kind::Progress;
    int32_t errorCode = 0; // Failed: an ErrorCode
    int32_t systemErrno = 0;
    std::array<char, 256> detail{}; // Failed: ends with 0
};

constexpr uint64_t kReportIntervalNs = 100'000'000;
constexpr int kBackgroundNice = 5; // the guest comes first

bool send(const UniqueFd& socket, const Report& report) {
    return ::send(socket.get(), &report, sizeof report, MSG_NOSIGNAL) == sizeof report;
}

Result<void> writeAll(ConstByteSpan ram, ConstByteSpan state, SnapshotWriter::Files& files,
                      const UniqueFd& socket, Report& report) {
    uint64_t nextReportNs = 0;
    const auto progress = [&](const RamImageProgress& now) {
        report.progress = now;
        const uint64_t nowNs = monotonicNs();
        if (nowNs < nextReportNs)
            return true;
        nextReportNs = nowNs + kReportIntervalNs;
        return send(socket, report); // nobody listens: cancelled, or the machine has gone
    };
    const RamIndex index =
        TRY(writeRamImage(ram, files.ram, files.parent ? &*files.parent : nullptr, progress));
    TRY(writeWholeFile(files.index, encodeRamIndex(index)));
    return writeWholeFile(files.state, state);
}

// All that the copy does.
[[noreturn]] void runCopy(ConstByteSpan ram, ConstByteSpan state, SnapshotWriter::Files& files,
                          const UniqueFd& socket) {
    ::setpriority(PRIO_PROCESS, 0, kBackgroundNice);
    Report report;
    const auto written = writeAll(ram, state, files, socket, report);
    report.kind = written ? Report::Kind::Done : Report::Kind::Failed;
    if (!written) {
        const Error& error = written.error();
        report.errorCode = static_cast<int32_t>(error.code);
        report.systemErrno = error.systemErrno;
        std::strncpy(report.detail.data(), error.detail.c_str(), report.detail.size() - 1);
    }
    send(socket, report);
    ::_exit(0);
}

} // namespace

Result<std::unique_ptr<SnapshotWriter>> SnapshotWriter::start(EventLoop& loop, ConstByteSpan ram,
                                                              ConstByteSpan state, Files files,
                                                              Progress progress, Done done) {
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0)
        return systemError(errno, "create a socket");
    UniqueFd own(pair[0]);
    UniqueFd other(pair[1]);
    const ProcessSide side =
        TRY(copyProcess({files.state.get(), files.ram.get(), files.index.get(), other.get()}));
    if (side == ProcessSide::Copy)
        runCopy(ram, state, files, other);
    std::unique_ptr<SnapshotWriter> writer(
        new SnapshotWriter(loop, std::move(own), std::move(progress), std::move(done)));
    TRY(loop.watch(writer->m_socket.get(), EPOLLIN,
                   [raw = writer.get()](uint32_t) { raw->receive(); }));
    return writer;
}

SnapshotWriter::~SnapshotWriter() {
    if (m_socket)
        m_loop.unwatch(m_socket.get());
}

void SnapshotWriter::receive() {
    Report report;
    const ssize_t got = ::recv(m_socket.get(), &report, sizeof report, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got != sizeof report)
        return finish(fail(ErrorCode::Internal,
                           "the process that wrote the machine's memory ended unexpectedly"));
    switch (report.kind) {
    case Report::Kind::Progress:
        return m_progress(report.progress);
    case Report::Kind::Done:
        return finish(report.progress);
    case Report::Kind::Failed:
        report.detail.back() = 0;
        return finish(Error{static_cast<ErrorCode>(report.errorCode), report.systemErrno,
                            report.detail.data()});
    }
}

void SnapshotWriter::cancel() {
    finish(fail(ErrorCode::Cancelled, "saving the machine was cancelled"));
}

void SnapshotWriter::finish(Result<RamImageProgress> result) {
    m_loop.unwatch(m_socket.get());
    m_socket = UniqueFd();
    std::exchange(m_done, {})(std::move(result)); // may destroy this object
}

} // namespace vivarium
