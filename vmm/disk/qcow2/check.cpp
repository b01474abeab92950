#include "vmm/disk/qcow2/check.h"

#include "vmm/base/log.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <unordered_map>

namespace vivarium::qcow2 {

namespace {

constexpr size_t kMaxFindings = 100;

// How often each cluster is used; memory only for the parts of the file that are.
class UseCounter {
public:
    void add(uint64_t cluster) {
        auto& page = m_pages[cluster / kPage];
        if (!page)
            page = std::make_unique<std::array<uint32_t, kPage>>();
        ++(*page)[cluster % kPage];
        m_end = std::max(m_end, cluster + 1);
    }
    uint32_t count(uint64_t cluster) const {
        auto found = m_pages.find(cluster / kPage);
        return found == m_pages.end() ? 0 : (*found->second)[cluster % kPage];
    }
    uint64_t end() const { return m_end; }
    std::vector<uint64_t> pages() const {
        std::vector<uint64_t> out;
        for (const auto& [index, page] : m_pages)
            out.push_back(index);
        std::sort(out.begin(), out.end());
        return out;
    }
    static constexpr uint64_t kPage = 1024;

private:
    std::unordered_map<uint64_t, std::unique_ptr<std::array<uint32_t, kPage>>> m_pages;
    uint64_t m_end = 0;
};

class Checker {
public:
    Checker(Image& image, Repair repair, const JobProgress* progress)
        : m_image(image), m_context(image.context()), m_repair(repair), m_progress(progress) {}

    Task<Result<CheckReport>> run();

private:
    enum class Table { Active, Snapshot };
    void useTables();
    void useRange(uint64_t offset, uint64_t bytes, const char* what);
    void corruption(const char* what, uint64_t offset);
    bool inside(uint64_t offset, uint64_t bytes) const {
        return rangeFits(offset, bytes, alignUp(m_context.fileEndBytes, m_context.clusterBytes()));
    }
    bool goOn(); // false: cancelled
    Task<int> walkL1(std::vector<uint64_t> l1, Table table);
    void walkL2(const uint8_t* bytes, Table table);
    void useRefcountBlocks();
    Task<int> compareRefcounts();
    Task<int> compareCluster(uint64_t cluster);
    Task<int> checkCopied();
    Task<int> finishRepair();

