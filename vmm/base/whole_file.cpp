#include "vmm/base/whole_file.h"

#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

namespace vivarium {

Result<std::vector<uint8_t>> readWholeFile(int fd, uint64_t maxBytes, const std::string& what) {
    struct stat status {};
    if (::fstat(fd, &status) != 0)
        return systemError(errno, "read the " + what);
    if (!S_ISREG(status.st_mode))
        return fail(ErrorCode::InvalidArgument, "the " + what + " is not a regular file");
    if (static_cast<uint64_t>(status.st_size) > maxBytes)
        return fail(ErrorCode::LimitExceeded, "the " + what + " is too large");
    std::vector<uint8_t> bytes(static_cast<size_t>(status.st_size));
    size_t done = 0;
    while (done < bytes.size()) {
        ssize_t count =
            ::pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return systemError(errno, "read the " + what);
        if (count == 0) { // it shrank meanwhile
            bytes.resize(done);
            break;
        }
        done += static_cast<size_t>(count);
    }
    return bytes;
}

} // namespace vivarium
