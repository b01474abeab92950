#include "tests/support/test_main.h"
#include "vmm/kvm/kvm_probe.h"

#include <QElapsedTimer>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

using namespace vivarium;

// What the host's KVM passes is not the test's to say; that the probe tells the same twice is.
class KvmProbeTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void resultIsStableAndRemembered() {
        auto system = KvmSystem::open();
        if (!system)
            QSKIP(system.error().detail.c_str());
        const auto missing = probeKvm(*system);
        QVERIFY2(missing, missing ? "" : missing.error().detail.c_str());
        QTemporaryDir folder;
        const std::string cache = folder.filePath(QStringLiteral("a/b")).toStdString();
        const auto first = probeKvmOnce(*system, cache);
        QVERIFY(first);
        QCOMPARE(*first, *missing);
        QFile file(folder.filePath(QStringLiteral("a/b/kvm-probe")));
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QByteArray content = file.readAll();
        QVERIFY(content.startsWith("vivarium kvm probe 1 "));
        QCOMPARE(content.count('\n'), qsizetype(1 + missing->size()));
        file.close();

        // Of another boot, or not understood: probed again.
        for (const QByteArray& other : {QByteArray("vivarium kvm probe 1 x\nFWAIT\n"),
                                        QByteArray("\0\xff", 2), content + "nonsense\n"}) {
            QVERIFY(file.open(QIODevice::WriteOnly));
            file.write(other);
            file.close();
            const auto again = probeKvmOnce(*system, cache);
            QVERIFY(again);
            QCOMPARE(*again, *missing);
        }
        // Believed where it is understood.
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(content.left(content.indexOf('\n') + 1) + "SYSCALL\n");
        file.close();
        QCOMPARE(*probeKvmOnce(*system, cache), std::vector<std::string>{"SYSCALL"});
    }

    void isQuick() {
        auto system = KvmSystem::open();
        if (!system)
            QSKIP(system.error().detail.c_str());
        QElapsedTimer timer;
        timer.start();
        QVERIFY(probeKvm(*system));
        QVERIFY2(timer.elapsed() < 2000, QByteArray::number(timer.elapsed()));
    }
};

VIVARIUM_TEST(KvmProbeTest)
#include "kvm_probe_test.moc"
