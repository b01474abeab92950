#pragma once

#include "vmm/disk/block_device.h"

#include <cerrno>
#include <cstdint>
#include <future>
#include <memory>
#include <vector>

namespace vivarium {

// Submits one request and waits for it; the errno it completed with.
inline int runRequest(BlockDevice& device, BlockRequest request) {
    auto result = std::make_shared<std::promise<int>>();
    std::future<int> future = result->get_future();
    request.completed = [result](int errorNumber) { result->set_value(errorNumber); };
    device.submit(std::move(request));
    return future.get();
}

inline int readBytes(BlockDevice& device, uint64_t offsetBytes, std::vector<uint8_t>& out) {
    return runRequest(
        device,
        {BlockRequest::Kind::Read, offsetBytes, out.size(), {{out.data(), out.size()}}, {}});
}

inline int writeBytes(BlockDevice& device, uint64_t offsetBytes, std::vector<uint8_t> bytes) {
    return runRequest(
        device,
        {BlockRequest::Kind::Write, offsetBytes, bytes.size(), {{bytes.data(), bytes.size()}}, {}});
}

inline int runSimple(BlockDevice& device, BlockRequest::Kind kind, uint64_t offsetBytes = 0,
                     uint64_t lengthBytes = 0) {
    return runRequest(device, {kind, offsetBytes, lengthBytes, {}, {}});
}

} // namespace vivarium
