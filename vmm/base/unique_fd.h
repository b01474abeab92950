#pragma once

#include "vmm/base/result.h"

#include <utility>

#include <unistd.h>

namespace vivarium {

// Owns a file descriptor; closes it when it goes. Any thread, not shared.
class UniqueFd {
public:
    UniqueFd() = default;
    explicit UniqueFd(int fd) : m_fd(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : m_fd(std::exchange(other.m_fd, -1)) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other)
            reset(std::exchange(other.m_fd, -1));
        return *this;
    }
    ~UniqueFd() { reset(); }

    int get() const { return m_fd; }
    bool valid() const { return m_fd >= 0; }
    explicit operator bool() const { return valid(); }
    int release() { return std::exchange(m_fd, -1); }
    void reset(int fd = -1) {
        if (m_fd >= 0)
            ::close(m_fd);
        m_fd = fd;
    }

    // A second descriptor (close-on-exec) of the same open file.
    Result<UniqueFd> duplicate() const;

private:
    int m_fd = -1;
};

} // namespace vivarium
