#pragma once

#include "core/jobs/background.h"
#include "core/jobs/image_tool.h"

#include <QFuture>
#include <QThreadPool>

#include <atomic>
#include <functional>
#include <memory>

namespace vivarium {

// Runs work with an ImageTool in the background, on threads of its own so that long jobs hold up
// nothing else. Main thread. Its end cancels what still runs and waits for that (a moment).
//
//     jobs.run<void>([=](const ImageTool& tool, Progress& progress) {
//         return tool.convert(source, target, options, progress);
//     });
class ImageJobs {
public:
    explicit ImageJobs(ImageTool tool = ImageTool());
    ~ImageJobs();

    // Who uses which file may change; jobs that have begun keep the tool they had.
    void setTool(ImageTool tool) { m_tool = std::move(tool); }
    const ImageTool& tool() const { return m_tool; }

    // Cancelling the future ends the job; its progress is the future's, in thousandths.
    template <class T>
    QFuture<Result<T>> run(std::function<Result<T>(const ImageTool&, Progress&)> work) {
        return runInBackground<T>(
            m_pool, [work = std::move(work), tool = m_tool, ending = m_ending](Progress& progress) {
                EndingProgress watched(progress, *ending);
                return work(tool, watched);
            });
    }

private:
    // Progress that is also cancelled when the jobs' owner goes.
    class EndingProgress : public Progress {
    public:
        EndingProgress(Progress& progress, const std::atomic<bool>& ending)
            : m_progress(progress), m_ending(ending) {}
        bool cancelled() const override { return m_ending || m_progress.cancelled(); }
        void report(qint64 done, qint64 total) override { m_progress.report(done, total); }

    private:
        Progress& m_progress;
        const std::atomic<bool>& m_ending;
    };

    ImageTool m_tool;
    std::shared_ptr<std::atomic<bool>> m_ending = std::make_shared<std::atomic<bool>>(false);
    QThreadPool m_pool; // last: its threads end first
};

} // namespace vivarium
