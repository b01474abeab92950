#include "vmm/softcpu/paravirtual/paravirtual_cpu.h"

#include <array>

namespace vivarium {

using namespace paravirtual;

namespace {

constexpr uint64_t kNsPerSecond = 1'000'000'000;
constexpr uint64_t kAligned4 = 3;
constexpr uint64_t kAsyncFaultReserved = 0x30, kAsyncFaultFlags = 0x3F;
constexpr uint64_t kStealTimeReserved = 0x3E;

// ns = (ticks << shift, or >> -shift) * multiplier >> 32, with a multiplier of 2^31 to 2^32.
struct Scale {
    uint32_t multiplier;
    int8_t shift;
};
Scale scaleOf(TimeStampRate rate) {
    uint64_t numerator = TimeStampRate::kDefaultKhz, denominator = rate.khz;
    int8_t shift = 0;
    for (; numerator >= denominator; denominator <<= 1)
        ++shift;
    for (; numerator * 2 < denominator; numerator <<= 1)
        --shift;
    return {static_cast<uint32_t>((numerator << 32) / denominator), shift};
}

template <size_t size>
ConstByteSpan part(const std::array<uint8_t, size>& bytes, size_t from) {
    return ConstByteSpan(bytes).subspan(from);
}

} // namespace

std::optional<uint64_t> ParavirtualCpu::read(uint32_t index) const {
    switch (index) {
    case msr::kOldWallClock:
    case msr::kWallClock:
        return m_state.wallClock;
    case msr::kOldSystemTime:
    case msr::kSystemTime:
        return m_state.systemTime;
    case msr::kAsyncFault:
        return m_state.asyncFault;
    case msr::kAsyncFaultVector:
        return m_state.asyncFaultVector;
    case msr::kAsyncFaultDone:
        return 0;
    case msr::kStealTime:
        return m_state.stealTime;
    case msr::kEndOfInterrupt:
        return m_state.endOfInterrupt;
    case msr::kPollControl:
        return m_state.pollControl;
    default:
        return std::nullopt;
    }
}

bool ParavirtualCpu::write(uint32_t index, uint64_t value) {
    if (index == msr::kAsyncFaultDone) {
        if ((value & 1) && m_state.wakeAllOwed)
            wakeAll();
        return true;
    }
    if (!restore({index, value}))
        return false;
    switch (index) {
    case msr::kOldWallClock:
    case msr::kWallClock:
        writeWallClock();
        break;
    case msr::kOldSystemTime:
    case msr::kSystemTime:
        writeTimeInfo();
        break;
    case msr::kStealTime:
        notPreempted();
        break;
    default:
        break;
    }
    return true;
}

void ParavirtualCpu::refresh() {
    const bool stale = m_machine.takeStale(m_index);
    if (stale || m_restored)
        writeTimeInfo();
    if (!m_restored)
        return;
    m_restored = false;
    notPreempted();
    constexpr uint64_t kWanted = kEnabled | kAsyncFaultByInterrupt;
    if ((m_state.asyncFault & kWanted) == kWanted)
        wakeAll();
}

// The version is odd while the rest changes (msr.rst, MSR_KVM_SYSTEM_TIME_NEW).
void ParavirtualCpu::writeTimeInfo() {
    if (!(m_state.systemTime & kEnabled))
        return;
    const GuestAddress address = m_state.systemTime & ~kEnabled;
    // Goes on from what is there: it may be a restored machine's.
    const uint32_t version = (m_host.loadGuest(address) | 1) + 2;
    const TimeStampRate rate = m_host.timeStampRate();
    const uint64_t now = m_machine.nowNs();
    const Scale scale = scaleOf(rate);
    std::array<uint8_t, kTimeInfoBytes> info{};
    storeLe<uint32_t>(info.data(), version);
    storeLe<uint64_t>(info.data() + kTimeInfoTsc, rate.ticks(now) + m_machine.tscOffset(m_index));
    storeLe<uint64_t>(info.data() + kTimeInfoSystem, m_machine.clockNs(now));
    storeLe<uint32_t>(info.data() + kTimeInfoMultiplier, scale.multiplier);
    info[kTimeInfoShift] = static_cast<uint8_t>(scale.shift);
    info[kTimeInfoFlags] = m_machine.tscInStep() ? kTscStable : 0;
    const ConstByteSpan number = ConstByteSpan(info).first(sizeof version);
    m_host.storeGuest(address, number);
    m_host.storeGuest(address + kTimeInfoTsc, part(info, kTimeInfoTsc));
    storeLe<uint32_t>(info.data(), version + 1);
    m_host.storeGuest(address, number);
}

// The wall clock when the guest's own clock was 0; written once, when it is asked for.
void ParavirtualCpu::writeWallClock() {
    const GuestAddress address = m_state.wallClock;
    if (address == 0)
        return;
    const uint32_t version = (m_host.loadGuest(address) | 1) + 2;
    const auto bootNs =
        static_cast<uint64_t>(m_machine.wallClockNs()) - m_machine.clockNs(m_machine.nowNs());
    std::array<uint8_t, kWallClockBytes> clock{};
    storeLe<uint32_t>(clock.data(), version);
    storeLe<uint32_t>(clock.data() + kWallClockSeconds,
                      static_cast<uint32_t>(bootNs / kNsPerSecond));
    storeLe<uint32_t>(clock.data() + kWallClockNanoseconds,
                      static_cast<uint32_t>(bootNs % kNsPerSecond));
    const ConstByteSpan number = ConstByteSpan(clock).first(sizeof version);
    m_host.storeGuest(address, number);
    m_host.storeGuest(address + kWallClockSeconds, part(clock, kWallClockSeconds));
    storeLe<uint32_t>(clock.data(), version + 1);
    m_host.storeGuest(address, number);
}

// KVM marks a processor that it does not run, as all are while they are saved; others then leave
// TLB flushes to it, which a processor with an empty TLB need not do any more.
void ParavirtualCpu::notPreempted() {
    if (!(m_state.stealTime & kEnabled))
        return;
    const std::array<uint8_t, 1> running{0};
    m_host.storeGuest((m_state.stealTime & ~uint64_t{kAsyncFaultFlags}) + kStealTimePreempted,
                      running);
}

// Memory is never away here: whoever waits for a page that KVM wanted to bring may go on. A token
// that the guest has not taken yet comes first.
void ParavirtualCpu::wakeAll() {
    const GuestAddress token = (m_state.asyncFault & ~kAsyncFaultFlags) + kAsyncFaultToken;
    m_state.wakeAllOwed = m_host.loadGuest(token) != 0;
    if (m_state.wakeAllOwed)
        return;
    std::array<uint8_t, 4> bytes{};
    storeLe<uint32_t>(bytes.data(), kWakeAll);
    m_host.storeGuest(token, bytes);
    m_host.interruptSelf(static_cast<uint8_t>(m_state.asyncFaultVector));
}

std::vector<ParavirtualCpu::Entry> ParavirtualCpu::saved() const {
    std::vector<Entry> entries;
    auto add = [&](uint32_t index, uint64_t value, uint64_t otherwise) {
        if (value != otherwise) // not every host's KVM has all of them
            entries.push_back({index, value});
    };
    add(msr::kWallClock, m_state.wallClock, 0);
    add(msr::kSystemTime, m_state.systemTime, 0);
    add(msr::kAsyncFaultVector, m_state.asyncFaultVector, 0);
    add(msr::kAsyncFault, m_state.asyncFault, 0);
    add(msr::kStealTime, m_state.stealTime, 0);
    add(msr::kEndOfInterrupt, m_state.endOfInterrupt, 0);
    add(msr::kPollControl, m_state.pollControl, 1);
    return entries;
}

bool ParavirtualCpu::restore(const Entry& entry) {
    const uint64_t value = entry.value;
    switch (entry.index) {
    case msr::kOldWallClock:
    case msr::kWallClock:
        m_state.wallClock = value;
        return true;
    case msr::kOldSystemTime:
    case msr::kSystemTime:
        m_state.systemTime = value;
        return true;
    case msr::kAsyncFault:
        if (value & kAsyncFaultReserved)
            return false;
        m_state.asyncFault = value;
        return true;
    case msr::kAsyncFaultVector:
        m_state.asyncFaultVector = value & 0xFF;
        return true;
    case msr::kStealTime:
        if (value & kStealTimeReserved)
            return false;
        m_state.stealTime = value;
        return true;
    case msr::kEndOfInterrupt:
        if ((value & ~kEnabled & kAligned4) != 0)
            return false;
        m_state.endOfInterrupt = value;
        return true;
    case msr::kPollControl:
        if (value & ~uint64_t{1})
            return false;
        m_state.pollControl = value;
        return true;
    case msr::kAsyncFaultDone: // holds nothing
        return true;
    default:
        return false;
    }
}

void ParavirtualCpu::restored() {
    m_restored = true;
}

} // namespace vivarium
