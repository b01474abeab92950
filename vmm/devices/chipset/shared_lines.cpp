#include "vmm/devices/chipset/shared_lines.h"

#include <cassert>

namespace vivarium {

InterruptSink& SharedLines::addSource() {
    assert(m_sources.size() < 32);
    m_sources.push_back(std::make_unique<Source>(*this, uint32_t{1} << m_sources.size()));
    return *m_sources.back();
}

void SharedLines::set(uint32_t sourceBit, uint32_t gsi, InterruptSink::Level level) {
    if (gsi >= kLines) {
        m_sink.setLine(gsi, level);
        return;
    }
    uint32_t before = m_holders[gsi];
    uint32_t& holders = m_holders[gsi];
    holders = level == InterruptSink::Level::High ? before | sourceBit : before & ~sourceBit;
    if ((before != 0) != (holders != 0))
        m_sink.setLine(gsi, level);
}

} // namespace vivarium
