#pragma once

#include "vmm/base/unique_fd.h"

#include <utility>
#include <vector>

namespace vivarium {

// The open files that go beside a message, which names them by their index.
class DescriptorList {
public:
    // `first`: how many others come before these in the message.
    explicit DescriptorList(size_t first = 0) : m_first(first) {}
    // The index of `fd` in the message; -1 for an invalid one.
    int add(UniqueFd fd) {
        if (!fd)
            return -1;
        m_list.push_back(std::move(fd));
        return static_cast<int>(m_first + m_list.size()) - 1;
    }
    // How many there are in the message so far.
    size_t size() const { return m_first + m_list.size(); }
    std::vector<UniqueFd> take() { return std::move(m_list); }

private:
    const size_t m_first;
    std::vector<UniqueFd> m_list;
};

} // namespace vivarium
