#include "vmm/softcpu/memory/soft_mmu.h"

#include "tests/support/test_main.h"
#include "vmm/softcpu/test_support/flat_memory.h"

#include <QTest>

#include <memory>

using namespace vivarium;
using namespace vivarium::softcpu;
using vivarium::softcpu::test::FlatMemory;

class PageWalkTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init();
    void withoutPagingAddressesAreTruncated();
    void fourLevelFaults_data();
    void fourLevelFaults();
    void accessedAndDirtyBitsFollowTheAccess();
    void largePagesMapAndFlushAsOne();
    void paeUsesItsLoadedPointers();
    void thirtyTwoBitPagingKnowsLargePages();
    void globalPagesSurviveCr3();
    void accessesCrossPages();
    void romAndDevicesGoToTheBus();
    void dirtyLogForgetsWhatWasFetched();
    void codePagesAreTracked();

private:
    void longMode();
    uint64_t* entryOf(unsigned level) { // of linear 0x40000000
        static constexpr uint64_t kAt[5] = {0, 0x4000, 0x3000, 0x2008, 0x1000};
        return reinterpret_cast<uint64_t*>(memory->ram() + kAt[level]);
    }
    std::optional<PageFault> access(AccessKind kind, TlbMode tlbMode) {
        uint64_t bytes = 0;
        if (kind == AccessKind::Read)
            return mmu->read(kLinear, &bytes, 8, tlbMode);
        if (kind == AccessKind::Write)
            return mmu->write(kLinear, &bytes, 8, tlbMode);
        return mmu->fetch(kLinear, &bytes, 8, tlbMode);
    }

    static constexpr uint64_t kLinear = 0x40000000, kPage = 0x5000;
    std::unique_ptr<FlatMemory> memory;
    std::unique_ptr<CpuState> state;
    std::unique_ptr<SoftMmu> mmu;
};

void PageWalkTest::init() {
    memory = std::make_unique<FlatMemory>(0x800000);
    state = std::make_unique<CpuState>();
    resetCpu(*state, CpuReset::PowerOn);
    mmu = std::make_unique<SoftMmu>(*state, memory->view(), *memory, 40);
}

// kLinear maps to kPage with all rights.
void PageWalkTest::longMode() {
    state->cr0 = kCr0Pe | kCr0Pg | kCr0Wp;
    state->cr4 = kCr4Pae | kCr4Pge;
    state->efer = kEferLme | kEferLma | kEferNxe;
    state->cr3 = 0x1000;
    *entryOf(4) = 0x2007;
    *entryOf(3) = 0x3007;
    *entryOf(2) = 0x4007;
    *entryOf(1) = kPage | 7;
}

void PageWalkTest::withoutPagingAddressesAreTruncated() {
    const uint32_t value = 0x12345678;
    QVERIFY(!mmu->write(0x100001000, &value, 4, TlbMode::Supervisor));
    QCOMPARE(memory->load<uint32_t>(0x1000), value);
}

void PageWalkTest::fourLevelFaults_data() {
    QTest::addColumn<int>("level");
    QTest::addColumn<qulonglong>("clear");
    QTest::addColumn<qulonglong>("set");
    QTest::addColumn<int>("kind");
    QTest::addColumn<int>("tlbMode");
    QTest::addColumn<qulonglong>("cr4");
    QTest::addColumn<int>("expected"); // error code, -1: no fault
    const auto row = [](const char* name, int level, uint64_t clear, uint64_t set, AccessKind kind,
                        TlbMode tlbMode, uint64_t cr4, int expected) {
        QTest::newRow(name) << level << qulonglong(clear) << qulonglong(set) << int(kind)
                            << int(tlbMode) << qulonglong(cr4) << expected;
    };
    constexpr auto R = AccessKind::Read, W = AccessKind::Write, X = AccessKind::Execute;
    constexpr auto S = TlbMode::Supervisor, U = TlbMode::User, A = TlbMode::SupervisorAc;
    constexpr uint64_t kNx = uint64_t{1} << 63;
    row("all rights", 1, 0, 0, W, U, 0, -1);
    row("not present", 1, 1, 0, R, S, 0, 0);
    row("not present, user write", 2, 1, 0, W, U, 0, 6);
    row("not present, fetch", 3, 1, 0, X, S, 0, 16);
    row("read-only, user", 1, 2, 0, W, U, 0, 7);
    row("read-only above, user", 4, 2, 0, W, U, 0, 7);
    row("read-only, supervisor with WP", 3, 2, 0, W, S, 0, 3);
    row("supervisor page, user", 2, 4, 0, R, U, 0, 5);
    row("no execute", 1, 0, kNx, X, U, 0, 21);
    row("no execute above", 3, 0, kNx, X, S, 0, 17);
    row("no execute does not stop reads", 3, 0, kNx, R, S, 0, -1);
    row("SMEP", 1, 0, 0, X, S, kCr4Smep, 17);
    row("SMEP, supervisor page", 1, 4, 0, X, S, kCr4Smep, -1);
    row("SMAP", 1, 0, 0, R, S, kCr4Smap, 1);
    row("SMAP write", 1, 0, 0, W, S, kCr4Smap, 3);
    row("SMAP with AC", 1, 0, 0, W, A, kCr4Smap, -1);
    row("SMAP, supervisor page", 2, 4, 0, W, S, kCr4Smap, -1);
    row("reserved address bit", 1, 0, uint64_t{1} << 40, R, S, 0, 9);
    row("reserved PS in PML4E", 4, 0, 0x80, R, U, 0, 13);
    row("reserved in a 2 MiB page", 2, 0, 0x2080, R, S, 0, 9);
    row("ignored bits", 1, 0, uint64_t{1} << 52, R, S, 0, -1);
}

