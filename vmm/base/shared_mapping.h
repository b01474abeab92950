#pragma once

#include "vmm/base/bytes.h"
#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

#include <string>

namespace vivarium {

// Page-aligned zeroed memory in a memfd that other processes can map: guest RAM, video memory,
// scanouts. The memfd is sealed against resizing, so a reader of it can never fault.
class SharedMapping {
public:
    // `sizeBytes` > 0 is rounded up to whole pages. Errors: LimitExceeded, NoSpace.
    static Result<SharedMapping> create(const std::string& name, uint64_t sizeBytes);

    SharedMapping() = default;
    SharedMapping(SharedMapping&& other) noexcept;
    SharedMapping& operator=(SharedMapping&& other) noexcept;
    ~SharedMapping();

    uint8_t* data() const { return m_data; }
    uint64_t sizeBytes() const { return m_sizeBytes; }
    ByteSpan bytes() const { return {m_data, static_cast<size_t>(m_sizeBytes)}; }
    int fd() const { return m_fd.get(); }

private:
    SharedMapping(UniqueFd fd, uint8_t* data, uint64_t sizeBytes)
        : m_fd(std::move(fd)), m_data(data), m_sizeBytes(sizeBytes) {}

    UniqueFd m_fd;
    uint8_t* m_data = nullptr;
    uint64_t m_sizeBytes = 0;
};

} // namespace vivarium
