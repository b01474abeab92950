#include "vmm/machine/accelerator_choice.h"

#include "tests/support/test_main.h"

#include <QTest>

using namespace vivarium;
using control::AcceleratorChoice;
using Kind = AcceleratorDecision::Kind;

class AcceleratorChoiceTest : public QObject {
    Q_OBJECT

    static Error why(const char* detail) { return fail(ErrorCode::Unsupported, detail); }
    static AcceleratorHost withoutKvm(const char* detail) {
        return {Result<KvmSystem>(why(detail)), NativeReserve::create(1), {}};
    }

private Q_SLOTS:
    void withoutKvmAutoIsSoftware() {
        const AcceleratorHost host = withoutKvm("You may not open it. Join the group kvm.");
        QVERIFY(host.software);
        auto decision = decideAccelerator(AcceleratorChoice::Auto, host);
        QVERIFY(decision);
        QVERIFY(decision->kind == Kind::Software);
        QVERIFY2(decision->reason.find("Join the group kvm.") != std::string::npos,
                 decision->reason.c_str());
        QVERIFY(!decideAccelerator(AcceleratorChoice::Kvm, host));
    }

    void whereNothingWorksTheErrorIsKvms() {
        const AcceleratorHost host{
            Result<KvmSystem>(why("no KVM")), Result<NativeReserve>(why("no pages")), {}};
        const auto decision = decideAccelerator(AcceleratorChoice::Auto, host);
        QVERIFY(!decision);
        QCOMPARE(decision.error().detail, std::string("no KVM"));
        QVERIFY(!decideAccelerator(AcceleratorChoice::Software, host));
    }

    // Single instructions are completed in software; the rest decides.
    void whatKvmLacksDecides() {
        AcceleratorHost host{KvmSystem::open(), NativeReserve::create(1), {}};
        if (!host.kvm)
            QSKIP("this machine has no usable /dev/kvm");
        const auto decide = [&](AcceleratorChoice choice) {
            return *decideAccelerator(choice, host);
        };
        QVERIFY(decide(AcceleratorChoice::Auto).kind == Kind::Kvm);
        host.kvmLacks = {"FWAIT", "CMPXCHG16B"};
        QVERIFY(decide(AcceleratorChoice::Auto).kind == Kind::Kvm);
        host.kvmLacks = {"FWAIT", "32-bit paging"};
        const AcceleratorDecision software = decide(AcceleratorChoice::Auto);
        QVERIFY(software.kind == Kind::Software);
        QVERIFY(software.reason.find("32-bit paging") != std::string::npos);
        QVERIFY(software.reason.find("FWAIT") == std::string::npos);
        QVERIFY(decide(AcceleratorChoice::Kvm).kind == Kind::Kvm);
        host.software = Result<NativeReserve>(why("no pages"));
        const AcceleratorDecision kvm = decide(AcceleratorChoice::Auto);
        QVERIFY(kvm.kind == Kind::Kvm);
        QVERIFY(kvm.reason.find("FWAIT, 32-bit paging") != std::string::npos);
    }
};

VIVARIUM_TEST(AcceleratorChoiceTest)
#include "accelerator_choice_test.moc"
