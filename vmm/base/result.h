#pragma once

#include <tl/expected.hpp>

#include <cstring>
#include <string>
#include <utility>

namespace vivarium {

// What kind of thing went wrong. The sentence a user reads is made from it in ui/text and in the
// command line's printer; `Error::detail` is English for logs and protocol replies.
enum class ErrorCode {
    InvalidArgument,  // the caller's value is outside the documented range
    NotFound,
    AlreadyExists,
    PermissionDenied,
    Busy,             // held by another machine or program
    NoSpace,          // the host's file system is full
    Io,               // the host reported an I/O error
    Unsupported,      // not available on this host or in this version
    Corrupt,          // foreign bytes do not follow their format
    LimitExceeded,    // a stated bound was crossed
    WrongState,       // legal, but not in the machine's present state
    Timeout,
    Unavailable,      // the host lacks it now (KVM without permission); the detail says the remedy
    Cancelled,
    Disconnected,     // the peer went away
    Internal,         // our own mistake
};

// A failed operation: kind, errno where the host gave one (else 0), English detail.
struct Error {
    ErrorCode code = ErrorCode::Internal;
    int systemErrno = 0;
    std::string detail;
};

// An error from errno `number`; `what` names the operation ("open disk image"). The code follows
// from the number (ENOENT -> NotFound, EACCES -> PermissionDenied, ENOSPC -> NoSpace, ...).
Error systemError(int number, std::string what);

// Stable lower-case name of a code ("not-found"), used in protocol and JSON output.
const char* errorCodeName(ErrorCode code);
// The code with that name; Internal for an unknown one.
ErrorCode errorCodeFromName(const std::string& name);

// Either a T or an Error; must not be dropped. Our own class because tl::expected is not nodiscard.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
public:
    using tl::expected<T, Error>::expected;
    Result(Error error) : tl::expected<T, Error>(tl::unexpect, std::move(error)) {}
};

// Shorthand for `return fail(ErrorCode::Corrupt, "...")`.
inline Error fail(ErrorCode code, std::string detail) {
    return Error{code, 0, std::move(detail)};
}

namespace detail {
template <class T>
T takeValue(Result<T>&& result) {
    return std::move(*result);
}
inline void takeValue(Result<void>&&) {}
} // namespace detail

} // namespace vivarium

// Evaluates a Result; returns its error from the enclosing function or yields its value. The counter
// gives nested uses names of their own.
#define TRY(expression) VIVARIUM_TRY_EXPANDED(expression, __COUNTER__)
#define VIVARIUM_TRY_EXPANDED(expression, number) VIVARIUM_TRY_NUMBERED(expression, number)
#define VIVARIUM_TRY_NUMBERED(expression, number) VIVARIUM_TRY_NAMED(expression, tryResult##number)
#define VIVARIUM_TRY_NAMED(expression, name)                                                       \
    ({                                                                                             \
        auto name = (expression);                                                                  \
        if (!name)                                                                                 \
            return std::move(name).error();                                                        \
        vivarium::detail::takeValue(std::move(name));                                              \
    })
