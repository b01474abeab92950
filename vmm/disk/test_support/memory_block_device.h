#pragma once

#include "vmm/base/thread_annotations.h"
#include "vmm/disk/block_device.h"

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

namespace vivarium {

// A disk in memory whose requests wait until the test lets them finish, in any order it likes.
// Thread: the test's.
class MemoryBlockDevice final : public BlockDevice {
public:
    enum class Access { ReadWrite, ReadOnly };
    explicit MemoryBlockDevice(uint64_t sizeBytes, Access access = Access::ReadWrite)
        : m_bytes(sizeBytes), m_access(access) {}
    ~MemoryBlockDevice() override { drain(); }

    uint64_t sizeBytes() const override { return m_bytes.size(); }
    bool readOnly() const override { return m_access == Access::ReadOnly; }
    void submit(BlockRequest request) override {
        m_kinds.push_back(request.kind);
        m_waiting.push_back(std::move(request));
    }
    void drain() override {
        while (!m_waiting.empty())
            complete(0);
    }

    std::vector<uint8_t>& bytes() { return m_bytes; }
    size_t waiting() const { return m_waiting.size(); }
    const BlockRequest& request(size_t index) const { return m_waiting[index]; }
    // Carries out waiting request `index` (0 = oldest) and completes it; or fails it.
    void complete(size_t index);
    void fail(size_t index, int errorNumber);
    // Kinds of all requests so far, in order of submission.
    const std::vector<BlockRequest::Kind>& history() const { return m_kinds; }

private:
    BlockRequest take(size_t index);
    int perform(const BlockRequest& request);

    std::vector<uint8_t> m_bytes;
    Access m_access;
    std::deque<BlockRequest> m_waiting;
    std::vector<BlockRequest::Kind> m_kinds;
};

} // namespace vivarium
