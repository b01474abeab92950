#include "core/jobs/job.h"
#include "tests/support/test_main.h"

#include <QFutureWatcher>
#include <QSemaphore>
#include <QTest>

using namespace vivarium;

class JobTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void theResultArrivesWithFullProgress() {
        auto future = runJob<int>([](JobControl& control) -> Result<int> {
            control.setProgress(1000);
            return 42;
        });
        future.waitForFinished();
        QCOMPARE(*future.result(), 42);
        QCOMPARE(future.progressValue(), 1000);
        QCOMPARE(future.progressMaximum(), 1000);
    }

    void anErrorIsAResult() {
        auto future = runJob<void>(
            [](JobControl&) -> Result<void> { return fail(ErrorCode::NoSpace, "full"); });
        future.waitForFinished();
        QCOMPARE(future.result().error().code, ErrorCode::NoSpace);
    }

    void cancellingReachesTheJob() {
        QSemaphore started, noticed;
        auto future = runJob<void>([&](JobControl& control) -> Result<void> {
            started.release();
            while (!control.cancelled())
                QThread::yieldCurrentThread();
            noticed.release();
            return fail(ErrorCode::Cancelled, "cancelled");
        });
        started.acquire();
        future.cancel();
        QVERIFY(noticed.tryAcquire(1, 10'000));
        QVERIFY(future.isCanceled());
    }
};

VIVARIUM_TEST(JobTest)
#include "job_test.moc"
