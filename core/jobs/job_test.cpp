#include "core/jobs/background.h"
#include "core/jobs/job.h"

#include "tests/support/test_main.h"

#include <QSemaphore>
#include <QSignalSpy>
#include <QTest>

namespace vivarium::test {

class JobTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void progressAndResultArrive() {
        QSemaphore halfDone;
        Job job(QStringLiteral("work"),
                runInBackground<void>([&](Progress& progress) -> Result<void> {
                    progress.report(1, 2);
                    halfDone.acquire();
                    return {};
                }));
        QSignalSpy finished(&job, &Job::finished);
        QTRY_COMPARE(job.progress(), 0.5);
        QCOMPARE(job.state(), Job::State::Running);
        halfDone.release();
        QTRY_COMPARE(job.state(), Job::State::Succeeded);
        QCOMPARE(finished.size(), 1);
        QCOMPARE(job.title(), QStringLiteral("work"));
    }

    void failureKeepsItsReason() {
        Job job({}, runInBackground<void>([](Progress&) -> Result<void> {
                    return fail(ErrorCode::NoSpace, "The disk is full.");
                }));
        QTRY_COMPARE(job.state(), Job::State::Failed);
        QCOMPARE(job.error().code, ErrorCode::NoSpace);
    }

    void cancelStopsTheWork() {
        QSemaphore started;
        QSemaphore mayLook;
        Job job({}, runInBackground<void>([&](Progress& progress) -> Result<void> {
                    started.release();
                    mayLook.acquire();
                    if (progress.cancelled())
                        return fail(ErrorCode::Cancelled, "Cancelled.");
                    return {};
                }));
        started.acquire();
        job.cancel();
        mayLook.release();
        QTRY_COMPARE(job.state(), Job::State::Cancelled);
    }

    void aFinishedFutureFinishesTheJob() {
        auto future = runInBackground<void>([](Progress&) -> Result<void> { return {}; });
        future.waitForFinished();
        Job job({}, future);
        QTRY_COMPARE(job.state(), Job::State::Succeeded);
    }
};

} // namespace vivarium::test

using vivarium::test::JobTest;
VIVARIUM_TEST(JobTest)
#include "job_test.moc"
