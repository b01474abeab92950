#include "vmm/devices/chipset/firmware_rom.h"

#include <algorithm>

namespace vivarium {

namespace {
constexpr uint64_t kBlockBytes = 64 << 10;
constexpr GuestAddress kEnd = GuestAddress{1} << 32;
} // namespace

Result<FirmwareRom> FirmwareRom::create(MemoryMap& memoryMap, ConstByteSpan image) {
    if (image.empty() || image.size() > kMaxBytes || image.size() % kBlockBytes != 0)
        return fail(ErrorCode::InvalidArgument,
                    "firmware image: " + std::to_string(image.size()) +
                        " bytes are not a multiple of 64 KiB up to 16 MiB");
    uint64_t sizeBytes = std::max<uint64_t>(image.size(), kTailBytes);
    auto memory = TRY(SharedMapping::create("firmware", sizeBytes));
    // A 64 KiB image answers in both halves of the tail, as a small chip on the bus does.
    for (uint64_t end = sizeBytes; end >= image.size(); end -= image.size())
        std::copy(image.begin(), image.end(), memory.data() + end - image.size());
    MemoryRegion region;
    region.name = "firmware";
    region.base = kEnd - sizeBytes;
    region.sizeBytes = sizeBytes;
    region.kind = MemoryKind::Rom;
    region.host = memory.data();
    auto mapping = TRY(memoryMap.map(std::move(region)));
    return FirmwareRom(std::move(memory), std::move(mapping));
}

ByteSpan FirmwareRom::tail() const {
    return m_memory.bytes().last(kTailBytes);
}

} // namespace vivarium
