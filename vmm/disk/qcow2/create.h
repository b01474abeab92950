#pragma once

#include "vmm/disk/io/io_loop.h"
#include "vmm/disk/qcow2/format.h"

#include <string>

namespace vivarium::qcow2 {

enum class Preallocation {
    Off,
    Metadata, // every cluster is mapped, none is stored
    Falloc,   // the file system has promised the space
    Full,     // the space is written with zeroes
};

struct CreateOptions {
    uint64_t diskBytes = 0;                      // a multiple of 512
    uint32_t clusterBytes = 65536;               // a power of two, 512..2 MiB
    unsigned version = 3;                        // 2 or 3
    unsigned refcountBits = 16;                  // 1, 2, 4 .. 64; version 2: 16
    Compression compression = Compression::Zlib; // zstd: version 3
    enum class LazyRefcounts { Off, On };
    LazyRefcounts lazyRefcounts = LazyRefcounts::Off; // version 3
    Preallocation preallocation = Preallocation::Off;
    std::string backingName;   // recorded only; "" for none
    std::string backingFormat; // "raw" or "qcow2"
};

// Makes an image of an open file, whose contents are lost; durable when it is over. Errors:
// InvalidArgument for options that do not go together, LimitExceeded (disk too large for the
// cluster size), NoSpace and other host errors.
Task<Result<void>> createImage(IoLoop& loop, AsyncFile& file, CreateOptions options);

} // namespace vivarium::qcow2