void PageWalkTest::fourLevelFaults() {
    QFETCH(int, level);
    QFETCH(qulonglong, clear);
    QFETCH(qulonglong, set);
    QFETCH(int, kind);
    QFETCH(int, tlbMode);
    QFETCH(qulonglong, cr4);
    QFETCH(int, expected);
    longMode();
    state->cr4 |= cr4;
    *entryOf(unsigned(level)) = (*entryOf(unsigned(level)) & ~clear) | set;
    const auto fault = access(AccessKind(kind), TlbMode(tlbMode));
    QCOMPARE(fault ? int(fault->errorCode) : -1, expected);
    if (fault) {
        QCOMPARE(fault->address, kLinear);
        QVERIFY(!(*entryOf(1) & 0x60)); // a fault leaves the page's bits alone
    }
}

void PageWalkTest::accessedAndDirtyBitsFollowTheAccess() {
    longMode();
    QVERIFY(!access(AccessKind::Read, TlbMode::User));
    for (unsigned level = 1; level <= 4; ++level)
        QCOMPARE(*entryOf(level) & 0x60, uint64_t{0x20});
    QVERIFY(!access(AccessKind::Write, TlbMode::User));
    QCOMPARE(*entryOf(1) & 0x60, uint64_t{0x60});
    QCOMPARE(*entryOf(2) & 0x60, uint64_t{0x20});
    QVERIFY(mmu->inspect(kLinear + 5) == GuestAddress{kPage + 5});
}

void PageWalkTest::largePagesMapAndFlushAsOne() {
    longMode();
    *entryOf(2) = 0x400000 | 0x87; // 2 MiB at 4 MiB
    memory->store<uint32_t>(0x512340, 0xCAFE);
    uint32_t value = 0;
    QVERIFY(!mmu->read(kLinear + 0x112340, &value, 4, TlbMode::User));
    QCOMPARE(value, 0xCAFEu);
    *entryOf(2) = 0;
    mmu->tlb().flushPage(kLinear + 0x1000); // another part of the same large page
    QVERIFY(mmu->read(kLinear + 0x112340, &value, 4, TlbMode::User));
    *entryOf(3) = 0x87; // 1 GiB at 0
    QVERIFY(!mmu->read(kLinear + 0x512340, &value, 4, TlbMode::User));
    QCOMPARE(value, 0xCAFEu);
}

void PageWalkTest::paeUsesItsLoadedPointers() {
    state->cr0 = kCr0Pe | kCr0Pg;
    state->cr4 = kCr4Pae;
    state->cr3 = 0x1020; // 32-byte aligned
    memory->store<uint64_t>(0x1028, 0x3001);
    *entryOf(2) = 0x4007;
    *entryOf(1) = kPage | 7;
    QVERIFY(mmu->loadPdptes());
    QVERIFY(!access(AccessKind::Write, TlbMode::User));
    memory->store<uint64_t>(0x1028, 0); // seen only when CR3 is loaded again
    mmu->tlb().flushAll();
    QVERIFY(!access(AccessKind::Write, TlbMode::User));
    QVERIFY(mmu->loadPdptes());
    mmu->tlb().flushAll();
    QCOMPARE(access(AccessKind::Write, TlbMode::User)->errorCode, 6u);
    memory->store<uint64_t>(0x1028, 0x3003);
    QVERIFY(!mmu->loadPdptes()); // R/W is reserved here
}

void PageWalkTest::thirtyTwoBitPagingKnowsLargePages() {
    state->cr0 = kCr0Pe | kCr0Pg;
    state->cr3 = 0x1000;
    memory->store<uint32_t>(0x1400, 0x2007); // PDE of 0x40000000
    memory->store<uint32_t>(0x2000, kPage | 5);
    QVERIFY(!access(AccessKind::Write, TlbMode::Supervisor)); // without WP
    QCOMPARE(memory->load<uint32_t>(0x2000) & 0x60, 0x60u);
    QCOMPARE(access(AccessKind::Write, TlbMode::User)->errorCode, 7u);
    memory->store<uint32_t>(0x1400, 0x400087);
    mmu->tlb().flushAll();
    state->cr4 = kCr4Pse;
    memory->store<uint32_t>(0x400010, 77);
    uint32_t value = 0;
    QVERIFY(!mmu->read(kLinear + 0x10, &value, 4, TlbMode::User));
    QCOMPARE(value, 77u);
    memory->store<uint32_t>(0x1400, 0x400087 | 1 << 21);
    mmu->tlb().flushAll();
    QCOMPARE(mmu->read(kLinear + 0x10, &value, 4, TlbMode::User)->errorCode, 13u);
}

