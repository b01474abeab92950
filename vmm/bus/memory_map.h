#pragma once

#include "vmm/base/bytes.h"
#include "vmm/base/guest_address.h"
#include "vmm/base/result.h"
#include "vmm/bus/device_lock.h"
#include "vmm/bus/io_handler.h"

#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

namespace vivarium {



// What backs a piece of the guest-physical address space.
enum class MemoryKind {
    Ram,  // read and written directly in `host`
    Rom,  // read directly in `host`; writes go to the handler, if any
    Mmio, // every access goes to the handler
};

// A region as a device declares it. Where regions overlap, the higher priority wins page by page;
// between equal priorities the one mapped first.
struct MemoryRegion {
    std::string name;
    GuestAddress base = 0;   // 4 KiB aligned for Ram and Rom
    uint64_t sizeBytes = 0;  // > 0; whole 4 KiB pages for Ram and Rom
    MemoryKind kind = MemoryKind::Mmio;
    uint8_t* host = nullptr; // Ram and Rom: borrowed, outlives the mapping
    IoHandler handler{};     // Mmio, and writes to Rom
    int priority = 0;        // guest RAM and ROM 0, chipset windows 10, PCI BARs 20
    enum class DirtyLog { Off, On } dirtyLog = DirtyLog::Off;
};

// A contiguous piece of directly accessible memory in the resolved map: a CPU's memory slot.
struct DirectSection {
    GuestAddress base;
    uint64_t sizeBytes;
    uint8_t* host;
    enum class Access { ReadWrite, ReadOnly } access;
    MemoryRegion::DirtyLog dirtyLog;
    bool operator==(const DirectSection&) const = default;
};

// Whoever runs the CPUs (KVM slots, software TLB) mirrors direct memory through this. Called with
// the map's mutex held: no call back into the map. Removals come before additions.
class DirectMemoryListener {
public:
    virtual ~DirectMemoryListener() = default;
    // Around the calls of one change that removes or replaces memory: no CPU may see it half done
    // (it would fetch instructions or page tables from nowhere).
    virtual void changeBegins() {}
    virtual void changeEnds() {}
    virtual void sectionRemoved(const DirectSection& section) = 0;
    virtual void sectionAdded(const DirectSection& section) = 0;
};

class MemoryMap;

// A mapped region; unmapped when it goes. Movable.
class MemoryMapping {
public:
    MemoryMapping() = default;
    MemoryMapping(MemoryMapping&& other) noexcept;
    MemoryMapping& operator=(MemoryMapping&& other) noexcept;
    ~MemoryMapping() { reset(); }
    bool mapped() const { return m_map != nullptr; }
    void reset();

private:
    friend class MemoryMap;
    MemoryMapping(MemoryMap& map, uint64_t id) : m_map(&map), m_id(id) {}
    MemoryMap* m_map = nullptr;
    uint64_t m_id = 0;
};

// The guest-physical address space: resolves overlapping regions into a flat list, dispatches
// accesses, and keeps the CPU's direct view in step. `read` and `write` are for any thread;
// `map` and unmapping happen while building or in a handler.
class MemoryMap {
public:
    explicit MemoryMap(DeviceLock& deviceLock) : m_deviceLock(deviceLock) {}

    // Errors: InvalidArgument (alignment, overflow, missing host or handler).
    Result<MemoryMapping> map(MemoryRegion region);

    // Tells `listener` all present sections, then every change. One listener; null detaches.
    void setListener(DirectMemoryListener* listener);

    // Groups changes (PAM, BAR moves) so that they are resolved once, when the last batch ends.
    class Batch {
    public:
        explicit Batch(MemoryMap& map);
        ~Batch();
        Batch(const Batch&) = delete;
        Batch& operator=(const Batch&) = delete;

    private:
        MemoryMap& m_map;
    };

    // An access of any length as the CPU would make it: direct memory is copied, MMIO is called
    // in naturally aligned pieces of up to 8 bytes, nothing there reads 0xFF.
    void read(GuestAddress address, ByteSpan out);
    void write(GuestAddress address, ConstByteSpan in);

    // The resolved direct sections, ascending (tests, snapshots).
    std::vector<DirectSection> directSections() const;

private:
    friend class MemoryMapping;
    struct Entry {
        uint64_t id;
        MemoryRegion region;
    };
    struct FlatRange { // non-overlapping, ascending
        GuestAddress base;
        uint64_t sizeBytes;
        uint64_t offset; // of `base` in its region
        const MemoryRegion* region;
    };
    struct Access { // what one step of a dispatch needs, copied out of the lock
        MemoryKind kind;
        IoHandler handler;
        uint64_t offset;
        uint8_t* host;
        uint64_t lengthBytes;
        bool found;
    };
    Access resolve(GuestAddress address, uint64_t maxBytes) const;
    void unmap(uint64_t id);
    void changedLocked();
    void rebuildLocked();

    DeviceLock& m_deviceLock;
    mutable std::shared_mutex m_mutex; // guards everything below
    std::vector<std::unique_ptr<Entry>> m_entries; // in order of mapping
    std::vector<FlatRange> m_flat;
    std::vector<DirectSection> m_sections;
    DirectMemoryListener* m_listener = nullptr;
    uint64_t m_nextId = 1;
    int m_batchDepth = 0;
    bool m_batchChanged = false;
};

} // namespace vivarium
