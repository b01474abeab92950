#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

namespace vivarium::qcow2 {

enum class MetadataKind : uint8_t {
    Header,
    RefcountTable,
    RefcountBlock,
    ActiveL1,
    ActiveL2,
    SnapshotTable,
    SnapshotL1,
};

// Which host clusters hold metadata. Guest data and metadata of another kind must never be written
// there, whatever a damaged or hostile image says.
class MetadataMap {
public:
    // False: a cluster is taken by something else already (or twice by the same); the rest is
    // added.
    bool add(MetadataKind kind, uint64_t firstCluster, uint64_t count) {
        bool unique = true;
        for (uint64_t i = 0; i < count; ++i)
            unique = m_kinds.emplace(firstCluster + i, kind).second && unique;
        return unique;
    }
    void remove(uint64_t firstCluster, uint64_t count) {
        for (uint64_t i = 0; i < count; ++i)
            m_kinds.erase(firstCluster + i);
    }
    bool intersects(uint64_t firstCluster, uint64_t count) const {
        for (uint64_t i = 0; i < count; ++i)
            if (m_kinds.contains(firstCluster + i))
                return true;
        return false;
    }
    bool isAll(MetadataKind kind, uint64_t firstCluster, uint64_t count) const {
        for (uint64_t i = 0; i < count; ++i) {
            auto found = m_kinds.find(firstCluster + i);
            if (found == m_kinds.end() || found->second != kind)
                return false;
        }
        return true;
    }

private:
    std::unordered_map<uint64_t, MetadataKind> m_kinds;
};

} // namespace vivarium::qcow2
