#include "tests/support/test_main.h"
#include "vmm/kvm/kvm_check.h"

#include <QTest>

#include <cerrno>

using namespace vivarium;

namespace {
KvmFacts goodHost() {
    KvmFacts facts;
    facts.deviceExists = true;
    facts.processorSupports = true;
    facts.moduleLoaded = true;
    facts.apiVersion = 12;
    return facts;
}
KvmFacts hostWithoutDevice() {
    KvmFacts facts;
    facts.processorSupports = true;
    return facts;
}
} // namespace

class KvmCheckTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void goodHostHasNoProblem() { QVERIFY(judgeKvm(goodHost()).empty()); }

    // The device decides: software KVMs need no processor flag.
    void deviceWithoutProcessorFlagIsFine() {
        KvmFacts facts = goodHost();
        facts.processorSupports = false;
        facts.moduleLoaded = false;
        QVERIFY(judgeKvm(facts).empty());
    }

    void eachObstacleHasItsSentenceAndRemedy_data() {
        QTest::addColumn<KvmFacts>("facts");
        QTest::addColumn<QString>("sentence");
        QTest::addColumn<QString>("remedy");
        auto row = [](const char* name, const KvmFacts& facts, const char* sentence,
                      const char* remedy) {
            QTest::newRow(name) << facts << QString::fromLatin1(sentence)
                                << QString::fromLatin1(remedy);
        };
        KvmFacts facts = hostWithoutDevice();
        row("Intel module not loaded", facts, "kvm_intel is not loaded", "modprobe kvm_intel");
        facts.processorIsAmd = true;
        row("AMD module not loaded", facts, "kvm_amd is not loaded", "modprobe kvm_amd");
        facts.moduleLoaded = true;
        row("device missing", facts, "/dev/kvm does not exist", "container");
        facts = {};
        row("disabled in firmware", facts, "disabled in the computer's firmware",
            "firmware set-up");
        facts.insideVirtualMachine = true;
        row("inside a virtual machine", facts, "itself a virtual machine", "nested");
        facts = goodHost();
        facts.openErrno = EACCES;
        row("no permission", facts, "no permission", "usermod -aG kvm");
        facts.openErrno = EBUSY;
        row("busy", facts, "Another hypervisor", "Stop its machines");
        facts.openErrno = ENODEV;
        facts.processorSupports = false;
        row("device without driver", facts, "firmware", "firmware set-up");
        facts = goodHost();
        facts.openErrno = EIO;
        row("unexpected error", facts, "cannot be opened", "dmesg");
        facts = goodHost();
        facts.apiVersion = 11;
        row("other version", facts, "version 11", "kernel");
        facts = goodHost();
        facts.missingExtensions = {"KVM_CAP_IRQFD", "KVM_CAP_PIT2"};
        row("missing extension", facts, "KVM_CAP_IRQFD", "kernel");
    }
    void eachObstacleHasItsSentenceAndRemedy() {
        QFETCH(KvmFacts, facts);
        QFETCH(QString, sentence);
        QFETCH(QString, remedy);
        auto problems = judgeKvm(facts);
        QVERIFY(!problems.empty());
        auto text = QString::fromStdString(problems.front().sentence);
        QVERIFY2(text.contains(sentence), qPrintable(text));
        QVERIFY2(text.endsWith(QLatin1Char('.')), qPrintable(text));
        auto help = QString::fromStdString(problems.front().remedy);
        QVERIFY2(help.contains(remedy), qPrintable(help));
        QCOMPARE(problems.size(), std::max<size_t>(1, facts.missingExtensions.size()));
        QCOMPARE(QString::fromStdString(kvmProblemError(problems).detail),
                 text + QLatin1Char(' ') + help);
    }

    void thisHostCanBeAsked() { checkKvm(); }
};

VIVARIUM_TEST(KvmCheckTest)
#include "kvm_check_test.moc"
