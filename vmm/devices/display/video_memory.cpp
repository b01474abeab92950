#include "vmm/devices/display/video_memory.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace vivarium {

namespace {

constexpr uint64_t kPage = VideoMemory::kPageBytes;

// Enough to tell that a page changed; a guest that forges a collision fools only its own screen.
uint64_t digest(const uint8_t* page) {
    uint64_t sum = 0x9E3779B97F4A7C15;
    for (size_t i = 0; i < kPage; i += 8) {
        sum = (sum ^ loadLe<uint64_t>(page + i)) * 0xFF51AFD7ED558CCD;
        sum ^= sum >> 32;
    }
    return sum;
}

bool isZero(const uint8_t* page) {
    return page[0] == 0 && std::memcmp(page, page + 1, kPage - 1) == 0;
}

} // namespace

Result<VideoMemory> VideoMemory::create(uint64_t sizeBytes) {
    if (!std::has_single_bit(sizeBytes) || sizeBytes < kMinBytes || sizeBytes > kMaxBytes)
        return fail(ErrorCode::InvalidArgument,
                    "video memory must be a power of two from 1 to 256 MiB");
    return VideoMemory(TRY(SharedMapping::create("video-memory", sizeBytes)));
}

VideoMemory::VideoMemory(SharedMapping mapping)
    : m_mapping(std::move(mapping)), m_dirty(m_mapping.sizeBytes() / kPage / 64, ~uint64_t{0}) {}

void VideoMemory::zero(uint64_t offset, uint64_t length) {
    if (offset >= sizeBytes())
        return;
    length = std::min(length, sizeBytes() - offset);
    uint64_t firstPage = alignUp(offset, kPage);
    uint64_t endPage = alignDown(offset + length, kPage);
    if (firstPage < endPage &&
        ::madvise(data() + firstPage, endPage - firstPage, MADV_REMOVE) == 0) {
        std::memset(data() + offset, 0, firstPage - offset);
        std::memset(data() + endPage, 0, offset + length - endPage);
    } else {
        std::memset(data() + offset, 0, length);
    }
    markDirty(offset, length);
}

void VideoMemory::markDirty(uint64_t offset, uint64_t length) {
    if (offset >= sizeBytes() || length == 0)
        return;
    uint64_t last = (offset + std::min(length, sizeBytes() - offset) - 1) / kPage;
    for (uint64_t page = offset / kPage; page <= last; ++page)
        m_dirty[page / 64] |= uint64_t{1} << page % 64;
    m_anyDirty = true;
}

bool VideoMemory::isDirty(uint64_t offset, uint64_t length) const {
    if (offset >= sizeBytes() || length == 0)
        return false;
    uint64_t last = (offset + std::min(length, sizeBytes() - offset) - 1) / kPage;
    for (uint64_t page = offset / kPage; page <= last; ++page)
        if (m_dirty[page / 64] >> page % 64 & 1)
            return true;
    return false;
}

std::vector<VideoMemory::Range> VideoMemory::dirtyRanges(uint64_t offset, uint64_t length) const {
    std::vector<Range> ranges;
    if (!m_anyDirty || offset >= sizeBytes() || length == 0)
        return ranges;
    uint64_t end = offset + std::min(length, sizeBytes() - offset);
    for (uint64_t page = offset / kPage; page <= (end - 1) / kPage; ++page) {
        if (!(m_dirty[page / 64] >> page % 64 & 1))
            continue;
        uint64_t first = std::max(page * kPage, offset);
        uint64_t bytes = std::min((page + 1) * kPage, end) - first;
        if (!ranges.empty() && ranges.back().offset + ranges.back().length == first)
            ranges.back().length += bytes;
        else
            ranges.push_back({first, bytes});
    }
    return ranges;
}

void VideoMemory::clearDirty() {
    if (std::exchange(m_anyDirty, false))
        std::fill(m_dirty.begin(), m_dirty.end(), 0);
}

void VideoMemory::collectWritten(DirtyLog& log, GuestAddress base, uint64_t offset,
                                 uint64_t length) {
    if (!rangeFits(offset, length, sizeBytes()) || !log.fetchDirtyPages(base, length, m_written))
        return;
    for (size_t i = 0; i < m_written.size(); ++i)
        for (uint64_t bits = m_written[i]; bits != 0; bits &= bits - 1) {
            uint64_t page = i * 64 + static_cast<unsigned>(std::countr_zero(bits));
            if (page < length / kPage)
                markDirty(offset + page * kPage, kPage);
        }
}

void VideoMemory::collectChanged(uint64_t offset, uint64_t length) {
    if (offset >= sizeBytes() || length == 0)
        return;
    if (m_digests.empty())
        m_digests.resize(sizeBytes() / kPage);
    uint64_t last = (offset + std::min(length, sizeBytes() - offset) - 1) / kPage;
    for (uint64_t page = offset / kPage; page <= last; ++page) {
        uint64_t now = digest(data() + page * kPage);
        if (std::exchange(m_digests[page], now) != now)
            markDirty(page * kPage, kPage);
    }
}

// Pages the guest never touched are holes of the memfd; looking at them would allocate them.
void VideoMemory::save(StateWriter& writer) const {
    std::vector<uint8_t> page(kPage);
    off_t hole = 0;
    auto end = static_cast<off_t>(sizeBytes());
    while (hole < end) {
        off_t at = ::lseek(fd(), hole, SEEK_DATA);
        if (at < 0)
            break;
        hole = ::lseek(fd(), at, SEEK_HOLE);
        if (hole < 0)
            hole = end;
        for (; at < hole; at += static_cast<off_t>(kPage)) {
            const uint8_t* source = data() + at;
            if (isZero(source))
                continue;
            page.assign(source, source + kPage);
            writer.fields(static_cast<uint32_t>(static_cast<uint64_t>(at) / kPage), page);
        }
    }
    writer.fields(static_cast<uint32_t>(sizeBytes() / kPage)); // ends the list
}

Result<void> VideoMemory::restore(StateReader& reader) {
    zero(0, sizeBytes());
    markAllDirty();
    auto pageCount = static_cast<uint32_t>(sizeBytes() / kPage);
    std::vector<uint8_t> contents;
    for (;;) {
        uint32_t page = 0;
        TRY(reader.fields(page));
        if (page == pageCount)
            return {};
        TRY(reader.fields(contents));
        if (page > pageCount || contents.size() != kPage)
            return fail(ErrorCode::Corrupt, "saved state: video memory is malformed");
        std::copy(contents.begin(), contents.end(), data() + uint64_t{page} * kPage);
    }
}

} // namespace vivarium
