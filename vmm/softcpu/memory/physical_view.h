#pragma once

#include "vmm/base/guest_address.h"
#include "vmm/bus/memory_map.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace vivarium::softcpu {

// Why writes to a page must not bypass the slow path.
inline constexpr uint8_t kPageHasCode = 1 << 0; // translated code came from it
inline constexpr uint8_t kPageClean = 1 << 1;   // logged, and not written since the last fetch

// One 4 KiB page of directly mapped memory. `host` is null for device memory and for nothing.
struct PhysicalPage {
    uint8_t* host = nullptr; // of the page's first byte
    bool writable = false;   // ROM is not
    bool logged = false;     // a screen's: its device changes it, too, and tells nobody
    std::atomic<uint8_t>* flags = nullptr;
};

// The guest-physical memory that CPUs reach directly, mirrored from the memory map, with a byte of
// flags a page. Lookups come from all vCPU threads; add() and remove() only while every vCPU is
// gated out, followed by a flush of every TLB. Flags may be changed at any time by any thread.
class PhysicalView {
public:
    void add(const DirectSection& section);
    void remove(const DirectSection& section);

    PhysicalPage find(GuestAddress address) const;
    // Host pointer of [address, address + sizeBytes), which must lie in one page; null: not direct.
    uint8_t* host(GuestAddress address, unsigned sizeBytes) const;

    // Sets and clears kPageHasCode. After setting it, TLB entries for writes to the page may still
    // exist: flush them on every vCPU before reading code from the page.
    void setCode(GuestAddress page);
    void clearCode(GuestAddress page);
    bool hasCode(GuestAddress page) const;

    // DirtyLog::fetchDirtyPages without the flush: the caller flushes the write entries of every
    // TLB, and waits for it, before it reads the pages.
    bool fetchDirtyPages(GuestAddress base, uint64_t sizeBytes, std::vector<uint64_t>& pages);

private:
    struct Section {
        DirectSection direct;
        std::unique_ptr<std::atomic<uint8_t>[]> flags; // one a page, zero: no restriction
    };
    const Section* findSection(GuestAddress address) const;
    std::vector<Section> m_sections; // ascending, not overlapping
};

} // namespace vivarium::softcpu
