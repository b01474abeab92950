#include "vmm/disk/request_check.h"

#include "vmm/base/bytes.h"

#include <cerrno>

namespace vivarium {

int checkBlockRequest(const BlockRequest& request, uint64_t diskBytes, DiskAccess access) {
    constexpr uint64_t kSectorBytes = 512;
    if (request.kind == BlockRequest::Kind::Flush)
        return 0;
    if (request.kind != BlockRequest::Kind::Read && access == DiskAccess::ReadOnly)
        return EROFS;
    uint64_t lengthBytes = request.lengthBytes;
    if (request.kind == BlockRequest::Kind::Read || request.kind == BlockRequest::Kind::Write) {
        lengthBytes = 0;
        for (const iovec& buffer : request.buffers) {
            auto sum = checkedAdd(lengthBytes, buffer.iov_len);
            if (!sum)
                return EINVAL;
            lengthBytes = *sum;
        }
        if (lengthBytes != request.lengthBytes)
            return EINVAL;
    }
    if (request.offsetBytes % kSectorBytes != 0 || lengthBytes % kSectorBytes != 0 ||
        !rangeFits(request.offsetBytes, lengthBytes, diskBytes))
        return EINVAL;
    return 0;
}

} // namespace vivarium
