#include "vmm/base/result.h"

#include <array>
#include <cerrno>

namespace vivarium {

namespace {

constexpr std::array<std::pair<ErrorCode, const char*>, 16> kNames{{
    {ErrorCode::InvalidArgument, "invalid-argument"},
    {ErrorCode::NotFound, "not-found"},
    {ErrorCode::AlreadyExists, "already-exists"},
    {ErrorCode::PermissionDenied, "permission-denied"},
    {ErrorCode::Busy, "busy"},
    {ErrorCode::NoSpace, "no-space"},
    {ErrorCode::Io, "io"},
    {ErrorCode::Unsupported, "unsupported"},
    {ErrorCode::Corrupt, "corrupt"},
    {ErrorCode::LimitExceeded, "limit-exceeded"},
    {ErrorCode::WrongState, "wrong-state"},
    {ErrorCode::Timeout, "timeout"},
    {ErrorCode::Unavailable, "unavailable"},
    {ErrorCode::Cancelled, "cancelled"},
    {ErrorCode::Disconnected, "disconnected"},
    {ErrorCode::Internal, "internal"},
}};

ErrorCode codeForErrno(int number) {
    switch (number) {
    case ENOENT:
    case ENOTDIR:
    case ENODEV:
    case ENXIO:
        return ErrorCode::NotFound;
    case EEXIST:
        return ErrorCode::AlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS:
        return ErrorCode::PermissionDenied;
    case EBUSY:
    case EAGAIN:
    case ETXTBSY:
        return ErrorCode::Busy;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ErrorCode::NoSpace;
    case EINVAL:
    case ENAMETOOLONG:
    case EISDIR:
    case ELOOP:
        return ErrorCode::InvalidArgument;
    case ENOSYS:
    case EOPNOTSUPP:
    case ENOTTY:
        return ErrorCode::Unsupported;
    case ETIMEDOUT:
        return ErrorCode::Timeout;
    case ECONNRESET:
    case EPIPE:
    case ECONNREFUSED:
    case ENOTCONN:
        return ErrorCode::Disconnected;
    case ENOMEM:
    case EMFILE:
    case ENFILE:
        return ErrorCode::LimitExceeded;
    case ECANCELED:
        return ErrorCode::Cancelled;
    default:
        return ErrorCode::Io;
    }
}

} // namespace

Error systemError(int number, std::string what) {
    char text[128];
    what += ": ";
    what += strerror_r(number, text, sizeof text);
    return Error{codeForErrno(number), number, std::move(what)};
}

const char* errorCodeName(ErrorCode code) {
    for (const auto& [value, name] : kNames)
        if (value == code)
            return name;
    return "internal";
}

ErrorCode errorCodeFromName(const std::string& name) {
    for (const auto& [value, text] : kNames)
        if (name == text)
            return value;
    return ErrorCode::Internal;
}

} // namespace vivarium
