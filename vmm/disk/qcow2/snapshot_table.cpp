#include "vmm/disk/qcow2/snapshot_table.h"

namespace vivarium::qcow2 {

Result<SnapshotTable> parseSnapshotTable(ConstByteSpan bytes, uint32_t count) {
    constexpr size_t kFixedBytes = 40;
    const Error cutOff =
        fail(ErrorCode::Corrupt, "the qcow2 image is damaged: the snapshot table is cut off");
    SnapshotTable table;
    size_t at = 0;
    for (uint32_t i = 0; i < count; ++i) {
        at = alignUp(at, 8);
        if (!rangeFits(at, kFixedBytes, bytes.size()))
            return cutOff;
        const uint8_t* entry = &bytes[at];
        Snapshot snapshot;
        snapshot.l1Offset = loadBe<uint64_t>(entry);
        snapshot.l1Entries = loadBe<uint32_t>(entry + 8);
        const uint16_t idBytes = loadBe<uint16_t>(entry + 12);
        const uint16_t nameBytes = loadBe<uint16_t>(entry + 14);
        snapshot.dateSeconds = loadBe<uint32_t>(entry + 16);
        snapshot.dateNanoseconds = loadBe<uint32_t>(entry + 20);
        snapshot.guestNanoseconds = loadBe<uint64_t>(entry + 24);
        snapshot.stateBytes = loadBe<uint32_t>(entry + 32);
        const uint32_t extraBytes = loadBe<uint32_t>(entry + 36);
        if (extraBytes > kMaxSnapshotExtraBytes)
            return fail(ErrorCode::LimitExceeded, "the qcow2 image has an overlong snapshot entry");
        at += kFixedBytes;
        if (!rangeFits(at, uint64_t{extraBytes} + idBytes + nameBytes, bytes.size()))
            return cutOff;
        if (extraBytes >= 8)
            snapshot.stateBytes = loadBe<uint64_t>(&bytes[at]);
        if (extraBytes >= 16)
            snapshot.diskBytes = loadBe<uint64_t>(&bytes[at + 8]);
        at += extraBytes;
        snapshot.id.assign(reinterpret_cast<const char*>(bytes.data() + at), idBytes);
        at += idBytes;
        snapshot.name.assign(reinterpret_cast<const char*>(bytes.data() + at), nameBytes);
        at += nameBytes;
        if (at > kMaxSnapshotTableBytes)
            return fail(ErrorCode::LimitExceeded, "the qcow2 image's snapshot table is too large");
        table.snapshots.push_back(std::move(snapshot));
    }
    table.bytes = alignUp(at, 8);
    return table;
}

} // namespace vivarium::qcow2
