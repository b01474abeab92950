#include "tests/support/test_main.h"
#include "vmm/kvm/cpuid.h"

#include <QTest>

#include <set>

using namespace vivarium;

namespace {
CpuidEntry leaf(uint32_t function, uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx) {
    CpuidEntry entry;
    entry.function = function;
    entry.eax = eax, entry.ebx = ebx, entry.ecx = ecx, entry.edx = edx;
    return entry;
}
CpuidEntry subLeaf(uint32_t function, uint32_t index, uint32_t eax) {
    CpuidEntry entry = leaf(function, eax, 0, 0, 0);
    entry.index = index;
    entry.flags = CpuidEntry::kSignificantIndex;
    return entry;
}
enum class Vendor { Intel, Amd };
std::vector<CpuidEntry> host(Vendor vendor) {
    std::vector<CpuidEntry> entries;
    entries.push_back(vendor == Vendor::Intel ? leaf(0, 0x1F, 0x756E6547, 0x6C65746E, 0x49656E69)
                                              : leaf(0, 0x10, 0x68747541, 0x444D4163, 0x69746E65));
    entries.push_back(leaf(1, 0x906EA, 0x05100800, 0x77FAFBFF, 0x0FABFBFF));
    entries.push_back(subLeaf(4, 0, 0x1C004121)); // L1 data
    entries.push_back(subLeaf(4, 3, 0x1C03C163)); // L3
    entries.push_back(subLeaf(4, 4, 0));
    entries.push_back(leaf(0xA, 0x07300404, 0, 0, 0x603));
    entries.push_back(subLeaf(0xB, 0, 1));
    entries.push_back(leaf(0x40000000, 0x40000001, 0x4B4D564B, 0x564B4D56, 0x4D));
    entries.push_back(leaf(0x80000001, 0, 0, 0x11 << 24 | 1 << 23 | 0x123, 0));
    entries.push_back(leaf(0x80000002, 0x65746E49, 0x2952286C, 1, 2));
    entries.push_back(leaf(0x80000008, 0x3027, 0, 0x700F, 0));
    entries.push_back(subLeaf(0x8000001D, 3, 0x4163));
    entries.push_back(leaf(0x8000001E, 9, 9, 9, 0));
    return entries;
}
} // namespace

class CpuidTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void apicIdsFollowTheTopology() {
        CpuTopology even{2, 2, 2};
        for (uint32_t i = 0; i < even.cpuCount(); ++i)
            QCOMPARE(apicIdOf(even, i), i);
        CpuTopology odd{2, 3, 2}; // three cores take two bits
        const std::vector<uint32_t> expected{0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13};
        for (uint32_t i = 0; i < odd.cpuCount(); ++i)
            QCOMPARE(apicIdOf(odd, i), expected[i]);
        std::set<uint32_t> ids;
        CpuTopology large{3, 7, 3};
        for (uint32_t i = 0; i < large.cpuCount(); ++i)
            ids.insert(apicIdOf(large, i));
        QCOMPARE(ids.size(), size_t{large.cpuCount()});
    }

    void impossibleTopologiesAreRefused() {
        QVERIFY(checkTopology({1, 1, 1}));
        QVERIFY(!checkTopology({0, 1, 1}));
        QVERIFY(!checkTopology({1, 0, 1}));
        QVERIFY(!checkTopology({1, 1, 0}));
        QVERIFY(!checkTopology({65536, 65536, 65536}));
        QVERIFY(!checkTopology({0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}));
    }

    void featuresPassAndTheHypervisorBitIsSet() {
        auto guest = guestCpuid(host(Vendor::Intel), {.topology = {1, 4, 1}, .cpuIndex = 2});
        auto* features = findCpuid(guest, 1);
        QVERIFY(features);
        QVERIFY(features->ecx & 1u << 31);
        QVERIFY(!(features->ecx & 1u << 3));
        QVERIFY(!(features->ecx & 1u << 24)); // no TSC deadline timer
        QCOMPARE(features->ebx, 0x02040800u); // APIC id 2, four ids, CLFLUSH size kept
        QVERIFY(features->edx & 1u << 28);
        QCOMPARE(findCpuid(guest, 0x80000002)->eax, 0x65746E49u);
        QCOMPARE(findCpuid(guest, 0x40000000)->ebx, 0x4B4D564Bu);
        QCOMPARE(findCpuid(guest, 0xA)->eax, 0u);
        auto timer =
            guestCpuid(host(Vendor::Intel), {.topology = {1, 1, 1}, .tscDeadlineTimer = true});
        QVERIFY(findCpuid(timer, 1)->ecx & 1u << 24);
        QVERIFY(!(findCpuid(timer, 1)->edx & 1u << 28)); // alone in its package
    }

    void intelTopologyLeaves() {
        auto guest = guestCpuid(host(Vendor::Intel), {.topology = {2, 3, 2}, .cpuIndex = 7});
        for (uint32_t function : {0xBu, 0x1Fu}) {
            auto* threads = findCpuid(guest, function, 0);
            auto* cores = findCpuid(guest, function, 1);
            auto* end = findCpuid(guest, function, 2);
            QVERIFY(threads && cores && end);
            QCOMPARE(threads->eax, 1u);
            QCOMPARE(threads->ebx, 2u);
            QCOMPARE(threads->ecx, 0x100u);
            QCOMPARE(threads->edx, 9u);
            QCOMPARE(cores->eax, 3u);
            QCOMPARE(cores->ebx, 6u);
            QCOMPARE(cores->ecx, 0x201u);
            QCOMPARE(end->ecx, 2u);
        }
        QCOMPARE(findCpuid(guest, 4, 0)->eax, 3u << 26 | 1u << 14 | 0x121u);
        QCOMPARE(findCpuid(guest, 4, 3)->eax, 3u << 26 | 7u << 14 | 0x163u);
        QCOMPARE(findCpuid(guest, 4, 4)->eax, 0u);
    }

    void amdTopologyLeaves() {
        auto guest = guestCpuid(host(Vendor::Amd), {.topology = {2, 2, 2}, .cpuIndex = 6});
        QVERIFY(findCpuid(guest, 0x80000001)->ecx & 2);
        QVERIFY(!(findCpuid(guest, 0x80000001)->ecx & 1u << 23));
        QCOMPARE(findCpuid(guest, 0x80000008)->ecx, 0x2003u);
        QCOMPARE(findCpuid(guest, 0x8000001D, 3)->eax, 3u << 14 | 0x163u);
        auto* node = findCpuid(guest, 0x8000001E);
        QCOMPARE(node->eax, 6u);
        QCOMPARE(node->ebx, 0x101u); // core 1, two threads
        QCOMPARE(node->ecx, 1u);     // node 1
        QVERIFY(findCpuid(guest, 0xB, 1));
        QVERIFY(!findCpuid(guest, 0x1F));
    }
};

VIVARIUM_TEST(CpuidTest)
#include "cpuid_test.moc"