    Image& m_image;
    ImageContext& m_context;
    Repair m_repair;
    const JobProgress* m_progress;
    CheckReport m_report;
    UseCounter m_uses;
    uint64_t m_lastData = 0;
    uint64_t m_done = 0;
    uint64_t m_total = 1;
    bool m_refcountsBroken = false;
    bool m_tablesBroken = false;
};

void Checker::corruption(const char* what, uint64_t offset) {
    ++m_report.corruptions;
    if (m_report.findings.size() < kMaxFindings)
        m_report.findings.push_back(
            formatText("%s at %#llx", what, static_cast<unsigned long long>(offset)));
}

bool Checker::goOn() {
    return !m_progress || !*m_progress || (*m_progress)(std::min(m_done, m_total), m_total);
}

void Checker::useRange(uint64_t offset, uint64_t bytes, const char* what) {
    if (bytes == 0)
        return;
    if (!inside(offset, bytes)) {
        corruption(what, offset);
        return;
    }
    const uint64_t last = m_context.clusterOf(offset + bytes - 1);
    for (uint64_t cluster = m_context.clusterOf(offset); cluster <= last; ++cluster)
        m_uses.add(cluster);
}

void Checker::useTables() {
    const Header& header = m_context.header;
    useRange(0, header.clusterBytes(), "the header");
    useRange(header.l1Offset, uint64_t{header.l1Entries} * 8, "the L1 table");
    useRange(header.refcountTableOffset,
             uint64_t{header.refcountTableClusters} << header.clusterBits, "the refcount table");
    if (header.snapshotCount > 0)
        useRange(header.snapshotsOffset, m_image.snapshotTable().bytes, "the snapshot table");
    for (const Snapshot& snapshot : m_image.snapshots())
        useRange(snapshot.l1Offset, uint64_t{snapshot.l1Entries} * 8, "a snapshot's L1 table");
}

void Checker::useRefcountBlocks() {
    const std::vector<uint64_t>& table = m_image.refcounts().table();
    for (uint64_t i = 0; i < table.size(); ++i) {
        const uint64_t block = table[i] & kRefcountOffsetMask;
        if (block == 0)
            continue;
        const bool taken = m_uses.count(m_context.clusterOf(block)) > 0;
        if (m_context.offsetInCluster(block) == 0 && inside(block, 1) && !taken) {
            m_uses.add(m_context.clusterOf(block));
            continue;
        }
        corruption("a misplaced refcount block", block);
        m_refcountsBroken = true;
        if (m_repair == Repair::All) {
            m_image.refcounts().dropBlock(i);
            ++m_report.corruptionsFixed;
            m_refcountsBroken = false;
        }
    }
}

void Checker::walkL2(const uint8_t* bytes, Table table) {
    ClusterMap& map = m_image.map();
    const uint64_t entries = m_context.header.l2Entries();
    for (uint64_t i = 0; i < entries; ++i) {
        const uint64_t entry = loadBe<uint64_t>(bytes + i * 8);
        if (entry == 0)
            continue;
        if (!map.isValid(entry)) {
            corruption("an L2 entry that is not valid,", entry);
            m_tablesBroken = true;
            continue;
        }
        const ClusterEntry cluster = map.decode(entry);
        if (cluster.hostOffset == 0)
            continue;
        if (cluster.kind == ClusterEntry::Kind::Compressed) {
            // Sectors after the end of the file are allowed: the last one is not always whole.
            useRange(cluster.hostOffset, cluster.packedBytes, "a misplaced compressed cluster");
            if (table == Table::Active) {
                ++m_report.allocatedClusters;
                ++m_report.compressedClusters;
                ++m_report.fragmentedClusters;
            }
            continue;
        }
        useRange(cluster.hostOffset, 1, "a misplaced data cluster");
        if (table == Table::Active && cluster.kind == ClusterEntry::Kind::Data) {
            ++m_report.allocatedClusters;
            if (m_lastData != 0 && cluster.hostOffset != m_lastData + m_context.clusterBytes())
                ++m_report.fragmentedClusters;
            m_lastData = cluster.hostOffset;
        }
    }
}

Task<int> Checker::walkL1(std::vector<uint64_t> l1, Table table) {
    const uint64_t clusterBytes = m_context.clusterBytes();
    OwnedBytes bytes = allocateBytes(clusterBytes);
    for (uint64_t entry : l1) {
        ++m_done;
        const uint64_t offset = entry & kOffsetMask;
        if (offset == 0)
            continue;
        if (m_context.offsetInCluster(offset) != 0 || !inside(offset, clusterBytes)) {
            corruption("a misplaced L2 table", offset);
            m_tablesBroken = true;
            continue;
        }
        m_uses.add(m_context.clusterOf(offset));
        int error = co_await m_context.file.read(offset, bytes.get(), clusterBytes);
        if (error != 0)
            co_return error;
        walkL2(bytes.get(), table);
        if (!goOn())
            co_return ECANCELED;
    }
    co_return 0;
}

Task<int> Checker::compareCluster(uint64_t cluster) {
    const uint64_t expected = m_uses.count(cluster);
    Refcounts::Value actual = co_await m_image.refcounts().get(cluster);
    if (actual.error != 0)
        co_return actual.error;
    if (actual.count == expected)
        co_return 0;
    const bool leak = actual.count > expected;
    if (leak) {
        ++m_report.leaks;
        if (m_report.findings.size() < kMaxFindings)
            m_report.findings.push_back(
                formatText("cluster %llu is counted %llu times and used %llu times",
                           static_cast<unsigned long long>(cluster),
                           static_cast<unsigned long long>(actual.count),
                           static_cast<unsigned long long>(expected)));
    } else {
        corruption("a refcount that is too low", cluster << m_context.header.clusterBits);
    }
    if (m_repair == Repair::None || (m_repair == Repair::Leaks && !leak))
        co_return 0;
    int error = co_await m_image.refcounts().set(cluster, expected);
    if (error == 0)
        ++(leak ? m_report.leaksFixed : m_report.corruptionsFixed);
    if (error == 0 && m_image.refcounts().tooManyDirty())
        error = co_await m_image.refcounts().writeBack();
    co_return error;
}

Task<int> Checker::compareRefcounts() {
    // Everything that is used, then everything that is counted: both are bounded by the file.
    for (uint64_t page : m_uses.pages())
        for (uint64_t i = 0; i < UseCounter::kPage; ++i) {
            const uint64_t cluster = page * UseCounter::kPage + i;
            if (m_uses.count(cluster) == 0)
                continue;
            int error = co_await compareCluster(cluster);
            if (error != 0)
                co_return error;
        }
    // Repair adds blocks at the end of the table's range; those are right by themselves.
    const std::vector<uint64_t> table = m_image.refcounts().table();
    const uint64_t entries = m_image.refcounts().blockEntries();
    for (uint64_t block = 0; block < table.size(); ++block) {
        if ((table[block] & kRefcountOffsetMask) == 0)
            continue;
        for (uint64_t i = 0; i < entries; ++i) {
            const uint64_t cluster = block * entries + i;
            if (m_uses.count(cluster) != 0)
                continue;
            Refcounts::Value value = co_await m_image.refcounts().get(cluster);
            if (value.error != 0)
                co_return value.error;
            if (value.count == 0 ||
                (m_repair == Repair::All && m_context.metadata.intersects(cluster, 1)))
                continue; // a block or table that the repair itself made
            int error = co_await compareCluster(cluster);
            if (error != 0)
                co_return error;
        }
        if (!goOn())
            co_return ECANCELED;
    }
    co_return 0;
}

// Bit 63 of the active tables says "refcount is exactly one".
Task<int> Checker::checkCopied() {
    ClusterMap& map = m_image.map();
    Refcounts& refcounts = m_image.refcounts();
    const uint64_t tableEntries = m_context.header.l2Entries();
    const std::vector<uint64_t> l1 = map.l1();
    std::vector<uint64_t> entries;
    for (uint64_t i = 0; i < l1.size(); ++i) {
        const uint64_t offset = l1[i] & kOffsetMask;
        if (offset == 0 || m_context.offsetInCluster(offset) != 0 || !inside(offset, 1))
            continue;
        Refcounts::Value table = co_await refcounts.get(m_context.clusterOf(offset));
        if (table.error != 0)
            co_return table.error;
        const uint64_t right = (l1[i] & ~kCopied) | (table.count == 1 ? kCopied : 0);
        if (right != l1[i]) {
            corruption("a wrong copied flag of the L2 table", offset);
            if (m_repair == Repair::All) {
                map.setL1(i, right);
                ++m_report.corruptionsFixed;
            }
        }
        for (uint64_t first = i * tableEntries; first < (i + 1) * tableEntries;) {
            const uint64_t count = map.clustersLeftInSlice(first);
            entries.resize(count);
            int error = co_await map.entries(first, entries.data(), count);
            if (error != 0)
                co_return error;
            bool changed = false;
            for (uint64_t& entry : entries) {
                const ClusterEntry cluster = map.decode(entry);
                if (entry == 0 || !inside(cluster.hostOffset, 1))
                    continue;
                uint64_t count1 = 0;
                if (cluster.kind != ClusterEntry::Kind::Compressed && cluster.hostOffset != 0) {
                    Refcounts::Value value =
                        co_await refcounts.get(m_context.clusterOf(cluster.hostOffset));
                    if (value.error != 0)
                        co_return value.error;
                    count1 = value.count;
                }
                const uint64_t fixed = (entry & ~kCopied) | (count1 == 1 ? kCopied : 0);
                if (fixed == entry)
                    continue;
                corruption("a wrong copied flag of the data cluster", cluster.hostOffset);
                if (m_repair == Repair::All)
                    ++m_report.corruptionsFixed;
                entry = fixed;
                changed = true;
            }
            if (changed && m_repair == Repair::All && table.count == 1) {
                error = co_await map.store(first, entries.data(), count);
                if (error != 0)
                    co_return error;
            }
            first += count;
        }
    }
    co_return 0;
}

Task<int> Checker::finishRepair() {
    int error = co_await m_image.close();
    if (error != 0)
        co_return error;
    Header& header = m_context.header;
    if (m_repair == Repair::All && m_report.corruptions == m_report.corruptionsFixed &&
        (header.incompatible & (kDirty | kCorrupt)) != 0) {
        header.incompatible &= ~(kDirty | kCorrupt);
        error = co_await m_context.writeFeatures();
    }
    co_return error;
}

Task<Result<CheckReport>> Checker::run() {
    auto failed = [&](int error) -> Result<CheckReport> {
        if (error == ECANCELED)
            return fail(ErrorCode::Cancelled, "the check was cancelled");
        if (!m_context.damage.empty())
            return fail(ErrorCode::Corrupt,
                        "the qcow2 image is damaged beyond repair: " + m_context.damage);
        return systemError(error, "check disk image");
    };
    if (m_context.header.autoclear & kBitmaps)
        co_return fail(ErrorCode::Unsupported, "the qcow2 image contains persistent bitmaps");
    int error = 0;
    if (m_context.writable && !m_context.repairing)
        error = co_await m_image.close();
    if (error != 0)
        co_return failed(error);
    const Header& header = m_context.header;
    m_total = m_image.map().l1().size();
    for (const Snapshot& snapshot : m_image.snapshots())
        m_total += snapshot.l1Entries;
    m_total = std::max<uint64_t>(m_total, 1);
    m_report.totalClusters =
        (m_image.diskBytes() + header.clusterBytes() - 1) >> header.clusterBits;
    useTables();
    error = co_await walkL1(m_image.map().l1(), Table::Active);
    for (const Snapshot& snapshot : m_image.snapshots()) {
        if (error != 0)
            break;
        if (!inside(snapshot.l1Offset, uint64_t{snapshot.l1Entries} * 8))
            continue; // reported by useTables()
        std::vector<uint64_t> l1(snapshot.l1Entries);
        error = co_await m_context.file.read(snapshot.l1Offset, l1.data(), l1.size() * 8);
        for (uint64_t& entry : l1)
            entry = byteSwap(entry);
        if (error == 0)
            error = co_await walkL1(std::move(l1), Table::Snapshot);
    }
    if (error != 0)
        co_return failed(error);
    useRefcountBlocks();
    m_report.imageEndBytes = m_uses.end() << header.clusterBits;
    if (!m_refcountsBroken) {
        error = co_await compareRefcounts();
        if (error == 0 && !m_tablesBroken)
            error = co_await checkCopied();
    }
    if (error == 0 && m_repair != Repair::None)
        error = co_await finishRepair();
    if (error != 0)
        co_return failed(error);
    co_return std::move(m_report);
}

} // namespace

Task<Result<CheckReport>> checkImage(Image& image, Repair repair, const JobProgress* progress) {
    Checker checker(image, repair, progress);
    Result<CheckReport> report = co_await checker.run();
    co_return std::move(report);
}

} // namespace vivarium::qcow2
