#pragma once

#include "app/cli/command_context.h"
#include "core/disk_manager/disk_usage.h"
#include "core/jobs/image_jobs.h"

#include <QFutureWatcher>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace vivarium::cli {

// Shows a job's progress on standard error while it lives, when that is a terminal.
class ProgressLine {
public:
    ProgressLine();
    ~ProgressLine(); // leaves the line empty
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    void show(int thousandths);

private:
    bool m_terminal;
    int m_shown = -1;
};

// What the disk commands work with: the jobs, and who in the library needs which file. A library
// that does not exist yet is not made for it.
class DiskJobs {
public:
    static Result<std::unique_ptr<DiskJobs>> create(CommandContext& context);

    const DiskUsage& usage() const { return m_usage; }

    // Runs one job to its end, with progress; Ctrl+C cancels it and waits until it has cleaned up.
    template <class T>
    Result<T> run(std::function<Result<T>(const ImageTool&, Progress&)> work) {
        ProgressLine line;
        const QFuture<Result<T>> future = m_jobs.run<T>(std::move(work));
        QFutureWatcher<Result<T>> watcher;
        QObject::connect(&watcher, &QFutureWatcherBase::progressValueChanged,
                         [&](int value) { line.show(value); });
        watcher.setFuture(future);
        return m_context.await(future);
    }

    // The file at `path` with the format that `stated` names ("raw", "qcow2", "vmdk", ...), else
    // the one that its machine states, else what it looks like. Errors: NotFound, InvalidArgument,
    // ...
    Result<control::ImageKind> kindOf(const QString& path, const std::string& stated);
    // The same where only raw and qcow2 will do. Error besides: Unsupported.
    Result<DiskFile> diskFile(const std::string& path, const std::string& stated);

private:
    DiskJobs(CommandContext& context, DiskUsage usage)
        : m_context(context), m_usage(std::move(usage)),
          m_jobs(ImageTool(ImageTool::defaultProgram(), m_usage.userOf())) {}

    CommandContext& m_context;
    DiskUsage m_usage;
    ImageJobs m_jobs;
};

// "20G", "512MiB", "1048576B": bytes, a unit is needed. Nothing for anything else.
std::optional<uint64_t> parseBytes(const std::string& text);
// "1.5 GiB".
QString bytesText(uint64_t bytes);
QString absolutePathOf(const std::string& path);

} // namespace vivarium::cli