void PageWalkTest::globalPagesSurviveCr3() {
    longMode();
    *entryOf(1) |= 0x100;
    QVERIFY(!access(AccessKind::Read, TlbMode::User));
    *entryOf(1) = 0;
    mmu->tlb().flushNonGlobal();
    QVERIFY(!access(AccessKind::Read, TlbMode::User));
    mmu->tlb().flushAll();
    QVERIFY(access(AccessKind::Read, TlbMode::User));
}

void PageWalkTest::accessesCrossPages() {
    longMode();
    entryOf(1)[1] = 0x6007;
    const uint64_t value = 0x1122334455667788;
    QVERIFY(!mmu->write(kLinear + 0xFFD, &value, 8, TlbMode::User));
    QCOMPARE(memory->load<uint64_t>(0x5FFD), value);
    uint64_t back = 0;
    QVERIFY(!mmu->read(kLinear + 0xFFD, &back, 8, TlbMode::User));
    QCOMPARE(back, value);
    // The second page faults: its own address, and nothing is written.
    const uint64_t other = 0;
    const auto fault = mmu->write(kLinear + 0x1FFD, &other, 8, TlbMode::User);
    QVERIFY(fault);
    QCOMPARE(fault->address, kLinear + 0x2000);
    QCOMPARE(memory->load<uint8_t>(0x6FFD), uint8_t{0});
}

void PageWalkTest::romAndDevicesGoToTheBus() {
    memory->view().add({0x10000000, 0x1000, memory->ram(), DirectSection::Access::ReadOnly,
                        MemoryRegion::DirtyLog::Off});
    const uint32_t value = 7;
    QVERIFY(!mmu->write(0x10000004, &value, 4, TlbMode::Supervisor));
    QVERIFY(!mmu->write(0x20000002, &value, 4, TlbMode::Supervisor));
    QCOMPARE(memory->log, std::string("w268435460:4=7 w536870914:2=7 w536870916:2=0 "));
    memory->store<uint32_t>(8, 99);
    uint32_t back = 0;
    QVERIFY(!mmu->read(0x10000008, &back, 4, TlbMode::Supervisor));
    QCOMPARE(back, 99u);
}

void PageWalkTest::dirtyLogForgetsWhatWasFetched() {
    std::vector<uint8_t> frame(0x3000 + 4096);
    auto* host =
        reinterpret_cast<uint8_t*>(alignUp(reinterpret_cast<uint64_t>(frame.data()), 4096));
    const DirectSection section{0x10000000, 0x3000, host, DirectSection::Access::ReadWrite,
                                MemoryRegion::DirtyLog::On};
    memory->view().add(section);
    std::vector<uint64_t> pages;
    QVERIFY(memory->view().fetchDirtyPages(section.base, section.sizeBytes, pages));
    QCOMPARE(pages[0], uint64_t{7}); // a new mapping is all written
    QVERIFY(!memory->view().fetchDirtyPages(section.base, section.sizeBytes, pages));
    for (int round = 0; round < 2; ++round) {
        const uint8_t value = 1;
        QVERIFY(!mmu->write(0x10001004, &value, 1, TlbMode::Supervisor));
        QVERIFY(memory->view().fetchDirtyPages(section.base, section.sizeBytes, pages));
        QCOMPARE(pages[0], uint64_t{2});
        mmu->tlb().flushWrites();
    }
}

void PageWalkTest::codePagesAreTracked() {
    struct Listener : CodeWriteListener {
        void codeWritten(GuestAddress address, unsigned sizeBytes) override {
            lastAddress = address;
            lastSize = sizeBytes;
            ++calls;
        }
        GuestAddress lastAddress = 0;
        unsigned lastSize = 0;
        int calls = 0;
    } listener;
    mmu->setCodeWriteListener(&listener);
    memory->view().setCode(0x3000);
    const uint32_t value = 5;
    for (int i = 0; i < 2; ++i)
        QVERIFY(!mmu->write(0x3010, &value, 4, TlbMode::Supervisor));
    QCOMPARE(listener.calls, 2);
    QCOMPARE(listener.lastAddress, GuestAddress{0x3010});
    memory->view().clearCode(0x3000);
    QVERIFY(!mmu->write(0x3010, &value, 4, TlbMode::Supervisor));
    QVERIFY(mmu->tlb().lookup(0x3010, AccessKind::Write, TlbMode::Supervisor) != nullptr);
    QCOMPARE(listener.calls, 2);
}

VIVARIUM_TEST(PageWalkTest)
#include "page_walk_test.moc"
