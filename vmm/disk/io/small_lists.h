#pragma once

#include <forward_list>
#include <list>
#include <optional>
#include <utility>

namespace vivarium {

// Objects that stay where they are until all go together: mostly one, which needs no allocation.
template <class T>
class MostlyOne {
public:
    template <class... Arguments>
    T& emplace(Arguments&&... arguments) {
        if (m_first)
            return m_more.emplace_front(std::forward<Arguments>(arguments)...);
        return m_first.emplace(std::forward<Arguments>(arguments)...);
    }

private:
    std::optional<T> m_first;
    std::forward_list<T> m_more;
};

// A list in order of arrival that keeps the nodes of what left it for what comes next.
template <class T>
class ReusingList {
public:
    using Iterator = typename std::list<T>::iterator;

    Iterator append(T value) {
        if (m_spare.empty())
            m_spare.emplace_back();
        Iterator entry = m_spare.begin();
        *entry = std::move(value);
        m_used.splice(m_used.end(), m_spare, entry);
        return entry;
    }
    void remove(Iterator entry) { m_spare.splice(m_spare.begin(), m_used, entry); }
    std::list<T>& entries() { return m_used; }

private:
    std::list<T> m_used;
    std::list<T> m_spare;
};

} // namespace vivarium
