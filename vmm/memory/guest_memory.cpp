#include "vmm/memory/guest_memory.h"

#include <algorithm>

namespace vivarium {

namespace {
constexpr uint64_t kMiB = 1024 * 1024;
constexpr uint64_t kMaxRamBytes = uint64_t{16} << 40;
constexpr GuestAddress kHighRamBase = GuestAddress{4} << 30;
} // namespace

Result<GuestMemory> GuestMemory::create(uint64_t sizeBytes, GuestAddress lowEnd) {
    if (sizeBytes < kMiB || sizeBytes > kMaxRamBytes || sizeBytes % kMiB != 0)
        return fail(ErrorCode::InvalidArgument,
                    "guest memory must be whole MiB between 1 MiB and 16 TiB");
    if (lowEnd < kMiB || lowEnd > kHighRamBase || lowEnd % kMiB != 0)
        return fail(ErrorCode::InvalidArgument,
                    "the end of low guest memory must be whole MiB up to 4 GiB");
    auto mapping = TRY(PrivateMapping::create(sizeBytes));
    std::vector<RamRange> ranges{{0, std::min(sizeBytes, lowEnd), 0}};
    if (sizeBytes > lowEnd)
        ranges.push_back({kHighRamBase, sizeBytes - lowEnd, lowEnd});
    return GuestMemory(std::move(mapping), std::move(ranges));
}

std::optional<ByteSpan> GuestMemory::view(GuestAddress address, uint64_t length) const {
    for (const RamRange& range : m_ranges)
        if (address >= range.base && rangeFits(address - range.base, length, range.sizeBytes))
            return ByteSpan(m_mapping.data() + range.offsetBytes + (address - range.base), length);
    return std::nullopt;
}

bool GuestMemory::read(GuestAddress address, ByteSpan out) const {
    auto source = view(address, out.size());
    if (!source)
        return false;
    std::copy(source->begin(), source->end(), out.begin());
    return true;
}

bool GuestMemory::write(GuestAddress address, ConstByteSpan in) const {
    auto target = view(address, in.size());
    if (!target)
        return false;
    std::copy(in.begin(), in.end(), target->begin());
    written();
    return true;
}

} // namespace vivarium
