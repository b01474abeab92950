#pragma once

#include "vmm/disk/io/async_sync.h"
#include "vmm/disk/qcow2/header.h"
#include "vmm/disk/qcow2/metadata_map.h"

#include <string>

namespace vivarium::qcow2 {

// What the parts of one open image share. Lives on its loop's thread.
struct ImageContext {
    ImageContext(IoLoop& ioLoop, AsyncFile& imageFile, Header imageHeader)
        : loop(ioLoop), file(imageFile), header(std::move(imageHeader)) {}

    IoLoop& loop;
    AsyncFile& file;
    Header header;
    MetadataMap metadata;   // filled only when writable
    bool writable = false;  // false too after damage was found
    bool repairing = false; // refcounts are not to be trusted
    std::string damage;     // what was found damaged; empty: nothing
    // Whole clusters from here on have never been written: they read as zeroes.
    uint64_t fileEndBytes = 0;
    uint64_t completedWrites = 0; // to the file; compared with what the last sync covered
    uint64_t syncedWrites = 0;
    bool syncFailed = false;

    uint64_t clusterBytes() const { return header.clusterBytes(); }
    uint64_t clusterOf(uint64_t offset) const { return offset >> header.clusterBits; }
    uint64_t offsetInCluster(uint64_t offset) const { return offset & (clusterBytes() - 1); }

    // Notes damage in the image: no write happens after it, and the file says so (version 3,
    // corrupt bit). Yields EIO.
    Task<int> reportDamage(const char* what, uint64_t offset);
    // Writes metadata after the overlap check: every byte must belong to `kind`. Copies `data`
    // before it waits.
    Task<int> writeMetadata(MetadataKind kind, uint64_t offset, const void* data, size_t bytes);
    // Makes completed writes durable; free when there were none. After one failure every later call
    // fails: the kernel has dropped the dirty pages, so a later success would be a lie.
    Task<int> sync();
    // Writes the header's fixed fields and extensions; durable when it is over.
    Task<int> writeHeader();
    // Writes the feature bits alone.
    Task<int> writeFeatures();
    // Records another backing file, durably; errno.
    Task<int> writeBacking(std::string name, std::string format);
    // Zeroes on the medium in [offset, offset + length), by the cheapest way the file offers.
    Task<int> writeZeroes(uint64_t offset, uint64_t length);
};

} // namespace vivarium::qcow2
