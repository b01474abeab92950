#pragma once

#include "vmm/base/result.h"

namespace vivarium::cli {

// What viv's exit status says; stable, documented in viv(1).
enum ExitStatus : int {
    kDone = 0,
    kFailed = 1,
    kUsage = 2,
    kNotFound = 3,
    kWrongState = 4,
    kBusy = 5,
    kTimeout = 124,
    kInterrupted = 130,
};

inline ExitStatus exitStatusFor(ErrorCode code) {
    switch (code) {
    case ErrorCode::NotFound:
        return kNotFound;
    case ErrorCode::WrongState:
        return kWrongState;
    case ErrorCode::Busy:
    case ErrorCode::AlreadyExists:
        return kBusy;
    case ErrorCode::Timeout:
        return kTimeout;
    case ErrorCode::Cancelled:
        return kInterrupted;
    case ErrorCode::InvalidArgument:
        return kUsage;
    case ErrorCode::PermissionDenied:
    case ErrorCode::NoSpace:
    case ErrorCode::Io:
    case ErrorCode::Unsupported:
    case ErrorCode::Corrupt:
    case ErrorCode::LimitExceeded:
    case ErrorCode::Unavailable:
    case ErrorCode::Disconnected:
    case ErrorCode::Internal:
        return kFailed;
    }
    return kFailed;
}

} // namespace vivarium::cli
